"""What commands print: tables that fit a terminal or are plain and whole when piped, JSON, times, colours."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click
import msgspec

from stoker_shared.text import clean_line, fit, width
from stoker_tui.theme import COLOURS, GLYPHS

GAP = "  "
_NARROWEST = 6
"""Cells below which a column is not cut."""


def print_json(things: Iterable[msgspec.Struct]) -> None:
    """Print one JSON object a line."""
    for thing in things:
        click.echo(msgspec.json.encode(thing))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; on a terminal the widest columns give way until a line fits."""
    cells = [[clean_line(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(head, *cells, strict=True)]
    if sys.stdout.isatty():
        widths = _fitted(widths, shutil.get_terminal_size().columns)
    for row in [head, *cells]:
        click.echo(_line(row, widths))


def moment(at: datetime | None, zone: str | None = None) -> str:
    """Give a time in a zone (the host's own unless told), to the second."""
    if at is None:
        return "-"
    return at.astimezone(ZoneInfo(zone) if zone else None).strftime("%Y-%m-%d %H:%M:%S")


def span(since: datetime | None, until: datetime | None = None) -> str:
    """Give how long something took, or has taken by now."""
    if since is None:
        return "-"
    seconds = ((until or datetime.now(UTC)) - since).total_seconds()
    if seconds < 60:
        return f"{max(seconds, 0):.1f}s"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s"


def coloured(text: str, state: str) -> str:
    """Give a text in its state's colour, on a terminal that shows colours (https://no-color.org)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return click.style(text, fg=COLOURS[state])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cut = [fit(cell, cells) for cell, cells in zip(row, widths, strict=True)]
    padded = [_in_colour(cell) + " " * (cells - width(cell)) for cell, cells in zip(cut, widths, strict=True)]
    return GAP.join(padded).rstrip()


def _in_colour(cell: str) -> str:
    """Colour a cell that is a status: glyph and word."""
    glyph, _, word = cell.partition(" ")
    return coloured(cell, word) if GLYPHS.get(word) == glyph else cell


def _fitted(widths: list[int], columns: int) -> list[int]:
    fitted = list(widths)
    while sum(fitted) + len(GAP) * (len(fitted) - 1) > columns:
        widest = max(range(len(fitted)), key=fitted.__getitem__)
        if fitted[widest] <= _NARROWEST:
            break
        fitted[widest] -= 1
    return fitted
