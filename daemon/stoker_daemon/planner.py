"""What a run does next. Pure: a run and a moment in, decisions out.

Retried, within the budget, is what failed by itself: exit status, signal, timeout, an attempt that was lost.
Never retried is what a person, the run's timeout or fail_fast ended, and what was refused before launch.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from stoker_shared import events as ev
from stoker_shared.model import FailureStrategy, NodeState, RunState
from stoker_shared.state import NodeRun, Run

_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
"""What is due later than a calendar has days is due then."""


class Start(msgspec.Struct, frozen=True):
    """Launch the node's next attempt."""

    node: str


Decision = (
    Start
    | ev.RunStarted
    | ev.RunStopRequested
    | ev.RunFinished
    | ev.NodeSkipped
    | ev.NodeStopRequested
    | ev.NodeFinished
    | ev.AttemptRetryAt
)


def decide(run: Run, now: datetime, *, starting: bool = True) -> list[Decision]:
    """Give the next decisions on a run. Carry out all of them, then ask again, until none is left.

    Unless ``starting``, no node is begun.
    """
    for phase in _PHASES:
        if (starting or phase is not _start_nodes) and (decisions := phase(run, now)):
            return decisions
    return []


def wake_at(run: Run, now: datetime) -> datetime | None:
    """Give the next moment after ``now`` at which time alone changes what `decide` says, if there is one."""
    moments = [node.retry_at for node in map(run.numbered, run.retrying) if node.retry_at]
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
        case ev.Reason.STOP | ev.Reason.FAIL_FAST as reason:
            return ev.NodeFinished(run.id, node.name, NodeState.STOPPED, reason)
        case ev.Reason.RUN_TIMEOUT | ev.Reason.REFUSED as reason:
            return ev.NodeFinished(run.id, node.name, NodeState.FAILED, reason, attempt.detail)
    if not run.stopping:
        if attempt.reason is ev.Reason.NEVER_BEGAN:
            return ev.AttemptRetryAt(run.id, node.name, now, free=True)
        if node.tries <= node.retries:
            return ev.AttemptRetryAt(run.id, node.name, _retry_due(run, node, now))
    return ev.NodeFinished(run.id, node.name, NodeState.FAILED, attempt.reason, attempt.detail)


def _retry_due(run: Run, node: NodeRun, now: datetime) -> datetime:
    try:
        return _later(now, run.retry_delay and run.retry_delay * run.retry_backoff ** (node.tries - 1))
    except OverflowError:
        return _END_OF_TIME


def _end_for_time(run: Run, now: datetime) -> list[Decision]:
    if run.stopping:
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
    if reason is ev.Reason.STOP:
        return ev.NodeFinished(run.id, node.name, NodeState.STOPPED, reason)
    if node.state is NodeState.PENDING:
        return ev.NodeSkipped(run.id, node.name, reason)
    return ev.NodeFinished(run.id, node.name, NodeState.FAILED, reason)


def _skip_behind_failures(run: Run, _: datetime) -> list[Decision]:
    return [ev.NodeSkipped(run.id, run.numbered(number).name, ev.Reason.UPSTREAM) for number in run.doomed]


def _start_nodes(run: Run, now: datetime) -> list[Decision]:
    free = max(run.parallelism - len(run.active), 0)
    due = [node for node in map(run.numbered, run.retrying) if _is_due(node.retry_at, now)]
    next_nodes = (due + [run.numbered(number) for _, number in run.ready[:free]])[:free]
    if not next_nodes:
        return []
    begin = [ev.RunStarted(run.id)] if run.state is RunState.PENDING else []
    return begin + [_start_or_pass(run, node) for node in next_nodes]


def _start_or_pass(run: Run, node: NodeRun) -> Decision:
    if node.enabled:
        return Start(node.name)
    return ev.NodeFinished(run.id, node.name, NodeState.SUCCEEDED, ev.Reason.DISABLED)


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
        return RunState.STOPPED, ev.Reason.STOP
    if any(node.reason is ev.Reason.UPSTREAM for node in run.nodes):
        return RunState.FAILED, ev.Reason.UPSTREAM
    return RunState.SUCCEEDED, None


def _run_deadline(run: Run) -> datetime | None:
    if run.started_at is None or run.timeout is None:
        return None
    return _later(run.started_at, run.timeout)


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
    _settle_ended_attempts,
    _end_for_time,
    _fail_fast,
    _wind_down,
    _skip_behind_failures,
    _start_nodes,
    _finish,
)
"""In this order: what is known, then what must end, then what can't run, then what can, then the end."""
