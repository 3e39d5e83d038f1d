"""Commands on what is active of runs: stop, pause, resume."""

from __future__ import annotations

from collections.abc import Callable

from stoker_daemon.access.rules import Rights
from stoker_daemon.commands.common import guess
from stoker_daemon.engine import Turn
from stoker_daemon.problems import Refused, conflict, not_found
from stoker_shared import events as ev
from stoker_shared.actions import NodeAction, RunAction, why_not_node, why_not_run
from stoker_shared.model import NodeState
from stoker_shared.state import NodeRun, Run, State
from stoker_shared.text import clean


def stop_run(number: int, by: str) -> Callable[[Turn], int]:
    """Stop a run: what runs is ended, what has not started will not."""
    return _on_run(number, RunAction.STOP, ev.RunStopRequested(number, ev.Reason.STOP), by)


def pause_run(number: int, by: str) -> Callable[[Turn], int]:
    """Pause a run: what runs goes on, nothing new is started."""
    return _on_run(number, RunAction.PAUSE, ev.RunPaused(number), by)


def resume_run(number: int, by: str, rights: Rights) -> Callable[[Turn], int]:
    """Let a paused run go on, which takes leave to have runs on the queues that its nodes wait in."""

    def command(turn: Turn) -> int:
        run = active_run(turn.state, number)
        rights.require_queues({node.queue for node in run.nodes if not node.has_ended})
        allow_run(RunAction.RESUME, run)
        turn.record(ev.RunResumed(number), by)
        return number

    return command


def stop_node(number: int, name: str, by: str) -> Callable[[Turn], int]:
    """Stop one node of a run: its attempt is ended, or it will not start."""

    def command(turn: Turn) -> int:
        run = active_run(turn.state, number)
        node = node_of(run, name)
        allow_node(NodeAction.STOP, run, node)
        if node.is_active:
            turn.record(ev.NodeStopRequested(number, name, ev.Reason.STOP), by)
        else:
            turn.record(ev.NodeFinished(number, name, NodeState.STOPPED, ev.Reason.STOP), by)
        return number

    return command


def active_run(state: State, number: int) -> Run:
    """Give a run that has not finished; raises `Refused`."""
    if number in state.runs:
        return state.runs[number]
    if 0 < number <= state.counters.run:
        raise conflict(f"run #{number} has finished")
    raise not_found(f"there is no run #{number}")


def node_of(run: Run, name: str) -> NodeRun:
    """Give the node of that name; raises `Refused`."""
    if name not in run.numbers:
        raise not_found(f"run #{run.id} has no node {clean(name)!r}{guess(name, run.numbers)}")
    return run.node(name)


def allow_run(action: RunAction, run: Run) -> None:
    """Raise `Refused` where that can't be done to the run as it stands."""
    if why := why_not_run(action, run.state, stopping=_is_stopping(run)):
        raise _refused(f"run #{run.id}", action, why)


def allow_node(action: NodeAction, run: Run, node: NodeRun) -> None:
    """Raise `Refused` where that can't be done to the node as it stands."""
    stopping = node.stopping is not None
    if why := why_not_node(action, node.state, stopping=stopping, run_stopping=_is_stopping(run)):
        raise _refused(f"node {node.name!r} of run #{run.id}", action, why)


def _is_stopping(run: Run) -> bool:
    """Tell whether a run is being ended; one that has finished says still why it was."""
    return run.stopping is not None and run.ended_at is None


def _on_run(number: int, action: RunAction, event: ev.EventType, by: str) -> Callable[[Turn], int]:
    def command(turn: Turn) -> int:
        allow_run(action, active_run(turn.state, number))
        turn.record(event, by)
        return number

    return command


def _refused(what: str, action: RunAction | NodeAction, why: str) -> Refused:
    return conflict(f"{what} can't be {action.value}: {why}")
