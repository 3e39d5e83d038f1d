"""What a person may do to a run, a node of it or a backfill, and when: for commands and keys alike."""

from __future__ import annotations

from enum import StrEnum

from stoker_shared.model import BackfillState, NodeState, RunState
from stoker_shared.state import Backfill


class RunAction(StrEnum):
    """What can be done to a run, in the words of a sentence: it can or can't be ..."""

    STOP = "stopped"
    PAUSE = "paused"
    RESUME = "resumed"
    RERUN_FAILED = "rerun from failed"
    RERUN_ALL = "rerun"


class NodeAction(StrEnum):
    """What can be done to a node of a run."""

    STOP = "stopped"
    RERUN = "rerun"
    SUCCEED = "set successful"


class BackfillAction(StrEnum):
    """What can be done to a backfill."""

    PAUSE = "paused"
    RESUME = "resumed"
    CANCEL = "cancelled"
    RETRY = "retried"


RUN_ACTIONS: dict[RunAction, tuple[RunState, ...]] = {
    RunAction.STOP: (RunState.PENDING, RunState.RUNNING, RunState.PAUSED),
    RunAction.PAUSE: (RunState.PENDING, RunState.RUNNING),
    RunAction.RESUME: (RunState.PAUSED,),
    RunAction.RERUN_FAILED: (RunState.FAILED, RunState.STOPPED),
    RunAction.RERUN_ALL: (RunState.SUCCEEDED, RunState.FAILED, RunState.STOPPED),
}
"""The states of a run in which each is allowed."""

NODE_ACTIONS: dict[NodeAction, tuple[NodeState, ...]] = {
    NodeAction.STOP: (NodeState.PENDING, NodeState.RUNNING, NodeState.RETRYING),
    NodeAction.RERUN: (NodeState.SUCCEEDED, NodeState.FAILED, NodeState.STOPPED, NodeState.SKIPPED),
    NodeAction.SUCCEED: (NodeState.FAILED, NodeState.STOPPED, NodeState.SKIPPED),
}
"""The states of a node in which each is allowed."""

BACKFILL_ACTIONS: dict[BackfillAction, tuple[BackfillState, ...]] = {
    BackfillAction.PAUSE: (BackfillState.RUNNING,),
    BackfillAction.RESUME: (BackfillState.PAUSED,),
    BackfillAction.CANCEL: (BackfillState.RUNNING, BackfillState.PAUSED),
    BackfillAction.RETRY: (BackfillState.RUNNING, BackfillState.PAUSED, BackfillState.FAILED),
}
"""The states of a backfill in which each is allowed."""

_STANDING = {
    "pending": "is pending",
    "running": "is running",
    "retrying": "is retrying",
    "paused": "is paused",
    "succeeded": "has succeeded",
    "failed": "has failed",
    "stopped": "was stopped",
    "cancelled": "was cancelled",
    "skipped": "was skipped",
}


def why_not_run(action: RunAction, state: RunState, *, stopping: bool = False) -> str:
    """Say why that can't be done to a run in that state now, as "it ..."; nothing where it can."""
    if state not in RUN_ACTIONS[action]:
        return f"it {_STANDING[state.value]}"
    return "it is stopping already" if stopping else ""


def why_not_node(
    action: NodeAction, state: NodeState, *, stopping: bool = False, run_stopping: bool = False
) -> str:
    """Say why that can't be done to a node in that state now, as "it ..."; nothing where it can.

    A run that is stopping lets nothing of it go on.
    """
    if state not in NODE_ACTIONS[action]:
        return f"it {_STANDING[state.value]}"
    if stopping:
        return "it is stopping already"
    return "its run is stopping" if run_stopping and action is not NodeAction.STOP else ""


def why_not_backfill(action: BackfillAction, backfill: Backfill) -> str:
    """Say why that can't be done to a backfill now, as "it ..."; nothing where it can."""
    if backfill.state not in BACKFILL_ACTIONS[action]:
        return f"it {_STANDING[backfill.state.value]}"
    return "none of its runs failed" if action is BackfillAction.RETRY and not backfill.failed else ""
