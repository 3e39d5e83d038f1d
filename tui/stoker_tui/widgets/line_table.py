"""A list of any length: only what is on the screen is made, and only lines that changed are sent."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from rich.style import Style
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from stoker_tui.cli.tables import GAP, fitted
from stoker_tui.cli.tables import Column as Shape
from stoker_tui.filtering import Fields, Filter, parse
from stoker_tui.widgets.pane import folded
from stoker_tui.widgets.pieces import Pieces, Styles, padded, strip, total

_R = TypeVar("_R")

SAMPLE = 200
"""Rows whose cells are measured for the widths of columns, in a list that has more."""

_FILTERED = "nothing here is like that; esc drops the filter"

_GUTTER = 2
"""Cells before the columns: for the mark."""


class Column(NamedTuple, Generic[_R]):
    """A column: how it gives way where there is little room, its cells, and what it sorts by."""

    shape: Shape
    cell: Callable[[_R], Pieces]
    sort: Callable[[_R], Any] | None = None


class Sorting(NamedTuple):
    """The column that rows are sorted by, and which end is first."""

    column: int
    reverse: bool = False


class LineTable(ScrollView, Generic[_R], can_focus=True):
    """Rows in columns, with a cursor, marks, a filter, and an order.

    ``key`` identifies a row over its changes, ``fields`` are what a filter can ask of it. Rows come in the
    order that they have until another is chosen.
    """

    DEFAULT_CSS = """
    LineTable { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    """

    class Moved(Message):
        """The cursor is on another row, or on none."""

        def __init__(self, table: LineTable) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> LineTable:
            """The table."""
            return self.table

    class Opened(Moved):
        """The row under the cursor was chosen."""

    class NearEnd(Moved):
        """The cursor has come near to the last row."""

    def __init__(
        self,
        columns: Sequence[Column[_R]],
        *,
        key: Callable[[_R], Hashable],
        styles: Styles,
        fields: Fields[_R] | None = None,
        ascii_only: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.columns = columns
        self.fields: Fields[_R] = fields or {}
        self.empty: Sequence[str] = ()
        """What stands in a list without rows, line by line."""
        self.marked: set[Hashable] = set()
        self.sorting: Sorting | None = None
        self.filter_text = ""
        self._filter = Filter()
        self._key = key
        self._styles = styles
        self._ascii = ascii_only
        self._all: Sequence[_R] = ()
        self._rows: list[_R] = []
        self._cursor = 0
        self._widths: dict[int, int] = {}
        self._painted: dict[int, Strip] = {}

    # What there is.

    def set_rows(self, rows: Iterable[_R]) -> None:
        """Show these rows; the cursor stays on its row, marks on theirs."""
        self._all = list(rows)
        if self.marked:
            self.marked &= {self._key(row) for row in self._all}
        self._arrange()

    @property
    def rows(self) -> Sequence[_R]:
        """The rows that the filter lets through, as they are sorted."""
        return self._rows

    @property
    def count(self) -> int:
        """How many rows there are, whatever the filter."""
        return len(self._all)

    @property
    def current(self) -> _R | None:
        """The row under the cursor."""
        return self._rows[self._cursor] if self._rows else None

    @property
    def chosen(self) -> list[_R]:
        """What an action is about: the marked rows that are shown, else the one under the cursor."""
        marked = [row for row in self._rows if self._key(row) in self.marked] if self.marked else []
        return marked or ([] if self.current is None else [self.current])

    def filter_by(self, text: str) -> str:
        """Show only what a filter asks for, and give what is wrong with it, if anything."""
        before, wanted = self._filter, parse(text)
        self.filter_text, self._filter = text, wanted
        if wanted != before:
            self._arrange(self._rows if wanted.narrows(before) else None)
        return wanted.problem(self.fields)

    def sort_by(self, sorting: Sorting | None) -> None:
        """Order the rows by a column; None: as they come."""
        self.sorting = sorting
        self._arrange()

    def mark(self) -> None:
        """Mark the row under the cursor, or unmark it, and go on to the next."""
        if self.current is not None:
            self.marked ^= {self._key(self.current)}
            self.move(1)
            self.repaint()

    def mark_all(self) -> None:
        """Mark all rows that are shown, or unmark everything."""
        shown = {self._key(row) for row in self._rows}
        self.marked = set() if shown <= self.marked else self.marked | shown
        self.repaint()

    def unmark(self) -> None:
        """Unmark everything."""
        self.marked = set()
        self.repaint()

    # Where the cursor is.

    def move(self, rows: int) -> None:
        """Move the cursor by a number of rows."""
        self.go(self._cursor + rows)

    def page(self, pages: int) -> None:
        """Move the cursor by a number of pages."""
        self.move(pages * max(self._height - 1, 1))

    def go(self, row: int) -> None:
        """Put the cursor on a row: the first or the last where there is no such row."""
        last = len(self._rows) - 1
        row = max(min(row, last), 0)
        if row != self._cursor:
            self._cursor = row
            self.post_message(self.Moved(self))
        self._show_cursor()
        self.repaint()
        if last - row < self._height:
            self.post_message(self.NearEnd(self))

    def go_to(self, key: Hashable) -> bool:
        """Put the cursor on the row of a key, and tell whether there is one."""
        for index, row in enumerate(self._rows):
            if self._key(row) == key:
                self.go(index)
                return True
        return False

    # How it is drawn.

    def render_line(self, y: int) -> Strip:
        """Give a line of the screen: the heads of the columns, then rows."""
        made = self._line(y)
        self._painted[y] = made
        return made

    def repaint(self) -> None:
        """Draw again what is otherwise than it was drawn."""
        if not self._painted:
            self.refresh()
        for y, painted in list(self._painted.items()):
            if y >= self.size.height:
                del self._painted[y]
            elif self._line(y) != painted:
                self.refresh(Region(0, y, self._room, 1))

    def notify_style_update(self) -> None:
        """Draw everything again in other colours."""
        super().notify_style_update()
        self._painted.clear()
        self.refresh()

    @property
    def _room(self) -> int:
        """Columns there are beside the scrollbar."""
        return self.scrollable_content_region.width

    @property
    def _height(self) -> int:
        return max(self.size.height - 1, 1)

    def _line(self, y: int) -> Strip:
        wide = self._room
        if y == 0:
            return self._strip(self._head(), self.rich_style + self._styles("head"), wide)
        index = self.scroll_offset.y + y - 1
        if index >= len(self._rows):
            return self._strip([(" " * _GUTTER, ""), *self._told(y - 2, wide)], self.rich_style, wide)
        row = self._rows[index]
        pieces = [("▌ " if self._key(row) in self.marked else "  ", "mark"), *self._cells(row)]
        here = index == self._cursor
        under = self._styles("cursor") if here and self.has_focus else Style(underline=True) if here else None
        return self._strip(pieces, self.rich_style + under if under else self.rich_style, wide)

    def _told(self, line: int, wide: int) -> Pieces:
        """Give a line of what stands in a list without rows."""
        if self._rows:
            return ()
        texts = (_FILTERED,) if self._all else self.empty
        lines = [part for text in texts for part in folded([(text, "dim")], max(wide - _GUTTER, 1))]
        return lines[line] if 0 <= line < len(lines) else ()

    def _head(self) -> Pieces:
        pieces = [(" " * _GUTTER, "")]
        for index, cells in self._widths.items():
            head = [(self._head_of(index), "head")]
            pieces += [*padded(head, cells, right=self.columns[index].shape.right), (GAP, "")]
        return pieces[:-1]

    def _head_of(self, index: int) -> str:
        arrow = ""
        if self.sorting and self.sorting.column == index:
            arrow = "▼" if self.sorting.reverse else "▲"
        return self.columns[index].shape.head + arrow

    def _cells(self, row: _R) -> Pieces:
        pieces = []
        for index, cells in self._widths.items():
            column = self.columns[index]
            pieces += [*padded(column.cell(row), cells, right=column.shape.right), (GAP, "")]
        return pieces[:-1]

    def _strip(self, pieces: Pieces, base: Style, cells: int) -> Strip:
        return strip(pieces, cells, self._styles, base, ascii_only=self._ascii)

    def _arrange(self, among: Sequence[_R] | None = None) -> None:
        """Filter, sort and measure the rows, and leave the cursor on its row, or else where it is.

        ``among``: only these can be let through by the filter.
        """
        before = self.current
        wanted, rows = self._filter, list(self._all if among is None else among)
        if wanted.terms:
            rows = [row for row in rows if wanted.holds(row, self.fields)]
        if self.sorting and (order := self.columns[self.sorting.column].sort):
            rows.sort(key=order, reverse=self.sorting.reverse)
        self._rows = rows
        if before is not None:
            self._keep_cursor(self._key(before))
        self.virtual_size = Size(0, len(rows) + 1)
        self._measure()
        self.repaint()
        if self.current is not before:
            self.post_message(self.Moved(self))

    def _keep_cursor(self, key: Hashable) -> None:
        index = next((index for index, row in enumerate(self._rows) if self._key(row) == key), None)
        moved = self._cursor
        self._cursor = min(moved, max(len(self._rows) - 1, 0)) if index is None else index
        if self._cursor != moved:
            if moved == 0 and self.scroll_offset.y == 0:
                # Who looks at the top goes on looking at the top.
                self._cursor = 0
            else:
                self.scroll_to(y=max(self.scroll_offset.y + self._cursor - moved, 0), animate=False)

    def _measure(self) -> None:
        step = max(len(self._rows) // SAMPLE, 1)
        sample = self._rows[::step]
        widths = [
            max([len(self._head_of(index)), *(total(column.cell(row)) for row in sample)])
            for index, column in enumerate(self.columns)
        ]
        room = max(self._room - _GUTTER, 10)
        self._widths = fitted([column.shape for column in self.columns], widths, room)

    def _show_cursor(self) -> None:
        top = self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, immediate=True)
        elif self._cursor >= top + self._height:
            self.scroll_to(y=self._cursor - self._height + 1, animate=False, immediate=True)

    # What happens to it.

    def on_resize(self, event: Resize) -> None:
        """Fit the columns into the room there is."""
        self._painted.clear()
        self._measure()
        self._show_cursor()
        self.refresh()

    def on_focus(self) -> None:
        """Show where the cursor is."""
        self.repaint()

    def on_blur(self) -> None:
        """Show less where the cursor is."""
        self.repaint()

    def on_click(self, event: Click) -> None:
        """Put the cursor on a row; a second click opens it."""
        index = self.scroll_offset.y + event.y - 1
        if event.y > 0 and index < len(self._rows):
            self.go(index)
            if event.chain > 1:
                self.post_message(self.Opened(self))
