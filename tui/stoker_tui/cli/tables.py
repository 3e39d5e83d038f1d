"""What commands print: tables that fit a terminal or are plain and whole when piped, JSON, times, colours."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TextIO
from zoneinfo import ZoneInfo

import click
import msgspec

from stoker_shared.text import clean_line, fit, width
from stoker_tui.theme import COLOURS, GLYPHS

GAP = "  "
_READABLE, _NARROWEST = 16, 6
"""Cells down to which text is cut before a spare column goes, and after the last one has gone."""


class Column(NamedTuple):
    """A column of a table.

    Numbers stand to the ``right``. Free ``text`` is cut where a terminal is narrow, all else is whole or left
    out. Of the ``spare`` columns that of the highest number goes first; the others after them, from the end.
    """

    head: str
    right: bool = False
    text: bool = False
    spare: int = 0


def byte_size(count: int) -> str:
    """Give a number of bytes as people read it."""
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1024**power:
            return f"{count / 1024**power:,.1f} {unit}"
    return f"{count} B"


def print_json(things: Iterable[msgspec.Struct]) -> None:
    """Print one JSON object a line."""
    for thing in things:
        click.echo(msgspec.json.encode(thing))


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: as wide as the terminal at most, plain and whole when piped."""
    cells = [[column.head for column in columns], *([clean_line(cell) for cell in row] for row in rows)]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    shown = dict(enumerate(widths))
    if sys.stdout.isatty():
        shown = fitted(columns, widths, shutil.get_terminal_size().columns)
    for row in cells:
        placed = [_placed(row[index], cells, columns[index].right) for index, cells in shown.items()]
        click.echo(GAP.join(placed).rstrip())


def print_drawing(drawing: str) -> None:
    """Print a drawing; on a terminal it is cut at the right edge, since wrapped lines could not be read."""
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    lines = drawing.splitlines()
    for line in lines:
        click.echo(fit(line, columns) if columns else line)
    if columns and any(width(line) > columns for line in lines):
        click.echo("(wider than the terminal; see it whole with `| less -S`)")


def fitted(columns: Sequence[Column], widths: Sequence[int], room: int) -> dict[int, int]:
    """Give the columns to show, by their place, and the cells of each, so that a line fits into ``room``."""
    shown = dict(enumerate(widths))

    def least(cells: int) -> int:
        cut = (min(wide, cells) if columns[index].text else wide for index, wide in shown.items())
        return sum(cut) + len(GAP) * (len(shown) - 1)

    spare = sorted((index for index in shown if columns[index].spare), key=lambda index: columns[index].spare)
    while spare and least(_READABLE) > room:
        del shown[spare.pop()]
    while len(shown) > 1 and least(_NARROWEST) > room:
        shown.popitem()
    texts = [index for index in shown if columns[index].text] or list(shown)
    while least(max(widths)) > room:
        widest = max(texts, key=shown.__getitem__)
        if shown[widest] <= 1:
            break
        shown[widest] -= 1
    return shown


def moment(at: datetime | None, zone: str | None = None) -> str:
    """Give a time in a zone (the host's own unless told), to the second."""
    if at is None:
        return "-"
    return at.astimezone(ZoneInfo(zone) if zone else None).strftime("%Y-%m-%d %H:%M:%S")


def span(since: datetime | None, until: datetime | None = None) -> str:
    """Give how long something took, or has taken by now."""
    if since is None:
        return "-"
    return duration(((until or datetime.now(UTC)) - since).total_seconds())


def duration(seconds: float | None) -> str:
    """Give a number of seconds as people say it."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{max(seconds, 0):.1f}s"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s"


def size(count: int | None) -> str:
    """Give a number of bytes as people say it."""
    if count is None:
        return "-"
    mebibytes = count / 1024**2
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:.0f} MiB"


def coloured(text: str, state: str) -> str:
    """Give a text in its state's colour, on a terminal that shows colours (https://no-color.org)."""
    if not moves_cursor(os.environ) or os.environ.get("NO_COLOR"):
        return text
    return click.style(text, fg=COLOURS[state])


def moves_cursor(environment: Mapping[str, str], stream: TextIO | None = None) -> bool:
    """Tell whether a stream (stdout unless told) is a terminal that obeys escape sequences."""
    return (stream or sys.stdout).isatty() and environment.get("TERM", "dumb") not in ("dumb", "unknown", "")


def _placed(cell: str, cells: int, right: bool) -> str:
    cut = fit(cell, cells)
    padding = " " * (cells - width(cut))
    return padding + cut if right else _in_colour(cut) + padding


def _in_colour(cell: str) -> str:
    """Colour a cell that is a status: glyph and word."""
    glyph, _, word = cell.partition(" ")
    return coloured(cell, word) if GLYPHS.get(word) == glyph else cell
