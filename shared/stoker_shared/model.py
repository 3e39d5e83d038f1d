"""The definitions people write: jobs and workflows, with the words for their states.

Structs here are frozen values. They are decoded from files and requests with unknown fields forbidden, so
that a mistyped key is an error and never silently nothing.
"""

from __future__ import annotations

import shlex
from enum import StrEnum
from operator import attrgetter

import msgspec


class JobType(StrEnum):
    """What kind of source file a job is; inferred from its path."""

    PYSPARK = "pyspark"
    SQL = "sql"
    JAR = "jar"
    NOTEBOOK = "notebook"
    SHELL = "shell"
    SUBMIT = "submit"


JOB_TYPE_BY_SUFFIX = {
    ".py": JobType.PYSPARK,
    ".sql": JobType.SQL,
    ".jar": JobType.JAR,
    ".ipynb": JobType.NOTEBOOK,
    ".sh": JobType.SHELL,
    ".submit": JobType.SUBMIT,
}


class RunState(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


class NodeState(StrEnum):
    """Where a node of a run stands. ``retrying`` is waiting for, or running, attempt 2 and later."""

    PENDING = "pending"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    SKIPPED = "skipped"


class AttemptState(StrEnum):
    """Where one attempt of a node stands. ``starting``: its intent is on disk, its process not yet seen."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"


class BackfillState(StrEnum):
    """Where a backfill stands. ``running``: it makes runs, or waits for their ends or for intervals' ends."""

    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """All is done, and some of its runs did not succeed."""
    CANCELLED = "cancelled"


class Intervals(StrEnum):
    """For which intervals of its range a backfill makes runs."""

    ALL = "all"
    MISSING = "missing"
    """No run other than debug succeeded for it, or is active."""
    FAILED = "failed"
    """The latest run for it failed or was stopped."""


class BackfillOrder(StrEnum):
    """Which interval of its range a backfill begins with."""

    OLDEST = "oldest"
    NEWEST = "newest"


RUN_ENDS = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.STOPPED})
NODE_ENDS = frozenset({NodeState.SUCCEEDED, NodeState.FAILED, NodeState.STOPPED, NodeState.SKIPPED})

RUN_TRANSITIONS = {
    RunState.PENDING: {RunState.RUNNING, RunState.PAUSED, *RUN_ENDS},
    RunState.RUNNING: {RunState.PAUSED, *RUN_ENDS},
    RunState.PAUSED: {RunState.PENDING, RunState.RUNNING, *RUN_ENDS},
    RunState.SUCCEEDED: {RunState.PENDING},
    RunState.FAILED: {RunState.PENDING},
    RunState.STOPPED: {RunState.PENDING},
}
"""Allowed changes of a run's state. A run that has ended is pending again when nodes of it are rerun or set
successful."""

NODE_TRANSITIONS = {
    NodeState.PENDING: {
        NodeState.RUNNING,
        NodeState.SUCCEEDED,
        NodeState.FAILED,
        NodeState.STOPPED,
        NodeState.SKIPPED,
    },
    NodeState.RUNNING: {NodeState.SUCCEEDED, NodeState.FAILED, NodeState.STOPPED, NodeState.RETRYING},
    NodeState.RETRYING: {NodeState.SUCCEEDED, NodeState.FAILED, NodeState.STOPPED, NodeState.RETRYING},
    NodeState.SUCCEEDED: {NodeState.PENDING},
    NodeState.FAILED: {NodeState.PENDING, NodeState.SUCCEEDED},
    NodeState.STOPPED: {NodeState.PENDING, NodeState.SUCCEEDED},
    NodeState.SKIPPED: {NodeState.PENDING, NodeState.SUCCEEDED},
}
"""Allowed changes of a node's state. A pending node becomes succeeded when it is disabled and passed through,
and failed when it is refused before anything is launched; one that has ended is pending again when it is
rerun, and succeeded when a person sets it so."""


class OverlapPolicy(StrEnum):
    """What a run does while an earlier one of its workflow is active."""

    PARALLEL = "parallel"
    WAIT = "wait"
    SKIP = "skip"
    """It is not made."""
    REPLACE = "replace"
    """Earlier runs that the schedule made are stopped; it waits for their end."""


class CatchUpPolicy(StrEnum):
    """Which ticks that were missed, while the daemon was down for one, get their runs afterwards."""

    NONE = "none"
    LATEST = "latest"
    ALL = "all"


class Environment(StrEnum):
    """What a queue is for. Debug runs go to development queues, all others to production queues."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"
    BOTH = "both"


class FailureStrategy(StrEnum):
    """What a failed node means for the rest of its run."""

    CONTINUE = "continue"
    FAIL_FAST = "fail_fast"


class Definition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of everything people write."""


class JobConfig(Definition, frozen=True):
    """How a job runs. On a job: its defaults. On a node: what that node has otherwise; unset means inherited.

    Memory is a Spark size (``4g``), ``timeout`` is seconds for one attempt. ``args`` come after the source
    file; ``min_executors`` and ``max_executors`` bound dynamic allocation where it is on. ``memory_overhead``
    is that of driver and executors alike.
    """

    args: tuple[str, ...] | None = None
    main_class: str | None = None
    driver_cores: int | None = None
    driver_memory: str | None = None
    executor_cores: int | None = None
    executor_memory: str | None = None
    executor_instances: int | None = None
    dynamic_allocation: bool | None = None
    min_executors: int | None = None
    max_executors: int | None = None
    memory_overhead: str | None = None
    log_level: str | None = None
    conf: dict[str, str] = msgspec.field(default_factory=dict)
    env: dict[str, str] = msgspec.field(default_factory=dict)
    timeout: int | None = None

    def overlaid(self, over: JobConfig) -> JobConfig:
        """Give this configuration with what ``over`` sets on top; properties and environment merge by key.

        How many executors there are is one choice: a number and dynamic allocation replace each other.
        """
        under: dict[str, None] = {}
        if over.dynamic_allocation:
            under["executor_instances"] = None
        elif over.executor_instances is not None:
            under["dynamic_allocation"] = None
        values = zip(_SINGLE, _single_values(over), strict=True)
        changes = under | {name: value for name, value in values if value is not None}
        return msgspec.structs.replace(self, conf=self.conf | over.conf, env=self.env | over.env, **changes)

    def settings(self) -> dict[str, str]:
        """Give what is set, by names and in words as people set it: ``conf.spark.x``, args as for a shell."""
        settings: dict[str, str] = {}
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, dict):
                settings |= {f"{name}.{key}": item for key, item in value.items()}
            elif isinstance(value, tuple):
                settings[name] = shlex.join(value)
            elif value is not None:
                settings[name] = str(value).lower() if isinstance(value, bool) else str(value)
        return settings


_SINGLE = tuple(name for name in JobConfig.__struct_fields__ if name not in ("conf", "env"))
_single_values = attrgetter(*_SINGLE)


class Subscription(Definition, frozen=True):
    """Who is told when a node reaches one of the states."""

    addresses: tuple[str, ...] = ()
    states: tuple[NodeState, ...] = (NodeState.FAILED,)


class NodeSpec(Definition, frozen=True):
    """One job in a workflow, joined to its upstream nodes by their names.

    What is unset is inherited: ``args`` and ``timeout`` (seconds for one attempt) from the job, ``retries``
    and ``queue`` from the workflow.
    """

    name: str
    job: str
    upstream: tuple[str, ...] = ()
    args: tuple[str, ...] | None = None
    retries: int | None = None
    timeout: int | None = None
    config: JobConfig = JobConfig()
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    queue: str | None = None
    subscription: Subscription | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    enabled: bool = True
    priority: int = 0


class GapPolicy(StrEnum):
    """What becomes of a tick whose local time the clock jumps over."""

    SHIFT = "shift"
    """It comes at the first valid instant after the gap."""
    SKIP = "skip"


class RepeatPolicy(StrEnum):
    """Which of two equal local times, when the clock is set back, are ticks."""

    FIRST = "first"
    BOTH = "both"


class _AnySchedule(Definition, frozen=True, kw_only=True, tag_field="type"):
    """When runs are due. Local times are in ``time_zone`` (IANA; unset: the host's).

    ``start`` (unset: when it is published) and ``end`` bound what the scheduler starts by itself.
    """

    time_zone: str | None = None
    start: str | None = None
    end: str | None = None
    gap: GapPolicy = GapPolicy.SHIFT
    overlap: RepeatPolicy | None = None


class Days(_AnySchedule, frozen=True, kw_only=True, tag="days"):
    """Once a day at ``at`` (HH:MM)."""

    at: str


class Hours(_AnySchedule, frozen=True, kw_only=True, tag="hours"):
    """Every ``every`` hours inside a daily window, counted from the window's start; both its ends count."""

    every: int
    start_of_day: str = msgspec.field(default="00:00", name="from")
    end_of_day: str = msgspec.field(default="23:59", name="to")


class Minutes(_AnySchedule, frozen=True, kw_only=True, tag="minutes"):
    """Every ``every`` minutes inside a daily window, counted from the window's start; both its ends count."""

    every: int
    start_of_day: str = msgspec.field(default="00:00", name="from")
    end_of_day: str = msgspec.field(default="23:59", name="to")


class Cron(_AnySchedule, frozen=True, kw_only=True, tag="cron"):
    """By a cron expression of five fields."""

    expression: str


Schedule = Days | Hours | Minutes | Cron

DEFAULT_WORKSPACE = "default"
ROOT_QUEUE = "root_queue"
DEV_QUEUE = "dev_queue"
"""What is there from the start."""


class QueueSpec(Definition, frozen=True):
    """What a queue allows, and where its Spark jobs run.

    ``limit`` is in CU (1 CU = 1 core and 4 GiB), ``nodes`` how many nodes may be active in it at once.
    """

    environment: Environment = Environment.BOTH
    limit: int | None = None
    nodes: int | None = None
    master: str = "local[*]"
    deploy_mode: str = "client"
    spark_home: str | None = None
    conf: dict[str, str] = msgspec.field(default_factory=dict)
    env: dict[str, str] = msgspec.field(default_factory=dict)
    proxy_user: str | None = None


class Keep(Definition, frozen=True):
    """How long, and how many, of a workflow's finished runs are kept; unset: as the daemon is configured.

    ``days`` are those after the end of a run that succeeded, ``failed_days`` of one that did not. ``runs`` is
    how many of those that succeeded are kept at most, and as many of those that did not. 0: without limit.
    """

    days: int | None = None
    failed_days: int | None = None
    runs: int | None = None


class WorkflowSpec(Definition, frozen=True):
    """A DAG of nodes. ``workflow`` is its name; times are seconds.

    The delay before retry n is ``retry_delay * retry_backoff ** (n - 1)``. ``parallelism`` is how many nodes
    of one run may be active at once; unset means as many as its queue allows. ``notify`` are the addresses
    that are told when a run fails or is late, and when one succeeds again.

    A scheduled run is late when it has not started by ``not_started_by``, or not ended by ``not_done_by``:
    how long after its tick (``90m``, ``2h``), or a time of day (``06:00``), the first one after the tick.
    What is said in ``keep`` of the latest published version, else of the draft, holds for all runs there are.
    """

    workflow: str
    nodes: tuple[NodeSpec, ...] = ()
    description: str = ""
    queue: str = ROOT_QUEUE
    schedule: Schedule | None = None
    overlap: OverlapPolicy = OverlapPolicy.WAIT
    catch_up: CatchUpPolicy = CatchUpPolicy.LATEST
    retries: int = 0
    retry_delay: float = 0
    retry_backoff: float = 1
    run_timeout: int | None = None
    parallelism: int | None = None
    failure_strategy: FailureStrategy = FailureStrategy.CONTINUE
    not_started_by: str | None = None
    not_done_by: str | None = None
    keep: Keep = Keep()
    notify: tuple[str, ...] = ()
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    variables: dict[str, str] = msgspec.field(default_factory=dict)
