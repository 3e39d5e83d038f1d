"""Workflows: published, shown, compared."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from stoker_shared.api.base import Fault, Moment, Number, Query, Request
from stoker_shared.difference import Difference
from stoker_shared.model import ROOT_QUEUE, Schedule, WorkflowSpec


class WorkflowQuery(Query, frozen=True):
    """Which definition of a workflow."""

    version: Annotated[Number | UnsetType, Meta(description="a published version; absent: the draft")] = UNSET
    revision: Annotated[Number | UnsetType, Meta(description="a draft that was replaced")] = UNSET


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


class PublishWorkflow(Request, frozen=True):
    """Make the draft the workflow's next version."""

    remarks: str = ""


class RollBackWorkflow(Request, frozen=True):
    """Make what version ``version`` was the workflow's next version, and its draft."""

    version: Number
    remarks: str = ""


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
    """What publishing the draft would come to: the ``version`` it made, unless there are ``errors``.

    ``warnings`` say what would not be as the definition wants it.
    """

    version: int
    difference: Difference
    errors: list[Fault] = []
    warnings: list[str] = []


class PublishedVersion(msgspec.Struct, omit_defaults=True):
    """A version that was made just now; ``warnings`` say what is not as its definition wants it."""

    version: int
    digest: str
    at: Moment
    by: str
    remarks: str = ""
    warnings: list[str] = []
