"""What goes over the socket: requests, answers, problems. Both sides use these very types."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from stoker_shared.difference import Difference
from stoker_shared.events import Attachment, Lateness, Reason, Trigger
from stoker_shared.model import (
    ROOT_QUEUE,
    AttemptState,
    JobConfig,
    JobType,
    NodeState,
    QueueSpec,
    RunState,
    Schedule,
    WorkflowSpec,
)
from stoker_shared.roles import PersonView, Role

API_VERSION = "1"
DEFAULT_WORKSPACE = "default"
MAX_PAGE = 1000
"""Entries a page may have."""

MAX_LIVE_RANGE = 16 * 1024 * 1024
"""Bytes of an active attempt's output that one range is answered with at most."""

MAX_DESCRIPTION = 10_000
"""Characters that a workspace may be described with."""

MAX_VALUE = 30_000
"""Characters that the value of a workspace's variable may have."""

MAX_NUMBER = 10**15 - 1
"""The largest number that a request may name; far beyond any that is given out."""

Number = Annotated[int, Meta(ge=1, le=MAX_NUMBER)]
"""Of a run, version or attempt."""
Position = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
"""In the run log, or in a file."""
Digest = Annotated[
    str,
    # Python's $ is also before a newline at the end, hence the length.
    Meta(pattern="^[0-9a-f]{64}$", max_length=64, description="SHA-256 in lower-case hexadecimal digits"),
]

Place = Annotated[str, Meta(pattern=r"^(-?[0-9]{1,18}\.)?[0-9]{1,15}$", max_length=35)]
"""In a list of runs: what it is sorted by, unless that is the number, and the run's number."""

Moment = Annotated[datetime, Meta(tz=True)]
"""An instant, in UTC."""

_T = TypeVar("_T")


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what may stand behind the question mark.

    What may be absent is unset, not None: a query has no null, and msgspec would read the word as one.
    """


class PageQuery(Query, frozen=True):
    """Which part of a list."""

    cursor: Annotated[str, Meta(description="`next` of the page before; absent: from the beginning")] = ""
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE, description="entries at the most")] = 100


class RunOrder(StrEnum):
    """What a list of runs is sorted by, the greatest first."""

    NEWEST = "newest"
    STARTED = "started"
    CYCLE = "cycle"
    DURATION = "duration"
    """What has not ended comes last."""


_WHEN = "a date (the whole day), a local or offset time (ISO 8601), or how long ago: 90m, 2h, 3d"


class RunsFilter(Query, frozen=True):
    """Which runs: those that meet all of it."""

    workflow: Annotated[
        str | UnsetType,
        Meta(description="only runs of the workflow of that name, or where none has it that ran under it"),
    ] = UNSET
    workflow_id: Annotated[
        Number | UnsetType, Meta(description="only runs of the workflow of that id, whatever its name")
    ] = UNSET
    state: Annotated[RunState | UnsetType, Meta(description="only runs in that state")] = UNSET
    trigger: Annotated[Trigger | UnsetType, Meta(description="only runs that were made by that")] = UNSET
    backfill: Annotated[Number | UnsetType, Meta(description="only runs that this backfill made")] = UNSET
    user: Annotated[str | UnsetType, Meta(description="only runs that this user started")] = UNSET
    tag: Annotated[str | UnsetType, Meta(description="only runs with that tag, as name=value")] = UNSET
    cycle: Annotated[
        str | UnsetType,
        Meta(description="only runs with that cycle time, or in a range A..B, A.. or ..B of dates or times"),
    ] = UNSET
    since: Annotated[str | UnsetType, Meta(description=f"only runs that started then or later: {_WHEN}")] = (
        UNSET
    )
    until: Annotated[
        str | UnsetType, Meta(description=f"only runs that started then or earlier: {_WHEN}")
    ] = UNSET


class RunsQuery(RunsFilter, frozen=True):
    """Which runs, in which order, and which part of their list."""

    sort: Annotated[
        RunOrder | UnsetType,
        Meta(description="greatest first; absent: by what a range is asked of, else newest"),
    ] = UNSET
    cursor: Annotated[
        Place | UnsetType, Meta(description="`next` of the page before, asked for in the same order")
    ] = UNSET
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE, description="entries at the most")] = 100


class WorkflowQuery(Query, frozen=True):
    """Which definition of a workflow."""

    version: Annotated[Number | UnsetType, Meta(description="a published version; absent: the draft")] = UNSET
    revision: Annotated[Number | UnsetType, Meta(description="a draft that was replaced")] = UNSET


class SaveQuery(Query, frozen=True):
    """How a draft is saved."""

    applied: Annotated[bool, Meta(description="it comes from a file, which is where it is edited")] = False


DefinitionPlace = Annotated[str, Meta(pattern=r"^(draft(:[1-9]\d{0,14})?|[1-9]\d{0,14})$", max_length=21)]
"""Of a definition in a workflow: ``draft``, the draft revision ``draft:4``, or the version ``3``."""


class DifferenceQuery(Query, frozen=True):
    """Which two definitions of a workflow."""

    before: Annotated[
        DefinitionPlace | UnsetType,
        Meta(description="`draft`, `draft:4` or a version; absent: the latest version"),
    ] = msgspec.field(default=UNSET, name="from")
    after: Annotated[DefinitionPlace, Meta(description="the same of the other; absent: the draft")] = (
        msgspec.field(default="draft", name="to")
    )


JobState = Annotated[
    str, Meta(pattern="^(draft|[1-9][0-9]{0,14})$", max_length=15, description="a version, or `draft`")
]


class JobDiffQuery(Query, frozen=True):
    """Which states of a job to compare; absent: what was published last, with the draft."""

    before: JobState | UnsetType = msgspec.field(default=UNSET, name="from")
    after: JobState | UnsetType = msgspec.field(default=UNSET, name="to")


class EventsQuery(Query, frozen=True):
    """Where to begin in the run log."""

    after: Annotated[Position, Meta(description="the last position seen")] = 0
    log: Annotated[str | UnsetType, Meta(description="the id of the log that the position is of")] = UNSET


class RunEventsQuery(Query, frozen=True):
    """Which part of what happened in a run."""

    after: Annotated[Position, Meta(description="`seq` of the part before; absent: from its beginning")] = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE, description="events at the most")] = 100


class RunEvents(msgspec.Struct, omit_defaults=True):
    """What happened in a run, the oldest first: the run log's own lines, as `/v1/events` streams them.

    These are all up to the log's position ``seq``; they may be few, or none, as each part is looked for in a
    bounded stretch of the log. There may be ``more`` after it. What is older than the log is kept is missing:
    whole, it begins with `run.created`.
    """

    items: list[msgspec.Raw]
    seq: int
    more: bool = False


class Stream(StrEnum):
    """What there is to read of an attempt: what it wrote, and ``launch``, what was launched and how.

    The order in which the two streams come in ``both`` is approximate.
    """

    BOTH = "both"
    STDOUT = "stdout"
    STDERR = "stderr"
    LAUNCH = "launch"


class LogQuery(Query, frozen=True):
    """How to give an attempt's output."""

    follow: Annotated[bool, Meta(description="go on while it grows, until the attempt ends")] = False
    offset: Annotated[Position, Meta(description="where to begin to follow, in bytes")] = 0


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of bodies that clients send."""


class Empty(Request, frozen=True):
    """The body of a request whose path says all."""


class SaveWorkspace(Request, frozen=True):
    """Make a workspace, or describe it otherwise; without a description one that is there stays as it is."""

    description: Annotated[str, Meta(max_length=MAX_DESCRIPTION)] | None = None


class SetVariable(Request, frozen=True):
    """Give a workspace's variable a value. A secret's is in no answer."""

    value: Annotated[str, Meta(max_length=MAX_VALUE)]
    secret: bool = False


class AttachmentKind(StrEnum):
    """How a job is given a file: the option of spark-submit for it."""

    PY_FILES = "py_files"
    FILES = "files"
    JARS = "jars"
    ARCHIVES = "archives"


class AttachedFile(Request, frozen=True):
    """A file beside the source: an object, sent before, under a name in the job's working directory.

    The name of an archive may end in ``#alias``, the directory that it is unpacked to.
    """

    kind: AttachmentKind
    name: str
    digest: Digest


class SaveJob(Request, frozen=True):
    """Make objects, sent before, the job's draft."""

    digest: Digest
    config: JobConfig = JobConfig()
    attachments: tuple[AttachedFile, ...] = ()


class PublishJob(Request, frozen=True):
    """Make an object, sent before, the job's next version; without a ``digest``, the draft.

    What stays unset beside a digest is that of the latest version.
    """

    digest: Digest | None = None
    config: JobConfig | None = None
    attachments: tuple[AttachedFile, ...] | None = None
    remarks: str = ""


class RollBackJob(Request, frozen=True):
    """Publish an earlier version of a job again, as its next."""

    version: Number
    remarks: str = ""


class PublishWorkflow(Request, frozen=True):
    """Make the draft the workflow's next version."""

    remarks: str = ""


class RollBackWorkflow(Request, frozen=True):
    """Make what version ``version`` was the workflow's next version, and its draft."""

    version: Number
    remarks: str = ""


class NewName(Request, frozen=True):
    """The name that a workflow, or a copy of it, is to have."""

    name: str


class PlanRun(Request, frozen=True, kw_only=True):
    """How a run is to be made.

    ``cycle`` is a date, a local time in the schedule's zone, or a time with its offset (ISO 8601); unset:
    yesterday's interval where the workflow runs daily, else the last complete one, and now minus one day
    where it has no schedule. Unless a ``version`` is named it is of the latest; with ``debug`` it is of the
    draft, on a development queue. ``queue`` takes the place of the workflow's; nodes with a queue of their
    own keep it, but not in debug.
    """

    cycle: str | None = None
    version: Number | None = None
    debug: bool = False
    queue: str = ""
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    remarks: str = ""


class StartRun(PlanRun, frozen=True, kw_only=True):
    """Start a run of a workflow now."""

    workflow: str


class RerunRun(Request, frozen=True):
    """Run all nodes of a run again, or with ``failed`` those that did not succeed.

    ``latest_jobs``: with the newest published versions of their jobs. ``settings`` are changed for this run
    only: `ingest.config.executor_memory` of one node, `config.executor_memory` of every one that is rerun.
    """

    failed: bool = False
    latest_jobs: bool = False
    settings: dict[str, str] = msgspec.field(default_factory=dict)


class RerunNode(Request, frozen=True):
    """Run a node of a run again, with ``downstream`` also all that is downstream of it."""

    downstream: bool = False
    latest_jobs: bool = False
    settings: dict[str, str] = msgspec.field(default_factory=dict)


class SucceedNode(Request, frozen=True):
    """Say that a node's work is done; with ``downstream`` what waited on it runs."""

    downstream: bool = False


class QueuedNode(msgspec.Struct, omit_defaults=True):
    """A node of a run in a queue: the CU it takes or needs; ``since`` is when its attempt began, if any."""

    run: int
    workflow: str
    node: str
    cu: int
    since: Moment | None = None


class QueueView(msgspec.Struct, omit_defaults=True):
    """A queue: what it allows, the CU and the nodes that are active in it, and how many nodes wait for it.

    ``holding`` and ``next`` name the first of the active and of the waiting ones, not in lists.
    """

    name: str
    spec: QueueSpec
    cu: int
    active: int
    waiting: int
    holding: list[QueuedNode] = []
    next: list[QueuedNode] = []


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with a body; ``pointer`` is where, as a JSON pointer (RFC 6901)."""

    pointer: str
    detail: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as RFC 9457 has it; ``type`` is stable and names the kind.

    Some kinds carry more: ``invalid`` the ``errors``, ``stale`` the ``current`` draft where there is one
    (``current_job`` of a job), ``gone`` the ``log`` there is and the ``oldest`` position that it can be read
    from, ``forbidden`` the ``role`` that is missing, where that is what is.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []
    current: WorkflowView | None = None
    current_job: JobView | None = None
    log: str | None = None
    oldest: int | None = None
    role: Role | None = None


class Page(msgspec.Struct, Generic[_T], omit_defaults=True):
    """Part of a list; ``next`` is the cursor of the part that follows, absent at the end."""

    items: list[_T]
    next: str | None = None


class DueRun(msgspec.Struct, frozen=True):
    """A run that a schedule is to make."""

    workspace: str
    workflow: str
    at: Moment


class Space(msgspec.Struct):
    """The disk with the data: bytes that can still be written, and below how many it is ``low``."""

    free: int
    total: int
    low_below: int
    low: bool


class SetDraining(Request, frozen=True):
    """Turn the daemon's switch. On, no node is started, also after a restart, until it is turned off."""

    on: bool


class DrainingView(msgspec.Struct, frozen=True):
    """No node is started, since when, and who asked for that."""

    at: Moment
    by: str


class Status(msgspec.Struct, omit_defaults=True):
    """The daemon at a glance. ``held`` is why changes are refused now, absent when all is well.

    ``draining`` is there while no node is started since somebody asked for that. ``next_runs`` are the first
    of those that schedules make, in the workspaces that ``you``, who ask, may see; what is counted is counted
    over all. ``notify_trouble`` is what keeps people from being told; ``lost_notifications`` counts what was
    given up in the last days.
    """

    version: str
    api: str
    host: str
    pid: int
    started_at: Moment
    time_zone: str
    data: str
    jobs: int
    workflows: int
    active_runs: int
    active_nodes: int
    seq: int
    log: str
    held: str = ""
    draining: DrainingView | None = None
    next_runs: list[DueRun] = []
    you: PersonView | None = None
    pending_notifications: int = 0
    lost_notifications: int = 0
    notify_trouble: str = ""
    space: Space | None = None


class WentAway(msgspec.Struct):
    """What is let go of what has ended: whole ``runs``, of others only the ``outputs``, the bytes of both.

    Beside them objects that nothing names any more, and the oldest segments of the run log.
    """

    runs: int = 0
    outputs: int = 0
    output_bytes: int = 0
    objects: int = 0
    object_bytes: int = 0
    segments: int = 0
    log_bytes: int = 0


class StoredObject(msgspec.Struct):
    """Content that is stored: its SHA-256, and its size in bytes."""

    digest: str
    size: int


class WorkspaceView(msgspec.Struct, omit_defaults=True):
    """A workspace, and how much is in it."""

    name: str
    description: str = ""
    jobs: int = 0
    workflows: int = 0
    variables: int = 0
    active_runs: int = 0


class VariableView(msgspec.Struct, omit_defaults=True):
    """A workspace's variable. A secret has no value here."""

    name: str
    at: Moment
    by: str
    value: str = ""
    secret: bool = False


class JobVersionView(msgspec.Struct, omit_defaults=True):
    """A published version of a job."""

    path: str
    type: JobType
    version: int
    digest: str
    size: int
    published_at: Moment
    by: str
    config: JobConfig = JobConfig()
    remarks: str = ""
    attachments: tuple[Attachment, ...] = ()


class JobDraftView(msgspec.Struct, omit_defaults=True):
    """What is being edited of a job; ``applied``: it came from a file."""

    revision: int
    digest: str
    size: int
    saved_at: Moment
    by: str
    config: JobConfig = JobConfig()
    attachments: tuple[Attachment, ...] = ()
    applied: bool = False


class JobView(msgspec.Struct, omit_defaults=True):
    """A job: its latest version and its draft. ``version`` is the latest one's, 0 where there is none.

    ``has_changes``: the draft says other than what is published.
    """

    path: str
    type: JobType
    version: int
    has_changes: bool
    draft: JobDraftView
    latest: JobVersionView | None = None


class ContentDiff(msgspec.Struct, omit_defaults=True):
    """How a job's source differs: ``text`` is a unified diff, absent where it is no text or too long.

    Of a long diff it is the beginning, and ``cut`` says how many lines are left out.
    """

    before: StoredObject
    after: StoredObject
    text: str | None = None
    cut: int = 0


class ConfigChange(msgspec.Struct, omit_defaults=True):
    """How one field differs, written as in ``--set``; None where it is unset."""

    field: str
    before: str | None = None
    after: str | None = None


class AttachmentChange(msgspec.Struct, omit_defaults=True):
    """How one attached file differs; None where it is not attached."""

    name: str
    before: Attachment | None = None
    after: Attachment | None = None


class JobDiff(msgspec.Struct, omit_defaults=True):
    """How two states of a job differ: ``before`` and ``after`` are versions, or ``draft``.

    What is the same is absent.
    """

    path: str
    before: str
    after: str
    content: ContentDiff | None = None
    config: list[ConfigChange] = []
    attachments: list[AttachmentChange] = []


class WorkflowRow(msgspec.Struct, omit_defaults=True):
    """What lists show of a workflow. ``version`` is the latest published one, 0 where there is none.

    The draft ``has_changes`` where it is not that version; it was ``edited`` where it is not what was applied
    from a file last either. ``last_run`` is 0 where there is none. Queue, schedule and tags are those of the
    latest version, of the draft where there is none. While ``scheduling`` is on the next run is due at
    ``next_at``.
    """

    id: int
    name: str
    version: int
    revision: int
    saved_at: Moment
    saved_by: str
    has_changes: bool
    edited: bool = False
    active_runs: list[int] = []
    last_run: int = 0
    queue: str = ROOT_QUEUE
    schedule: Schedule | None = None
    tags: dict[str, str] = {}
    scheduling: bool = False
    next_at: Moment | None = None


class WorkflowView(msgspec.Struct, omit_defaults=True):
    """A workflow and one definition of it: the draft's, unless another was asked for."""

    row: WorkflowRow
    spec: WorkflowSpec


class WorkflowDifference(msgspec.Struct):
    """What leads from one definition of a workflow to another.

    ``before`` is ``draft``, ``draft:4`` or a version's number, and empty where it is compared with nothing.
    """

    before: str
    after: str
    difference: Difference


class PublishingView(msgspec.Struct, omit_defaults=True):
    """What publishing the draft would come to: the ``version`` it made, unless there are ``errors``."""

    version: int
    difference: Difference
    errors: list[Fault] = []


class AttemptView(msgspec.Struct, omit_defaults=True):
    """One launch of a node. ``exit_status`` is the shell's: 128 + n for death by signal n.

    ``cpu_seconds`` and ``memory_peak`` (bytes) are what it took, where the daemon has control groups.
    """

    number: int
    state: AttemptState
    starting_at: Moment
    started_at: Moment | None = None
    adopted_at: Moment | None = None
    ended_at: Moment | None = None
    exit_status: int | None = None
    reason: Reason | None = None
    detail: str = ""
    command: tuple[str, ...] = ()
    pid: int | None = None
    cpu_seconds: float | None = None
    memory_peak: int | None = None


class NodeView(msgspec.Struct, omit_defaults=True):
    """One node of a run. ``waiting`` says what it waits for; it is absent where it does not wait.

    It takes ``cu`` of its ``queue``. ``usual_seconds``: the median of what its newest attempts that succeeded
    took.
    """

    name: str
    job: str
    state: NodeState
    upstream: tuple[str, ...] = ()
    stopping: Reason | None = None
    retry_at: Moment | None = None
    ended_at: Moment | None = None
    reason: Reason | None = None
    detail: str = ""
    waiting: str = ""
    queue: str = ""
    cu: int = 0
    attempts: list[AttemptView] = []
    usual_seconds: float | None = None
    expected_at: Moment | None = None


class RaisedView(msgspec.Struct, omit_defaults=True):
    """An exception: its class (none for a bare message of Spark's), what it says, and where it came up."""

    kind: str
    message: str
    where: str = ""


class FailureView(msgspec.Struct, omit_defaults=True):
    """Why a node failed. ``cause`` is the exception at the root of what ended it; ``ended`` the one that did,
    and ``first`` the root of the first one in the output, where these are others.

    ``command`` (quoted for a shell), ``directory`` and the names in ``environment`` are what it takes to
    repeat the attempt by hand; ``stream`` is where to read on. Without an attempt there is the ``outcome``.
    """

    node: str
    outcome: str
    attempt: int | None = None
    exit_status: int | None = None
    cause: RaisedView | None = None
    ended: RaisedView | None = None
    first: RaisedView | None = None
    stream: Stream = Stream.STDERR
    last_lines: list[str] = []
    command: str = ""
    directory: str = ""
    environment: list[str] = []


class RunRow(msgspec.Struct, omit_defaults=True):
    """What lists show of a run. Times are UTC; ``cycle`` is to be shown in ``time_zone``.

    ``name`` is what the workflow, whose id is ``workflow``, was called when the run was made.
    ``scheduled_at`` is the end of the interval that the run is about, where there is one; ``backfill`` made
    it, if any did.
    """

    id: int
    workspace: str
    name: str
    version: int
    trigger: Trigger
    state: RunState
    cycle: Moment
    time_zone: str
    by: str
    created_at: Moment
    started_at: Moment | None = None
    ended_at: Moment | None = None
    reason: Reason | None = None
    remarks: str = ""
    workflow: int = 0
    tags: dict[str, str] = {}
    scheduled_at: Moment | None = None
    backfill: int = 0


class RunCounts(msgspec.Struct):
    """How many runs there are in all, and in each state where any is."""

    total: int
    states: dict[RunState, int]


class NodePlan(msgspec.Struct, omit_defaults=True):
    """What a node of a run would be launched as: the exact command, and what Stoker puts in its environment.

    Of the environment that its configuration gives it has the text as written: the values may be secret.
    ``missing`` is what keeps it from being launched; there may be no command then.
    """

    name: str
    job: str
    version: int
    queue: str
    cu: int
    upstream: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    missing: list[str] = []


class RunPlan(msgspec.Struct, omit_defaults=True):
    """What a run would be, were it started now. ``version`` is 0 of the draft."""

    workflow: str
    version: int
    cycle: Moment
    time_zone: str
    nodes: list[NodePlan]


class DeedView(msgspec.Struct):
    """What a person did to a run after starting it, in words."""

    at: Moment
    by: str
    what: str


class RunView(msgspec.Struct, omit_defaults=True):
    """A run whole. ``settings`` are what reruns changed for this run only: what was, and what is now.

    ``usual_seconds``: the median of what the workflow's newest runs that succeeded took. A scheduled run is
    to start by ``start_by`` and to end by ``end_by``; ``late`` says what of that it missed.
    """

    row: RunRow
    nodes: list[NodeView]
    variables: dict[str, str] = {}
    stopping: Reason | None = None
    stopped_by: str = ""
    settings: dict[str, str] = {}
    deeds: list[DeedView] = []
    usual_seconds: float | None = None
    expected_at: Moment | None = None
    start_by: Moment | None = None
    end_by: Moment | None = None
    late: list[Lateness] = []


def cut_mark(count: int) -> bytes:
    """Give what stands in an attempt's output where bytes were cut out: a line of its own."""
    return f"\n[stoker: {count:,} bytes were cut out here]\n".encode()


class Heartbeat(msgspec.Struct, tag="heartbeat", tag_field="type"):
    """Sent on a quiet event stream, so that both sides know the other is there."""
