"""Foreign text made safe in whatever the daemon answers, once, before anything is shown."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from stoker_shared.text import clean_line

_T = TypeVar("_T")


def cleaned(thing: _T) -> _T:
    """Give an answer with all its text as `clean_line` has it.

    A valid name or path is clean as it is, so that it still names the same thing to the daemon.
    """
    return _cleaned(thing)


def _cleaned(thing: Any) -> Any:
    match thing:
        case str():
            return _text(thing)
        case msgspec.Struct():
            return _struct(thing)
        case list():
            return [_cleaned(item) for item in thing]
        case tuple():
            return tuple(_cleaned(item) for item in thing)
        case dict():
            return {_cleaned(key): _cleaned(value) for key, value in thing.items()}
        case _:
            return thing


def _text(text: str) -> str:
    # A member of an enumeration is a str too, and stays the member.
    if type(text) is not str or (text.isascii() and text.isprintable()):
        return text
    return clean_line(text)


def _struct(struct: msgspec.Struct) -> msgspec.Struct:
    changes = {}
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        if (changed := _cleaned(value)) is not value and changed != value:
            changes[name] = changed
    return msgspec.structs.replace(struct, **changes) if changes else struct
