"""Runs that have not finished: their nodes, and the attempts of these."""

from __future__ import annotations

from datetime import datetime

import msgspec

from stoker_shared import events as ev
from stoker_shared.model import (
    NODE_ENDS,
    AttemptState,
    FailureStrategy,
    NodeState,
    OverlapPolicy,
    RunState,
    Subscription,
)


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
