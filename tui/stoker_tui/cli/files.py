"""Workflow files: YAML to definitions, with errors that name file, place and the nearest known name."""

from __future__ import annotations

import shlex
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from stoker_shared.api import Fault
from stoker_shared.decoding import fault_of
from stoker_shared.definition import faults
from stoker_shared.model import JobConfig, WorkflowSpec
from stoker_shared.text import clean

MAX_FILE = 8 * 1024 * 1024
"""Bytes a workflow file may have."""


class BadFile(Exception):
    """A file that is not what it should be; the message names file and place."""


def read_workflow(path: Path) -> WorkflowSpec:
    """Give the definition in a YAML file.

    Raises:
        BadFile: it can't be read, is not YAML, or not a workflow's definition.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise BadFile(f"{path}: a workflow file has at most {MAX_FILE:,} bytes")
        content = yaml.load(path.read_bytes(), _Loader)  # noqa: S506 - a subclass of SafeLoader
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise BadFile(f"{path}: not YAML: {clean(' '.join(str(error).split()))}") from error
    try:
        spec = msgspec.convert(content, WorkflowSpec)
    except msgspec.ValidationError as error:
        raise _faulty(path, [fault_of(error, WorkflowSpec)]) from error
    if found := faults(spec):
        raise _faulty(path, found)
    return spec


def config_of(settings: list[str]) -> JobConfig:
    """Give the configuration of ``--set key=value`` options; ``conf.`` and ``env.`` begin keys of those maps.

    The value of ``args`` is words, quoted as for a shell.

    Raises:
        BadFile: a setting that no job has.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise BadFile(f"--set {setting}: write it as key=value")
        group, dot, name = key.partition(".")
        if dot and group in ("conf", "env"):
            values.setdefault(group, {})[name] = value
        elif key == "args":
            values[key] = _words(value)
        else:
            values[key] = value
    try:
        return msgspec.convert(values, JobConfig, strict=False)
    except msgspec.ValidationError as error:
        fault = fault_of(error, JobConfig)
        raise BadFile(f"--set {fault.pointer.strip('/')}: {fault.detail}") from error


def without(config: JobConfig, keys: Sequence[str]) -> JobConfig:
    """Give a configuration without what ``--unset key`` options name.

    Raises:
        BadFile: what is not set.
    """
    for key in keys:
        group, dot, name = key.partition(".")
        if dot and group in ("conf", "env") and name in getattr(config, group):
            rest = {each: value for each, value in getattr(config, group).items() if each != name}
            config = msgspec.structs.replace(config, **{group: rest})
        elif key in config.__struct_fields__ and getattr(config, key) not in (None, {}):
            config = msgspec.structs.replace(config, **{key: getattr(JobConfig(), key)})
        else:
            raise BadFile(f"--unset {key}: it is not set")
    return config


def _words(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError as error:
        raise BadFile(f"--set args: {str(error).lower()}") from error


def _faulty(path: Path, found: list[Fault]) -> BadFile:
    return BadFile("\n".join(f"{path}: {fault.pointer or '/'}: {fault.detail}" for fault in found))


class _Loader(yaml.SafeLoader):
    """YAML without its quiet traps: a key that comes twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Give the mapping of a node, once no key of its own comes twice (YAML 1.2, 3.2.1.1)."""
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen and key_node.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    "in a mapping", node.start_mark, f"the key {key!r} comes twice", key_node.start_mark
                )
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep)
