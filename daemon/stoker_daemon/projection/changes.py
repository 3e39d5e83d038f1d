"""What records mean for the tables. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from stoker_daemon.durations import durations
from stoker_daemon.views import run_row
from stoker_shared import events as ev
from stoker_shared.api import RunRow
from stoker_shared.state import Run


class RunChange(msgspec.Struct):
    """A run's row to write; ``body`` is the whole run once it has finished."""

    row: RunRow
    body: bytes | None = None


class Took(msgspec.Struct):
    """How long a run of a workflow took, or one ``node`` of it, in seconds; it succeeded."""

    workflow: int
    node: str
    run: int
    seconds: float


class KeyUsed(msgspec.Struct):
    """A request's key to write, with the number that its answer names."""

    user: str
    key: ev.KeyUse
    number: int
    at: datetime


Change = RunChange | Took | KeyUsed

_ROW_EVENTS = (
    ev.RunCreated
    | ev.RunStarted
    | ev.RunPaused
    | ev.RunResumed
    | ev.RunRerunRequested
    | ev.NodeSetSuccessful
    | ev.RunFinished
)
"""What changes a run's row. A run that had finished is open again when nodes of it are rerun or set."""


def changes_by(record: ev.Record, run: Run | None) -> list[Change]:
    """Give what a record means for the tables; ``run`` is the one it is about, as it stands after it."""
    changes: list[Change] = []
    if run and isinstance(record.event, _ROW_EVENTS):
        changes.append(change_for(run))
    if run and isinstance(record.event, ev.RunFinished):
        changes += [Took(run.workflow, node, run.id, seconds) for node, seconds in durations(run)]
    if record.key:
        changes.append(KeyUsed(record.by, record.key, ev.number_of(record.event), record.at))
    return changes


def change_for(run: Run) -> RunChange:
    """Give the row of a run as it stands."""
    return RunChange(run_row(run), msgspec.json.encode(run) if run.ended_at else None)
