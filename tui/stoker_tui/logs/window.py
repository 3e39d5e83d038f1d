"""What is seen of a text: rows from a place on, that move only when they are told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from stoker_tui.logs.text import Line, Text


class Row(NamedTuple):
    """A row of the screen: a line, and which of the rows that it is folded into."""

    line: Line
    part: int


class Place(NamedTuple):
    """Where a row is: the line that begins at ``start``, and the row in it."""

    start: int
    part: int = 0


class Window:
    """Rows of a text. What asks for a block that is not there raises `Missing`, and has changed nothing.

    ``rows_of`` tells how many rows a line takes.
    """

    def __init__(self, text: Text, rows_of: Callable[[Line], int] = lambda _: 1) -> None:
        self.text = text
        self.height = 1
        self.top = Place(0)
        self._rows_of = rows_of

    def rows(self) -> list[Row]:
        """Give what is seen."""
        rows: list[Row] = []
        start, part = self.top
        while start < self.text.size and len(rows) < self.height:
            line = self.text.line_at(start)
            rows += [Row(line, at) for at in range(part, self._rows_of(line))]
            start, part = line.end, 0
        return rows[: self.height]

    def scroll(self, rows: int) -> None:
        """Go down by so many rows, or up, no further than there is something to see."""
        if rows < 0:
            self.top = self._up(self.top, -rows)
        else:
            self.top = min(self._down(self.top, rows), self._last_top())

    def to_start(self) -> None:
        """Go to the beginning."""
        self.top = Place(0)

    def to_end(self) -> None:
        """Go to the end."""
        self.top = self._last_top()

    def show(self, position: int) -> None:
        """Bring the line of a position into view: in the upper third, where it is not seen already."""
        start = self.text.start_of(position)
        if not any(row.line.start == start for row in self.rows()):
            self.top = min(self._up(Place(start), self.height // 3), self._last_top())

    def settle(self) -> None:
        """Stay in what there is, after the height, the folds or the size have become others."""
        if self.top.start >= self.text.size:
            self.to_end()
            return
        last = self._rows_of(self.text.line_at(self.top.start)) - 1
        self.top = min(Place(self.top.start, min(self.top.part, last)), self._last_top())

    def _last_top(self) -> Place:
        return self._up(Place(self.text.size), self.height)

    def _up(self, place: Place, rows: int) -> Place:
        start, part = place
        while part < rows and start > 0:
            rows -= part
            start = self.text.start_of(start - 1)
            part = self._rows_of(self.text.line_at(start))
        return Place(start, max(part - rows, 0))

    def _down(self, place: Place, rows: int) -> Place:
        start, part = place
        rows += part
        while start < self.text.size:
            line = self.text.line_at(start)
            if rows < (count := self._rows_of(line)):
                return Place(start, rows)
            rows -= count
            start = line.end
        return Place(start)
