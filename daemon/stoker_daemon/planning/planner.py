"""What a run does next, and which nodes of all runs start. Pure: state and a moment in, decisions out.

`decide` settles one run; `starts` then picks, over all runs, what is launched, from the front of the line. In
a queue that order is strict: what does not fit yet holds back all that waits behind it there, so that a large
node's turn comes. What could not start even with room in its queue holds back nothing.

Retried, within the budget, is what failed by itself: exit status, signal, timeout, an attempt that was lost.
Never retried is what a person, the run's timeout or fail_fast ended, and what was refused before launch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import msgspec

from stoker_daemon.planning.line import Line, Room
from stoker_shared import events as ev
from stoker_shared.model import FailureStrategy, NodeState, RunState
from stoker_shared.state import NodeRun, Run, State

_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
"""What is due later than a calendar has days is due then."""


_MOST_DOUBLINGS = 6
"""How often the second between launches that a host again and again has no room for is doubled."""


class Start(msgspec.Struct, frozen=True):
    """Launch the node's next attempt."""

    run: int
    node: str


Decision = (
    ev.RunStopRequested
    | ev.RunFinished
    | ev.NodeSkipped
    | ev.NodeStopRequested
    | ev.NodeFinished
    | ev.AttemptRetryAt
    | ev.RunLate
)


def decide(run: Run, now: datetime, *, passing: bool = True) -> list[Decision]:
    """Give the next decisions on a run, other than launches. Carry out all of them, then ask again.

    Unless ``passing``, no disabled node is passed through.
    """
    for phase in _PHASES:
        if (passing or phase is not _pass_disabled) and (decisions := phase(run, now)):
            return decisions
    return []


def starts(
    line: Line, now: datetime, without: Container[int] = (), most: int = sys.maxsize
) -> list[ev.RunStarted | Start]:
    """Give what starts now, once nothing is left to `decide`; of runs ``without`` nothing does.

    No more is active at once than ``most``.

    Carry out all of it, then ask again: the last place that a run's parallelism has may have gone to a node
    behind one for which a queue was kept free.
    """
    picked: list[ev.RunStarted | Start] = []
    if line.is_empty:
        return picked
    room = Room(line.state.queues)
    left = most - active(line.state)
    for run, node in line.nodes(now, room, without):
        if left <= 0:
            break
        if room.take(run, node):
            left -= 1
            if run.state is RunState.PENDING and room.taken[run.id] == 1:
                picked.append(ev.RunStarted(run.id))
            picked.append(Start(run.id, node.name))
    return picked


def active(state: State) -> int:
    """Give how many nodes have a process, or are about to."""
    return sum(queue.active for queue in state.queues.values())


def wake_at(run: Run, now: datetime) -> datetime | None:
    """Give the next moment after ``now`` at which time alone changes what `decide` says, if there is one."""
    moments = [node.retry_at for node in map(run.numbered, run.retrying) if node.retry_at]
    moments += [by for _, by in _awaited(run)]
    if not run.stopping:
        moments += [_run_deadline(run)]
        moments += [_deadline(node) for node in map(run.numbered, run.active) if not node.stopping]
    return min((moment for moment in moments if moment and moment > now), default=None)


def _settle_ended_attempts(run: Run, now: datetime) -> list[Decision]:
    return [_settled(run, run.numbered(number), now) for number in run.ended]


def _settled(run: Run, node: NodeRun, now: datetime) -> Decision:
    attempt = node.attempts[-1]
    match attempt.reason:
        case ev.Reason.EXIT if attempt.exit_status == 0:
            return ev.NodeFinished(run.id, node.name, NodeState.SUCCEEDED)
        case ev.Reason.STOP | ev.Reason.REPLACED | ev.Reason.FAIL_FAST as reason:
            return ev.NodeFinished(run.id, node.name, NodeState.STOPPED, reason)
        case ev.Reason.RUN_TIMEOUT | ev.Reason.REFUSED as reason:
            return ev.NodeFinished(run.id, node.name, NodeState.FAILED, reason, attempt.detail)
    if not run.stopping:
        if attempt.reason is ev.Reason.NEVER_BEGAN:
            return ev.AttemptRetryAt(run.id, node.name, _later(now, _pause(node)), free=True)
        if node.tries <= node.retries:
            return ev.AttemptRetryAt(run.id, node.name, _retry_due(run, node, now))
    return ev.NodeFinished(run.id, node.name, NodeState.FAILED, attempt.reason, attempt.detail)


def _pause(node: NodeRun) -> float:
    """Give the seconds before what never began is launched again: none at first, then more each time."""
    ends = (attempt.reason for attempt in reversed(node.attempts))
    failures = sum(1 for _ in takewhile(lambda reason: reason is ev.Reason.NEVER_BEGAN, ends))
    return 0 if failures == 1 else 2.0 ** min(failures - 2, _MOST_DOUBLINGS)


def _retry_due(run: Run, node: NodeRun, now: datetime) -> datetime:
    try:
        return _later(now, run.retry_delay and run.retry_delay * run.retry_backoff ** (node.tries - 1))
    except OverflowError:
        return _END_OF_TIME


def _note_lateness(run: Run, now: datetime) -> list[Decision]:
    if not (run.start_by or run.end_by):
        return []
    return [ev.RunLate(run.id, what, by) for what, by in _awaited(run) if by <= now]


def _awaited(run: Run) -> Iterator[tuple[ev.Lateness, datetime]]:
    """Give what the run has still to do in time, or is late with and nobody has noted."""
    if run.start_by and run.started_at is None and ev.Lateness.START not in run.late:
        yield ev.Lateness.START, run.start_by
    if run.end_by and ev.Lateness.END not in run.late:
        yield ev.Lateness.END, run.end_by


def _end_for_time(run: Run, now: datetime) -> list[Decision]:
    if run.stopping or not (run.timeout or run.active):
        return []
    if _is_due(_run_deadline(run), now):
        return [ev.RunStopRequested(run.id, ev.Reason.RUN_TIMEOUT)]
    return [
        ev.NodeStopRequested(run.id, node.name, ev.Reason.TIMEOUT)
        for node in map(run.numbered, run.active)
        if not node.stopping and _is_due(_deadline(node), now)
    ]


def _fail_fast(run: Run, _: datetime) -> list[Decision]:
    if run.failure_strategy is FailureStrategy.FAIL_FAST and run.failed and run.open and not run.stopping:
        return [ev.RunStopRequested(run.id, ev.Reason.FAIL_FAST)]
    return []


def _wind_down(run: Run, _: datetime) -> list[Decision]:
    if not run.stopping:
        return []
    return [
        decision
        for node in run.nodes
        if not node.has_ended and (decision := _wound_down(run, node, run.stopping))
    ]


def _wound_down(run: Run, node: NodeRun, reason: ev.Reason) -> Decision | None:
    if node.is_active:
        return None if node.stopping else ev.NodeStopRequested(run.id, node.name, reason)
    if reason in (ev.Reason.STOP, ev.Reason.REPLACED):
        return ev.NodeFinished(run.id, node.name, NodeState.STOPPED, reason)
    if node.state is NodeState.PENDING:
        return ev.NodeSkipped(run.id, node.name, reason)
    return ev.NodeFinished(run.id, node.name, NodeState.FAILED, reason)


def _skip_behind_failures(run: Run, _: datetime) -> list[Decision]:
    return [ev.NodeSkipped(run.id, run.numbered(number).name, ev.Reason.UPSTREAM) for number in run.doomed]


def _pass_disabled(run: Run, _: datetime) -> list[Decision]:
    if run.state is RunState.PAUSED:
        return []
    return [
        ev.NodeFinished(run.id, node.name, NodeState.SUCCEEDED, ev.Reason.DISABLED)
        for node in (run.numbered(number) for _, number in run.ready)
        if not node.enabled
    ]


def _finish(run: Run, _: datetime) -> list[Decision]:
    if run.open:
        return []
    return [ev.RunFinished(run.id, *_end(run))]


def _end(run: Run) -> tuple[RunState, ev.Reason | None]:
    ends = {node.state for node in run.nodes}
    if run.stopping is ev.Reason.RUN_TIMEOUT:
        return RunState.FAILED, run.stopping
    if NodeState.FAILED in ends:
        return RunState.FAILED, run.stopping
    if NodeState.STOPPED in ends:
        return RunState.STOPPED, run.stopping or ev.Reason.STOP
    if NodeState.SKIPPED in ends:
        return RunState.FAILED, ev.Reason.UPSTREAM
    return RunState.SUCCEEDED, None


def _run_deadline(run: Run) -> datetime | None:
    # Runs of earlier versions have no `begun_at`.
    began = run.begun_at or (run.started_at if run.state is RunState.RUNNING else None)
    if began is None or run.timeout is None:
        return None
    return _later(began, run.timeout)


def _deadline(node: NodeRun) -> datetime | None:
    if node.timeout is None or node.attempt is None:
        return None
    began = node.attempt.started_at or node.attempt.starting_at
    return _later(began, node.timeout)


def _later(moment: datetime, seconds: float) -> datetime:
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return _END_OF_TIME


def _is_due(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now


_PHASES: tuple[Callable[[Run, datetime], list[Decision]], ...] = (
    _note_lateness,
    _settle_ended_attempts,
    _end_for_time,
    _fail_fast,
    _wind_down,
    _skip_behind_failures,
    _pass_disabled,
    _finish,
)
"""In this order: what is late and what is known, what must end, what can't run or need not, then the end."""
