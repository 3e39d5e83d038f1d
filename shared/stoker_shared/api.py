"""What goes over the socket: requests, answers, problems. Both sides use these very types."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from stoker_shared.events import Reason, Trigger
from stoker_shared.model import AttemptState, JobConfig, JobType, NodeState, RunState, WorkflowSpec

API_VERSION = "1"
DEFAULT_WORKSPACE = "default"
MAX_PAGE = 1000
"""Entries a page may have."""

_T = TypeVar("_T")


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of bodies that clients send."""


class Empty(Request, frozen=True):
    """The body of a request whose path says all."""


class PublishJob(Request, frozen=True):
    """Make an object, sent before, the job's next version."""

    digest: str
    config: JobConfig = JobConfig()
    remarks: str = ""


class PublishWorkflow(Request, frozen=True):
    """Make the draft the workflow's next version."""

    remarks: str = ""


class StartRun(Request, frozen=True):
    """Start a run now. ``cycle`` is a date or local or offset time (ISO 8601); unset: now minus one day."""

    workflow: str
    cycle: str | None = None
    version: int | None = None
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    remarks: str = ""


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with a body; ``pointer`` is where, as a JSON pointer (RFC 6901)."""

    pointer: str
    detail: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as RFC 9457 has it; ``type`` is stable and names the kind."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []


class Page(msgspec.Struct, Generic[_T], omit_defaults=True):
    """Part of a list; ``next`` is the cursor of the part that follows, absent at the end."""

    items: list[_T]
    next: str | None = None


class Status(msgspec.Struct, omit_defaults=True):
    """The daemon at a glance. ``held`` is why changes are refused now, absent when all is well."""

    version: str
    api: str
    host: str
    pid: int
    started_at: datetime
    time_zone: str
    data: str
    jobs: int
    workflows: int
    active_runs: int
    active_nodes: int
    seq: int
    held: str = ""


class JobVersionView(msgspec.Struct, omit_defaults=True):
    """A published version of a job."""

    path: str
    type: JobType
    version: int
    digest: str
    size: int
    published_at: datetime
    by: str
    config: JobConfig = JobConfig()
    remarks: str = ""


class WorkflowRow(msgspec.Struct, omit_defaults=True):
    """What lists show of a workflow. ``version`` is the latest published one, 0 where there is none."""

    id: int
    name: str
    version: int
    revision: int
    saved_at: datetime
    saved_by: str
    has_changes: bool
    active_runs: list[int] = []


class WorkflowView(msgspec.Struct, omit_defaults=True):
    """A workflow and one definition of it: the draft's."""

    row: WorkflowRow
    spec: WorkflowSpec


class AttemptView(msgspec.Struct, omit_defaults=True):
    """One launch of a node. ``exit_status`` is the shell's: 128 + n for death by signal n."""

    number: int
    state: AttemptState
    starting_at: datetime
    started_at: datetime | None = None
    adopted_at: datetime | None = None
    ended_at: datetime | None = None
    exit_status: int | None = None
    reason: Reason | None = None
    detail: str = ""
    command: tuple[str, ...] = ()
    pid: int | None = None


class NodeView(msgspec.Struct, omit_defaults=True):
    """One node of a run."""

    name: str
    job: str
    state: NodeState
    upstream: tuple[str, ...] = ()
    stopping: Reason | None = None
    retry_at: datetime | None = None
    ended_at: datetime | None = None
    reason: Reason | None = None
    detail: str = ""
    attempts: list[AttemptView] = []


class RunRow(msgspec.Struct, omit_defaults=True):
    """What lists show of a run. Times are UTC; ``cycle`` is to be shown in ``time_zone``."""

    id: int
    workspace: str
    name: str
    version: int
    trigger: Trigger
    state: RunState
    cycle: datetime
    time_zone: str
    by: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    reason: Reason | None = None
    remarks: str = ""


class RunView(msgspec.Struct, omit_defaults=True):
    """A run whole."""

    row: RunRow
    nodes: list[NodeView]
    variables: dict[str, str] = {}
    stopping: Reason | None = None
    stopped_by: str = ""


class Heartbeat(msgspec.Struct, tag="heartbeat", tag_field="type"):
    """Sent on a quiet event stream, so that both sides know the other is there."""
