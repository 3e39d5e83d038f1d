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
_NOT_OF_ENUM = re.compile(r"(?s)Invalid enum value '(.*)'")
_UNKNOWN = re.compile(r"(?s)Object contains unknown field `(.*)`")


def fault_of(error: msgspec.ValidationError, kind: Any) -> Fault:
    """Give what is wrong and where. An unknown field or value is named with the nearest known one."""
    match = _PLACE.fullmatch(str(error))
    message, place = (match[1], match[3] or "$") if match else (str(error), "$")
    steps = [first or second for first, second in _STEP.findall(place.removeprefix("$"))]
    pointer = "".join(f"/{step}" for step in steps)
    if unknown := _UNKNOWN.fullmatch(message):
        known = _fields(_type_at(inspect.type_info(kind), steps))
        hint = _hint(unknown[1], known)
        return Fault(f"{pointer}/{clean(unknown[1])}", f"unknown field {clean(unknown[1])!r}; {hint}")
    if invalid := _NOT_OF_ENUM.fullmatch(message):
        values = _values(_type_at(inspect.type_info(kind), steps))
        return Fault(pointer, f"unknown value {clean(invalid[1])!r}; {_hint(invalid[1], values)}")
    of_a_key = "of a key: " if match and match[2] else ""
    return Fault(pointer, of_a_key + clean(message[:1].lower() + message[1:]))


def _hint(word: str, known: list[str]) -> str:
    guess = nearest(word, known)
    return f"did you mean {guess!r}?" if guess else f"known are {', '.join(known) or 'none'}"


def _fields(found: inspect.Type | None) -> list[str]:
    return [field.encode_name for field in found.fields] if isinstance(found, inspect.StructType) else []


def _values(found: inspect.Type | None) -> list[str]:
    return [str(value.value) for value in found.cls] if isinstance(found, inspect.EnumType) else []


def _type_at(found: inspect.Type, steps: list[str]) -> inspect.Type | None:
    """Give the type of what lies at the end of ``steps``; None where there is nothing such."""
    if isinstance(found, inspect.Metadata):
        found = found.type
    if isinstance(found, inspect.UnionType):
        found = next(member for member in found.types if not isinstance(member, inspect.NoneType))
    if not steps:
        return found
    if isinstance(found, inspect.StructType):
        fields = {field.encode_name: field.type for field in found.fields}
        # The place is cut out of a message in which an unknown field's name may look like one.
        return _type_at(fields[steps[0]], steps[1:]) if steps[0] in fields else None
    if isinstance(found, inspect.ListType | inspect.VarTupleType):
        return _type_at(found.item_type, steps[1:])
    if isinstance(found, inspect.DictType):
        return _type_at(found.value_type, steps[1:])
    return None
