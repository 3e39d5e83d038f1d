"""How events change whole runs: part of `stoker_shared.apply`."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from stoker_shared import events as ev
from stoker_shared.apply import backfilling, notifying, ticking
from stoker_shared.apply.attempting import NotAllowed, move_node, remember
from stoker_shared.model import NODE_ENDS, RUN_TRANSITIONS, NodeState, RunState
from stoker_shared.state import NodeRun, Run, State


def _run_created(state: State, record: ev.Record, event: ev.RunCreated) -> None:
    if event.trigger is ev.Trigger.SCHEDULE and event.scheduled_at:
        ticking.account_for(state.workflows[event.workflow], event.scheduled_at, event.scheduled_at)
    if event.backfill:
        backfilling.run_created(state, event)
    state.counters.run = event.run
    run = Run(
        id=event.run,
        workspace=event.workspace,
        workflow=event.workflow,
        name=event.name,
        version=event.version,
        trigger=event.trigger,
        cycle=event.cycle,
        time_zone=event.time_zone,
        plan=event.plan,
        created_at=record.at,
        by=record.by,
        parallelism=event.parallelism,
        failure_strategy=event.failure_strategy,
        retry_delay=event.retry_delay,
        retry_backoff=event.retry_backoff,
        timeout=event.timeout,
        variables=event.variables,
        remarks=event.remarks,
        revision=event.revision,
        queue=event.queue,
        overlap=event.overlap,
        tags=event.tags,
        scheduled_at=event.scheduled_at,
        start_by=event.start_by,
        end_by=event.end_by,
        backfill=event.backfill,
        notify=event.notify,
        queues=sorted({node.queue for node in event.nodes}),
        opened=record.seq,
        nodes=[_planned(number, node) for number, node in enumerate(event.nodes, 1)],
        numbers={node.name: number for number, node in enumerate(event.nodes, 1)},
        open=len(event.nodes),
    )
    for node in run.nodes:
        for name in node.upstream:
            run.node(name).downstream.append(node.name)
        if not node.unmet:
            insort(run.ready, (-node.priority, node.number))
    state.restore(run)
    if workflow := state.workflows.get(run.workflow):
        workflow.last_run = run.id


def _planned(number: int, node: ev.PlannedNode) -> NodeRun:
    return NodeRun(
        number=number,
        name=node.name,
        upstream=node.upstream,
        retries=node.retries,
        timeout=node.timeout,
        enabled=node.enabled,
        priority=node.priority,
        queue=node.queue,
        cu=node.cu,
        subscription=node.subscription,
        unmet=len(node.upstream),
    )


def _run_started(state: State, record: ev.Record, event: ev.RunStarted) -> None:
    run = state.runs[event.run]
    _move_run(run, RunState.RUNNING)
    run.started_at = run.started_at or record.at
    run.begun_at = record.at


def _run_paused(state: State, record: ev.Record, event: ev.RunPaused) -> None:
    run = state.runs[event.run]
    _move_run(run, RunState.PAUSED)
    remember(run, record, "paused it")


def _run_resumed(state: State, record: ev.Record, event: ev.RunResumed) -> None:
    run = state.runs[event.run]
    _move_run(run, RunState.RUNNING if run.begun_at else RunState.PENDING)
    remember(run, record, "resumed it")


def _run_restored(state: State, _: ev.Record, event: ev.RunRestored) -> None:
    if event.part == 1:
        state.restoring = []
    state.restoring.append(event.content)
    if event.part == event.parts == len(state.restoring):
        state.restored[event.run] = msgspec.json.decode("".join(state.restoring), type=Run)
        state.restoring = []


def _run_rerun_requested(state: State, record: ev.Record, event: ev.RunRerunRequested) -> None:
    run = _opened(state, record, event.run)
    run.plan = event.plan or run.plan
    run.settings = run.settings | event.settings
    for changed in event.changed:
        node = run.node(changed.name)
        for name in ("retries", "timeout", "enabled", "priority", "queue", "cu"):
            setattr(node, name, getattr(changed, name))
    run.queues = sorted({node.queue for node in run.nodes})
    _reset(run, event.nodes)
    changes = "".join(f", {name}: {change}" for name, change in event.settings.items())
    remember(run, record, f"reran {_listed(event.nodes)}{changes}")


def _node_set_successful(state: State, record: ev.Record, event: ev.NodeSetSuccessful) -> None:
    run = _opened(state, record, event.run)
    node = run.node(event.node)
    move_node(node, NodeState.SUCCEEDED)
    node.reason, node.detail, node.ended_at = ev.Reason.SET, f"set successful by {record.by}", record.at
    _reset(run, event.resumed)
    after = f", to be followed by {_listed(event.resumed)}" if event.resumed else ""
    remember(run, record, f"set {node.name} successful{after}")
    notifying.node_changed(state, record, run, node)


def _listed(names: tuple[str, ...]) -> str:
    """Name some nodes in words."""
    some, more = ", ".join(names[:3]), len(names) - 3
    return f"{some} and {more} more" if more > 0 else some


def _opened(state: State, record: ev.Record, number: int) -> Run:
    """Give a run with which it goes on; one that had finished is opened again."""
    if number in state.runs:
        return state.runs[number]
    run = state.restored.pop(number)
    backfilling.run_opened(state, run)
    _move_run(run, RunState.PENDING)
    run.ended_at = run.begun_at = run.reason = run.stopping = None
    run.stopped_by = ""
    run.opened = record.seq
    state.restore(run)
    _leave_past_deadlines(run, record.at)
    return run


def _leave_past_deadlines(run: Run, now: datetime) -> None:
    """Leave what a run that had ended did in time: to be opened again makes no run late."""
    if run.start_by and run.start_by <= now and ev.Lateness.START not in run.late:
        run.start_by = None
    if run.end_by and run.end_by <= now and ev.Lateness.END not in run.late:
        run.end_by = None


def _reset(run: Run, names: tuple[str, ...]) -> None:
    """Make nodes pending again: they wait for those upstream that have not ended, however the others did."""
    for node in map(run.node, names):
        move_node(node, NodeState.PENDING)
        node.tries, node.doomed = 0, False
        node.ended_at = node.reason = node.stopping = node.retry_at = None
        node.detail = ""
    run.open = sum(not node.has_ended for node in run.nodes)
    run.failed = 0
    run.ready = []
    for node in run.nodes:
        if node.state is NodeState.PENDING:
            node.doomed = node.doomed and _has_lost_upstream(run, node)
            node.unmet = sum(not run.node(name).has_ended for name in node.upstream)
            if not node.unmet and not node.doomed:
                insort(run.ready, (-node.priority, node.number))
    run.doomed = [number for number in run.doomed if run.numbered(number).doomed]


def _has_lost_upstream(run: Run, node: NodeRun) -> bool:
    states = {run.node(name).state for name in node.upstream}
    return not states.isdisjoint(NODE_ENDS - {NodeState.SUCCEEDED})


def _run_stop_requested(state: State, record: ev.Record, event: ev.RunStopRequested) -> None:
    run = state.runs[event.run]
    run.stopping = event.reason
    run.stopped_by = record.by
    if event.reason is ev.Reason.STOP:
        remember(run, record, "stopped it")


def _run_finished(state: State, record: ev.Record, event: ev.RunFinished) -> None:
    run = state.runs.pop(event.run)
    state.runs_of[run.workflow].remove(run.id)
    if not state.runs_of[run.workflow]:
        del state.runs_of[run.workflow]
    _move_run(run, event.state)
    run.ended_at = record.at
    run.reason = event.reason
    backfilling.run_finished(state, run)
    notifying.run_finished(state, record, run)


def _run_late(state: State, record: ev.Record, event: ev.RunLate) -> None:
    run = state.runs[event.run]
    run.late = [*run.late, event.what]
    notifying.run_late(state, record, run, event)


def _move_run(run: Run, to: RunState) -> None:
    if to not in RUN_TRANSITIONS[run.state]:
        raise NotAllowed(f"run {run.id} can't become {to}: it is {run.state}")
    run.state = to


CHANGES: dict[type, Callable[[State, ev.Record, Any], None]] = {
    ev.RunCreated: _run_created,
    ev.RunLate: _run_late,
    ev.RunStarted: _run_started,
    ev.RunPaused: _run_paused,
    ev.RunResumed: _run_resumed,
    ev.RunStopRequested: _run_stop_requested,
    ev.RunRestored: _run_restored,
    ev.RunRerunRequested: _run_rerun_requested,
    ev.RunFinished: _run_finished,
    ev.NodeSetSuccessful: _node_set_successful,
}
