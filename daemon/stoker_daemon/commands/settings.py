"""What a rerun changes for its run only: settings as people write them, turned into values. Pure.

`ingest.config.executor_memory` is that field of the node `ingest`, `config.executor_memory` that of every
node which is rerun. There are `config.` with any field of a job's configuration (`config.conf.` and
`config.env.` begin the keys of those maps), and `args`, `timeout` and `retries`. Arguments are a JSON array.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from stoker_daemon.commands.common import guess
from stoker_daemon.problems import invalid
from stoker_shared.api import Fault
from stoker_shared.decoding import fault_of
from stoker_shared.definition import config_faults
from stoker_shared.model import JobConfig
from stoker_shared.text import clean, nearest

_MAPS = ("conf", "env")
_OF_NODES = ("args", "timeout", "retries")
_FIELDS = [
    *_OF_NODES,
    *(f"config.{name}" for name in JobConfig.__struct_fields__ if name not in _MAPS),
    *(f"config.{name}." for name in _MAPS),
]


class NodeSettings(msgspec.Struct, frozen=True):
    """What is changed of one node."""

    config: JobConfig = JobConfig()
    retries: int | None = None


def read_settings(
    texts: Mapping[str, str], chosen: Iterable[str], known: Iterable[str]
) -> dict[str, NodeSettings]:
    """Give what is changed of each of the ``chosen`` nodes that something is changed of.

    ``known`` are all nodes there are. Raises `Refused` with every fault.
    """
    chosen, known = list(chosen), list(known)
    by_node: dict[str, dict[str, str]] = {}
    faults: list[Fault] = []
    # What is said of one node goes over what is said of all.
    for key in sorted(texts, key=lambda key: _split(key, known)[0] is not None):
        node, field = _split(key, known)
        if field is None:
            faults.append(Fault(_pointer(key), f"there is no such setting{_meant(key, known)}"))
        elif node is not None and node not in chosen:
            faults.append(Fault(_pointer(key), f"node {clean(node)!r} is not rerun"))
        else:
            for name in chosen if node is None else [node]:
                by_node.setdefault(name, {})[field] = key
    found: dict[str, NodeSettings] = {}
    for name, fields in by_node.items():
        found[name] = _node_settings({field: texts[key] for field, key in fields.items()}, fields, faults)
    if faults:
        unique = {(fault.pointer, fault.detail): fault for fault in faults}
        raise invalid("these settings can't be", list(unique.values()))
    return found


def differences(name: str, before: JobConfig, after: JobConfig, retries: tuple[int, int]) -> dict[str, str]:
    """Give in words what differs between two configurations of a node, by the setting that changes it.

    The values of its environment may be secret, and are not shown.
    """
    old, new = _flat(before) | {"retries": retries[0]}, _flat(after) | {"retries": retries[1]}
    return {
        f"{name}.{field}": "changed"
        if field.startswith("config.env.")
        else f"{_shown(old.get(field))} -> {_shown(new.get(field))}"
        for field in old | new
        if old.get(field) != new.get(field)
    }


def _split(key: str, known: list[str]) -> tuple[str | None, str | None]:
    """Give the node that a setting is of, None for all, and its field, None where there is no such field.

    Names of nodes may have dots themselves: the longest one that leaves a field wins.
    """
    for node in sorted(known, key=len, reverse=True):
        if key.startswith(f"{node}.") and _is_field(field := key[len(node) + 1 :]):
            return node, field
    return None, key if _is_field(key) else None


def _is_field(text: str) -> bool:
    return any(
        text.startswith(field) and text != field if field.endswith(".") else text == field
        for field in _FIELDS
    )


def _meant(key: str, known: list[str]) -> str:
    """Ask whether a field was meant that there is, or a node."""
    head, _, field = key.partition(".")
    if head not in known and _is_field(field):
        return guess(key, [f"{near}.{field}"] if (near := nearest(head, known)) else [])
    if head not in known:
        return guess(key, _FIELDS)
    return guess(key, [f"{head}.{near}"] if (near := nearest(field, _FIELDS)) else [])


def _node_settings(fields: dict[str, str], keys: dict[str, str], faults: list[Fault]) -> NodeSettings:
    config: dict[str, Any] = {}
    retries = None
    for field, text in fields.items():
        place = _pointer(keys[field])
        path = field.removeprefix("config.")
        group, _, entry = path.partition(".")
        try:
            if field == "retries":
                retries = _retries(text)
            elif group in _MAPS:
                config[group] = {**config.get(group, {}), entry: text}
            else:
                config[path] = _value(path, text)
        except msgspec.MsgspecError as error:
            faults.append(Fault(place, _why(error)))
    settings = msgspec.convert(config, JobConfig)
    for path, why in config_faults(settings):
        place = next(
            (key for field, key in keys.items() if field.removeprefix("config.") == path.replace("/", ".")),
            path,
        )
        faults.append(Fault(_pointer(place), why))
    return NodeSettings(settings, retries)


def _value(field: str, text: str) -> Any:
    value = msgspec.json.decode(text) if field == "args" else text
    return getattr(msgspec.convert({field: value}, JobConfig, strict=False), field)


def _retries(text: str) -> int:
    retries = msgspec.convert(text, int, strict=False)
    if retries < 0:
        raise msgspec.ValidationError("must be 0 or more")
    return retries


def _why(error: msgspec.MsgspecError) -> str:
    if isinstance(error, msgspec.ValidationError):
        return fault_of(error, JobConfig).detail
    return 'arguments are a JSON array of texts, as ["--date", "${ds}"]'


def _flat(config: JobConfig) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name in config.__struct_fields__:
        value = getattr(config, name)
        if name in _MAPS:
            flat |= {f"config.{name}.{key}": entry for key, entry in value.items()}
        else:
            flat[name if name in _OF_NODES else f"config.{name}"] = value
    return flat


def _shown(value: object) -> str:
    if value is None:
        return "unset"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _pointer(key: str) -> str:
    return "/settings/" + key.replace("~", "~0").replace("/", "~1")
