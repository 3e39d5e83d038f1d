"""Runs: planned, started, listed, shown."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from stoker_shared.api.base import MAX_PAGE, Moment, Number, Place, Position, Query, Request
from stoker_shared.api.logs import Stream
from stoker_shared.events import Lateness, Reason, Trigger
from stoker_shared.model import AttemptState, NodeState, RunState


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
    it, if any did. ``failed_node`` is the first that failed, of a run that ended with nodes that did.
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
    failed_node: str = ""


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
