"""Why a decoded body is not what its type says, in words and with the place: for files and requests alike."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import inspect

from stoker_shared.api import Fault
from stoker_shared.text import clean, nearest

_PLACE = re.compile(r"(?s)(.*?)(?: - at `(key` in `)?(\$.*)`)?")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"(?s)Object contains unknown field `(.*)`")


def fault_of(error: msgspec.ValidationError, kind: Any) -> Fault:
    """Give what is wrong and where. An unknown field is named with the nearest known one."""
    match = _PLACE.fullmatch(str(error))
    message, place = (match[1], match[3] or "$") if match else (str(error), "$")
    steps = [first or second for first, second in _STEP.findall(place.removeprefix("$"))]
    pointer = "".join(f"/{step}" for step in steps)
    if unknown := _UNKNOWN.fullmatch(message):
        return Fault(f"{pointer}/{clean(unknown[1])}", _unknown_field(unknown[1], kind, steps))
    of_a_key = "of a key: " if match and match[2] else ""
    return Fault(pointer, of_a_key + clean(message[:1].lower() + message[1:]))


def _unknown_field(name: str, kind: Any, steps: list[str]) -> str:
    known = _fields_at(inspect.type_info(kind), steps)
    guess = nearest(name, known)
    hint = f"did you mean {guess!r}?" if guess else f"known are {', '.join(known) or 'none'}"
    return f"unknown field {clean(name)!r}; {hint}"


def _fields_at(found: inspect.Type, steps: list[str]) -> list[str]:
    """Give the names of the fields of the struct that lies at the end of ``steps``."""
    if isinstance(found, inspect.UnionType):
        found = next(member for member in found.types if not isinstance(member, inspect.NoneType))
    if isinstance(found, inspect.StructType):
        fields = {field.encode_name: field.type for field in found.fields}
        if not steps:
            return list(fields)
        # The place is cut out of a message in which an unknown field's name may look like one.
        return _fields_at(fields[steps[0]], steps[1:]) if steps[0] in fields else []
    if isinstance(found, inspect.ListType | inspect.VarTupleType):
        return _fields_at(found.item_type, steps[1:])
    if isinstance(found, inspect.DictType):
        return _fields_at(found.value_type, steps[1:])
    return []
