"""A run: its graph, its nodes, what is to be known of the one selected, when each ran, its events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.widgets import ContentSwitcher

from stoker_shared import api
from stoker_shared.events import Record
from stoker_shared.model import RUN_ENDS, NodeState
from stoker_shared.schedules import place_of
from stoker_tui.actions import Kind, NodeOf
from stoker_tui.cli.tables import Column as Shape
from stoker_tui.cli.tables import duration, size
from stoker_tui.mirror import Topic
from stoker_tui.screens import cells, fields
from stoker_tui.screens.page import focus_first
from stoker_tui.screens.tabs import TabbedPage
from stoker_tui.screens.why import failure_lines, why_so
from stoker_tui.telling import told
from stoker_tui.theme import GLYPHS, node_look, trigger_word, version_word
from stoker_tui.times import ahead, lasted, local, took
from stoker_tui.topics import Run, RunEvents, RunPage
from stoker_tui.widgets.dag_view import DagView
from stoker_tui.widgets.frame import Line
from stoker_tui.widgets.gantt_view import GanttView
from stoker_tui.widgets.line_table import Column, LineTable
from stoker_tui.widgets.pane import Pane
from stoker_tui.widgets.pieces import Piece, Pieces

WIDE = 110
"""Columns from which on what is known of a node stands beside the nodes, not below them."""


class RunScreen(TabbedPage):
    """One run."""

    TABS = ("graph", "nodes", "gantt", "events")

    DEFAULT_CSS = """
    RunScreen #panes { height: 1fr; layout: vertical; }
    RunScreen #panes.wide { layout: horizontal; }
    RunScreen #tabs { height: 1fr; }
    RunScreen #facts { height: 1fr; border-top: solid $panel; }
    RunScreen #panes.wide #facts { height: 100%; width: 2fr; border-top: none; border-left: solid $panel; }
    RunScreen #panes.wide #tabs { height: 100%; width: 3fr; }
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self._topic = Run(number)
        self._happened = RunEvents(number)
        self._events: LineTable[Record] | None = None
        self._list: LineTable[api.NodeView] | None = None

    @property
    def topics(self) -> Sequence[Topic]:
        """The run, and what happened in it."""
        return (self._topic, self._happened)

    @property
    def crumbs(self) -> Sequence[str]:
        """Say where it is."""
        known = self._topic.value
        name = f" {known.view.row.name}" if known else ""
        return ["runs", f"#{self._topic.number}{name}"]

    def body(self) -> ComposeResult:
        """Give what is known of the run."""
        ascii_only = self.stoker.ascii_only
        yield Line(self.styles_of, ascii_only=ascii_only, most=2, id="title")
        yield Line(self.styles_of, ascii_only=ascii_only, id="tabline")
        self._list = LineTable(
            self._columns(),
            key=lambda node: node.name,
            styles=self.styles_of,
            fields=fields.NODE,
            ascii_only=ascii_only,
            id="nodes",
        )
        self._events = LineTable(
            self._event_columns(),
            key=lambda record: record.seq,
            styles=self.styles_of,
            fields=fields.EVENT,
            ascii_only=ascii_only,
            id="events",
        )
        with Container(id="panes"):
            with ContentSwitcher(id="tabs", initial="graph"):
                yield DagView(self.styles_of, ascii_only=ascii_only, id="graph")
                yield self._list
                yield GanttView(self.styles_of, ascii_only=ascii_only, id="gantt")
                yield self._events
            yield Pane(self.styles_of, ascii_only=ascii_only, id="facts")

    def on_resize(self, event: Resize) -> None:
        """Put what is known of a node where there is room."""
        self.query("#panes").set_class(event.size.width >= WIDE, "wide")

    @property
    def table(self) -> LineTable | None:
        """The nodes, or what happened, where they are shown."""
        return {"nodes": self._list, "events": self._events}.get(self.tab)

    @property
    def graph(self) -> DagView | None:
        """The graph, where it is shown."""
        return self.query_one(DagView) if self.tab == "graph" else None

    @property
    def facts(self) -> Pane:
        """What is known of the node selected."""
        return self.query_one("#facts", Pane)

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the nodes chosen, and the run."""
        known = self._topic.value
        if known is None:
            return {Kind.TABS: [None]}
        current = self._current()
        many = self.table is not None and self.table is self._list
        nodes = self._list.chosen if many and self._list else [current] if current else []
        return {
            Kind.NODE: [NodeOf(known.view, node, known.cards.get(node.name)) for node in nodes],
            Kind.RUN: [known.view.row],
            Kind.TABS: [None],
            Kind.RUN_TABS: [None],
        }

    def toggle(self, tab: str) -> None:
        """Go to a tab, and from there back to the graph."""
        self.turn_to("graph" if self.tab == tab else tab)

    def turn(self, by: int) -> None:
        """Go to another tab; what happened is asked for only where it is shown."""
        super().turn(by)
        self._happened.wanted = self.tab == "events"
        self.stoker.mirror.renew(self._happened)

    def open(self) -> None:
        """Read what the node wrote."""
        self.stoker.act([self.stoker.actions["node.log"]])

    def draw(self) -> None:
        """Show the run."""
        known = self._topic.value
        self.draw_tabs()
        if known is None or self._list is None:
            self.query_one("#title", Line).show([(f" {self.why_nothing(self._topic)}", "dim")])
            return
        now = self.stoker.now()
        self.query_one("#title", Line).show(title(known.view, now))
        graph, nodes = self.query_one(DagView), known.view.nodes
        first = not self._list.count
        graph.show(
            {node.name: node.upstream for node in nodes}, {node.name: node_look(node) for node in nodes}
        )
        self._list.set_rows(nodes)
        if first:
            graph.select(_interesting(nodes))
        focus_first(self, graph)
        self._draw_tab(known, now)
        self._draw_facts()

    def on_line_table_moved(self, event: LineTable.Moved) -> None:
        """Tell of the node under the cursor, and select it in the graph too."""
        super().on_line_table_moved(event)
        if self.table is event.table and (node := self._current()) is not None:
            self.query_one(DagView).select(node.name)
        self._draw_facts()

    def on_dag_view_selected(self, event: DagView.Selected) -> None:
        """Tell of the node, and put the cursor on it in the list too."""
        if self._list is not None and self.table is not self._list:
            self._list.go_to(event.node)
        self.redraw()

    def on_dag_view_opened(self, event: DagView.Opened) -> None:
        """Open the node."""
        self.open()

    def _draw_tab(self, known: RunPage, now: datetime) -> None:
        if self.tab == "gantt":
            row = known.view.row
            start = row.started_at or row.created_at
            self.query_one(GanttView).show(known.view.nodes, start, row.ended_at or now)
        elif self.tab == "events" and self._events is not None:
            happened = self._happened.value
            self._events.empty = (self.why_nothing(self._happened),)
            self._events.set_rows(reversed(happened or []))

    def _draw_facts(self) -> None:
        known, node = self._topic.value, self._current()
        lines: list[Pieces] = []
        if known is not None and node is not None:
            card = known.cards.get(node.name)
            lines = list(node_lines(known.view, node, card, self.stoker.now(), self.stoker.zone))
        self.facts.set_lines(lines)

    def _current(self) -> api.NodeView | None:
        """Give the node selected in the tab that is shown: in the list of nodes, or else in the graph."""
        known = self._topic.value
        if known is None:
            return None
        name = self.query_one(DagView).selected
        match self.table.current if self.table else None:
            case api.NodeView() as node:
                return node
            case Record() as record:
                name = getattr(record.event, "node", name)
        return next((node for node in known.view.nodes if node.name == name), None)

    def _event_columns(self) -> Sequence[Column[Record]]:
        zone = self.stoker.zone
        return [
            Column(Shape("AT"), lambda record: cells.dim(local(record.at, zone, seconds=True))),
            Column(Shape("NODE", text=True), lambda record: cells.plain(getattr(record.event, "node", ""))),
            Column(Shape("WHAT", text=True), lambda record: [told(record.event, zone)]),
            Column(Shape("BY", text=True, spare=1), lambda record: cells.dim(record.by)),
        ]

    def _columns(self) -> Sequence[Column[api.NodeView]]:
        now = self.stoker.now
        return [
            Column(Shape("NODE", text=True), lambda node: cells.plain(node.name), lambda node: node.name),
            Column(Shape("STATUS"), cells.node_state, lambda node: node.state.value),
            Column(
                Shape("TOOK", right=True),
                lambda node: cells.plain(_took(node, now())),
            ),
            Column(Shape("USUAL", right=True, spare=3), lambda node: cells.dim(took(node.usual_seconds))),
            Column(
                Shape("ATTEMPTS", right=True, spare=2),
                lambda node: cells.plain(len(node.attempts) or ""),
                lambda node: len(node.attempts),
            ),
            Column(Shape("QUEUE", text=True, spare=4), lambda node: cells.dim(node.queue)),
            Column(Shape("WHY", text=True, spare=1), lambda node: cells.dim(why_so(node))),
        ]


def _interesting(nodes: Sequence[api.NodeView]) -> str | None:
    """Give the node to look at first: one that failed, else one that is under way, else the first."""
    by_state = {node.state: node.name for node in reversed(nodes)}
    wanted = (NodeState.FAILED, NodeState.RETRYING, NodeState.RUNNING)
    return next((by_state[state] for state in wanted if state in by_state), nodes[0].name if nodes else None)


def title(view: api.RunView, now: datetime) -> Pieces:
    """Give a run in a line."""
    row = view.row
    state = row.state.value
    word = "stopping" if view.stopping and row.state not in RUN_ENDS else state
    ended = sum(node.ended_at is not None for node in view.nodes)
    pieces: list[Piece] = [
        (f" {GLYPHS[state]} {word}", state),
        (f" {lasted(row.started_at, row.ended_at, now)}".rstrip(), ""),
        (f"  {ended}/{len(view.nodes)}", ""),
        (f"  {version_word(row)}", ""),
        (f"  cycle {local(row.cycle, row.time_zone)} {place_of(row.time_zone)}", ""),
        (f"  by {trigger_word(row)}, {row.by}", "dim"),
    ]
    if view.expected_at and row.state not in RUN_ENDS:
        pieces.append((f"  done {ahead(view.expected_at, now)}", "dim"))
    if view.late:
        pieces.append((f"  late to {', '.join(what.value for what in view.late)}", "warning"))
    if row.remarks:
        pieces.append((f"  {row.remarks}", "dim"))
    return pieces


def node_lines(
    view: api.RunView, node: api.NodeView, card: api.FailureView | None, now: datetime, zone: str
) -> Iterator[Pieces]:
    """Give what is to be known of a node: how it stands and why, its failure, its attempts."""
    yield [(f"{node.name}  ", "strong"), *cells.node_state(node)]
    if card is not None:
        yield from failure_lines(card)
        yield []
    elif why := why_so(node):
        yield [("why: ", "dim"), (why, "pending" if node.waiting else "")]
    if node.retry_at:
        yield [("retried: ", "dim"), (ahead(node.retry_at, now), "retrying")]
    yield [("job ", "dim"), (node.job, "")]
    if node.queue:
        yield [("queue ", "dim"), (f"{node.queue}, {node.cu} CU", "")]
    usual = took(node.usual_seconds)
    if usual:
        due = f", done {ahead(node.expected_at, now)}" if node.expected_at and not node.ended_at else ""
        yield [("usually ", "dim"), (usual + due, "")]
    states = {other.name: node_look(other) for other in view.nodes}
    if node.upstream:
        yield [("upstream ", "dim"), *_named(node.upstream, states)]
    below = [other.name for other in view.nodes if node.name in other.upstream]
    if below:
        yield [("downstream ", "dim"), *_named(below, states)]
    if node.attempts:
        yield []
    for attempt in reversed(node.attempts):
        yield _attempt(attempt, now, zone)


def _named(names: Sequence[str], states: Mapping[str, str]) -> Pieces:
    pieces: list[Piece] = []
    for name in names:
        state = states.get(name, "")
        pieces += [(f"{GLYPHS.get(state, '')} ", state), (f"{name}  ", "")]
    return pieces


def _attempt(attempt: api.AttemptView, now: datetime, zone: str) -> Pieces:
    pieces: list[Piece] = [
        (f"attempt {attempt.number}  ", "strong"),
        (f"{local(attempt.starting_at, zone, seconds=True)}  ", "dim"),
        (lasted(attempt.starting_at, attempt.ended_at, now), ""),
    ]
    if attempt.exit_status is not None:
        pieces.append((f"  exit {attempt.exit_status}", "failed" if attempt.exit_status else "dim"))
    if attempt.pid and not attempt.ended_at:
        pieces.append((f"  pid {attempt.pid}", "dim"))
    if attempt.cpu_seconds is not None:
        pieces.append((f"  cpu {duration(attempt.cpu_seconds)}", "dim"))
    if attempt.memory_peak is not None:
        pieces.append((f"  memory {size(attempt.memory_peak)}", "dim"))
    if attempt.adopted_at:
        pieces.append(("  adopted", "dim"))
    if attempt.detail:
        pieces.append((f"  {attempt.detail}", "dim"))
    return pieces


def _took(node: api.NodeView, now: datetime) -> str:
    return lasted(node.attempts[0].starting_at, node.ended_at, now) if node.attempts else ""
