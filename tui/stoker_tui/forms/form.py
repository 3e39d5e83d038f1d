"""A form: the fields of a definition, what is typed in each, and what is wrong with it. Pure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from stoker_shared.api import Fault
from stoker_shared.decoding import fault_of
from stoker_shared.text import clean
from stoker_shared.writing import written
from stoker_tui.forms.kinds import BadText, Choice, Kind, Pairs, Toggle

_S = TypeVar("_S", bound=msgspec.Struct)

Values = Mapping[str, Any]
"""What fields have by now, by their places; a field that inherits has none."""


class Inherited(NamedTuple):
    """What a field has while nothing is typed in it, as it is typed, and where that is from."""

    text: str
    source: str

    @property
    def is_given(self) -> bool:
        """Whether somebody says so, and it is not only what there is by default."""
        return self.source.startswith("from ")


def default(text: str) -> Callable[[Values], Inherited]:
    """Give what a field inherits that has the same default everywhere."""
    return lambda _: Inherited(text, "default")


def _nothing(_: Values) -> None:
    return None


def _always(_: Values) -> bool:
    return True


def _never(_: Values) -> bool:
    return False


def _untold(_: Any) -> str:
    return ""


class Field(NamedTuple):
    """One field. ``place`` is where it is in the definition, as files and faults have it: ``config/env``.

    One with an ``example`` can't be left empty. ``known`` gives what may be meant by what is typed; where
    ``warn`` says something of a value, it is valid all the same.
    """

    place: str
    label: str
    kind: Kind
    help: str
    example: str = ""
    inherited: Callable[[Values], Inherited | None] = _nothing
    known: Callable[[], Iterable[str]] | None = None
    warn: Callable[[Any], str] | None = None
    shown: Callable[[Values], bool] = _always
    section: str = ""
    hidden: Callable[[Values], bool] = _never
    """Whether its value is not to be seen."""
    told: Callable[[Any], str] = _untold
    """What its value tells of itself."""

    @property
    def options(self) -> tuple[str, ...]:
        """What is chosen among; nothing where it is typed."""
        return self.kind.options if isinstance(self.kind, Choice | Toggle) else ()


class Form(ABC, Generic[_S]):
    """Fields over a definition of type ``kind``, in their order; ``value`` None begins a new one.

    What the definition has beside the fields stays as it is. What is typed stays as it was typed, whatever
    is wrong with it. `value` is the definition when nothing is wrong, and else None.
    """

    def __init__(self, kind: type[_S], fields: Sequence[Field], value: _S | None) -> None:
        self.fields = fields
        self.is_new = value is None
        self.kind = kind
        self._by_place = {field.place: field for field in fields}
        self._base: dict[str, Any] = {}
        self._values: dict[str, Any] = {}
        self._texts: dict[str, str] = {}
        self._unread: dict[str, str] = {}
        """What is wrong with text that could not be read, by place."""
        self._problems: dict[str, str] = {}
        self._missing: set[str] = set()
        self._touched: set[str] = set()
        self.typed: dict[str, str] = {}
        """What was in each field that was typed in since, by place."""
        self.value: _S | None = None
        self.load(value)

    @abstractmethod
    def faults(self, value: _S) -> Iterable[Fault]:
        """Give what is wrong with the definition by itself."""

    def made(self, mapping: dict[str, Any]) -> _S:
        """Give the definition that is written as ``mapping``."""
        return msgspec.convert(mapping, self.kind)

    def taken(self, value: _S) -> dict[str, Any]:
        """Give what one would write to get this definition."""
        return written(value)

    # What it shows.

    def field(self, place: str) -> Field:
        """Give the field at a place."""
        return self._by_place[place]

    def shown(self) -> list[Field]:
        """Give the fields that there are now."""
        return [field for field in self.fields if field.shown(self._values)]

    def text(self, place: str) -> str:
        """Give what is typed in a field; nothing where it inherits."""
        return self._texts.get(place, "")

    def is_set(self, place: str) -> bool:
        """Tell whether a field does not inherit."""
        return bool(self.text(place).strip()) or place in self._values

    def is_hidden(self, place: str) -> bool:
        """Tell whether what a field has is not to be seen."""
        return self._by_place[place].hidden(self._values)

    def inherited(self, place: str) -> Inherited | None:
        """Give what a field inherits, or would."""
        return self._by_place[place].inherited(self._values)

    def problem(self, place: str) -> str:
        """Give what is wrong with a field; that it is empty only where somebody has been there."""
        if place in self._missing and place not in self._touched:
            return ""
        return self._problems.get(place, "")

    def warning(self, place: str) -> str:
        """Give what there is to know of a field's value that is valid."""
        warn = self._by_place[place].warn
        if warn is None or place not in self._values or place in self._problems:
            return ""
        return warn(self._values[place])

    def told(self, place: str) -> str:
        """Give what a field's value tells of itself."""
        return self._by_place[place].told(self._values[place]) if place in self._values else ""

    @property
    def problems(self) -> dict[str, str]:
        """All that is wrong, by place."""
        return dict(self._problems)

    def reveal(self) -> str | None:
        """Show all that is wrong from now on, and give the place of the first."""
        self._touched |= self._problems.keys()
        return next((field.place for field in self.shown() if field.place in self._problems), None)

    def is_typable(self, place: str) -> bool:
        """Tell whether a field's value can be had by typing; any can in $EDITOR."""
        if place not in self._values or place in self._unread:
            return True
        kind, value = self._by_place[place].kind, self._values[place]
        text = kind.write(value)
        try:
            return text.isprintable() and bool(text) and kind.read(text) == value
        except BadText:
            return False

    # What is done to it.

    def load(self, value: _S | None) -> None:
        """Show another definition; what was typed of the one before is no more."""
        self._base = {} if value is None else self.taken(value)
        self._values, self._texts, self._unread, self.typed = {}, {}, {}, {}
        for field in self.fields:
            found = _taken_out(self._base, field.place)
            if found is not None:
                self._values[field.place] = found
                self._texts[field.place] = clean(field.kind.write(found))
        self._check()

    def type(self, place: str, text: str) -> None:
        """Take what a field has now, as it is typed; nothing has it inherit."""
        self._touched.add(place)
        self.typed.setdefault(place, self.text(place))
        self._texts[place] = text
        self._unread.pop(place, None)
        if not text.strip():
            self._values.pop(place, None)
        else:
            try:
                self._values[place] = self._by_place[place].kind.read(text)
            except BadText as error:
                self._unread[place] = str(error)
        self._check()

    def turn(self, place: str, by: int = 1) -> None:
        """Have the next one of a field's few words, or one before."""
        options = self._by_place[place].options
        inherited = self.inherited(place)
        now = self.text(place) or (inherited.text if inherited else "")
        index = options.index(now) + by if now in options else 0
        self.type(place, options[index % len(options)])

    def touch(self, place: str) -> None:
        """Note that somebody has been in a field."""
        self._touched.add(place)

    # What is wrong.

    def _check(self) -> None:
        fields = self.shown()
        shown = {field.place for field in fields}
        problems = {place: why for place, why in self._unread.items() if place in shown}
        self._missing = {
            field.place for field in fields if field.example and self._values.get(field.place) is None
        }
        mapping = _copied(self._base)
        for field in fields:
            value = self._values.get(field.place)
            if field.place in self._missing:
                problems.setdefault(field.place, f"it is needed; write one such as {field.example}")
                value = field.kind.read(field.example)
            if value is not None:
                _put_in(mapping, field.place, value)
        try:
            made = self.made(mapping)
            found = self.faults(made)
        except msgspec.ValidationError as error:
            made, found = None, [fault_of(error, self.kind)]
        for place, why in self._placed(found, shown):
            problems.setdefault(place, why)
        self._problems = problems
        self.value = None if problems else made

    def _placed(self, faults: Iterable[Fault], shown: set[str]) -> Iterator[tuple[str, str]]:
        for fault in faults:
            pointer = fault.pointer.removeprefix("/")
            place = next((place for place in shown if _is_below(pointer, place)), None)
            if place is not None:
                yield place, self._told(place, pointer.removeprefix(place).removeprefix("/"), fault.detail)

    def _told(self, place: str, key: str, detail: str) -> str:
        """Give a fault with the key that it is of, where it is not said."""
        key = key.replace("~1", "/").replace("~0", "~")
        of_a_pair = key and isinstance(self._by_place[place].kind, Pairs)
        return f"{key}: {detail}" if of_a_pair and repr(key) not in detail else detail


def _is_below(pointer: str, place: str) -> bool:
    return pointer == place or pointer.startswith(f"{place}/")


def _taken_out(mapping: dict[str, Any], place: str) -> Any:
    """Take what is at a place out of a mapping, and the mappings that it leaves empty."""
    first, _, rest = place.partition("/")
    if not rest:
        return mapping.pop(first, None)
    inner = mapping.get(first)
    if not isinstance(inner, dict):
        return None
    found = _taken_out(inner, rest)
    if not inner:
        del mapping[first]
    return found


def _put_in(mapping: dict[str, Any], place: str, value: Any) -> None:
    first, _, rest = place.partition("/")
    if rest:
        _put_in(mapping.setdefault(first, {}), rest, value)
    else:
        mapping[first] = value


def _copied(mapping: dict[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in mapping.items()}
