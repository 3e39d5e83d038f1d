"""What records mean for the tables. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from stoker_daemon.planning.durations import durations
from stoker_daemon.views import run_row
from stoker_shared import events as ev
from stoker_shared.api import RunRow
from stoker_shared.state import Run


class Finished(msgspec.Struct):
    """What is written of a finished run beside its row: all of it, and what it is let go by.

    ``plan`` is the object's digest, ``has_output`` that some of what it wrote is kept. It can be read from
    the log from ``seq`` on, as can the other changes that have one.
    """

    body: bytes
    ended_at: datetime
    plan: str
    has_output: bool
    seq: int


class RunChange(msgspec.Struct):
    """A run's row to write, and the rest once it has finished."""

    row: RunRow
    finished: Finished | None = None


class Took(msgspec.Struct):
    """How long a run of a workflow took, or one ``node`` of it, in seconds; it succeeded."""

    workflow: int
    node: str
    run: int
    seconds: float
    seq: int = 0


class KeyUsed(msgspec.Struct):
    """A request's key to write, with the number that its answer names."""

    user: str
    key: ev.KeyUse
    number: int
    at: datetime
    seq: int = 0


class Removed(msgspec.Struct):
    """Runs that are not kept any more, and what stays known of them."""

    runs: tuple[int, ...]
    past: tuple[ev.PastInterval, ...]
    seq: int


class OutputGone(msgspec.Struct):
    """Runs whose output is not kept any more."""

    runs: tuple[int, ...]
    at: datetime


class WorkflowGone(msgspec.Struct):
    """A workflow that was deleted: nobody asks any more what its runs took, or were for."""

    workflow: int


class Trimmed(msgspec.Struct):
    """The log lost its oldest segments: keys that are too old by ``at`` are nowhere any more."""

    at: datetime


Passing = Removed | OutputGone | WorkflowGone | Trimmed
"""What takes something away."""

Change = RunChange | Took | KeyUsed | Passing

_ROW_EVENTS = frozenset(
    {
        ev.RunCreated,
        ev.RunStarted,
        ev.RunPaused,
        ev.RunResumed,
        ev.RunRerunRequested,
        ev.NodeSetSuccessful,
        ev.RunFinished,
        ev.RunRestored,
    }
)
"""What changes a run's row. A run that had finished is open again when nodes of it are rerun or set."""

_PASSING_EVENTS = frozenset(
    {ev.RunsRemoved, ev.OutputRemoved, ev.WorkflowDeleted, ev.LogTrimmed, ev.HistoryCarried}
)
"""What lets something go."""


def changes_by(record: ev.Record, run: Run | None) -> list[Change]:
    """Give what a record means for the tables; ``run`` is the one it is about, as it stands after it."""
    changes: list[Change] = []
    event, seq = record.event, record.seq
    if run and type(event) in _ROW_EVENTS:
        changes.append(change_for(run, seq))
        if isinstance(event, ev.RunFinished):
            changes += [Took(run.workflow, node, run.id, seconds, seq) for node, seconds in durations(run)]
    if record.key:
        changes.append(KeyUsed(record.by, record.key, ev.number_of(event), record.at, seq))
    if type(event) in _PASSING_EVENTS:
        changes += _passing(record)
    return changes


def _passing(record: ev.Record) -> list[Change]:
    match record.event:
        case ev.RunsRemoved(runs, past):
            return [Removed(runs, past, record.seq)]
        case ev.OutputRemoved(runs):
            return [OutputGone(runs, record.at)]
        case ev.WorkflowDeleted(workflow):
            return [WorkflowGone(workflow)]
        case ev.LogTrimmed():
            return [Trimmed(record.at)]
        case ev.HistoryCarried() as event:
            return _carried(event, record.seq)
    return []


def _carried(event: ev.HistoryCarried, seq: int) -> list[Change]:
    took = [Took(one.workflow, one.node, one.run, one.seconds, seq) for one in event.usual]
    keys = [KeyUsed(one.user, one.key, one.number, one.at, seq) for one in event.keys]
    return [Removed((), event.past, seq), *took, *keys]


def change_for(run: Run, seq: int) -> RunChange:
    """Give the row of a run as it stands after the record ``seq``."""
    return RunChange(run_row(run), finished(run, seq) if run.ended_at else None)


def finished(run: Run, seq: int) -> Finished:
    """Give what is written of a run that has finished."""
    assert run.ended_at  # noqa: S101
    body = msgspec.json.encode(run)
    return Finished(body, run.ended_at, run.plan, has_output(run), seq)


def has_output(run: Run) -> bool:
    """Tell whether some of what a run wrote is kept."""
    return any(run.keeps_output_of(attempt) for node in run.nodes for attempt in node.attempts)
