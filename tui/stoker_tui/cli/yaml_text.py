"""Definitions as the text of a YAML file, which `stoker apply` reads back to the very same definition."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import yaml

from stoker_shared.writing import written

_ONE_LINE = 80
"""Characters of a list or mapping of plain values that stands on one line."""

_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0[ox][0-9a-fA-F_]+")
"""What YAML 1.2 reads as a number; version 1.1, which the library follows, does not for all of it."""


def yaml_text(definition: msgspec.Struct) -> str:
    """Give a definition as YAML: fields in their order, without what is default anyway."""
    # No line is folded: what is one line stays one that can be searched for.
    return yaml.dump(
        written(definition), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=sys.maxsize
    )


class _Dumper(yaml.SafeDumper):
    """YAML as people write it, with quotes wherever a reader could take a string for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out where it stands."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists below their key."""
        super().increase_indent(flow, False)

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Give a string: a block for lines, in quotes where it has to be."""
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=self._style(data))

    def represent_mapping(
        self, tag: str, mapping: Mapping[Any, Any] | Any, flow_style: bool | None = None
    ) -> yaml.MappingNode:
        """Give a mapping, on one line where it is short."""
        node = super().represent_mapping(tag, mapping, flow_style)
        node.flow_style = _is_short(part for pair in node.value for part in pair)
        return node

    def represent_sequence(
        self, tag: str, sequence: Iterable[Any], flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        """Give a list, on one line where it is short."""
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = _is_short(node.value)
        return node

    def _style(self, text: str) -> str | None:
        lines = text.split("\n")
        # Elsewhere the library changes spaces and line breaks that a block begins with.
        if len(lines) > 1 and text[0] not in " \n" and all(map(str.isprintable, lines)):
            return "|"
        read_as = self.resolve(yaml.ScalarNode, text, (True, False))
        if not text.isprintable() or read_as != "tag:yaml.org,2002:str" or _NUMBER.fullmatch(text):
            return '"'
        return None


_Dumper.add_representer(str, _Dumper.represent_str)


def _is_short(nodes: Iterable[yaml.Node]) -> bool:
    """Tell whether nodes are plain values that have room on one line."""
    length = 0
    for node in nodes:
        if not isinstance(node, yaml.ScalarNode) or node.style == "|":
            return False
        length += len(node.value) + 2
    return length <= _ONE_LINE
