"""The definitions people write: jobs and workflows, with the words for their states.

Structs here are frozen values. They are decoded from files and requests with unknown fields forbidden, so
that a mistyped key is an error and never silently nothing.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class JobType(StrEnum):
    """What kind of source file a job is; inferred from its path."""

    PYSPARK = "pyspark"
    SQL = "sql"
    JAR = "jar"
    SHELL = "shell"


JOB_TYPE_BY_SUFFIX = {
    ".py": JobType.PYSPARK,
    ".sql": JobType.SQL,
    ".jar": JobType.JAR,
    ".sh": JobType.SHELL,
}


class RunState(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    RUNNING = "running"
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


RUN_TRANSITIONS = {
    RunState.PENDING: {RunState.RUNNING, RunState.SUCCEEDED, RunState.FAILED, RunState.STOPPED},
    RunState.RUNNING: {RunState.SUCCEEDED, RunState.FAILED, RunState.STOPPED},
    RunState.SUCCEEDED: set(),
    RunState.FAILED: set(),
    RunState.STOPPED: set(),
}

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
    NodeState.SUCCEEDED: set(),
    NodeState.FAILED: set(),
    NodeState.STOPPED: set(),
    NodeState.SKIPPED: set(),
}
"""Allowed changes of state; a state with no way out is an end. A pending node becomes succeeded when it is
disabled and passed through, and failed when it is refused before anything is launched."""

NODE_ENDS = frozenset(state for state, ways in NODE_TRANSITIONS.items() if not ways)


class FailureStrategy(StrEnum):
    """What a failed node means for the rest of its run."""

    CONTINUE = "continue"
    FAIL_FAST = "fail_fast"


class Definition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of everything people write."""


class JobConfig(Definition, frozen=True):
    """How a job runs. On a job: its defaults. On a node: what that node has otherwise; unset means inherited.

    Memory is a Spark size (``4g``), ``timeout`` is seconds for one attempt.
    """

    main_class: str | None = None
    driver_cores: int | None = None
    driver_memory: str | None = None
    executor_cores: int | None = None
    executor_memory: str | None = None
    executor_instances: int | None = None
    conf: dict[str, str] = msgspec.field(default_factory=dict)
    env: dict[str, str] = msgspec.field(default_factory=dict)
    timeout: int | None = None

    def overlaid(self, over: JobConfig) -> JobConfig:
        """Give this configuration with what ``over`` sets on top; properties and environment merge by key."""
        changes = {
            name: value
            for name in self.__struct_fields__
            if name not in ("conf", "env") and (value := getattr(over, name)) is not None
        }
        return msgspec.structs.replace(self, conf=self.conf | over.conf, env=self.env | over.env, **changes)


class NodeSpec(Definition, frozen=True):
    """One job in a workflow, joined to its upstream nodes by their names."""

    name: str
    job: str
    upstream: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    config: JobConfig = JobConfig()
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    retries: int | None = None
    enabled: bool = True
    priority: int = 0


class WorkflowSpec(Definition, frozen=True):
    """A DAG of nodes. ``workflow`` is its name; times are seconds.

    The delay before retry n is ``retry_delay * retry_backoff ** (n - 1)``. ``parallelism`` is how many nodes
    of one run may be active at once; unset means as many as the daemon's machine has cores.
    """

    workflow: str
    nodes: tuple[NodeSpec, ...] = ()
    description: str = ""
    retries: int = 0
    retry_delay: float = 0
    retry_backoff: float = 1
    run_timeout: int | None = None
    parallelism: int | None = None
    failure_strategy: FailureStrategy = FailureStrategy.CONTINUE
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    variables: dict[str, str] = msgspec.field(default_factory=dict)
