"""What is current, as values: definitions by digest, and the runs that have not finished.

Only `stoker_shared.apply` changes these. Finished runs leave the state; what remains of them is in the
projection.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from datetime import datetime

import msgspec

from stoker_shared.model import DEFAULT_WORKSPACE
from stoker_shared.state.backfills import KEPT_BACKFILLS, Backfill
from stoker_shared.state.definitions import (
    KEPT_REVISIONS,
    Draft,
    Era,
    Failing,
    Job,
    JobDraft,
    JobVersion,
    Queue,
    Skip,
    Variable,
    Workflow,
    WorkflowVersion,
    Workspace,
    drafted,
    same_content,
)
from stoker_shared.state.notices import About, Delivery, GivenUp, Notice, Outbox
from stoker_shared.state.runs import MOST_DEEDS, Attempt, Deed, NodeRun, Run

__all__ = [
    "KEPT_BACKFILLS",
    "KEPT_REVISIONS",
    "MOST_DEEDS",
    "SHAPE",
    "About",
    "Attempt",
    "Backfill",
    "Counters",
    "Deed",
    "Delivery",
    "Draft",
    "Draining",
    "Era",
    "Failing",
    "GivenUp",
    "Item",
    "Job",
    "JobDraft",
    "JobVersion",
    "NodeRun",
    "Notice",
    "Outbox",
    "Queue",
    "Run",
    "Skip",
    "State",
    "Variable",
    "Workflow",
    "WorkflowVersion",
    "Workspace",
    "drafted",
    "same_content",
]


class Draining(msgspec.Struct, frozen=True, tag="draining"):
    """No node is started, since when, and who asked for that."""

    at: datetime
    by: str


class Counters(msgspec.Struct, tag="counters"):
    """The last numbers given out."""

    workflow: int = 0
    run: int = 0
    backfill: int = 0
    notification: int = 0


SHAPE = 4
"""Number of the state's shape, raised when a replay comes to more than earlier snapshots hold."""

Item = Counters | Draining | Workspace | Queue | Variable | Job | Workflow | Backfill | Run | Outbox | Notice
"""What a segment's snapshot consists of."""


def _only_default() -> dict[str, Workspace]:
    return {DEFAULT_WORKSPACE: Workspace(DEFAULT_WORKSPACE)}


class State(msgspec.Struct):
    """All that is current, as of the record ``seq``.

    Whatever has a job or a workflow is a workspace: earlier versions knew no others. ``runs_of`` has the
    numbers of a workflow's active runs, in the order in which they were opened. ``notices`` are what people
    are still to be told. ``restoring`` and ``restored`` are finished runs between being read back and being
    opened again.
    """

    seq: int = 0
    counters: Counters = msgspec.field(default_factory=Counters)
    draining: Draining | None = None
    workspaces: dict[str, Workspace] = msgspec.field(default_factory=_only_default)
    queues: dict[str, Queue] = {}
    variables: dict[tuple[str, str], Variable] = {}
    jobs: dict[tuple[str, str], Job] = {}
    workflows: dict[int, Workflow] = {}
    names: dict[tuple[str, str], int] = {}
    runs: dict[int, Run] = {}
    runs_of: dict[int, list[int]] = {}
    backfills: dict[int, Backfill] = {}
    outbox: Outbox = msgspec.field(default_factory=Outbox)
    notices: dict[int, Notice] = {}
    restoring: list[str] = []
    restored: dict[int, Run] = {}

    def items(self) -> Iterator[Item]:
        """Give the parts of a snapshot."""
        yield self.counters
        if self.draining:
            yield self.draining
        yield from self.workspaces.values()
        yield from self.queues.values()
        yield from self.variables.values()
        yield from self.jobs.values()
        yield from self.workflows.values()
        yield from self.backfills.values()
        yield from self.runs.values()
        yield self.outbox
        yield from self.notices.values()

    def restore(self, item: Item) -> None:
        """Put back one part of a snapshot."""
        # First come those of which there are many.
        match item:
            case Notice():
                self.notices[item.id] = item
            case Run():
                self.runs[item.id] = item
                insort(
                    self.runs_of.setdefault(item.workflow, []),
                    item.id,
                    key=lambda number: self.runs[number].place,
                )
            case Workflow():
                self.workspaces.setdefault(item.workspace, Workspace(item.workspace))
                self.workflows[item.id] = item
                self.names[item.workspace, item.name] = item.id
            case Job():
                self.workspaces.setdefault(item.workspace, Workspace(item.workspace))
                # Snapshots of earlier versions have no drafts of jobs.
                item.draft = item.draft or (item.latest and drafted(item.latest, 1))
                self.jobs[item.workspace, item.path] = item
            case Counters():
                self.counters = item
            case Draining():
                self.draining = item
            case Workspace():
                self.workspaces[item.name] = item
            case Queue():
                self.queues[item.name] = item
            case Variable():
                self.variables[item.workspace, item.name] = item
            case Backfill():
                self.backfills[item.id] = item
            case Outbox():
                self.outbox = item

    def workflow_named(self, workspace: str, name: str) -> Workflow | None:
        """Give the workflow of that name, if there is one."""
        number = self.names.get((workspace, name))
        return None if number is None else self.workflows[number]
