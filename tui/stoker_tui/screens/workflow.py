"""A workflow: its graph, its nodes, its runs, its versions, its schedule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.widgets import ContentSwitcher

from stoker_shared import api
from stoker_shared.model import NodeSpec, WorkflowSpec
from stoker_shared.schedules import in_words
from stoker_shared.state import WorkflowVersion
from stoker_shared.writing import whole, written
from stoker_tui.actions import Kind, VersionOf
from stoker_tui.cli.tables import Column as Shape
from stoker_tui.mirror import Topic
from stoker_tui.screens import cells, fields
from stoker_tui.screens.dialogs import Choice, Read
from stoker_tui.screens.lists import run_columns
from stoker_tui.screens.page import focus_first
from stoker_tui.screens.tabs import TabbedPage
from stoker_tui.screens.ticks import tick_lines
from stoker_tui.times import ago, ahead
from stoker_tui.topics import Runs, Workflow, WorkflowPage
from stoker_tui.widgets.dag_view import DagView
from stoker_tui.widgets.frame import Line
from stoker_tui.widgets.line_table import Column, LineTable
from stoker_tui.widgets.pane import Pane
from stoker_tui.widgets.pieces import Piece, Pieces

DRAFT = "draft"


class WorkflowScreen(TabbedPage):
    """One workflow. Graph and nodes are the latest version's, the draft's where there is none, or chosen."""

    TABS = ("graph", "nodes", "runs", "versions", "schedule", "settings")

    def __init__(self, row: api.WorkflowRow) -> None:
        super().__init__()
        self._topic = Workflow(row)
        self._runs = Runs(workflow=row.id)
        self._row = row
        self._place = ""
        """What graph and nodes show, where that was chosen: a version's number, or the draft."""
        self._tables: dict[str, LineTable] = {}

    @property
    def topics(self) -> Sequence[Topic]:
        """The workflow and its runs."""
        return (self._topic, self._runs)

    @property
    def crumbs(self) -> Sequence[str]:
        """Say where it is."""
        return ["workflows", self._topic.name]

    def body(self) -> ComposeResult:
        """Give what is known of the workflow."""
        ascii_only = self.stoker.ascii_only
        yield Line(self.styles_of, ascii_only=ascii_only, most=2, id="title")
        yield Line(self.styles_of, ascii_only=ascii_only, id="tabline")
        self._tables = {
            "nodes": self._table("nodes", _node_columns(), lambda node: node.name, fields.NODE_SPEC),
            "runs": self._table("runs", run_columns(self, named=False), lambda row: row.id, fields.RUN),
            "versions": self._table("versions", self._version_columns(), lambda version: version.version),
        }
        with ContentSwitcher(id="tabs", initial="graph"):
            yield DagView(self.styles_of, ascii_only=ascii_only, id="graph")
            yield from self._tables.values()
            yield Pane(self.styles_of, ascii_only=ascii_only, id="schedule")
            yield Pane(self.styles_of, ascii_only=ascii_only, id="settings")

    @property
    def table(self) -> LineTable | None:
        """The list of the tab."""
        return self._tables.get(self.tab)

    @property
    def graph(self) -> DagView | None:
        """The graph, where it is shown."""
        return self.query_one(DagView) if self.tab == "graph" else None

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the workflow, and the runs chosen."""
        known = self._topic.value
        things: dict[Kind, Sequence[Any]] = {
            Kind.WORKFLOW: [known.draft.row if known else self._row],
            Kind.TABS: [None],
            Kind.VERSIONS: [self] if known else [],
        }
        if self.tab == "runs":
            things[Kind.RUN] = self._tables["runs"].chosen
        elif self.tab == "versions" and known:
            things[Kind.VERSION] = [
                VersionOf(known.draft.row, version) for version in self._tables["versions"].chosen
            ]
        return things

    def places(self) -> list[Choice]:
        """Give the draft and the versions, to choose among."""
        known = self._topic.value
        if known is None:
            return []
        ahead_of = "" if known.draft.row.has_changes else "the same as the latest version"
        drafts = [Choice(DRAFT, DRAFT, ahead_of)]
        return [
            *drafts,
            *(
                Choice(f"version {version.version}", str(version.version), version.remarks)
                for version in known.versions
            ),
        ]

    def show_place(self, place: str | None) -> None:
        """Let graph and nodes show a version, or the draft."""
        if place is None:
            return
        self._place = place
        self._topic.wanted = 0 if place == DRAFT else int(place)
        self.stoker.mirror.renew(self._topic)
        if self.tab not in ("graph", "nodes"):
            self.turn_to("graph")
        self.redraw()

    def open(self) -> None:
        """Open the run under the cursor, show the version, or read what the node is."""
        match self.table.current if self.table else None:
            case api.RunRow() as row:
                self.stoker.open_run(row.id)
            case WorkflowVersion() as version:
                self.show_place(str(version.version))
            case NodeSpec() as node:
                self._read(node)
            case _ if self.graph is not None and self.graph.selected is not None:
                nodes = {node.name: node for node in self._spec_nodes()}
                if node := nodes.get(self.graph.selected):
                    self._read(node)

    def on_dag_view_opened(self, event: DagView.Opened) -> None:
        """Read what the node is."""
        self.open()

    def _read(self, node: NodeSpec) -> None:
        self.app.push_screen(Read(node.name, list(node_lines(node))))

    def draw(self) -> None:
        """Show the workflow."""
        known = self._topic.value
        shown: Pieces = [(f"showing {self._standing()} ", "warning")] if self._place else []
        self.draw_tabs(shown)
        if known is None:
            self.query_one("#title", Line).show([(f" {self.why_nothing(self._topic)}", "dim")])
            return
        self.query_one("#title", Line).show(self._title(known))
        nodes = self._spec_nodes()
        self._tables["nodes"].set_rows(nodes)
        self._tables["runs"].empty = (f"no runs yet; {self.key_of('workflow.run')} starts one",)
        self._tables["runs"].set_rows((self._runs.value or {}).values())
        self._tables["versions"].empty = ("nothing is published yet",)
        self._tables["versions"].set_rows(known.versions)
        _show_graph(self.query_one(DagView), nodes)
        self.query_one("#schedule", Pane).set_lines(list(self._schedule(known)))
        self.query_one("#settings", Pane).set_lines(_settings(self._spec(known)))
        focus_first(self, self.shown)

    def on_line_table_near_end(self, event: LineTable.NearEnd) -> None:
        """Have older runs asked for."""
        if event.table.id == "runs":
            self.stoker.ask_older(self._runs)

    def _spec_nodes(self) -> Sequence[NodeSpec]:
        """Give the nodes of what is shown."""
        known = self._topic.value
        if known is None:
            return ()
        return self._spec(known).nodes

    def _spec(self, known: WorkflowPage) -> WorkflowSpec:
        """Give the definition that is shown."""
        view = known.draft if self._place == DRAFT else (known.chosen or known.latest or known.draft)
        return view.spec

    def _standing(self) -> str:
        return "the draft" if self._place == DRAFT else f"version {self._place}"

    def _table(self, id: str, columns: Sequence[Column], key: Any, asked: Any = None) -> LineTable:
        return LineTable(
            columns,
            key=key,
            styles=self.styles_of,
            fields=asked,
            ascii_only=self.stoker.ascii_only,
            id=id,
        )

    def _title(self, known: WorkflowPage) -> Pieces:
        row, now = known.draft.row, self.stoker.now()
        pieces: list[Piece] = [
            (f" v{row.version}" if row.version else " never published", "strong"),
            ("  draft is ahead" if row.has_changes and row.version else "", "warning"),
            (f"  {in_words(row.schedule)}", ""),
        ]
        if row.schedule:
            pieces.append(("  on", "succeeded") if row.scheduling else ("  off", "dim"))
        if row.scheduling and row.next_at:
            pieces.append((f", next {ahead(row.next_at, now)}", ""))
        pieces.append((f"  queue {row.queue}", "dim"))
        pieces += [(f"  {key}={value}", "dim") for key, value in row.tags.items()]
        description = known.draft.spec.description
        return [*pieces, (f"  {description}" if description else "", "dim")]

    def _version_columns(self) -> Sequence[Column[WorkflowVersion]]:
        now = self.stoker.now
        return [
            Column(Shape("VERSION"), lambda version: cells.plain(f"v{version.version}"), lambda v: v.version),
            Column(Shape("PUBLISHED"), lambda version: cells.plain(ago(version.at, now())), lambda v: v.at),
            Column(Shape("USER", text=True), lambda version: cells.dim(version.by), lambda v: v.by),
            Column(Shape("REMARKS", text=True), lambda version: cells.plain(version.remarks)),
        ]

    def _schedule(self, known: WorkflowPage) -> Iterator[Pieces]:
        row, view, now = known.draft.row, known.scheduling, self.stoker.now()
        if row.schedule is None:
            yield [("It has no schedule: its runs are started by hand, or by a backfill.", "")]
            return
        words = view.words if view else in_words(row.schedule)
        yield [
            (words, "strong"),
            (
                "  switched on" if row.scheduling else f"  off; {self.key_of('workflow.on')} turns it on",
                "dim",
            ),
        ]
        if view is None:
            return
        yield [(f"time zone {view.time_zone}", "dim")]
        if view.skipped:
            skipped = view.skipped
            yield [
                (f"{skipped.count} skipped, the last {ago(skipped.last, now)}: ", "warning"),
                (skipped.detail or skipped.reason.value.replace("_", " "), ""),
            ]
        yield []
        yield from tick_lines(view.next, now)


def node_lines(node: NodeSpec) -> Iterator[Pieces]:
    """Give what a node is set to; what it does not set is its workflow's or its job's."""
    yield from (
        [(f"{name} ", "dim"), (_said(value), "")] for name, value in written(node).items() if name != "name"
    )


def _settings(spec: WorkflowSpec) -> Iterator[Pieces]:
    """Give every setting of a workflow; what is as by default is dim."""
    own = written(spec)
    for name, value in whole(spec).items():
        if name not in ("nodes", "workflow"):
            yield [(f"{name:<18}", "dim"), (_said(value) or "none", "" if name in own else "dim")]


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_said(one)}" for name, one in value.items() if one not in (None, ""))
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value))
    return str(value)


def _node_columns() -> Sequence[Column[NodeSpec]]:
    return [
        Column(Shape("NODE", text=True), lambda node: cells.plain(node.name), lambda node: node.name),
        Column(Shape("JOB", text=True), lambda node: cells.plain(node.job), lambda node: node.job),
        Column(Shape("UPSTREAM", text=True), lambda node: cells.dim(", ".join(node.upstream))),
        Column(Shape("QUEUE", text=True, spare=1), lambda node: cells.dim(node.queue or "")),
        Column(
            Shape("RETRIES", right=True, spare=2),
            lambda node: cells.dim("" if node.retries is None else node.retries),
        ),
        Column(
            Shape("ENABLED", spare=3),
            lambda node: [("✔", "succeeded")] if node.enabled else [("⊘ disabled", "disabled")],
        ),
    ]


def _show_graph(graph: DagView, nodes: Sequence[NodeSpec]) -> None:
    graph.empty = "It has no nodes yet."
    try:
        graph.show(
            {node.name: node.upstream for node in nodes},
            {node.name: "disabled" for node in nodes if not node.enabled},
        )
    except ValueError as error:
        graph.empty = f"It can't be drawn: {error}"
        graph.show({}, {})
