"""The kinds of values that fields of forms have: what text is for each, and what each is as text. Pure.

Lists are words, and maps are ``name=value``, with spaces between, quoted as for a shell where they have any.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from stoker_shared.text import quoted

_NEEDS_QUOTES = re.compile(r"[\s'\"\\]")


class BadText(ValueError):
    """What was typed can't be what it is to be; the message says what would be right."""


class Kind(Protocol):
    """How a field's value is typed."""

    def read(self, text: str) -> Any:
        """Give the value of text that is not empty; raises `BadText`."""

    def write(self, value: Any) -> str:
        """Give a value as it is typed."""
        ...


class Text(NamedTuple):
    """Text as it is."""

    def read(self, text: str) -> str:
        """Give it without the spaces around it."""
        return text.strip()

    def write(self, value: str) -> str:
        """Give it."""
        return value


class Number(NamedTuple):
    """A whole number."""

    def read(self, text: str) -> int:
        """Give it; digits may be in groups."""
        try:
            return int(text)
        except ValueError as error:
            raise BadText(f"{quoted(text.strip(), 40)} is not a whole number") from error

    def write(self, value: int) -> str:
        """Give it in digits."""
        return str(value)


class Decimal(NamedTuple):
    """A number."""

    def read(self, text: str) -> float:
        """Give it."""
        try:
            return float(text)
        except ValueError as error:
            raise BadText(f"{quoted(text.strip(), 40)} is not a number") from error

    def write(self, value: float) -> str:
        """Give it, without a fraction where there is none."""
        return str(int(value)) if value == int(value) else str(value)


class Choice(NamedTuple):
    """One of a few words."""

    options: tuple[str, ...]

    def read(self, text: str) -> str:
        """Give the word."""
        return text

    def write(self, value: str) -> str:
        """Give the word."""
        return value


class Toggle(NamedTuple):
    """Yes or no."""

    options: tuple[str, ...] = ("yes", "no")

    def read(self, text: str) -> bool:
        """Give whether it is so."""
        return text == "yes"

    def write(self, value: bool) -> str:
        """Say whether it is so."""
        return "yes" if value else "no"


class Words(NamedTuple):
    """A list of words. ``commas`` may stand between those of which none has a comma in it."""

    commas: bool = False

    def read(self, text: str) -> list[str]:
        """Give the words."""
        return _split(text.replace(",", " ") if self.commas else text)

    def write(self, value: Iterable[str]) -> str:
        """Give the words with spaces between."""
        return " ".join(map(word, value))


class Pairs(NamedTuple):
    """Names and their values."""

    def read(self, text: str) -> dict[str, str]:
        """Give the value of each name."""
        found: dict[str, str] = {}
        for name, value in _pairs(text):
            if name in found:
                raise BadText(f"{quoted(name, 40)} comes twice")
            found[name] = value
        return found

    def write(self, value: dict[str, str]) -> str:
        """Give them as ``name=value``."""
        return " ".join(
            word(f"{name}={item}") if _NEEDS_QUOTES.search(name) else f"{name}={word(item) if item else ''}"
            for name, item in value.items()
        )


def word(text: str) -> str:
    """Give a word as it is typed among others, in quotes where it has to be."""
    return shlex.quote(text) if not text or _NEEDS_QUOTES.search(text) else text


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for part in _split(text):
        name, equals, value = part.partition("=")
        if not equals or not name:
            raise BadText(f"{quoted(part, 40)} is not NAME=VALUE")
        yield name, value


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise BadText(f"{str(error).lower()}; put what has spaces in quotes: 'two words'") from error
