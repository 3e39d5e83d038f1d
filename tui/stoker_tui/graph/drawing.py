"""A layout as text.

Where two nets cross stands ``┼`` (ASCII ``|``). Four ways of one net meet in ``╋`` (ASCII ``+``), as a dot
marks the joint in a circuit diagram. So a drawing can be read back without doubt (in ASCII but for pluses
side by side), going down and sideways, never up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from stoker_shared.dag import Upstream
from stoker_shared.text import ASCII, width
from stoker_tui.graph.layout import Box, Layout, lay_out
from stoker_tui.graph.placing import Zoom
from stoker_tui.graph.wiring import Net

_UP, _DOWN, _LEFT, _RIGHT, _JOINED, _ARROW = 1, 2, 4, 8, 16, 32
_ALL_WAYS = _UP | _DOWN | _LEFT | _RIGHT
_GLYPHS = dict(enumerate(" ╵╷│╴┘┐┤╶└┌├─┴┬┼")) | {_ALL_WAYS | _JOINED: "╋", _ARROW: "▼"}
"""The glyph of each set of ways."""

_WITH = {bits: bytes(value | bits for value in range(256)) for bits in (_LEFT | _RIGHT, _UP | _DOWN)}
"""To add ways to many cells at once, by `bytes.translate`."""


Label = Callable[[str], str]
"""What gives the label of a node; it is clean."""


class Piece(NamedTuple):
    """Part of a row: text from a column on, of a node's box, or of none."""

    column: int
    text: str
    node: str | None


def draw(labels: Mapping[str, str], upstream: Upstream, *, ascii_only: bool = False) -> str:
    """Return the drawing of a DAG: lines without trailing spaces, joined by newlines.

    A box shows its node's cleaned label, or the name where it has none; with ``ascii_only`` all else is
    ASCII.

    Raises:
        ValueError: there is a cycle.
    """
    layout = lay_out(upstream, labels)
    canvas = Canvas(layout, ascii_only=ascii_only)
    return "\n".join(
        "".join(piece.text for piece in canvas.pieces(row)).rstrip() for row in range(layout.height)
    )


class Wires:
    """The cells of nets, each with the ways that they go from it."""

    def __init__(self, layout: Layout, nets: Iterable[Net]) -> None:
        self._rows = [bytearray(layout.width) for _ in range(layout.height)]
        for net in nets:
            self._add(net)

    def row(self, row: int, first: int, last: int) -> str:
        """Give the wires of a row from the column ``first`` to before ``last``."""
        return self._rows[row][first:last].decode("latin-1").translate(_GLYPHS)

    def cells(self, row: int, first: int, last: int) -> bytes:
        """Tell the same part of a row cell by cell: 0 where no wire is."""
        return bytes(self._rows[row][first:last])

    def _add(self, net: Net) -> None:
        first, last = net.span
        above = {end.column for end in net.sources}
        below = {end.column for end in (*net.entering, *net.passing)}
        for column in above:
            self._down(column, net.top, net.track)
        for end in net.passing:
            self._down(end.column, net.track + 1, net.through)
        for end in net.entering:
            self._down(end.column, net.track + 1, net.arrows)
        self._sideways(net.track, first, last, above, below)
        for end in net.entering:
            self._rows[net.arrows][end.column] = _ARROW

    def _down(self, column: int, top: int, bottom: int) -> None:
        for row in self._rows[top:bottom]:
            row[column] |= _UP | _DOWN

    def _sideways(self, track: int, first: int, last: int, above: set[int], below: set[int]) -> None:
        row = self._rows[track]
        if first < last:
            row[first + 1 : last] = row[first + 1 : last].translate(_WITH[_LEFT | _RIGHT])
            row[first] |= _RIGHT
            row[last] |= _LEFT
        for column in above:
            row[column] |= _UP
        for column in below:
            row[column] |= _DOWN
        for column in above & below:
            if first < column < last:
                row[column] |= _JOINED


class Canvas:
    """The rows of a layout, drawn when they are asked for."""

    def __init__(self, layout: Layout, *, ascii_only: bool = False) -> None:
        self._layout = layout
        self._glyphs = ASCII if ascii_only else {}
        self._wires = Wires(layout, layout.nets)
        self._rows = {
            box.top + row: boxes
            for boxes in layout.levels
            for box in boxes[:1]
            for row in range(layout.zoom.height)
        }

    def pieces(
        self, row: int, first: int = 0, last: int | None = None, label: Label | None = None
    ) -> Iterator[Piece]:
        """Give what stands in a row, without a gap, from the column ``first`` to before ``last`` at least.

        ``label`` gives other labels than the boxes' own, in as many cells at most.
        """
        if row >= self._layout.height:
            return
        last = self._layout.width if last is None else min(last, self._layout.width)
        for box in self._rows.get(row, ()):
            if box.left + box.width <= first or box.left >= last:
                continue
            if first < box.left:
                yield self._of_wires(row, first, box.left)
            shown = label(box.node) if label else box.label
            yield Piece(box.left, self._of_box(box, row - box.top, shown), box.node)
            first = box.left + box.width
        if first < last:
            yield self._of_wires(row, first, last)

    def _of_wires(self, row: int, first: int, last: int) -> Piece:
        return Piece(first, self._wires.row(row, first, last).translate(self._glyphs), None)

    def _of_box(self, box: Box, row: int, label: str) -> str:
        inner = box.width - 2
        if self._layout.zoom is Zoom.ROWS:
            return f"[{_centred(label, inner)}]"
        if self._layout.zoom is Zoom.DOTS:
            return f"({_centred(label, inner)})"
        if row == 0:
            return f"╭{'─' * inner}╮".translate(self._glyphs)
        if row == 1:
            side = "│".translate(self._glyphs)
            return f"{side}{_centred(label, inner)}{side}"
        out = box.column - box.left - 1
        way_out = "┬" if box.feeds else "─"
        return f"╰{'─' * out}{way_out}{'─' * (inner - out - 1)}╯".translate(self._glyphs)


def _centred(label: str, cells: int) -> str:
    free = cells - width(label)
    return " " * (free // 2) + label + " " * (free - free // 2)
