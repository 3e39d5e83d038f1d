"""Manual pages made from the help of commands (man(7)). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc

import click

from stoker_shared import __version__

_SECTIONS = ("Example", "Exit status", "See also")
"""What a paragraph of a help begins with that is a section of its own."""


def pages(program: click.Command) -> Iterator[tuple[str, str]]:
    """Give the name and text of the page of a program, and of each command below it."""
    yield from _pages(program, click.Context(program, info_name=program.name))


def _pages(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    yield context.command_path.replace(" ", "-"), _page(command, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if found := command.get_command(context, name):
                yield from _pages(found, click.Context(found, context, name))


def _page(command: click.Command, context: click.Context) -> str:
    summary, *paragraphs = cleandoc(command.help or "").split("\n\n")
    name = context.command_path.replace(" ", "-")
    usage = " ".join(command.collect_usage_pieces(context))
    own = [part for part in paragraphs if _section(part)]
    lines = [
        f'.TH "{_plain(name.upper())}" 1 "" "Stoker {__version__}" "Stoker"',
        ".SH NAME",
        f"{_plain(name)} \\- {_plain(_joined(summary).removesuffix('.'))}",
        ".SH SYNOPSIS",
        f"\\fB{_plain(context.command_path)}\\fR {_plain(usage)}",
    ]
    if prose := [part for part in paragraphs if not _section(part)]:
        lines.append(".SH DESCRIPTION")
        for part in prose:
            lines += [".PP", *_paragraph(part)]
    lines += _entries("OPTIONS", _options(command, context))
    if isinstance(command, click.Group):
        lines += _entries("COMMANDS", _commands(command, context))
    for part in own:
        lines += [f".SH {_section(part)}", *_body(part)]
    return "\n".join(lines) + "\n"


def _section(part: str) -> str:
    """Give the heading of a paragraph that is a section, else nothing."""
    text = part.removeprefix("\b\n")
    heading = next((heading for heading in _SECTIONS if re.match(f"{heading}s?:", text)), "")
    return "EXAMPLES" if heading == "Example" else heading.upper()


def _body(part: str) -> list[str]:
    head, _, rest = part.removeprefix("\b\n").partition(":")
    if head.startswith("Example"):
        return [".nf", *(_plain(line.removeprefix("  ")) for line in rest.strip("\n").splitlines()), ".fi"]
    return [_plain(_joined(rest))]


def _paragraph(part: str) -> list[str]:
    if part.startswith("\b\n"):
        return [".nf", *map(_plain, part.splitlines()[1:]), ".fi"]
    return [_plain(_joined(part))]


def _options(command: click.Command, context: click.Context) -> list[tuple[str, str]]:
    records = (parameter.get_help_record(context) for parameter in command.get_params(context))
    return [record for record in records if record and record[1]]


def _commands(group: click.Group, context: click.Context) -> list[tuple[str, str]]:
    found = [(name, group.get_command(context, name)) for name in group.list_commands(context)]
    return [(name, _joined(cleandoc(each.help or "").split("\n\n")[0])) for name, each in found if each]


def _entries(heading: str, entries: list[tuple[str, str]]) -> list[str]:
    lines = [f".SH {heading}"] if entries else []
    for name, meaning in entries:
        lines += [".TP", f"\\fB{_plain(name)}\\fR", _plain(_joined(meaning))]
    return lines


def _joined(text: str) -> str:
    return " ".join(text.split())


def _plain(text: str) -> str:
    """Give text of which roff takes nothing for its own."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace('"', "\\(dq")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped
