"""How long runs and nodes usually take, from what those that succeeded took. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from statistics import median

from stoker_shared.api import RunView
from stoker_shared.events import Reason, Trigger
from stoker_shared.model import NodeState, RunState
from stoker_shared.state import Run

RUN = ""
"""What stands for the run itself among the names of its nodes."""

RECENT = 20
"""Of how many, the newest, it is told what is usual."""


def durations(run: Run) -> Iterator[tuple[str, float]]:
    """Give the seconds that a finished run took, and each node's last attempt, where they succeeded.

    Debug runs tell nothing of what is published, nor does a run as a whole that was opened again.
    """
    if run.trigger is Trigger.DEBUG:
        return
    if run.state is RunState.SUCCEEDED and run.ended_at and run.started_at and not was_reopened(run):
        yield RUN, (run.ended_at - run.started_at).total_seconds()
    for node in run.nodes:
        did_it = node.state is NodeState.SUCCEEDED and node.reason in (None, Reason.EXIT)
        if did_it and (last := node.attempt) and last.started_at and last.ended_at:
            yield node.name, (last.ended_at - last.started_at).total_seconds()


def usual(recent: Sequence[float]) -> float:
    """Give what is usual after these."""
    return round(median(recent), 3)


def was_reopened(run: Run) -> bool:
    """Tell whether a run went on after it had finished."""
    return run.begun_at is not None and run.begun_at != run.started_at


def add_usual(view: RunView, run: Run, known: Mapping[str, float]) -> RunView:
    """Say in a run's view what is usual, and of what is under way when it is expected to end."""
    view.usual_seconds = known.get(RUN)
    if view.usual_seconds is not None and run.started_at and not run.ended_at and not was_reopened(run):
        view.expected_at = run.started_at + timedelta(seconds=view.usual_seconds)
    for node, shown in zip(run.nodes, view.nodes, strict=True):
        shown.usual_seconds = known.get(node.name)
        if node.is_active and node.attempt and node.attempt.started_at and shown.usual_seconds is not None:
            shown.expected_at = node.attempt.started_at + timedelta(seconds=shown.usual_seconds)
    return view
