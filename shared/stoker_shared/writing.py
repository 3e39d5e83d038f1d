"""Definitions as people write them: mappings, lists and plain values, without the defaults. Pure."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

_LAST = "nodes"
"""The field that stands last, being the longest; those of a base stand after a type's own."""


def written(definition: msgspec.Struct) -> dict[str, Any]:
    """Give what one would write to get this definition: fields in their order, defaults left out."""
    return _mapping(definition, lambda field, value: value != _default(field))


def whole(definition: msgspec.Struct) -> dict[str, Any]:
    """Give every field of a definition, defaults among them; None for what is unset."""
    return _mapping(definition, lambda _, __: True)


def _mapping(struct: msgspec.Struct, wanted: Any) -> dict[str, Any]:
    config = type(struct).__struct_config__
    found = {config.tag_field: config.tag} if config.tag_field else {}
    own = type(struct).__annotations__
    fields = msgspec.structs.fields(struct)
    for field in sorted(fields, key=lambda field: (field.name == _LAST, field.name not in own)):
        value = getattr(struct, field.name)
        if wanted(field, value):
            found[field.encode_name] = _plain(value, wanted)
    return found


def _plain(value: Any, wanted: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _mapping(value, wanted)
    if isinstance(value, tuple | list):
        return [_plain(item, wanted) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item, wanted) for key, item in value.items()}
    return value.value if isinstance(value, Enum) else value


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default
