"""The five lists: workflows, runs, backfills, jobs, queues."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from textual.app import ComposeResult

from stoker_shared import api
from stoker_shared.api.backfills import BackfillView
from stoker_tui.actions import Kind
from stoker_tui.cli.tables import Column as Shape
from stoker_tui.filtering import Fields
from stoker_tui.mirror import Connection, Topic
from stoker_tui.screens import cells, fields
from stoker_tui.screens.page import Page
from stoker_tui.times import local
from stoker_tui.widgets.line_table import Column, LineTable

_R = TypeVar("_R")


class ListPage(Page, Generic[_R]):
    """A screen that is a list."""

    kind: ClassVar[Kind | None] = None
    nothing = ""
    """What to say where the daemon has none of these."""

    def __init__(self) -> None:
        super().__init__()
        self._table: LineTable[_R] | None = None

    def columns(self) -> Sequence[Column[_R]]:
        """Give the columns."""
        raise NotImplementedError

    def key(self, row: _R) -> Hashable:
        """Give what identifies a row."""
        raise NotImplementedError

    def fields(self) -> Fields[_R]:
        """Give what a filter can ask of a row."""
        raise NotImplementedError

    def rows(self) -> Sequence[_R] | None:
        """Give the rows; None where they are not known yet."""
        raise NotImplementedError

    @property
    def table(self) -> LineTable[_R] | None:
        """The list."""
        return self._table

    def body(self) -> ComposeResult:
        """Give the list."""
        self._table = LineTable(
            self.columns(),
            key=self.key,
            styles=self.styles_of,
            fields=self.fields(),
            ascii_only=self.stoker.ascii_only,
            id="list",
        )
        yield self._table

    def draw(self) -> None:
        """Show the rows."""
        if self._table is not None:
            rows = self.rows()
            self._table.empty = self._why_empty(known=rows is not None)
            self._table.set_rows(rows or [])

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the marked rows, or the one under the cursor."""
        if self.kind is None:
            return {}
        return {self.kind: self._table.chosen if self._table else []}

    def _why_empty(self, *, known: bool) -> Sequence[str]:
        mirror = self.stoker.mirror
        problem = next((topic.problem for topic in self.topics if topic.problem), "")
        if not known and mirror.connection is Connection.GONE:
            return (
                "There is no daemon at",
                f"  {mirror.path}",
                "",
                f"{self.key_of('daemon.start')} starts one for you, which goes on when you leave. "
                "By hand: stokerd",
                "It is tried again and again; STOKER_SOCKET says where it is.",
                "",
                f"({mirror.why})",
            )
        if not known:
            return (problem or "asking the daemon ...",)
        return (problem or self.nothing.format(**self._keys_named()),)

    def _keys_named(self) -> Mapping[str, str]:
        """Give the keys that the hint names, whatever the user made them."""
        return {"run": self.key_of("workflow.run"), "backfill": self.key_of("workflow.backfill")}


class WorkflowsPage(ListPage[api.WorkflowRow]):
    """Every workflow of the workspace."""

    crumb = "workflows"
    kind = Kind.WORKFLOW
    nothing = "no workflows yet; n makes one, stoker apply and stoker import read files"

    @property
    def topics(self) -> Sequence[Topic]:
        """The workflows, and the last runs of each."""
        return (self.stoker.workflows, self.stoker.latest)

    def columns(self) -> Sequence[Column[api.WorkflowRow]]:
        """Give the columns."""
        now = self.stoker.now
        return [
            Column(
                Shape("NAME", text=True), lambda row: cells.plain(row.name), lambda row: row.name.casefold()
            ),
            Column(Shape("SCHEDULE", text=True, spare=1), cells.workflow_schedule),
            Column(Shape("ON", spare=2), cells.workflow_on, lambda row: not row.scheduling),
            Column(
                Shape("NEXT", spare=3),
                lambda row: cells.workflow_next(row, now()),
                lambda row: row.next_at.timestamp() if row.scheduling and row.next_at else float("inf"),
            ),
            Column(Shape("LAST 10 RUNS"), lambda row: cells.last_runs(self._runs(row))),
            Column(
                Shape("STATUS"),
                lambda row: cells.workflow_status(row, self._runs(row), self.stoker.latest.progress, now()),
                lambda row: (not row.active_runs, -row.last_run),
            ),
            Column(Shape("VERSION", spare=4), cells.workflow_version),
        ]

    def key(self, row: api.WorkflowRow) -> Hashable:
        """A workflow keeps its id."""
        return row.id

    def fields(self) -> Fields[api.WorkflowRow]:
        """Give what a filter can ask of a row."""
        return {**fields.WORKFLOW, "status": self._statuses}

    def rows(self) -> Sequence[api.WorkflowRow] | None:
        """Give the workflows, by name."""
        known = self.stoker.workflows.value
        return None if known is None else sorted(known.values(), key=lambda row: row.name.casefold())

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the workflows chosen, and all of them."""
        return {**super().things(), Kind.WORKFLOWS: [None]}

    def open(self) -> None:
        """Open the workflow."""
        if self.table and self.table.current:
            self.stoker.open_workflow(self.table.current)

    def _statuses(self, row: api.WorkflowRow) -> Sequence[str]:
        """Give how its last run stands, and whether one is active."""
        active = ["active", "running"] if row.active_runs else []
        return [*active, *(run.state.value for run in self._runs(row) if run.id == row.last_run)]

    def _runs(self, row: api.WorkflowRow) -> Sequence[api.RunRow]:
        return (self.stoker.latest.value or {}).get(row.id, ())


def run_columns(page: Page, *, named: bool = True) -> list[Column[api.RunRow]]:
    """Give the columns of a list of runs, ``named`` with the workflow of each."""
    now = page.stoker.now
    name = Column(
        Shape("WORKFLOW", text=True),
        lambda row: cells.plain(row.name),
        lambda row: row.name.casefold(),
    )
    return [
        Column(Shape("RUN", right=True), cells.run_number, lambda row: row.id),
        *([name] if named else []),
        Column(Shape("STATUS"), cells.run_state, lambda row: row.state.value),
        Column(Shape("CYCLE", spare=1), cells.run_cycle, lambda row: row.cycle),
        Column(
            Shape("STARTED"),
            lambda row: cells.run_started(row, now()),
            lambda row: row.started_at.timestamp() if row.started_at else float("inf"),
        ),
        Column(
            Shape("TOOK", right=True),
            lambda row: cells.run_took(row, now()),
            lambda row: cells.run_order(row, now()),
        ),
        Column(Shape("BY", spare=2), cells.run_made, lambda row: row.trigger.value),
        Column(Shape("VERSION", spare=5), cells.run_version, lambda row: row.version),
        Column(Shape("USER", text=True, spare=3), lambda row: cells.dim(row.by), lambda row: row.by),
        Column(Shape("REMARKS", text=True, spare=4), lambda row: cells.dim(row.remarks)),
    ]


class RunsPage(ListPage[api.RunRow]):
    """The runs of the workspace, newest first."""

    crumb = "runs"
    kind = Kind.RUN
    nothing = "no runs yet; {run} on a workflow starts one"

    @property
    def topics(self) -> Sequence[Topic]:
        """The runs."""
        return (self.stoker.runs,)

    def columns(self) -> Sequence[Column[api.RunRow]]:
        """Give the columns."""
        return run_columns(self)

    def key(self, row: api.RunRow) -> Hashable:
        """A run has a number."""
        return row.id

    def fields(self) -> Fields[api.RunRow]:
        """Give what a filter can ask of a row."""
        return fields.RUN

    def rows(self) -> Sequence[api.RunRow] | None:
        """Give the runs, newest first."""
        known = self.stoker.runs.value
        return None if known is None else list(known.values())

    def open(self) -> None:
        """Open the run."""
        if self.table and self.table.current:
            self.stoker.open_run(self.table.current.id)

    def on_line_table_near_end(self, event: LineTable.NearEnd) -> None:
        """Have older runs asked for."""
        self.stoker.ask_older(self.stoker.runs)


class BackfillsPage(ListPage[BackfillView]):
    """The backfills of the workspace, newest first."""

    crumb = "backfills"
    kind = Kind.BACKFILL
    nothing = "no backfills yet; {backfill} on a workflow makes one"

    @property
    def topics(self) -> Sequence[Topic]:
        """The backfills."""
        return (self.stoker.backfills,)

    def columns(self) -> Sequence[Column[BackfillView]]:
        """Give the columns."""
        now = self.stoker.now
        return [
            Column(Shape("BACKFILL", right=True), lambda row: cells.plain(f"B{row.id}"), lambda row: row.id),
            Column(
                Shape("WORKFLOW", text=True),
                lambda row: cells.plain(row.workflow),
                lambda row: row.workflow.casefold(),
            ),
            Column(Shape("STATUS"), cells.backfill_state, lambda row: row.state.value),
            Column(Shape("PROGRESS"), cells.backfill_progress, lambda row: row.seen / max(row.total, 1)),
            Column(Shape("LEFT", text=True, spare=1), lambda row: cells.backfill_left(row, now())),
            Column(
                Shape("FROM", spare=2),
                lambda row: cells.plain(local(row.first, row.time_zone)),
                lambda row: row.first,
            ),
            Column(
                Shape("TO", spare=3),
                lambda row: cells.plain(local(row.last, row.time_zone)),
                lambda row: row.last,
            ),
            Column(Shape("USER", text=True, spare=4), lambda row: cells.dim(row.by), lambda row: row.by),
            Column(Shape("REMARKS", text=True, spare=5), lambda row: cells.dim(row.remarks)),
        ]

    def key(self, row: BackfillView) -> Hashable:
        """A backfill has a number."""
        return row.id

    def fields(self) -> Fields[BackfillView]:
        """Give what a filter can ask of a row."""
        return fields.BACKFILL

    def rows(self) -> Sequence[BackfillView] | None:
        """Give the backfills."""
        return self.stoker.backfills.value

    def open(self) -> None:
        """Open the backfill."""
        if self.table and self.table.current:
            self.stoker.open_backfill(self.table.current.id)


class JobsPage(ListPage[api.JobView]):
    """The jobs of the workspace."""

    crumb = "jobs"
    kind = Kind.JOB
    nothing = "no jobs yet; n publishes a file as one"

    @property
    def topics(self) -> Sequence[Topic]:
        """The jobs."""
        return (self.stoker.jobs,)

    def columns(self) -> Sequence[Column[api.JobView]]:
        """Give the columns."""
        now = self.stoker.now
        return [
            Column(Shape("PATH", text=True), lambda row: cells.plain(row.path), lambda row: row.path),
            Column(Shape("TYPE", spare=1), lambda row: cells.dim(row.type.value), lambda row: row.type.value),
            Column(
                Shape("VERSION"),
                lambda row: [
                    (f"v{row.version}" if row.version else "draft", ""),
                    ("+" if row.has_changes and row.version else "", "warning"),
                ],
                lambda row: row.version,
            ),
            Column(
                Shape("PUBLISHED", spare=2),
                lambda row: cells.plain(cells.ago(row.latest.published_at, now()) if row.latest else ""),
                lambda row: row.latest.published_at.timestamp() if row.latest else 0.0,
            ),
            Column(
                Shape("USER", text=True, spare=3),
                lambda row: cells.dim(row.latest.by if row.latest else row.draft.by),
            ),
            Column(
                Shape("REMARKS", text=True, spare=4),
                lambda row: cells.dim(row.latest.remarks if row.latest else ""),
            ),
        ]

    def key(self, row: api.JobView) -> Hashable:
        """A job is known by its path."""
        return row.path

    def fields(self) -> Fields[api.JobView]:
        """Give what a filter can ask of a row."""
        return fields.JOB

    def rows(self) -> Sequence[api.JobView] | None:
        """Give the jobs."""
        return self.stoker.jobs.value

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the jobs chosen, and that there can be more."""
        return {Kind.JOBS: [None], **super().things()}

    def open(self) -> None:
        """Open the job."""
        if self.table and self.table.current:
            self.stoker.open_job(self.table.current.path)


class QueuesPage(ListPage[api.QueueView]):
    """The queues, with what holds them and what waits."""

    crumb = "queues"
    kind = Kind.QUEUE

    @property
    def topics(self) -> Sequence[Topic]:
        """The queues."""
        return (self.stoker.queues,)

    def columns(self) -> Sequence[Column[api.QueueView]]:
        """Give the columns."""
        return [
            Column(Shape("NAME", text=True), lambda row: cells.plain(row.name), lambda row: row.name),
            Column(Shape("IN USE", right=True), cells.queue_use, lambda row: row.cu),
            Column(Shape("NODES", right=True), cells.queue_nodes, lambda row: row.active),
            Column(
                Shape("WAITING", right=True),
                lambda row: [(str(row.waiting), "pending" if row.waiting else "dim")],
                lambda row: row.waiting,
            ),
            Column(Shape("FOR", spare=1), lambda row: cells.dim(row.spec.environment.value)),
            Column(Shape("MASTER", text=True, spare=2), lambda row: cells.dim(row.spec.master)),
        ]

    def key(self, row: api.QueueView) -> Hashable:
        """A queue is known by its name."""
        return row.name

    def fields(self) -> Fields[api.QueueView]:
        """Give what a filter can ask of a row."""
        return fields.QUEUE

    def rows(self) -> Sequence[api.QueueView] | None:
        """Give the queues."""
        return self.stoker.queues.value

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the queues chosen, and that there can be more."""
        return {Kind.QUEUES: [None], **super().things()}

    def open(self) -> None:
        """Open the queue."""
        if self.table and self.table.current:
            self.stoker.open_queue(self.table.current.name)
