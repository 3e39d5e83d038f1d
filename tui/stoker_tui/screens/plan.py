"""The plan of a run: what each node would be launched as, and what is missing for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote

from textual.app import ComposeResult

from stoker_shared import api
from stoker_tui.cli.tables import Column as Shape
from stoker_tui.screens import cells, fields
from stoker_tui.screens.page import Page, focus_first
from stoker_tui.times import local
from stoker_tui.widgets.frame import Line
from stoker_tui.widgets.line_table import Column, LineTable
from stoker_tui.widgets.pane import Pane
from stoker_tui.widgets.pieces import Piece, Pieces


class PlanScreen(Page):
    """A plan. Nothing of it is started; it is as things were when it was asked for."""

    DEFAULT_CSS = """
    PlanScreen #nodes { height: 1fr; }
    PlanScreen #facts { height: 1fr; border-top: solid $panel; }
    """

    def __init__(self, plan: api.RunPlan) -> None:
        super().__init__()
        self._said = "nothing is started; esc goes back to what was typed"
        self._plan = plan
        self._table: LineTable[api.NodePlan] | None = None

    @property
    def crumbs(self) -> Sequence[str]:
        """Say where it is."""
        return ["workflows", self._plan.workflow, "plan"]

    @property
    def table(self) -> LineTable[api.NodePlan] | None:
        """The nodes."""
        return self._table

    @property
    def facts(self) -> Pane:
        """What is known of the node under the cursor."""
        return self.query_one("#facts", Pane)

    def body(self) -> ComposeResult:
        """Give the nodes, and the command of the one under the cursor."""
        ascii_only = self.stoker.ascii_only
        yield Line(self.styles_of, ascii_only=ascii_only, most=2, id="title")
        self._table = LineTable(
            _columns(),
            key=lambda node: node.name,
            styles=self.styles_of,
            fields=fields.NODE_PLAN,
            ascii_only=ascii_only,
            id="nodes",
        )
        yield self._table
        yield Pane(self.styles_of, ascii_only=ascii_only, id="facts")

    def draw(self) -> None:
        """Show the plan."""
        self.query_one("#title", Line).show(_title(self._plan))
        if self._table is not None:
            self._table.set_rows(self._plan.nodes)
            focus_first(self, self._table)
        self._draw_facts()

    def on_line_table_moved(self, event: LineTable.Moved) -> None:
        """Show the command of the node under the cursor."""
        super().on_line_table_moved(event)
        self._draw_facts()

    def _draw_facts(self) -> None:
        node = self._table.current if self._table else None
        self.facts.set_lines(plan_lines(node) if node else [])


def _title(plan: api.RunPlan) -> Pieces:
    missing = sum(bool(node.missing) for node in plan.nodes)
    return [
        (f" v{plan.version}" if plan.version else " draft", "strong"),
        (f"  cycle {local(plan.cycle, plan.time_zone)} {plan.time_zone}", ""),
        (f"  {len(plan.nodes)} nodes, ", ""),
        (
            f"of {missing} something is missing" if missing else "nothing is missing",
            "failed" if missing else "",
        ),
    ]


def plan_lines(node: api.NodePlan) -> Iterator[Pieces]:
    """Give what a node would be launched as: a command that can be copied into a shell."""
    yield [
        (f"{node.name}  ", "strong"),
        (f"{node.job} version {node.version}" if node.version else node.job, ""),
    ]
    for missing in node.missing:
        yield [("✖ ", "failed"), (missing, "failed")]
    after: list[Piece] = [(f", after {', '.join(node.upstream)}", "")] if node.upstream else []
    yield [("queue ", "dim"), (f"{node.queue}, {node.cu} CU", ""), *after]
    yield []
    if node.command:
        yield [(" ".join(map(quote, node.command)), "")]
    for name, value in node.environment.items():
        yield [(f"  {name}=", "dim"), (quote(value), "dim")]


def _columns() -> Sequence[Column[api.NodePlan]]:
    return [
        Column(Shape("NODE", text=True), lambda node: cells.plain(node.name), lambda node: node.name),
        Column(Shape("JOB", text=True), lambda node: cells.plain(node.job), lambda node: node.job),
        Column(Shape("QUEUE", text=True), lambda node: cells.plain(node.queue), lambda node: node.queue),
        Column(Shape("CU", right=True), lambda node: cells.plain(node.cu), lambda node: node.cu),
        Column(Shape("AFTER", text=True, spare=1), lambda node: cells.dim(", ".join(node.upstream))),
        Column(Shape("MISSING", text=True), _missing, lambda node: not node.missing),
    ]


def _missing(node: api.NodePlan) -> Pieces:
    return [(f"✖ {'; '.join(node.missing)}", "failed")] if node.missing else [("", "")]
