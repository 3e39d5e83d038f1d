"""A JSON object that knows its place, and which of its keys nobody has asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from stoker_shared.text import quoted
from stoker_tui.importing.result import BadImport, Finding

LONGEST_SHOWN = 80
"""Characters of a value that a finding shows."""


class Entry:
    """One object of the JSON. Every method that takes a key remembers it; see `rest`."""

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise BadImport(place, f"here should be an object, and is {shown(value)}")
        self.place = place
        self._values: dict[str, Any] = value
        self._taken: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def at(self, key: str) -> str:
        """Give the place of a key's value."""
        return f"{self.place}/{key.replace('~', '~0').replace('/', '~1')}"

    def first_of(self, *keys: str) -> str:
        """Give the key, of several names of one thing, that is there; the first where none is."""
        return next((key for key in keys if key in self), keys[0])

    def value(self, key: str) -> Any:
        """Give a key's value as it is; None where there is none."""
        self._taken.add(key)
        return self._values.get(key)

    def text(self, key: str, default: str = "") -> str:
        """Give a text; a number stands for its digits."""
        value = self.value(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise BadImport(self.at(key), f"here should be a text, and is {shown(value)}")
        return str(value)

    def needed_text(self, key: str) -> str:
        """Give a text that has to be there."""
        text = self.text(key)
        if not text.strip():
            raise BadImport(self.at(key), "here should be a text, and is none")
        return text

    def number(self, key: str, default: int = 0) -> int:
        """Give a whole number; its digits in a text will do."""
        value = self.value(key)
        if value is None or value == "":
            return default
        if isinstance(value, str) and value.strip().lstrip("-").isascii():
            value = _whole(value.strip())
        if isinstance(value, bool) or not isinstance(value, int):
            wrong = self._values[key]
            raise BadImport(self.at(key), f"here should be a whole number, and is {shown(wrong)}")
        if not -(2**63) <= value < 2**63:
            raise BadImport(self.at(key), f"{shown(value)} is no number of any use")
        return value

    def switch(self, key: str) -> bool:
        """Give a yes or no, however it is written."""
        value = self.value(key)
        if value is None or value in ("", "NO", "CLOSE", "false", 0):
            return False
        if value in ("YES", "OPEN", "true", 1):
            return True
        raise BadImport(self.at(key), f"here should be true or false, and is {shown(value)}")

    def entry(self, key: str) -> Entry | None:
        """Give an object, which may be written as a text of JSON; None where there is none."""
        value = self._decoded(key)
        return None if value is None else Entry(value, self.at(key))

    def entries(self, key: str) -> list[Entry]:
        """Give the objects of a list, which may be written as a text of JSON."""
        return [Entry(value, f"{self.at(key)}/{index}") for index, value in enumerate(self._list(key))]

    def texts(self, key: str) -> list[str]:
        """Give the texts of a list."""
        found = self._list(key)
        for index, value in enumerate(found):
            if not isinstance(value, str):
                raise BadImport(f"{self.at(key)}/{index}", f"here should be a text, and is {shown(value)}")
        return found

    def words(self, key: str) -> dict[str, str]:
        """Give an object of texts."""
        entry = self.entry(key)
        return {} if entry is None else {name: entry.text(name) for name in entry._values}

    def everything(self) -> dict[str, Any]:
        """Give the whole object, for whoever keeps it as it is."""
        self._taken.update(self._values)
        return self._values

    def rest(self, ignored: Collection[str]) -> Iterator[Finding]:
        """Give a finding for each key that nobody asked for, is not ignored, and says something."""
        for key, value in self._values.items():
            if key not in self._taken and key not in ignored and not is_empty(value):
                yield Finding(self.at(key), f"{quoted(key, 60)} is {shown(value)}", "no equal here; left out")

    def _decoded(self, key: str) -> Any:
        value = self.value(key)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadImport(self.at(key), f"here should be JSON in a text: {error}") from error

    def _list(self, key: str) -> list[Any]:
        value = self._decoded(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise BadImport(self.at(key), f"here should be a list, and is {shown(value)}")
        return value


def is_empty(value: Any) -> bool:
    """Tell whether a value says nothing: null, no text, zero, false, or a list or object of such."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        elif one and not (isinstance(one, str) and one.strip() in ("", "[]", "{}")):
            return False
    return True


def shown(value: Any) -> str:
    """Give a value for a message: safe to print, and cut where it is long."""
    if isinstance(value, str):
        return quoted(value, LONGEST_SHOWN)
    try:
        return quoted(msgspec.json.encode(value).decode(), LONGEST_SHOWN)[1:-1]
    except RecursionError:
        return "nested too deeply"


def _whole(text: str) -> int | str:
    # More digits than this are no number of any use, and would take long to read.
    return (
        int(text) if len(text) <= 20 and text.lstrip("-").isdecimal() and text[1:].count("-") == 0 else text
    )
