"""What happens to the nodes of a run, and to their attempts."""

from __future__ import annotations

from datetime import datetime

from stoker_shared.events.base import Event, Reason
from stoker_shared.model import NodeState


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


class AttemptRetryAt(Event, frozen=True, tag="attempt.retry_at"):
    """The node gets another attempt, not before ``due``. A free one does not count against the retries."""

    run: int
    node: str
    due: datetime
    free: bool = False
