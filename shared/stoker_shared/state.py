"""What is current, as values: definitions by digest, and the runs that have not finished.

Only `stoker_shared.apply` changes these. Finished runs leave the state; what remains of them is in the
projection.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

import msgspec

from stoker_shared import events as ev
from stoker_shared.model import (
    NODE_ENDS,
    AttemptState,
    BackfillOrder,
    BackfillState,
    FailureStrategy,
    Intervals,
    JobConfig,
    NodeState,
    OverlapPolicy,
    QueueSpec,
    RunState,
    Schedule,
    Subscription,
)


class Workspace(msgspec.Struct, tag="workspace"):
    """A namespace for jobs, workflows and variables."""

    name: str
    description: str = ""


class Queue(msgspec.Struct, tag="queue", omit_defaults=True):
    """A pool that nodes wait in; ``cu`` and ``active`` are what the nodes with a process take of it."""

    name: str
    spec: QueueSpec
    cu: int = 0
    active: int = 0


class Variable(msgspec.Struct, tag="variable", omit_defaults=True):
    """A workspace's variable. The secrets' file has the value of a secret, under the id ``kept``."""

    workspace: str
    name: str
    at: datetime
    by: str
    value: str = ""
    secret: bool = False
    kept: str = ""


class JobVersion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One published content and configuration of a job."""

    version: int
    digest: str
    size: int
    at: datetime
    by: str
    config: JobConfig = JobConfig()
    remarks: str = ""
    attachments: tuple[ev.Attachment, ...] = ()


class JobDraft(msgspec.Struct, frozen=True, omit_defaults=True):
    """The content and configuration being edited: its revision, who saved it and when.

    ``applied``: it came from a file.
    """

    revision: int
    digest: str
    size: int
    at: datetime
    by: str
    config: JobConfig = JobConfig()
    attachments: tuple[ev.Attachment, ...] = ()
    applied: bool = False


def same_content(one: JobVersion | JobDraft | ev.JobPublished, other: JobVersion | JobDraft) -> bool:
    """Tell whether two states of a job run the same: source, attached files and configuration."""
    return (one.digest, one.attachments, one.config) == (other.digest, other.attachments, other.config)


def drafted(version: JobVersion, revision: int) -> JobDraft:
    """Give the draft that says what a version does."""
    return JobDraft(
        revision,
        version.digest,
        version.size,
        version.at,
        version.by,
        version.config,
        version.attachments,
    )


class Job(msgspec.Struct, tag="job"):
    """A source file known by its path: its draft and its published versions, oldest first.

    Publishing something else than the draft moves the draft along, unless it has changes of its own.
    """

    workspace: str
    path: str
    versions: list[JobVersion] = []
    draft: JobDraft | None = None

    @property
    def latest(self) -> JobVersion | None:
        """The newest published version; None of a job that is only a draft."""
        return self.versions[-1] if self.versions else None

    @property
    def current_draft(self) -> JobDraft:
        """The draft, which there is as soon as the job was saved or published."""
        assert self.draft  # noqa: S101
        return self.draft

    @property
    def has_changes(self) -> bool:
        """Whether there is a draft that says other than what is published."""
        return self.draft is not None and not (self.latest and same_content(self.draft, self.latest))


class WorkflowVersion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One published definition, by digest."""

    version: int
    digest: str
    at: datetime
    by: str
    remarks: str = ""


class Draft(msgspec.Struct, frozen=True):
    """The definition being edited: its revision, its object, who saved it and when.

    ``applied``: it came from a file.
    """

    revision: int
    digest: str
    at: datetime
    by: str
    applied: bool = False


class Era(msgspec.Struct, frozen=True):
    """From after ``since`` on, until the next era, ticks are those of ``schedule``; None has none."""

    since: datetime
    schedule: Schedule | None = None


class Skip(msgspec.Struct, frozen=True, omit_defaults=True):
    """Ticks without runs, noted at ``at``."""

    at: datetime
    first: datetime
    last: datetime
    count: int
    reason: ev.SkipReason
    detail: str = ""


class Failing(msgspec.Struct, frozen=True):
    """That a workflow's runs fail: the first that did since one succeeded, and who were told."""

    run: int
    told: tuple[str, ...]


KEPT_REVISIONS = 20
"""Replaced drafts of a workflow that are kept."""


class Workflow(msgspec.Struct, tag="workflow"):
    """A workflow under its immutable id: its draft and its published versions, oldest first.

    ``replaced`` are the drafts before this one, the oldest first; ``last_run`` is the run made last of it.
    While scheduling is on it has ``eras``, and every tick up to ``ticked`` has its run, or was skipped;
    ``skipped`` are those that were skipped last. ``failing``: people were told that a run of it failed, and
    none has succeeded since.
    """

    workspace: str
    id: int
    name: str
    draft: Draft
    versions: list[WorkflowVersion] = []
    replaced: list[Draft] = []
    last_run: int = 0
    eras: list[Era] = []
    ticked: datetime | None = None
    skipped: Skip | None = None
    failing: Failing | None = None

    @property
    def scheduling(self) -> bool:
        """Whether the scheduling switch is on."""
        return bool(self.eras)

    @property
    def edited(self) -> bool:
        """Whether the draft was changed by hand since it was last published, or applied from a file."""
        published = self.versions[-1].digest if self.versions else ""
        return self.draft.digest != published and not self.draft.applied


class Attempt(msgspec.Struct, omit_defaults=True):
    """One launch of a node. ``exit_status`` is the shell's: 128 + n for death by signal n."""

    number: int
    tag: str
    boot_id: str
    command: tuple[str, ...]
    starting_at: datetime
    state: AttemptState = AttemptState.STARTING
    pid: int | None = None
    start_time: int | None = None
    started_at: datetime | None = None
    adopted_at: datetime | None = None
    ended_at: datetime | None = None
    exit_status: int | None = None
    reason: ev.Reason | None = None
    detail: str = ""
    cpu_seconds: float | None = None
    memory_peak: int | None = None


class NodeRun(msgspec.Struct, omit_defaults=True):
    """One node within a run. ``number`` counts from 1 in the order of the definition.

    ``unmet`` is how many of its upstream nodes it waits for, ``doomed`` that one of them ended otherwise than
    by success; ``tries`` how many attempts count against its retries, of those since it was last rerun.
    """

    number: int
    name: str
    upstream: tuple[str, ...] = ()
    downstream: list[str] = []
    retries: int = 0
    timeout: int | None = None
    enabled: bool = True
    priority: int = 0
    queue: str = ""
    cu: int = 0
    state: NodeState = NodeState.PENDING
    unmet: int = 0
    doomed: bool = False
    tries: int = 0
    attempts: list[Attempt] = []
    stopping: ev.Reason | None = None
    retry_at: datetime | None = None
    ended_at: datetime | None = None
    reason: ev.Reason | None = None
    detail: str = ""
    subscription: Subscription | None = None

    @property
    def attempt(self) -> Attempt | None:
        """The newest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def has_ended(self) -> bool:
        """Whether it came to its end."""
        return self.state in NODE_ENDS

    @property
    def is_active(self) -> bool:
        """Whether it has an attempt that has not ended."""
        return bool(self.attempts) and self.attempts[-1].state is not AttemptState.ENDED


MOST_DEEDS = 50
"""Deeds of people that a run keeps; the run log has all."""


class Deed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person did to a run, in words, after starting it."""

    at: datetime
    by: str
    what: str


class Run(msgspec.Struct, tag="run", omit_defaults=True):
    """One execution of one version of a workflow.

    ``opened`` is the seq at which it was created or last opened again, ``begun_at`` when its first node since
    then started; ``settings`` are what reruns changed for this run only; ``queues`` are those of its nodes;
    ``deeds`` what people did to it, the last `MOST_DEEDS` of that. What attempts before ``output_removed_at``
    wrote is not kept any more.

    The last fields are worklists, kept so that planning costs what happened and not the size of the DAG, all
    of numbers of nodes: ``ready`` (with the negated priority before it, sorted) may start; ``retrying`` wait
    for their moment; ``active`` have a process; ``ended`` have an attempt that ended and no decision on it;
    ``doomed`` are pending behind an upstream that did not succeed. ``open`` counts nodes that have not ended,
    ``failed`` those that failed since nodes of it were last rerun or set successful.
    """

    id: int
    workspace: str
    workflow: int
    name: str
    version: int
    trigger: ev.Trigger
    cycle: datetime
    time_zone: str
    plan: str
    created_at: datetime
    by: str
    parallelism: int
    failure_strategy: FailureStrategy = FailureStrategy.CONTINUE
    retry_delay: float = 0
    retry_backoff: float = 1
    timeout: int | None = None
    variables: dict[str, str] = {}
    remarks: str = ""
    state: RunState = RunState.PENDING
    started_at: datetime | None = None
    ended_at: datetime | None = None
    stopping: ev.Reason | None = None
    stopped_by: str = ""
    reason: ev.Reason | None = None
    revision: int = 0
    queue: str = ""
    overlap: OverlapPolicy = OverlapPolicy.PARALLEL
    tags: dict[str, str] = {}
    settings: dict[str, str] = {}
    queues: list[str] = []
    scheduled_at: datetime | None = None
    start_by: datetime | None = None
    end_by: datetime | None = None
    late: list[ev.Lateness] = []
    backfill: int = 0
    notify: tuple[str, ...] = ()
    deeds: list[Deed] = []
    opened: int = 0
    begun_at: datetime | None = None
    output_removed_at: datetime | None = None
    nodes: list[NodeRun] = []
    numbers: dict[str, int] = {}
    ready: list[tuple[int, int]] = []
    retrying: list[int] = []
    active: list[int] = []
    ended: list[int] = []
    doomed: list[int] = []
    open: int = 0
    failed: int = 0

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands among all runs, in the order in which they were opened."""
        # Runs of earlier versions have no `opened`: they are the oldest.
        return self.opened, self.id

    def keeps_output_of(self, attempt: Attempt) -> bool:
        """Tell whether what an attempt wrote is kept still."""
        return self.output_removed_at is None or attempt.starting_at > self.output_removed_at

    def node(self, name: str) -> NodeRun:
        """Give the node of that name; KeyError where there is none."""
        return self.nodes[self.numbers[name] - 1]

    def numbered(self, number: int) -> NodeRun:
        """Give the node of that number, counted from 1."""
        return self.nodes[number - 1]


KEPT_BACKFILLS = 1000
"""Backfills that have ended and are kept; their runs stay in the history in any case."""


class Backfill(msgspec.Struct, tag="backfill", omit_defaults=True):
    """Runs for the intervals of a range, each made when it can start.

    What it was created with is as in `stoker_shared.events.BackfillCreated`. Intervals from ``back`` to
    ``ahead`` have been seen to, ``seen`` in number. Of them, while some are retried, those up to ``retried``
    were seen to again. ``passed`` needed no run, ``active`` are the numbers of runs that have not ended;
    ``succeeded`` and ``failed`` (or stopped) count the others, each interval's latest, and ``failures`` those
    that failed since the backfill was last started, resumed or retried; ``replaced`` are the runs that were
    retried, which count no more. ``detail`` is why it is paused.
    """

    id: int
    workspace: str
    workflow: int
    name: str
    first: datetime
    last: datetime
    split: datetime
    total: int
    time_zone: str
    back: datetime
    ahead: datetime
    created_at: datetime
    by: str
    schedule: Schedule | None = None
    every: str = ""
    intervals: Intervals = Intervals.ALL
    order: BackfillOrder = BackfillOrder.OLDEST
    parallel: int = 1
    stop_after: int = 0
    queue: str = ""
    version: int = 0
    variables: dict[str, str] = {}
    remarks: str = ""
    notify: tuple[str, ...] = ()
    state: BackfillState = BackfillState.RUNNING
    detail: str = ""
    ended_at: datetime | None = None
    seen: int = 0
    retried: datetime | None = None
    passed: int = 0
    active: list[int] = []
    succeeded: int = 0
    failed: int = 0
    failures: int = 0
    replaced: list[int] = []
    deeds: list[Deed] = []

    @property
    def has_ended(self) -> bool:
        """Whether it makes no more runs."""
        return self.state not in (BackfillState.RUNNING, BackfillState.PAUSED)

    @property
    def is_left(self) -> bool:
        """Whether there are intervals that it has not come to yet, or not again."""
        return self.ahead < self.last or self.first < self.back or self.retried is not None


class Draining(msgspec.Struct, frozen=True, tag="draining"):
    """No node is started, since when, and who asked for that."""

    at: datetime
    by: str


class About(StrEnum):
    """What people are told."""

    RUN_FAILED = "run.failed"
    RUN_LATE = "run.late"
    RUN_RECOVERED = "run.recovered"
    """The first run of its workflow that succeeded after one had failed."""
    NODE = "node"
    """A node reached a state that somebody subscribed to."""
    BACKFILL_FAILED = "backfill.failed"
    BACKFILL_PAUSED = "backfill.paused"
    """By itself: runs of it failed, or can't be made."""


class Delivery(msgspec.Struct, omit_defaults=True):
    """How far it has come to tell somebody: ``tries`` so far, why the last failed, when the next is due."""

    tries: int = 0
    why: str = ""
    next_at: datetime | None = None


class Notice(msgspec.Struct, tag="notice", omit_defaults=True):
    """Something that people are to be told, with the facts as they were ``at`` the moment it happened.

    ``untold`` are those who are still to be told: addresses, and `stoker_shared.notifying.WEBHOOK`. ``name``
    is the workflow's. A recovery is that ``after`` the failure of that run; ``counts`` are a backfill's runs
    that succeeded, those that failed, and its intervals.
    """

    id: int
    about: About
    at: datetime
    workspace: str
    workflow: int
    name: str
    untold: dict[str, Delivery]
    run: int = 0
    version: int = 0
    trigger: ev.Trigger | None = None
    by: str = ""
    cycle: datetime | None = None
    time_zone: str = "UTC"
    node: str = ""
    state: NodeState | None = None
    reason: ev.Reason | None = None
    late: ev.Lateness | None = None
    due: datetime | None = None
    after: int = 0
    backfill: int = 0
    counts: tuple[int, int, int] | None = None
    detail: str = ""


class GivenUp(msgspec.Struct, frozen=True):
    """What somebody was not told, since when, and why."""

    notification: int
    to: str
    at: datetime
    why: str
    about: About
    name: str
    run: int = 0
    backfill: int = 0
    workspace: str = ""


class Outbox(msgspec.Struct, tag="outbox", omit_defaults=True):
    """How people can be told, and what they were not.

    ``pending`` counts deliveries, ``unsent`` those that were not even tried since there was no mail server;
    ``given_up`` are the last that failed for good.
    """

    mail: bool = False
    webhook: bool = False
    pending: int = 0
    unsent: int = 0
    given_up: list[GivenUp] = []


class Counters(msgspec.Struct, tag="counters"):
    """The last numbers given out."""

    workflow: int = 0
    run: int = 0
    backfill: int = 0
    notification: int = 0


DEFAULT = "default"
"""The workspace that is there from the start."""

SHAPE = 4
"""Number of the state's shape, raised when a replay comes to more than earlier snapshots hold."""

Item = Counters | Draining | Workspace | Queue | Variable | Job | Workflow | Backfill | Run | Outbox | Notice
"""What a segment's snapshot consists of."""


class State(msgspec.Struct):
    """All that is current, as of the record ``seq``.

    Whatever has a job or a workflow is a workspace: earlier versions knew no others. ``runs_of`` has the
    numbers of a workflow's active runs, in the order in which they were opened. ``notices`` are what people
    are still to be told. ``restoring`` and
    ``restored`` are finished runs between being read back and being opened again.
    """

    seq: int = 0
    counters: Counters = msgspec.field(default_factory=Counters)
    draining: Draining | None = None
    workspaces: dict[str, Workspace] = msgspec.field(default_factory=lambda: {DEFAULT: Workspace(DEFAULT)})
    queues: dict[str, Queue] = {}
    variables: dict[tuple[str, str], Variable] = {}
    jobs: dict[tuple[str, str], Job] = {}
    workflows: dict[int, Workflow] = {}
    names: dict[tuple[str, str], int] = {}
    runs: dict[int, Run] = {}
    runs_of: dict[int, list[int]] = {}
    backfills: dict[int, Backfill] = {}
    outbox: Outbox = msgspec.field(default_factory=Outbox)
    notices: dict[int, Notice] = {}
    restoring: list[str] = []
    restored: dict[int, Run] = {}

    def items(self) -> Iterator[Item]:
        """Give the parts of a snapshot."""
        yield self.counters
        if self.draining:
            yield self.draining
        yield from self.workspaces.values()
        yield from self.queues.values()
        yield from self.variables.values()
        yield from self.jobs.values()
        yield from self.workflows.values()
        yield from self.backfills.values()
        yield from self.runs.values()
        yield self.outbox
        yield from self.notices.values()

    def restore(self, item: Item) -> None:
        """Put back one part of a snapshot."""
        # The first are those of which there are many.
        match item:
            case Notice():
                self.notices[item.id] = item
            case Run():
                self.runs[item.id] = item
                insort(
                    self.runs_of.setdefault(item.workflow, []),
                    item.id,
                    key=lambda number: self.runs[number].place,
                )
            case Workflow():
                self.workspaces.setdefault(item.workspace, Workspace(item.workspace))
                self.workflows[item.id] = item
                self.names[item.workspace, item.name] = item.id
            case Job():
                self.workspaces.setdefault(item.workspace, Workspace(item.workspace))
                # Snapshots of earlier versions have no drafts of jobs.
                item.draft = item.draft or (item.latest and drafted(item.latest, 1))
                self.jobs[item.workspace, item.path] = item
            case Counters():
                self.counters = item
            case Draining():
                self.draining = item
            case Workspace():
                self.workspaces[item.name] = item
            case Queue():
                self.queues[item.name] = item
            case Variable():
                self.variables[item.workspace, item.name] = item
            case Backfill():
                self.backfills[item.id] = item
            case Outbox():
                self.outbox = item

    def workflow_named(self, workspace: str, name: str) -> Workflow | None:
        """Give the workflow of that name, if there is one."""
        number = self.names.get((workspace, name))
        return None if number is None else self.workflows[number]
