"""What there is to look at of a DAG: a drawing at some zoom, or a list of its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from stoker_shared.text import clean, fit, width
from stoker_tui.graph.drawing import Canvas, Label, Piece, Wires
from stoker_tui.graph.layout import Layout
from stoker_tui.graph.walking import Graph, Way, path_nets

Place = tuple[int, int, int, int]
"""First column, first row, columns, rows."""


class Picture(Protocol):
    """Rows to draw, and where in them the nodes are."""

    width: int
    height: int

    def pieces(self, row: int, first: int, last: int, label: Label) -> Iterator[Piece]:
        """Give what stands in a row from a column to before another at least, without a gap."""
        ...

    def brighten(self, node: str | None) -> None:
        """Let the path of a node be brighter than the rest."""

    def bright(self, row: int, first: int, last: int) -> bytes:
        """Tell of each column of part of a row whether a wire of that path is there: 0 where none is."""
        ...

    def place(self, node: str) -> Place:
        """Give where a node is."""
        ...

    def at(self, column: int, row: int) -> str | None:
        """Give the node that is there."""
        ...

    def step(self, node: str, way: Way, came_from: str | None) -> str:
        """Give where a way leads from a node; that node itself where it leads nowhere."""
        ...


class Drawing:
    """A DAG as boxes and wires."""

    def __init__(self, graph: Graph, layout: Layout, *, ascii_only: bool = False) -> None:
        self.width = layout.width
        self.height = layout.height
        self._graph = graph
        self._layout = layout
        self._canvas = Canvas(layout, ascii_only=ascii_only)
        self._path = Wires(layout, ())

    def pieces(self, row: int, first: int, last: int, label: Label) -> Iterator[Piece]:
        """Give what stands in a row."""
        return self._canvas.pieces(row, first, last, label)

    def brighten(self, node: str | None) -> None:
        """Let the path of a node be brighter than the rest."""
        nets = () if node is None else path_nets(self._graph, self._layout, node)
        self._path = Wires(self._layout, nets)

    def bright(self, row: int, first: int, last: int) -> bytes:
        """Tell where wires of that path are."""
        return self._path.cells(row, first, last)

    def place(self, node: str) -> Place:
        """Give where a box is."""
        box = self._layout.boxes[node]
        return box.left, box.top, box.width, self._layout.zoom.height

    def at(self, column: int, row: int) -> str | None:
        """Give the node whose box is there."""
        for piece in self._canvas.pieces(row, column, column + 1):
            if piece.column <= column < piece.column + width(piece.text):
                return piece.node
        return None

    def step(self, node: str, way: Way, came_from: str | None) -> str:
        """Give where an edge leads, or who is beside it."""
        return self._graph.step(self._layout, node, way, came_from)


class List:
    """The nodes of a DAG in topological order, each with those that it waits for.

    Up and down lead through the list, left to the first node upstream and right to the first downstream.
    """

    width = 1
    """It takes the room there is."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._nodes = graph.order
        self._rows = {node: row for row, node in enumerate(self._nodes)}
        self.height = len(self._nodes)

    def pieces(self, row: int, first: int, last: int, label: Label) -> Iterator[Piece]:
        """Give a node and what it waits for."""
        if row >= self.height:
            return
        node = self._nodes[row]
        name = label(node)
        yield Piece(0, name, node)
        if above := self._graph.upstream[node]:
            room = last - width(name)
            yield Piece(width(name), fit(clean(f"  after {', '.join(above[: max(room, 0)])}"), room), None)

    def brighten(self, node: str | None) -> None:
        """Nothing is brighter in a list."""

    def bright(self, row: int, first: int, last: int) -> bytes:
        """Tell that nothing is."""
        return bytes(last - first)

    def place(self, node: str) -> Place:
        """Give a node's row."""
        return 0, self._rows[node], self.width, 1

    def at(self, column: int, row: int) -> str | None:
        """Give the node of a row."""
        return self._nodes[row] if row < self.height else None

    def step(self, node: str, way: Way, came_from: str | None) -> str:
        """Give the node before or after it, upstream or downstream of it."""
        if way in (Way.LEFT, Way.RIGHT):
            ends = self._graph.upstream[node] if way is Way.LEFT else self._graph.downstream[node]
            return came_from if came_from in ends else next(iter(ends), node)
        row = self._rows[node] + (1 if way is Way.DOWN else -1)
        return self._nodes[row] if 0 <= row < self.height else node
