"""Everything that can happen, as values: one event is one accepted change and one line of the run log.

An event says what was decided; it never leaves a decision to whoever reads it later. Fields are only ever
added, with defaults, so that every log ever written can be read. Times are aware UTC datetimes.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from stoker_shared.model import (
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

FORMAT = 1
"""Version of the run log's format. A log of a newer one is refused."""


class Trigger(StrEnum):
    """What made a run."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    BACKFILL = "backfill"
    DEBUG = "debug"
    """Of the draft, on a development queue."""


class Reason(StrEnum):
    """Why an attempt, a node or a run came to its end, where that is not plain success."""

    EXIT = "exit"
    """The process ended by itself; its exit status tells how."""
    STOP = "stop"
    """A person stopped it."""
    REPLACED = "replaced"
    """A later run of its workflow took its place."""
    TIMEOUT = "timeout"
    """One attempt took longer than its timeout."""
    RUN_TIMEOUT = "run_timeout"
    FAIL_FAST = "fail_fast"
    """Another node of the run failed, and the workflow's failure strategy is fail_fast."""
    UPSTREAM = "upstream"
    """An upstream node did not succeed."""
    SET = "set"
    """A person set the node successful."""
    DISABLED = "disabled"
    """The node is disabled and was passed through."""
    REFUSED = "refused"
    """It could not be launched: the detail says what to mend."""
    LOST = "lost"
    """It began, nothing of it is alive, and how it ended can't be known."""
    NEVER_BEGAN = "never_began"
    """The daemon ended between intent and launch; the attempt's process is proved never to have begun."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """Base of all events."""


class WorkspaceCreated(Event, frozen=True, tag="workspace.created"):
    """There is a workspace of that name."""

    workspace: str
    description: str = ""


class WorkspaceDeleted(Event, frozen=True, tag="workspace.deleted"):
    """The workspace is gone; it was empty."""

    workspace: str


class QueueSaved(Event, frozen=True, tag="queue.saved"):
    """There is a queue of that name, and this is what it allows."""

    name: str
    spec: QueueSpec


class QueueDeleted(Event, frozen=True, tag="queue.deleted"):
    """The queue is gone; nothing used it."""

    name: str


class VariableSet(Event, frozen=True, tag="variable.set"):
    """A workspace's variable has that value.

    A secret's value is not in the log, but in the secrets' file, under the id ``kept``.
    """

    workspace: str
    name: str
    value: str = ""
    secret: bool = False
    kept: str = ""


class VariableUnset(Event, frozen=True, tag="variable.unset"):
    """The workspace has that variable no more."""

    workspace: str
    name: str


class Attachment(msgspec.Struct, frozen=True):
    """A file that a job is given beside its source: the object ``digest``, under ``name``.

    ``kind`` is the option of spark-submit for it: ``py_files``, ``files``, ``jars`` or ``archives``. The name
    of an archive may end in ``#alias``, the directory it is unpacked to.
    """

    kind: str
    name: str
    digest: str
    size: int

    @property
    def file_name(self) -> str:
        """What the file is called where it lies."""
        return self.name.partition("#")[0]


class JobSaved(Event, frozen=True, tag="job.saved"):
    """The draft ``revision`` of a job was saved; the first one creates the job. ``applied``: from a file."""

    workspace: str
    path: str
    revision: int
    digest: str
    size: int
    config: JobConfig = JobConfig()
    attachments: tuple[Attachment, ...] = ()
    applied: bool = False


class JobPublished(Event, frozen=True, tag="job.published"):
    """A source file's content and default configuration became version ``version`` of the job at ``path``."""

    workspace: str
    path: str
    version: int
    digest: str
    size: int
    config: JobConfig = JobConfig()
    remarks: str = ""
    attachments: tuple[Attachment, ...] = ()


class JobDeleted(Event, frozen=True, tag="job.deleted"):
    """The job is gone; runs that were made of it keep what they use."""

    workspace: str
    path: str


class WorkflowSaved(Event, frozen=True, tag="workflow.saved"):
    """The draft ``revision`` of a workflow was saved; the definition is the object ``digest``.

    ``workflow`` is its immutable id; the first revision creates it. ``applied``: it came from a file.
    """

    workspace: str
    workflow: int
    name: str
    revision: int
    digest: str
    applied: bool = False


class WorkflowPublished(Event, frozen=True, tag="workflow.published"):
    """A draft became the immutable version ``version``.

    ``rescheduled``: the workflow's scheduling is on, and from now on it ticks by ``schedule``, another one.
    """

    workflow: int
    version: int
    digest: str
    remarks: str = ""
    rescheduled: bool = False
    schedule: Schedule | None = None


class WorkflowScheduling(Event, frozen=True, tag="workflow.scheduling"):
    """The scheduling switch was turned. On, all ticks of ``schedule`` later than ``after`` are due."""

    workflow: int
    on: bool
    after: datetime | None = None
    schedule: Schedule | None = None


class WorkflowRenamed(Event, frozen=True, tag="workflow.renamed"):
    """The workflow has another name; its draft, the object ``digest``, says so too.

    ``versions`` are the objects of its versions under that name, all else in them as it was.
    """

    workflow: int
    name: str
    revision: int
    digest: str
    versions: tuple[str, ...] = ()


class WorkflowDeleted(Event, frozen=True, tag="workflow.deleted"):
    """The workflow is gone; its runs stay in the history."""

    workflow: int


class PlannedNode(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the planner needs of a node; the rest is in the run's frozen plan. Times are seconds.

    It takes ``cu`` of the queue ``queue``; without a queue (runs of earlier versions) nothing holds it.
    ``subscription`` says who is told of what becomes of it.
    """

    name: str
    upstream: tuple[str, ...] = ()
    retries: int = 0
    timeout: int | None = None
    enabled: bool = True
    priority: int = 0
    queue: str = ""
    cu: int = 0
    subscription: Subscription | None = None


class RunCreated(Event, frozen=True, tag="run.created"):
    """A run was accepted. ``plan`` is the object that fixes every definition and job version it uses.

    ``version`` is 0 for a debug run, of the draft ``revision``. ``queue`` is the one asked for at the start
    in place of the workflow's, if any was. ``scheduled_at`` is the end of the interval that it is about: the
    tick, of a run that the schedule made. It is late unless it started by ``start_by`` and ended by
    ``end_by``. A run that ``backfill`` made of an interval for the second time does so in place of
    ``retry_of``. ``notify`` are told if it fails or is late.
    """

    run: int
    workspace: str
    workflow: int
    name: str
    version: int
    trigger: Trigger
    cycle: datetime
    time_zone: str
    plan: str
    nodes: tuple[PlannedNode, ...]
    parallelism: int
    failure_strategy: FailureStrategy = FailureStrategy.CONTINUE
    retry_delay: float = 0
    retry_backoff: float = 1
    timeout: int | None = None
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    remarks: str = ""
    revision: int = 0
    queue: str = ""
    overlap: OverlapPolicy = OverlapPolicy.PARALLEL
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    scheduled_at: datetime | None = None
    start_by: datetime | None = None
    end_by: datetime | None = None
    backfill: int = 0
    retry_of: int = 0
    notify: tuple[str, ...] = ()


class SkipReason(StrEnum):
    """Why a tick has no run."""

    OVERLAP = "overlap"
    """An earlier run was active, and the overlap policy is skip."""
    CATCH_UP = "catch_up"
    """It was missed, and the catch-up policy leaves it out."""
    REFUSED = "refused"
    """No run could be made: the detail says what to mend."""


class TickSkipped(Event, frozen=True, tag="tick.skipped"):
    """A workflow's next ``count`` ticks, from ``first`` to ``last``, have no runs."""

    workflow: int
    first: datetime
    last: datetime
    count: int
    reason: SkipReason
    detail: str = ""


class Lateness(StrEnum):
    """What a run did not do in time."""

    START = "start"
    END = "end"


class RunLate(Event, frozen=True, tag="run.late"):
    """A scheduled run has not started, or not ended, by the moment that its workflow gives it."""

    run: int
    what: Lateness
    due: datetime


class BackfillCreated(Event, frozen=True, tag="backfill.created"):
    """Runs are to be made of ``total`` intervals: those with cycle times from ``first`` to ``last``.

    Intervals are those of ``schedule``, or without one begin at ``first`` and are ``every`` long (``1d``), in
    ``time_zone``. Those with cycle times after ``split`` come in their order; those before it, the newest
    first, while no other is due. Runs are of the latest version unless one is given; ``parallel`` are active
    at once. After ``stop_after`` failed runs (0: never) it pauses. ``notify`` are told if it fails.
    """

    backfill: int
    workspace: str
    workflow: int
    name: str
    first: datetime
    last: datetime
    split: datetime
    total: int
    time_zone: str
    schedule: Schedule | None = None
    every: str = ""
    intervals: Intervals = Intervals.ALL
    order: BackfillOrder = BackfillOrder.OLDEST
    parallel: int = 1
    stop_after: int = 0
    queue: str = ""
    version: int = 0
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    remarks: str = ""
    notify: tuple[str, ...] = ()


class BackfillPassed(Event, frozen=True, tag="backfill.passed"):
    """The next ``count`` intervals, up to the one at ``cycle``, need no run; ``again``: of those retried."""

    backfill: int
    cycle: datetime
    count: int
    again: bool = False


class BackfillPaused(Event, frozen=True, tag="backfill.paused"):
    """The backfill makes no more runs for now; the detail says why, where no person asked for it."""

    backfill: int
    detail: str = ""


class BackfillResumed(Event, frozen=True, tag="backfill.resumed"):
    """The backfill goes on; failures are counted from 0."""

    backfill: int


class BackfillRetried(Event, frozen=True, tag="backfill.retried"):
    """Intervals whose run failed get another, before the backfill goes on with what it has not come to."""

    backfill: int


class BackfillCancelled(Event, frozen=True, tag="backfill.cancelled"):
    """The backfill makes no more runs; what waits of it is stopped, and with ``running`` what runs."""

    backfill: int
    running: bool = False


class BackfillFinished(Event, frozen=True, tag="backfill.finished"):
    """All intervals have been seen to, and no run is active."""

    backfill: int
    state: BackfillState


class RunStarted(Event, frozen=True, tag="run.started"):
    """The first node of the run is about to start."""

    run: int


class RunPaused(Event, frozen=True, tag="run.paused"):
    """What runs of the run goes on; nothing new of it is started."""

    run: int


class RunResumed(Event, frozen=True, tag="run.resumed"):
    """The run goes on."""

    run: int


class RunRestored(Event, frozen=True, tag="run.restored"):
    """A finished run, as JSON, in ``parts`` parts of a line's size; it is about to be opened again.

    So the log can be replayed from any segment on, without the history. Where `HistoryCarried` follows it is
    only said again, and stays closed.
    """

    run: int
    part: int
    parts: int
    content: str


class RunRerunRequested(Event, frozen=True, tag="run.rerun_requested"):
    """Nodes of a run are pending again; a run that had finished is open again.

    ``plan`` and ``changed`` are what it goes on with, where that is not what it had; ``settings`` says in
    words what was changed for this run only.
    """

    run: int
    nodes: tuple[str, ...]
    plan: str = ""
    changed: tuple[PlannedNode, ...] = ()
    settings: dict[str, str] = msgspec.field(default_factory=dict)


class RunStopRequested(Event, frozen=True, tag="run.stop_requested"):
    """The run is to end: a person asked (``stop``), it took too long, or a node failed under fail_fast."""

    run: int
    reason: Reason


class RunFinished(Event, frozen=True, tag="run.finished"):
    """The run has nothing more to do."""

    run: int
    state: RunState
    reason: Reason | None = None


class NodeSkipped(Event, frozen=True, tag="node.skipped"):
    """The node will not run."""

    run: int
    node: str
    reason: Reason


class NodeStopRequested(Event, frozen=True, tag="node.stop_requested"):
    """Every process of the node's attempt is to end; the node is shown stopping until they are gone."""

    run: int
    node: str
    reason: Reason


class NodeSetSuccessful(Event, frozen=True, tag="node.set_successful"):
    """A person says that the node's work is done; ``resumed``, which waited on it, are pending again."""

    run: int
    node: str
    resumed: tuple[str, ...] = ()


class NodeFinished(Event, frozen=True, tag="node.finished"):
    """The node came to its end."""

    run: int
    node: str
    state: NodeState
    reason: Reason | None = None
    detail: str = ""


class AttemptStarting(Event, frozen=True, tag="attempt.starting"):
    """The intent to launch, on disk before the launch. ``tag`` is in the environment of all its processes."""

    run: int
    node: str
    attempt: int
    tag: str
    boot_id: str
    command: tuple[str, ...]


class AttemptStarted(Event, frozen=True, tag="attempt.started"):
    """The process exists: ``pid`` leads its own session; ``start_time`` is in clock ticks since boot."""

    run: int
    node: str
    attempt: int
    pid: int
    start_time: int


class AttemptAdopted(Event, frozen=True, tag="attempt.adopted"):
    """A restarted daemon found the attempt's process alive and watches it again."""

    run: int
    node: str
    attempt: int
    pid: int
    start_time: int


class AttemptFinished(Event, frozen=True, tag="attempt.finished"):
    """No process of the attempt is left that could still do its work.

    ``exit_status`` is the shell's: 128 + n for death by signal n; None where it can't be known. So are the
    seconds of CPU that it took, and the most bytes of memory at once.
    """

    run: int
    node: str
    attempt: int
    exit_status: int | None = None
    reason: Reason = Reason.EXIT
    detail: str = ""
    cpu_seconds: float | None = None
    memory_peak: int | None = None


class DaemonDraining(Event, frozen=True, tag="daemon.draining"):
    """The daemon starts no node from now on, or does again; what runs goes on, and what is due waits."""

    on: bool


class AttemptRetryAt(Event, frozen=True, tag="attempt.retry_at"):
    """The node gets another attempt, not before ``due``. A free one does not count against the retries."""

    run: int
    node: str
    due: datetime
    free: bool = False


class KeyUse(msgspec.Struct, frozen=True):
    """The Idempotency-Key that a request came under: the key, method and path, and the body's SHA-256."""

    id: str
    route: str
    body: str


class PastInterval(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a run that is not kept any more: for which interval it was, and how it ended.

    So a backfill judges an interval as it would if everything were kept.
    """

    run: int
    workflow: int
    cycle: datetime
    state: RunState
    backfill: int = 0


class RunsRemoved(Event, frozen=True, tag="runs.removed"):
    """Finished runs are not kept any more, nor is what they wrote; ``past`` is what stays known of them."""

    runs: tuple[int, ...]
    past: tuple[PastInterval, ...] = ()


class OutputRemoved(Event, frozen=True, tag="output.removed"):
    """What finished runs wrote is not kept any more; the runs are."""

    runs: tuple[int, ...]


class UsualSeconds(msgspec.Struct, frozen=True):
    """How long a run of a workflow took, or one ``node`` of it, in seconds; it succeeded."""

    workflow: int
    node: str
    run: int
    seconds: float


class EarlierKey(msgspec.Struct, frozen=True):
    """A key that a request of ``user`` came under at ``at``, with the number that its answer names."""

    user: str
    key: KeyUse
    number: int
    at: datetime


class HistoryCarried(Event, frozen=True, tag="history.carried"):
    """What is kept and stood in the log's oldest segments only, said again so that these can go.

    Whole runs come as `RunRestored` right before it.
    """

    past: tuple[PastInterval, ...] = ()
    usual: tuple[UsualSeconds, ...] = ()
    keys: tuple[EarlierKey, ...] = ()


class LogTrimmed(Event, frozen=True, tag="log.trimmed"):
    """The segments before the one that begins at ``before`` go: all that is kept of them stands later too."""

    before: int


class SpaceLow(Event, frozen=True, tag="space.low"):
    """The data directory's disk has less than the configured bytes ``free``."""

    free: int


class SpaceEnough(Event, frozen=True, tag="space.enough"):
    """The data directory's disk has enough bytes ``free`` again."""

    free: int


class NotificationChannels(Event, frozen=True, tag="notification.channels"):
    """From now on there is, or is not, a mail server and a webhook to tell people by.

    What is to be told is no event of its own: `stoker_shared.notifying` derives it from what happened, so
    that no crash can come between the two.
    """

    mail: bool
    webhook: bool


class NotificationSent(Event, frozen=True, tag="notification.sent"):
    """These were handed over for ``to``, and this was the answer."""

    notifications: tuple[int, ...]
    to: str
    answer: str = ""


class NotificationFailed(Event, frozen=True, tag="notification.failed"):
    """These could not be handed over for ``to``; it is tried again, not before ``next_at``."""

    notifications: tuple[int, ...]
    to: str
    attempt: int
    why: str
    next_at: datetime


class NotificationGivenUp(Event, frozen=True, tag="notification.given_up"):
    """These will not be handed over for ``to``."""

    notifications: tuple[int, ...]
    to: str
    why: str


EventType = (
    WorkspaceCreated
    | WorkspaceDeleted
    | QueueSaved
    | QueueDeleted
    | VariableSet
    | VariableUnset
    | JobSaved
    | JobPublished
    | JobDeleted
    | WorkflowSaved
    | WorkflowPublished
    | WorkflowScheduling
    | WorkflowRenamed
    | WorkflowDeleted
    | TickSkipped
    | BackfillCreated
    | BackfillPassed
    | BackfillPaused
    | BackfillResumed
    | BackfillRetried
    | BackfillCancelled
    | BackfillFinished
    | RunCreated
    | RunLate
    | RunStarted
    | RunPaused
    | RunResumed
    | RunStopRequested
    | RunRestored
    | RunRerunRequested
    | RunFinished
    | NodeSkipped
    | NodeSetSuccessful
    | NodeStopRequested
    | NodeFinished
    | AttemptStarting
    | AttemptStarted
    | AttemptAdopted
    | AttemptFinished
    | AttemptRetryAt
    | RunsRemoved
    | OutputRemoved
    | HistoryCarried
    | LogTrimmed
    | SpaceLow
    | SpaceEnough
    | DaemonDraining
    | NotificationChannels
    | NotificationSent
    | NotificationFailed
    | NotificationGivenUp
)


class Unknown(msgspec.Struct, frozen=True):
    """An event of a type this version does not know: kept and passed on, without effect on the state."""

    type: str


class Record(msgspec.Struct, frozen=True):
    """An event in its place: position in the log, moment (UTC), and who caused it.

    ``key`` is that of the request that came to this event, on the first event it came to.
    """

    seq: int
    at: datetime
    by: str
    event: EventType | Unknown
    key: KeyUse | None = None


def number_of(event: EventType | Unknown) -> int:
    """Give the number in the answer to a request: the run's or backfill's, else the version's; 0: none."""
    if isinstance(event, RunCreated):
        return event.run
    return getattr(event, "backfill", 0) or getattr(event, "run", 0) or getattr(event, "version", 0)
