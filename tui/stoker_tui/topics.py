"""What the screens show, topic by topic: how each is asked for, and which events touch it."""

from __future__ import annotations

import asyncio

import msgspec

from stoker_shared import api, routes
from stoker_shared.api.backfills import BackfillView
from stoker_shared.api.scheduling import SchedulingView
from stoker_shared.codec import decode_record
from stoker_shared.events import Record
from stoker_shared.model import NodeState
from stoker_shared.state import WorkflowVersion
from stoker_tui.cleaning import cleaned
from stoker_tui.client import Refused
from stoker_tui.link import Link
from stoker_tui.mirror import Topic, Touch

PAGE = 500
"""Runs that are asked for at once."""

MOST_SINGLY = 10
"""Rows that are asked for one by one; of more the list is asked for."""

MOST_CARDS = 5
"""Failed nodes of a run whose failure cards are asked for."""

_RUN_ROW = frozenset(
    {
        "run.created",
        "run.started",
        "run.paused",
        "run.resumed",
        "run.rerun_requested",
        "run.finished",
        "node.set_successful",
    }
)
"""Events that change what lists show of a run."""

_PROGRESS = _RUN_ROW | {"node.finished", "node.skipped"}
"""Events that change how much of a run is done."""

_PLACES = frozenset(
    {
        "run.created",
        "run.finished",
        "run.paused",
        "run.resumed",
        "run.rerun_requested",
        "node.finished",
        "node.skipped",
        "node.set_successful",
        "attempt.starting",
        "attempt.finished",
        "attempt.retry_at",
        "daemon.draining",
    }
)
"""Events that change who has, or waits for, a place in a queue."""


class Workflows(Topic[dict[int, api.WorkflowRow]]):
    """Every workflow, by id."""

    def __init__(self) -> None:
        super().__init__()
        self._touched: set[int] = set()
        self._whole = True

    def touch(self, touch: Touch) -> None:
        """Note a workflow that changed, or one of whose runs did."""
        touched = touch.workflow if touch.type.startswith(("workflow.", "tick.")) else 0
        if touch.type in _RUN_ROW:
            touched = touch.workflow or self._running(touch.run)
        if touched:
            self._touched.add(touched)
            self.stale = True

    def forget(self) -> None:
        """Note that anything may have happened."""
        super().forget()
        self._whole = True

    async def ask(self, link: Link) -> dict[int, api.WorkflowRow]:
        """Give the workflows: of a few that changed only these are asked for."""
        touched, whole = self._touched, self._whole
        self._touched, self._whole = set(), False
        known = self.value or {}
        if not whole and len(touched) <= MOST_SINGLY and touched <= known.keys():
            try:
                views = [
                    await link.get(link.within(routes.WORKFLOW, name=known[number].name), api.WorkflowView)
                    for number in touched
                ]
            except Refused:
                pass  # One was renamed or deleted.
            else:
                return known | {view.row.id: view.row for view in views if view.row.id in touched}
        rows = await link.pages(link.within(routes.WORKFLOWS), api.WorkflowRow)
        return {row.id: row for row in rows}

    def _running(self, run: int) -> int:
        return next(
            (row.id for row in (self.value or {}).values() if run in (*row.active_runs, row.last_run)), 0
        )


class Runs(Topic[dict[int, api.RunRow]]):
    """Runs of the workspace, or of one workflow or backfill, newest first; older ones come when asked for."""

    def __init__(self, *, workflow: int = 0, backfill: int = 0) -> None:
        super().__init__()
        self._workflow = workflow
        self._backfill = backfill
        self._touched: set[int] = set()
        self._whole = True
        self.older: str | None = None
        """Where older ones begin, if there are any."""
        self.asking = False
        """Older ones are being asked for."""

    def touch(self, touch: Touch) -> None:
        """Note a run that changed."""
        if touch.type == "runs.removed":
            self.forget()
        if touch.type not in _RUN_ROW:
            return
        if self._has(touch) or touch.run in (self.value or {}):
            self._touched.add(touch.run)
            self.stale = True

    def forget(self) -> None:
        """Note that anything may have happened."""
        super().forget()
        self._whole = True

    async def ask(self, link: Link) -> dict[int, api.RunRow]:
        """Give the runs: of a few that changed only these are asked for."""
        touched, whole = self._touched, self._whole
        self._touched, self._whole = set(), False
        known = self.value or {}
        if whole or self.value is None:
            page = await self._page(link, PAGE)
            self.older = page.next
            return {row.id: row for row in page.items}
        if len(touched) <= MOST_SINGLY:
            views = [await link.get(routes.fill(routes.RUN, run=number), api.RunView) for number in touched]
            rows = [view.row for view in views if view.row.workspace == link.workspace]
        else:
            rows = (await self._page(link, PAGE)).items
        return _newest_first(known | {row.id: row for row in rows})

    async def ask_older(self, link: Link) -> None:
        """Ask for runs that are older than those known."""
        if self.older and self.value is not None and not self.asking:
            self.asking = True
            try:
                page = await self._page(link, PAGE, self.older)
            finally:
                self.asking = False
            self.older = page.next
            self.value = self.value | {row.id: row for row in page.items}

    def _has(self, touch: Touch) -> bool:
        """Tell whether an event is of a run that belongs here, as far as it says what that is of."""
        return (not self._workflow or touch.workflow == self._workflow) and (
            not self._backfill or touch.backfill == self._backfill
        )

    async def _page(self, link: Link, limit: int, cursor: str = "") -> api.Page[api.RunRow]:
        query = {"limit": str(limit)}
        if self._workflow:
            query["workflow_id"] = str(self._workflow)
        if self._backfill:
            query["backfill"] = str(self._backfill)
        if cursor:
            query["cursor"] = cursor
        return await link.get(link.within(routes.RUNS), api.Page[api.RunRow], query)


def _newest_first(rows: dict[int, api.RunRow]) -> dict[int, api.RunRow]:
    return dict(sorted(rows.items(), reverse=True))


class Latest(Topic[dict[int, tuple[api.RunRow, ...]]]):
    """The last runs of each workflow, newest first, by the workflow's id; and how far active ones have come.

    What the newest runs of all do not tell is asked for workflow by workflow, some at a time. ``progress``
    has the nodes that have ended and all nodes of active runs, by their numbers, where these are few.
    """

    def __init__(self, workflows: Workflows, most: int) -> None:
        super().__init__()
        self._workflows = workflows
        self._most = most
        self._touched: set[int] = set()
        self._whole = True
        self._complete: set[int] = set()
        self.progress: dict[int, tuple[int, int]] = {}

    def touch(self, touch: Touch) -> None:
        """Note a run that changed, or came on."""
        if touch.type in _PROGRESS:
            self._touched.add(touch.run)
            self.stale = True

    def forget(self) -> None:
        """Note that anything may have happened."""
        super().forget()
        self._whole = True

    async def ask(self, link: Link) -> dict[int, tuple[api.RunRow, ...]]:
        """Give the last runs, as far as they are asked for; more to ask leaves it stale."""
        touched, whole = self._touched, self._whole
        self._touched, self._whole = set(), False
        known = self.value or {}
        if whole:
            self._complete = set()
            known = {}
        if whole or len(touched) > MOST_SINGLY:
            query = {"limit": str(api.MAX_PAGE)}
            page = await link.get(link.within(routes.RUNS), api.Page[api.RunRow], query)
            known = self._with(known, page.items)
            if page.next is None:
                self._complete |= known.keys()
            touched = {row.id for row in page.items if row.ended_at is None}
            self.progress = {}
        if len(touched) <= MOST_SINGLY:
            known = self._with(known, [await self._looked_at(link, number) for number in touched])
        return await self._completed(link, known)

    async def _looked_at(self, link: Link, number: int) -> api.RunRow:
        """Give a run, and note how far it has come."""
        view = await link.get(routes.fill(routes.RUN, run=number), api.RunView)
        if view.row.ended_at is None:
            ended = sum(node.ended_at is not None for node in view.nodes)
            self.progress[number] = (ended, len(view.nodes))
        else:
            self.progress.pop(number, None)
        return view.row

    def _with(
        self, known: dict[int, tuple[api.RunRow, ...]], rows: list[api.RunRow]
    ) -> dict[int, tuple[api.RunRow, ...]]:
        by_number: dict[int, dict[int, api.RunRow]] = {}
        for row in rows:
            of = by_number.setdefault(row.workflow, {old.id: old for old in known.get(row.workflow, ())})
            of[row.id] = row
        newest = {
            workflow: tuple(of[number] for number in sorted(of, reverse=True)[: self._most])
            for workflow, of in by_number.items()
        }
        return known | newest

    async def _completed(
        self, link: Link, known: dict[int, tuple[api.RunRow, ...]]
    ) -> dict[int, tuple[api.RunRow, ...]]:
        rows = self._workflows.value
        if rows is None:
            self.stale = True
            return known
        self._complete |= {workflow for workflow, runs in known.items() if len(runs) >= self._most}
        open_ones = [row.id for row in rows.values() if row.last_run and row.id not in self._complete]
        for workflow in open_ones[:MOST_SINGLY]:
            query = {"workflow_id": str(workflow), "limit": str(self._most)}
            page = await link.get(link.within(routes.RUNS), api.Page[api.RunRow], query)
            known = self._with(known, page.items)
            self._complete.add(workflow)
        self.stale = self.stale or len(open_ones) > MOST_SINGLY
        return known


class Listed(Topic[list]):
    """A list that is asked for whole: jobs, queues, backfills."""

    def __init__(self, path: str, kind: type[msgspec.Struct], touched_by: tuple[str, ...]) -> None:
        super().__init__()
        self._path = path
        self._kind = kind
        self._touched_by = touched_by

    def touch(self, touch: Touch) -> None:
        """Note an event of a kind that changes the list."""
        self.stale = self.stale or touch.type.startswith(self._touched_by)

    async def ask(self, link: Link) -> list:
        """Give the list."""
        return await link.pages(link.within(self._path), self._kind)


def jobs() -> Listed:
    """Give the jobs of the workspace."""
    return Listed(routes.JOBS, api.JobView, ("job.",))


def queues() -> Listed:
    """Give the queues."""
    return Listed(routes.QUEUES, api.QueueView, ("queue.", *sorted(_PLACES)))


def variables() -> Listed:
    """Give the variables of the workspace."""
    return Listed(routes.VARIABLES, api.VariableView, ("variable.",))


def workspaces() -> Listed:
    """Give the workspaces."""
    return Listed(routes.WORKSPACES, api.WorkspaceView, ("workspace.", "job.", "workflow.", "variable."))


def backfills() -> Listed:
    """Give the backfills of the workspace, newest first."""
    return Listed(routes.BACKFILLS, BackfillView, ("backfill.", "run.created", "run.finished"))


class RunPage(msgspec.Struct):
    """A run whole, with the failure cards of its failed nodes."""

    view: api.RunView
    cards: dict[str, api.FailureView] = {}


class Run(Topic[RunPage]):
    """One run."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def touch(self, touch: Touch) -> None:
        """Note an event of the run, and one that may change what its nodes wait for."""
        self.stale = (
            self.stale
            or touch.run == self.number
            or (self._waits() and (touch.type in _PLACES or touch.type.startswith("queue.")))
        )

    async def ask(self, link: Link) -> RunPage:
        """Give the run; a card that is known and still holds is not asked for again."""
        view = await link.get(routes.fill(routes.RUN, run=self.number), api.RunView)
        known = self.value.cards if self.value else {}
        failed = [node for node in view.nodes if node.state is NodeState.FAILED][:MOST_CARDS]
        cards = {}
        for node in failed:
            card = known.get(node.name)
            if card is None or card.attempt != (len(node.attempts) or None):
                path = routes.fill(routes.NODE_FAILURE, run=self.number, node=node.name)
                try:
                    card = await link.get(path, api.FailureView)
                except Refused:
                    continue  # It is being rerun.
            cards[node.name] = card
        return RunPage(view, cards)

    def _waits(self) -> bool:
        return self.value is not None and any(node.waiting for node in self.value.view.nodes)


class RunEvents(Topic[list[Record]]):
    """What happened in a run, the oldest first, while it is ``wanted``: only what is new is asked for."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self.wanted = False
        self.stale = False
        self._seq = 0

    def touch(self, touch: Touch) -> None:
        """Note that something happened in the run."""
        self.stale = self.stale or (self.wanted and touch.run == self.number)

    def forget(self) -> None:
        """Note that anything may have happened."""
        self.stale = self.wanted

    async def ask(self, link: Link) -> list[Record]:
        """Give what happened, as far as it is asked for; more to ask leaves it stale."""
        path = routes.fill(routes.RUN_EVENTS, run=self.number)
        query = {"after": str(self._seq), "limit": str(api.MAX_PAGE)}
        part = await link.get(path, api.RunEvents, query)
        self._seq, self.stale = part.seq, part.more
        return [*(self.value or []), *(cleaned(decode_record(bytes(line))[0]) for line in part.items)]


class WorkflowPage(msgspec.Struct):
    """A workflow: its draft, its latest version where there is one, all its versions, its schedule.

    ``chosen`` is the version that was asked to be shown, if any was.
    """

    draft: api.WorkflowView
    latest: api.WorkflowView | None
    chosen: api.WorkflowView | None
    versions: list[WorkflowVersion]
    scheduling: SchedulingView | None


class Workflow(Topic[WorkflowPage]):
    """One workflow, which keeps its id when its name changes."""

    def __init__(self, row: api.WorkflowRow) -> None:
        super().__init__()
        self.id = row.id
        self.name = row.name
        self._versions: dict[int, api.WorkflowView] = {}
        self.wanted = 0
        """The version that is to be shown beside the latest; 0: none."""

    def touch(self, touch: Touch) -> None:
        """Note what happened to the workflow, and to its schedule."""
        self.stale = self.stale or touch.workflow == self.id

    async def ask(self, link: Link) -> WorkflowPage:
        """Give the workflow."""
        path = link.within(routes.WORKFLOW, name=self.name)
        try:
            draft = await link.get(path, api.WorkflowView)
        except Refused:
            self.name = await self._new_name(link)
            path = link.within(routes.WORKFLOW, name=self.name)
            draft = await link.get(path, api.WorkflowView)
        latest = await self._version(link, draft.row.version)
        chosen = await self._version(link, self.wanted)
        versions, scheduling = await asyncio.gather(
            link.pages(link.within(routes.WORKFLOW_VERSIONS, name=self.name), WorkflowVersion),
            self._scheduling(link),
        )
        return WorkflowPage(draft, latest, chosen, versions[::-1], scheduling)

    async def _version(self, link: Link, version: int) -> api.WorkflowView | None:
        """Give a version; it never changes, and is asked for once."""
        if version and version not in self._versions:
            path = link.within(routes.WORKFLOW, name=self.name)
            self._versions[version] = await link.get(path, api.WorkflowView, {"version": str(version)})
        return self._versions.get(version)

    async def _scheduling(self, link: Link) -> SchedulingView | None:
        try:
            return await link.get(link.within(routes.WORKFLOW_SCHEDULING, name=self.name), SchedulingView)
        except Refused:
            return None

    async def _new_name(self, link: Link) -> str:
        rows = await link.pages(link.within(routes.WORKFLOWS), api.WorkflowRow)
        return next((row.name for row in rows if row.id == self.id), self.name)


class Diff(Topic[api.WorkflowDifference]):
    """What leads from one definition of a workflow to another: versions by number, or ``draft``."""

    def __init__(self, name: str, before: str, after: str) -> None:
        super().__init__()
        self.name = name
        self.before = before
        self.after = after

    def touch(self, touch: Touch) -> None:
        """Note that some draft was saved; versions stay as they are."""
        self.stale = self.stale or touch.type in ("workflow.saved", "workflow.renamed")

    async def ask(self, link: Link) -> api.WorkflowDifference:
        """Give the difference."""
        query = {"from": self.before, "to": self.after}
        return await link.get(
            link.within(routes.WORKFLOW_DIFF, name=self.name), api.WorkflowDifference, query
        )


class JobPage(msgspec.Struct):
    """A job, and its versions, newest first."""

    view: api.JobView
    versions: list[api.JobVersionView]


class Job(Topic[JobPage]):
    """One job."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def touch(self, touch: Touch) -> None:
        """Note that something happened to a job."""
        self.stale = self.stale or touch.type.startswith("job.")

    async def ask(self, link: Link) -> JobPage:
        """Give the job."""
        view = await link.get(link.within(routes.JOB, path=self.path), api.JobView)
        versions = await link.pages(link.within(routes.JOB_VERSIONS, path=self.path), api.JobVersionView)
        return JobPage(view, versions[::-1])


class Backfill(Topic[BackfillView]):
    """One backfill."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def touch(self, touch: Touch) -> None:
        """Note what happened to the backfill, and that some run began or ended: it may be one of its own."""
        of_runs = touch.type in ("run.finished", "run.rerun_requested")
        self.stale = self.stale or touch.backfill == self.number or of_runs

    async def ask(self, link: Link) -> BackfillView:
        """Give the backfill."""
        return await link.get(routes.fill(routes.BACKFILL, backfill=self.number), BackfillView)


class Queue(Topic[api.QueueView]):
    """One queue, with what holds its places and what waits for them."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def touch(self, touch: Touch) -> None:
        """Note what may have moved in the queue."""
        self.stale = self.stale or touch.type in _PLACES or touch.type.startswith("queue.")

    async def ask(self, link: Link) -> api.QueueView:
        """Give the queue."""
        return await link.get(routes.fill(routes.QUEUE, name=self.name), api.QueueView)
