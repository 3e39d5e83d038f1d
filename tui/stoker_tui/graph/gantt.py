"""When the nodes of a run waited and ran: a row each over one scale of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from stoker_shared.api import AttemptView, NodeView
from stoker_shared.text import clean_line, fit, width
from stoker_tui.theme import GLYPHS
from stoker_tui.times import took

Piece = tuple[str, str]
"""A text and the name of its style."""

_NAME_CELLS, _TOOK_CELLS, _LEAST_CHART = 28, 9, 10
_LABEL_CELLS = 12
"""Cells from a label of the scale to the next at least."""

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)

_RAN, _WAITED, _USUAL = "━", "╌", "·"
_FAILED, _RUNNING = "✖", "▸"


def gantt(nodes: Sequence[NodeView], start: datetime, now: datetime, cells: int) -> list[list[Piece]]:
    """Draw a run that started then, in lines of so many cells: first the scale, then nodes as they began.

    A node waits from when its last upstream node ended, and between attempts. What is under way goes on, in
    dots, for as long as it usually takes.
    """
    if not nodes:
        return []
    names = min(max(width(clean_line(node.name)) for node in nodes) + 3, _NAME_CELLS, max(cells // 3, 4))
    scale = _Scale(start, _end(nodes, start, now), max(cells - names - _TOOK_CELLS, _LEAST_CHART))
    ended = {node.name: node.ended_at for node in nodes}
    lines: list[list[Piece]] = [[(" " * names, ""), (scale.labels() + " " * _TOOK_CELLS, "dim")]]
    for node in sorted(nodes, key=_began):
        state = node.state.value
        name = fit(clean_line(node.name), names - 3)
        lines.append(
            [
                (f"{GLYPHS[state]} ", state),
                (name + " " * (names - 2 - width(name)), ""),
                *_chart(node, _ready(node, start, ended), now, scale),
                (f"{took(_seconds(node, now)):>{_TOOK_CELLS}}", ""),
            ]
        )
    return lines


class _Scale:
    """Moments as columns."""

    def __init__(self, start: datetime, end: datetime, cells: int) -> None:
        self.cells = cells
        self._start = start
        self._each = max((end - start).total_seconds(), 1.0) / cells

    def column(self, at: datetime) -> int:
        """Give the column that a moment is in."""
        return min(max(int((at - self._start).total_seconds() / self._each), 0), self.cells - 1)

    def labels(self) -> str:
        """Give the line with the times since the start."""
        least = self._each * _LABEL_CELLS
        days = 86400 * max(-(-int(least) // 86400), 1)
        step = next((step for step in _STEPS if step >= least), days)
        line = ""
        for index in range(int(self._each * self.cells / step) + 1):
            at = int(index * step / self._each)
            label = f"|{took(index * step) or '0s'}"
            if at + len(label) <= self.cells:
                line = line.ljust(at) + label
        return line.ljust(self.cells)


def _chart(node: NodeView, ready: datetime | None, now: datetime, scale: _Scale) -> Iterator[Piece]:
    """Give the row of a node, run by run of cells that look the same."""
    row: list[Piece] = [(" ", "")] * scale.cells

    def put(glyph: str, style: str, first: datetime, last: datetime) -> None:
        columns = range(scale.column(first), scale.column(last) + 1)
        row[columns.start : columns.stop] = [(glyph, style)] * len(columns)

    if ready is not None and (node.attempts or not node.ended_at):
        put(_WAITED, "dim", ready, node.ended_at or now)
    if node.expected_at and not node.ended_at and node.attempts:
        put(_USUAL, "dim", now, node.expected_at)
    for attempt in node.attempts:
        style = _style(node, attempt)
        put(_RAN, style, attempt.starting_at, attempt.ended_at or now)
        if style == "failed":
            row[scale.column(attempt.ended_at or now)] = (_FAILED, style)
        elif attempt.ended_at is None:
            row[scale.column(now)] = (_RUNNING, style)
    at = 0
    while at < len(row):
        length = next((n for n in range(1, len(row) - at) if row[at + n] != row[at]), len(row) - at)
        yield row[at][0] * length, row[at][1]
        at += length


def _style(node: NodeView, attempt: AttemptView) -> str:
    if attempt.ended_at is None or (attempt is node.attempts[-1] and node.ended_at):
        return node.state.value
    return "failed" if attempt.exit_status else "succeeded"


def _ready(node: NodeView, start: datetime, ended: dict[str, datetime | None]) -> datetime | None:
    """Give when the last node upstream ended; None where one has not."""
    ends = [ended.get(name) for name in node.upstream]
    known = [end for end in ends if end is not None]
    return max([start, *known]) if len(known) == len(ends) else None


def _began(node: NodeView) -> tuple[bool, float]:
    return (False, node.attempts[0].starting_at.timestamp()) if node.attempts else (True, 0.0)


def _end(nodes: Sequence[NodeView], start: datetime, now: datetime) -> datetime:
    """Give where the scale ends: with the run, or while it goes on with what is expected last."""
    under_way = [node for node in nodes if not node.ended_at]
    if not under_way:
        return max([start, *(node.ended_at for node in nodes if node.ended_at)])
    expected = [node.expected_at for node in under_way if node.expected_at and node.attempts]
    return max([start + timedelta(seconds=1), now, *expected])


def _seconds(node: NodeView, now: datetime) -> float | None:
    if not node.attempts:
        return None
    return ((node.ended_at or now) - node.attempts[0].starting_at).total_seconds()
