"""A queue: what it allows, what holds its places, and what waits for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from textual.app import ComposeResult

from stoker_shared import api
from stoker_tui.actions import Kind
from stoker_tui.cli.tables import Column as Shape
from stoker_tui.mirror import Topic
from stoker_tui.screens import cells
from stoker_tui.screens.page import Page, focus_first
from stoker_tui.times import lasted
from stoker_tui.topics import Queue
from stoker_tui.widgets.frame import Line
from stoker_tui.widgets.line_table import Column, LineTable
from stoker_tui.widgets.pieces import Piece, Pieces


class Place(NamedTuple):
    """A node in the queue: one that holds a place, or the ``nth`` that waits for one."""

    node: api.QueuedNode
    nth: int = 0


class QueueScreen(Page):
    """One queue."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._topic = Queue(name)
        self._table: LineTable[Place] | None = None

    @property
    def topics(self) -> Sequence[Topic]:
        """The queue."""
        return (self._topic,)

    @property
    def crumbs(self) -> Sequence[str]:
        """Say where it is."""
        return ["queues", self._topic.name]

    @property
    def table(self) -> LineTable[Place] | None:
        """The nodes in it."""
        return self._table

    def body(self) -> ComposeResult:
        """Give what the queue is, and what is in it."""
        ascii_only = self.stoker.ascii_only
        yield Line(self.styles_of, ascii_only=ascii_only, most=2, id="title")
        self._table = LineTable(
            self._columns(),
            key=lambda place: (place.node.run, place.node.node),
            styles=self.styles_of,
            fields={
                "run": lambda place: [f"#{place.node.run}"],
                "name": lambda place: [place.node.workflow, place.node.node],
                "status": lambda place: ["waiting" if place.nth else "holding"],
            },
            ascii_only=ascii_only,
            id="places",
        )
        yield self._table

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the queue."""
        return {Kind.QUEUE: [self._topic.value] if self._topic.value else []}

    def draw(self) -> None:
        """Show the queue."""
        view = self._topic.value
        line = self.query_one("#title", Line)
        if view is None or self._table is None:
            line.show([(f" {self.why_nothing(self._topic)}", "dim")])
            return
        line.show(_title(view))
        self._table.empty = ("nothing is in it",)
        waiting = [Place(node, nth) for nth, node in enumerate(view.next, 1)]
        self._table.set_rows([*map(Place, view.holding), *waiting])
        focus_first(self, self._table)

    def open(self) -> None:
        """Open the run that the node is of."""
        if self._table and self._table.current:
            self.stoker.open_run(self._table.current.node.run)

    def _columns(self) -> Sequence[Column[Any]]:
        now = self.stoker.now
        return [
            Column(Shape("PLACE"), _place),
            Column(
                Shape("CU", right=True), lambda place: cells.plain(place.node.cu), lambda place: place.node.cu
            ),
            Column(Shape("RUN", right=True), lambda place: cells.plain(f"#{place.node.run}")),
            Column(Shape("WORKFLOW", text=True), lambda place: cells.plain(place.node.workflow)),
            Column(Shape("NODE", text=True), lambda place: cells.plain(place.node.node)),
            Column(
                Shape("FOR", right=True, spare=1),
                lambda place: cells.plain(lasted(place.node.since, None, now())),
            ),
        ]


def _place(place: Place) -> Pieces:
    return [(f"◌ waits, {place.nth}.", "pending")] if place.nth else [("● holds", "running")]


def _title(view: api.QueueView) -> Pieces:
    spec = view.spec
    pieces: list[Piece] = [(" ", ""), *cells.queue_use(view), (f"  {view.active} active", "running")]
    if spec.nodes is not None:
        pieces.append((f" of {spec.nodes}", ""))
    pieces.append((f"  {view.waiting} waiting", "pending" if view.waiting else "dim"))
    pieces.append((f"  {spec.environment.value}  {spec.master} {spec.deploy_mode}", "dim"))
    return pieces
