"""What actions are done to, and what it is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from stoker_shared import api
from stoker_shared.api.backfills import BackfillView
from stoker_shared.state import WorkflowVersion
from stoker_tui.documents import Document
from stoker_tui.editing.document import Document as Draft

MOST_NAMED = 4
"""How many things a question names one by one."""


class NodeOf(NamedTuple):
    """A node, with the run that it is of, and where it failed why."""

    run: api.RunView
    node: api.NodeView
    card: api.FailureView | None = None


class EditedNode(NamedTuple):
    """A node of a draft that is edited."""

    document: Draft
    name: str


class VersionOf(NamedTuple):
    """A published version, with the workflow that it is of."""

    row: api.WorkflowRow
    version: WorkflowVersion


class JobState(NamedTuple):
    """A version of a job, or its draft, whose ``number`` is 0."""

    job: api.JobView
    number: int
    at: datetime
    by: str
    digest: str
    remarks: str

    @property
    def words(self) -> str:
        """What it is called."""
        return f"v{self.number}" if self.number else "draft"


class Filled(NamedTuple):
    """A form that is filled in, and what saves it."""

    save: Callable[[], None]
    is_changed: bool


class AsText(NamedTuple):
    """A definition that can be edited as text: what it is now, and what takes it when it is edited.

    It has no ``value`` while something is wrong with it.
    """

    document: Document[Any]
    value: msgspec.Struct | None
    take: Callable[[Any], None]


def name_of(thing: object) -> str:
    """Name what an action hits."""
    match thing:
        case api.RunRow():
            named = f"run #{thing.id} {thing.name}"
        case NodeOf():
            named = f"{thing.node.name} of run #{thing.run.row.id} {thing.run.row.name}"
        case api.WorkflowRow() | EditedNode() | Draft():
            named = thing.name
        case VersionOf():
            named = f"version {thing.version.version} of {thing.row.name}"
        case api.JobView():
            named = thing.path
        case JobState():
            named = f"{thing.words} of {thing.job.path}"
        case api.QueueView():
            named = f"queue {thing.name}"
        case api.VariableView():
            named = f"variable {thing.name}"
        case api.WorkspaceView():
            named = f"workspace {thing.name}"
        case BackfillView():
            named = f"backfill B{thing.id} of {thing.workflow}"
        case _:
            named = "it"
    return named


def names_of(things: Sequence[object]) -> str:
    """Name several things, the first ones by their names."""
    if len(things) == 1:
        return name_of(things[0])
    named = ", ".join(name_of(thing) for thing in things[:MOST_NAMED])
    return f"{len(things)}: {named}" + (", ..." if len(things) > MOST_NAMED else "")
