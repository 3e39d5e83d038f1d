"""Definitions as text for an editor, and back: what is wrong with the text, and in which line. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
import yaml

from stoker_shared.api import Fault
from stoker_shared.decoding import fault_of
from stoker_shared.text import clean
from stoker_tui.cli.files import MAX_FILE, Loader
from stoker_tui.cli.yaml_text import yaml_text

_S = TypeVar("_S", bound=msgspec.Struct)


class Document(NamedTuple, Generic[_S]):
    """A definition that is edited as text: what it is in words, its type, and what is wrong with one."""

    what: str
    kind: type[_S]
    faults: Callable[[_S], Iterable[Fault]]


class Wrong(NamedTuple):
    """What is wrong with a text, and in which of its lines, from 0 on; None where it is the whole."""

    line: int | None
    told: str


class BadText(ValueError):
    """A text that is not what it is to be; ``wrong`` has everything, with its lines."""

    def __init__(self, wrong: list[Wrong]) -> None:
        super().__init__(wrong[0].told)
        self.wrong = wrong


def written_text(document: Document[_S], value: _S) -> str:
    """Give a definition as the text to begin with."""
    body = yaml_text(value)
    return _headed(document, [], "" if body == "{}\n" else body)


def again(document: Document[Any], text: str, wrong: list[Wrong]) -> str:
    """Give a text to be mended: itself, with what is wrong above it, by the lines where it then stands."""
    body = _body(text)
    head = _headed(document, [each.told for each in wrong], body)
    shift = _head_lines(head) - _head_lines(text)
    told = [
        each.told if each.line is None else f"line {each.line + 1 + shift}: {each.told}" for each in wrong
    ]
    return _headed(document, told, body)


def is_empty(text: str) -> bool:
    """Tell whether nothing is in a text but comments."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines())


def read_text(document: Document[_S], text: str) -> _S:
    """Give the definition that a text says.

    Raises:
        BadText: it is no YAML, or no such definition.
    """
    if len(text) > MAX_FILE:
        raise BadText([Wrong(None, f"it has more than {MAX_FILE:,} characters")])
    try:
        loaded = yaml.load(text, Loader)  # noqa: S506 (it is a safe one)
        tree = yaml.compose(text, Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadText([Wrong(mark.line if mark else None, f"not YAML: {_said(error)}")]) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadText([Wrong(None, f"not YAML: {clean(' '.join(str(error).split()))}")]) from error
    try:
        value = msgspec.convert(loaded, document.kind)
        msgspec.json.encode(value)
        found = list(document.faults(value))
    except msgspec.ValidationError as error:
        value, found = None, [fault_of(error, document.kind)]
    except UnicodeEncodeError as error:
        raise BadText([Wrong(None, "half of a character is in it")]) from error
    if value is None or found:
        raise BadText([Wrong(_line(tree, fault.pointer), _told(fault)) for fault in found])
    return value


def _headed(document: Document[Any], told: list[str], body: str) -> str:
    lines = [f"# {document.what}, as `stoker export` writes it. Save it and leave, and it is taken over;"]
    lines.append("# left as it is, or empty, it changes nothing. Lines that begin with # are no part of it.")
    if document.kind.__struct_fields__ and not body:
        fields = ", ".join(field.encode_name for field in msgspec.structs.fields(document.kind))
        lines.append(f"# Fields: {fields}")
    if told:
        lines += ["#", "# It can't be taken over like this:"]
        lines += [f"#   {line}" for line in told]
    return "\n".join([*lines, "", body])


def _head_lines(text: str) -> int:
    """Give how many lines there are before the first that is part of a text."""
    lines = text.splitlines()
    return next(
        (index for index, line in enumerate(lines) if line.strip() and not line.startswith("#")),
        len(lines),
    )


def _body(text: str) -> str:
    return "".join(text.splitlines(keepends=True)[_head_lines(text) :])


def _said(error: yaml.MarkedYAMLError) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return clean(" ".join(": ".join(parts).split()))


def _told(fault: Fault) -> str:
    return clean(f"{fault.pointer}: {fault.detail}" if fault.pointer else fault.detail)


def _line(tree: yaml.Node | None, pointer: str) -> int | None:
    """Give the line of what a pointer leads to, as far as it leads."""
    line = tree.start_mark.line if tree else None
    node = tree
    for step in _steps(pointer):
        child = _child(node, step)
        if child is None:
            break
        node, line = child
    return line


def _steps(pointer: str) -> Iterator[str]:
    for step in pointer.split("/")[1:]:
        yield step.replace("~1", "/").replace("~0", "~")


def _child(node: yaml.Node | None, step: str) -> tuple[yaml.Node, int] | None:
    """Give what is under a key or a number, and the line where that begins."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark.line
    if isinstance(node, yaml.SequenceNode) and step.isdecimal() and int(step) < len(node.value):
        item = node.value[int(step)]
        return item, item.start_mark.line
    return None
