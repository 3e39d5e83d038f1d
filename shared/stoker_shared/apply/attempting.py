"""How events change nodes and their attempts: part of `stoker_shared.apply`."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from datetime import datetime
from typing import Any

from stoker_shared import events as ev
from stoker_shared.apply import notifying
from stoker_shared.model import NODE_TRANSITIONS, AttemptState, NodeState
from stoker_shared.state import MOST_DEEDS, Attempt, Backfill, Deed, NodeRun, Run, State


class NotAllowed(ValueError):
    """An event that the state it meets does not allow: the log is not this state's."""


def remember(of: Run | Backfill, record: ev.Record, what: str) -> None:
    """Note what a person did, in words."""
    of.deeds = [*of.deeds, Deed(record.at, record.by, what)][-MOST_DEEDS:]


def _node_skipped(state: State, record: ev.Record, event: ev.NodeSkipped) -> None:
    run = state.runs[event.run]
    node = run.node(event.node)
    node.reason = event.reason
    _end_node(run, node, NodeState.SKIPPED, record.at)
    notifying.node_changed(state, record, run, node)


def _node_finished(state: State, record: ev.Record, event: ev.NodeFinished) -> None:
    run = state.runs[event.run]
    node = run.node(event.node)
    if event.reason is ev.Reason.STOP and node.number not in run.ended:
        _remember_stop(run, record, event.node)
    node.reason, node.detail = event.reason, event.detail
    _end_node(run, node, event.state, record.at)
    notifying.node_changed(state, record, run, node)


def _node_stop_requested(state: State, record: ev.Record, event: ev.NodeStopRequested) -> None:
    run = state.runs[event.run]
    run.node(event.node).stopping = event.reason
    if event.reason is ev.Reason.STOP:
        _remember_stop(run, record, event.node)


def _remember_stop(run: Run, record: ev.Record, node: str) -> None:
    """Remember that a node was stopped, unless it stops with its run."""
    if not run.stopping:
        remember(run, record, f"stopped {node}")


def _attempt_starting(state: State, record: ev.Record, event: ev.AttemptStarting) -> None:
    run = state.runs[event.run]
    node = run.node(event.node)
    again = node.tries or node.state is NodeState.RETRYING
    move_node(node, NodeState.RETRYING if again else NodeState.RUNNING)
    node.retry_at = None
    node.tries += 1
    node.attempts.append(Attempt(event.attempt, event.tag, event.boot_id, event.command, record.at))
    _leave_worklists(run, node)
    run.active.append(node.number)
    _take(state, node, 1)
    if not again:
        notifying.node_changed(state, record, run, node)


def _attempt_started(state: State, record: ev.Record, event: ev.AttemptStarted) -> None:
    attempt = _attempt(state, event)
    attempt.state = AttemptState.RUNNING
    attempt.pid, attempt.start_time, attempt.started_at = event.pid, event.start_time, record.at


def _attempt_adopted(state: State, record: ev.Record, event: ev.AttemptAdopted) -> None:
    attempt = _attempt(state, event)
    attempt.state = AttemptState.RUNNING
    attempt.pid, attempt.start_time, attempt.adopted_at = event.pid, event.start_time, record.at
    attempt.started_at = attempt.started_at or attempt.starting_at


def _attempt_finished(state: State, record: ev.Record, event: ev.AttemptFinished) -> None:
    run = state.runs[event.run]
    node = run.node(event.node)
    attempt = _attempt(state, event)
    attempt.state = AttemptState.ENDED
    attempt.exit_status, attempt.reason, attempt.detail = event.exit_status, event.reason, event.detail
    attempt.cpu_seconds, attempt.memory_peak = event.cpu_seconds, event.memory_peak
    attempt.ended_at = record.at
    run.active.remove(node.number)
    _take(state, node, -1)
    run.ended.append(node.number)


def _take(state: State, node: NodeRun, count: int) -> None:
    """Count a node that takes its place in its queue, or (-1) gives it back."""
    if queue := state.queues.get(node.queue):
        queue.active += count
        queue.cu += count * node.cu


def _attempt_retry_at(state: State, record: ev.Record, event: ev.AttemptRetryAt) -> None:
    run = state.runs[event.run]
    node = run.node(event.node)
    again = node.state is NodeState.RETRYING
    move_node(node, NodeState.RETRYING)
    node.retry_at = event.due
    node.stopping = None
    node.tries -= event.free
    _leave_worklists(run, node)
    run.retrying.append(node.number)
    if not again:
        notifying.node_changed(state, record, run, node)


def _attempt(state: State, event: ev.AttemptStarted | ev.AttemptAdopted | ev.AttemptFinished) -> Attempt:
    attempt = state.runs[event.run].node(event.node).attempts[event.attempt - 1]
    if attempt.state is AttemptState.ENDED:
        raise NotAllowed(f"attempt {event.attempt} of {event.run}/{event.node} has ended before")
    return attempt


def _end_node(run: Run, node: NodeRun, end: NodeState, at: datetime) -> None:
    move_node(node, end)
    node.ended_at = at
    node.stopping = node.retry_at = None
    _leave_worklists(run, node)
    run.open -= 1
    run.failed += end is NodeState.FAILED
    for below in map(run.node, node.downstream):
        if below.state is not NodeState.PENDING:
            continue
        if end is not NodeState.SUCCEEDED:
            if not below.doomed:
                below.doomed = True
                run.doomed.append(below.number)
            continue
        below.unmet -= 1
        if not below.unmet:
            insort(run.ready, (-below.priority, below.number))


def _leave_worklists(run: Run, node: NodeRun) -> None:
    place = bisect_left(run.ready, (-node.priority, node.number))
    if place < len(run.ready) and run.ready[place][1] == node.number:
        del run.ready[place]
    for worklist in (run.retrying, run.ended, run.doomed):
        if node.number in worklist:
            worklist.remove(node.number)


def move_node(node: NodeRun, to: NodeState) -> None:
    """Change a node's state, where that is allowed."""
    if to not in NODE_TRANSITIONS[node.state]:
        raise NotAllowed(f"node {node.name!r} can't become {to}: it is {node.state}")
    node.state = to


CHANGES: dict[type, Callable[[State, ev.Record, Any], None]] = {
    ev.NodeSkipped: _node_skipped,
    ev.NodeFinished: _node_finished,
    ev.NodeStopRequested: _node_stop_requested,
    ev.AttemptStarting: _attempt_starting,
    ev.AttemptStarted: _attempt_started,
    ev.AttemptAdopted: _attempt_adopted,
    ev.AttemptFinished: _attempt_finished,
    ev.AttemptRetryAt: _attempt_retry_at,
}
