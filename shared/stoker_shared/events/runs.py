"""What happens to whole runs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from stoker_shared.events.base import Event, Reason, Trigger
from stoker_shared.model import FailureStrategy, OverlapPolicy, RunState, Subscription


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


class Lateness(StrEnum):
    """What a run did not do in time."""

    START = "start"
    END = "end"


class RunLate(Event, frozen=True, tag="run.late"):
    """A scheduled run has not started, or not ended, by the moment that its workflow gives it."""

    run: int
    what: Lateness
    due: datetime


class RunStarted(Event, frozen=True, tag="run.started"):
    """The first node of the run is about to start."""

    run: int


class RunPaused(Event, frozen=True, tag="run.paused"):
    """What runs of the run goes on; nothing new of it is started."""

    run: int


class RunResumed(Event, frozen=True, tag="run.resumed"):
    """The run goes on."""

    run: int


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
