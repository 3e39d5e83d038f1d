"""What a run does while an earlier one of its workflow is active. Pure.

Manual and scheduled runs count, and their reruns, in the order in which they were opened; debug and backfill
neither wait nor are waited for.
"""

from __future__ import annotations

from collections.abc import Iterator

from stoker_shared import events as ev
from stoker_shared.model import OverlapPolicy
from stoker_shared.state import Run, State

COUNTED = frozenset({ev.Trigger.MANUAL, ev.Trigger.SCHEDULE})


def first_run(state: State, workflow: int) -> Run | None:
    """Give the earliest active run of a workflow, of those that count."""
    return next(_counted(state, workflow), None)


def is_held_back(run: Run, state: State) -> bool:
    """Tell whether a run starts nothing yet, since another goes first."""
    # `skip` is refused at the start; a rerun under it waits.
    if run.overlap is OverlapPolicy.PARALLEL or run.trigger not in COUNTED:
        return False
    return first_run(state, run.workflow) is not run


def replaced_by(run: Run, state: State) -> list[ev.RunStopRequested]:
    """Give the stops of the scheduled runs whose place a run takes."""
    if run.overlap is not OverlapPolicy.REPLACE or run.trigger not in COUNTED or run.ended_at:
        return []
    return [
        ev.RunStopRequested(other.id, ev.Reason.REPLACED)
        for other in _counted(state, run.workflow)
        if other.trigger is ev.Trigger.SCHEDULE and not other.stopping and other.place < run.place
    ]


def _counted(state: State, workflow: int) -> Iterator[Run]:
    for number in state.runs_of.get(workflow, ()):
        run = state.runs[number]
        if run.trigger in COUNTED:
            yield run
