"""Everything that can happen, as values: one event is one accepted change and one line of the run log.

An event says what was decided; it never leaves a decision to whoever reads it later. Fields are only ever
added, with defaults, so that every log ever written can be read. Times are aware UTC datetimes.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from stoker_shared.model import FailureStrategy, JobConfig, NodeState, RunState

FORMAT = 1
"""Version of the run log's format. A log of a newer one is refused."""


class Trigger(StrEnum):
    """What made a run."""

    MANUAL = "manual"


class Reason(StrEnum):
    """Why an attempt, a node or a run came to its end, where that is not plain success."""

    EXIT = "exit"
    """The process ended by itself; its exit status tells how."""
    STOP = "stop"
    """A person stopped it."""
    TIMEOUT = "timeout"
    """One attempt took longer than its timeout."""
    RUN_TIMEOUT = "run_timeout"
    FAIL_FAST = "fail_fast"
    """Another node of the run failed, and the workflow's failure strategy is fail_fast."""
    UPSTREAM = "upstream"
    """An upstream node did not succeed."""
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


class JobPublished(Event, frozen=True, tag="job.published"):
    """A source file's content and default configuration became version ``version`` of the job at ``path``."""

    workspace: str
    path: str
    version: int
    digest: str
    size: int
    config: JobConfig = JobConfig()
    remarks: str = ""


class WorkflowSaved(Event, frozen=True, tag="workflow.saved"):
    """The draft ``revision`` of a workflow was saved; the definition is the object ``digest``.

    ``workflow`` is its immutable id; the first revision creates it.
    """

    workspace: str
    workflow: int
    name: str
    revision: int
    digest: str


class WorkflowPublished(Event, frozen=True, tag="workflow.published"):
    """A draft became the immutable version ``version``."""

    workflow: int
    version: int
    digest: str
    remarks: str = ""


class PlannedNode(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the planner needs of a node; the rest is in the run's frozen plan. Times are seconds."""

    name: str
    upstream: tuple[str, ...] = ()
    retries: int = 0
    timeout: int | None = None
    enabled: bool = True
    priority: int = 0


class RunCreated(Event, frozen=True, tag="run.created"):
    """A run was accepted. ``plan`` is the object that fixes every definition and job version it uses."""

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


class RunStarted(Event, frozen=True, tag="run.started"):
    """The first node of the run is about to start."""

    run: int


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

    ``exit_status`` is the shell's: 128 + n for death by signal n; None where it can't be known.
    """

    run: int
    node: str
    attempt: int
    exit_status: int | None = None
    reason: Reason = Reason.EXIT
    detail: str = ""


class AttemptRetryAt(Event, frozen=True, tag="attempt.retry_at"):
    """The node gets another attempt, not before ``due``. A free one does not count against the retries."""

    run: int
    node: str
    due: datetime
    free: bool = False


EventType = (
    JobPublished
    | WorkflowSaved
    | WorkflowPublished
    | RunCreated
    | RunStarted
    | RunStopRequested
    | RunFinished
    | NodeSkipped
    | NodeStopRequested
    | NodeFinished
    | AttemptStarting
    | AttemptStarted
    | AttemptAdopted
    | AttemptFinished
    | AttemptRetryAt
)


class Unknown(msgspec.Struct, frozen=True):
    """An event of a type this version does not know: kept and passed on, without effect on the state."""

    type: str


class KeyUse(msgspec.Struct, frozen=True):
    """The Idempotency-Key that a request came under: the key, method and path, and the body's SHA-256."""

    id: str
    route: str
    body: str


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
    """Give the number in the answer to a request: the run's, else of the version made; 0 for none."""
    return getattr(event, "run", None) or getattr(event, "version", 0)
