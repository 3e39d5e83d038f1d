"""What a run does while an earlier one of its workflow is active. Pure.

Manual and scheduled runs count, and their reruns, in the order in which they were opened; debug and backfill
neither wait nor are waited for.
"""

from __future__ import annotations

from stoker_shared import events as ev
from stoker_shared.model import OverlapPolicy
from stoker_shared.state import Run, State

COUNTED = frozenset({ev.Trigger.MANUAL, ev.Trigger.SCHEDULE})


def first_runs(state: State) -> dict[int, Run]:
    """Give the earliest active run of each workflow, of those that count."""
    first: dict[int, Run] = {}
    for run in state.runs.values():
        if run.trigger in COUNTED:
            known = first.get(run.workflow)
            if known is None or _age(run) < _age(known):
                first[run.workflow] = run
    return first


def is_held_back(run: Run, first: dict[int, Run]) -> bool:
    """Tell whether a run starts nothing yet, given the first run of each workflow."""
    # `skip` is refused at the start; a rerun under it waits.
    if run.overlap is OverlapPolicy.PARALLEL or run.trigger not in COUNTED:
        return False
    return first[run.workflow] is not run


def replaced_by(run: Run, state: State) -> list[ev.RunStopRequested]:
    """Give the stops of the scheduled runs whose place a run takes."""
    if run.overlap is not OverlapPolicy.REPLACE or run.trigger not in COUNTED or run.ended_at:
        return []
    return [
        ev.RunStopRequested(other.id, ev.Reason.REPLACED)
        for other in state.runs.values()
        if other.workflow == run.workflow
        and other.trigger is ev.Trigger.SCHEDULE
        and not other.stopping
        and _age(other) < _age(run)
    ]


def _age(run: Run) -> tuple[int, int]:
    # Runs of earlier versions have no `opened`: they are the oldest.
    return run.opened, run.id
