"""The one function that changes the state.

The daemon applies each event as it is made; a replay of the log applies the same events and so arrives at the
same state, and so does a mirror of the event stream. Nothing here decides: events carry the decisions.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from stoker_shared import backfilling, notifying, ticking
from stoker_shared import events as ev
from stoker_shared.model import (
    NODE_ENDS,
    NODE_TRANSITIONS,
    RUN_TRANSITIONS,
    AttemptState,
    NodeState,
    RunState,
)
from stoker_shared.state import (
    KEPT_REVISIONS,
    MOST_DEEDS,
    Attempt,
    Deed,
    Draft,
    Draining,
    Job,
    JobDraft,
    JobVersion,
    NodeRun,
    Queue,
    Run,
    State,
    Variable,
    Workflow,
    WorkflowVersion,
    Workspace,
    drafted,
    same_content,
)


class NotAllowed(ValueError):
    """An event that the state it meets does not allow: the log is not this state's."""


def apply(state: State, record: ev.Record) -> Run | None:
    """Change ``state`` by the next record.

    Returns:
        The run that the event is about, if it is about one; also the one it just finished, or restored.

    Raises:
        NotAllowed: the record does not follow, or its event is not allowed in this state.
    """
    if record.seq != state.seq + 1:
        raise NotAllowed(f"record {record.seq} does not follow {state.seq}")
    number = getattr(record.event, "run", 0)
    run = state.runs.get(number)
    try:
        if change := _CHANGES.get(type(record.event)):
            change(state, record, record.event)
        if (state.restoring or state.restored) and not isinstance(record.event, ev.RunRestored):
            # A crash between restoring a run and opening it leaves it closed.
            state.restoring, state.restored = [], {}
    except (ticking.NotDue, backfilling.SeenTo) as error:
        raise NotAllowed(f"record {record.seq}: {error}") from error
    except (KeyError, IndexError) as error:
        raise NotAllowed(f"record {record.seq} speaks of {error}, which is not current") from error
    state.seq = record.seq
    return run or state.runs.get(number) or state.restored.get(number)


def _daemon_draining(state: State, record: ev.Record, event: ev.DaemonDraining) -> None:
    state.draining = Draining(record.at, record.by) if event.on else None


def _workspace_created(state: State, _: ev.Record, event: ev.WorkspaceCreated) -> None:
    state.restore(Workspace(event.workspace, event.description))


def _workspace_deleted(state: State, _: ev.Record, event: ev.WorkspaceDeleted) -> None:
    del state.workspaces[event.workspace]


def _queue_saved(state: State, _: ev.Record, event: ev.QueueSaved) -> None:
    if known := state.queues.get(event.name):
        known.spec = event.spec
    else:
        state.restore(Queue(event.name, event.spec))


def _queue_deleted(state: State, _: ev.Record, event: ev.QueueDeleted) -> None:
    del state.queues[event.name]


def _variable_set(state: State, record: ev.Record, event: ev.VariableSet) -> None:
    state.restore(
        Variable(event.workspace, event.name, record.at, record.by, event.value, event.secret, event.kept)
    )


def _variable_unset(state: State, _: ev.Record, event: ev.VariableUnset) -> None:
    del state.variables[event.workspace, event.name]


def _job(state: State, event: ev.JobSaved | ev.JobPublished) -> Job:
    if (event.workspace, event.path) not in state.jobs:
        state.restore(Job(event.workspace, event.path))
    return state.jobs[event.workspace, event.path]


def _job_saved(state: State, record: ev.Record, event: ev.JobSaved) -> None:
    _job(state, event).draft = JobDraft(
        event.revision,
        event.digest,
        event.size,
        record.at,
        record.by,
        event.config,
        event.attachments,
        event.applied,
    )


def _job_published(state: State, record: ev.Record, event: ev.JobPublished) -> None:
    version = JobVersion(
        version=event.version,
        digest=event.digest,
        size=event.size,
        at=record.at,
        by=record.by,
        config=event.config,
        remarks=event.remarks,
        attachments=event.attachments,
    )
    job = _job(state, event)
    followed = not job.has_changes and not (job.draft and same_content(event, job.draft))
    job.versions.append(version)
    if followed:
        job.draft = drafted(version, job.draft.revision + 1 if job.draft else 1)


def _job_deleted(state: State, _: ev.Record, event: ev.JobDeleted) -> None:
    del state.jobs[event.workspace, event.path]


def _workflow_saved(state: State, record: ev.Record, event: ev.WorkflowSaved) -> None:
    draft = Draft(event.revision, event.digest, record.at, record.by, event.applied)
    if known := state.workflows.get(event.workflow):
        _replace_draft(known, draft)
        return
    state.counters.workflow = event.workflow
    state.restore(Workflow(event.workspace, event.workflow, event.name, draft))


def _replace_draft(workflow: Workflow, draft: Draft) -> None:
    workflow.replaced = [*workflow.replaced, workflow.draft][-KEPT_REVISIONS:]
    workflow.draft = draft


def _workflow_published(state: State, record: ev.Record, event: ev.WorkflowPublished) -> None:
    version = WorkflowVersion(event.version, event.digest, record.at, record.by, event.remarks)
    workflow = state.workflows[event.workflow]
    workflow.versions.append(version)
    if event.rescheduled:
        ticking.reschedule(workflow, event.schedule, record.at)


def _workflow_renamed(state: State, record: ev.Record, event: ev.WorkflowRenamed) -> None:
    workflow = state.workflows[event.workflow]
    del state.names[workflow.workspace, workflow.name]
    workflow.name = event.name
    applied = workflow.draft.applied
    _replace_draft(workflow, Draft(event.revision, event.digest, record.at, record.by, applied))
    for index, digest in enumerate(event.versions):
        workflow.versions[index] = msgspec.structs.replace(workflow.versions[index], digest=digest)
    state.restore(workflow)


def _workflow_deleted(state: State, _: ev.Record, event: ev.WorkflowDeleted) -> None:
    workflow = state.workflows.pop(event.workflow)
    del state.names[workflow.workspace, workflow.name]


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
    _remember(run, record, "paused it")


def _run_resumed(state: State, record: ev.Record, event: ev.RunResumed) -> None:
    run = state.runs[event.run]
    _move_run(run, RunState.RUNNING if run.begun_at else RunState.PENDING)
    _remember(run, record, "resumed it")


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
    _remember(run, record, f"reran {_listed(event.nodes)}{changes}")


def _node_set_successful(state: State, record: ev.Record, event: ev.NodeSetSuccessful) -> None:
    run = _opened(state, record, event.run)
    node = run.node(event.node)
    _move_node(node, NodeState.SUCCEEDED)
    node.reason, node.detail, node.ended_at = ev.Reason.SET, f"set successful by {record.by}", record.at
    _reset(run, event.resumed)
    after = f", to be followed by {_listed(event.resumed)}" if event.resumed else ""
    _remember(run, record, f"set {node.name} successful{after}")
    notifying.node_changed(state, record, run, node)


def _listed(names: tuple[str, ...]) -> str:
    """Name some nodes in words."""
    some, more = ", ".join(names[:3]), len(names) - 3
    return f"{some} and {more} more" if more > 0 else some


def _remember(run: Run, record: ev.Record, what: str) -> None:
    run.deeds = [*run.deeds, Deed(record.at, record.by, what)][-MOST_DEEDS:]


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
        _move_node(node, NodeState.PENDING)
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
        _remember(run, record, "stopped it")


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
        _remember(run, record, f"stopped {node}")


def _attempt_starting(state: State, record: ev.Record, event: ev.AttemptStarting) -> None:
    run = state.runs[event.run]
    node = run.node(event.node)
    again = node.tries or node.state is NodeState.RETRYING
    _move_node(node, NodeState.RETRYING if again else NodeState.RUNNING)
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
    _move_node(node, NodeState.RETRYING)
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
    _move_node(node, end)
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


def _move_run(run: Run, to: RunState) -> None:
    if to not in RUN_TRANSITIONS[run.state]:
        raise NotAllowed(f"run {run.id} can't become {to}: it is {run.state}")
    run.state = to


def _move_node(node: NodeRun, to: NodeState) -> None:
    if to not in NODE_TRANSITIONS[node.state]:
        raise NotAllowed(f"node {node.name!r} can't become {to}: it is {node.state}")
    node.state = to


_CHANGES: dict[type, Callable[[State, ev.Record, Any], None]] = {
    ev.WorkspaceCreated: _workspace_created,
    ev.WorkspaceDeleted: _workspace_deleted,
    ev.QueueSaved: _queue_saved,
    ev.QueueDeleted: _queue_deleted,
    ev.VariableSet: _variable_set,
    ev.VariableUnset: _variable_unset,
    ev.JobSaved: _job_saved,
    ev.JobPublished: _job_published,
    ev.JobDeleted: _job_deleted,
    ev.WorkflowSaved: _workflow_saved,
    ev.WorkflowPublished: _workflow_published,
    ev.WorkflowRenamed: _workflow_renamed,
    ev.WorkflowDeleted: _workflow_deleted,
    ev.WorkflowScheduling: ticking.workflow_scheduling,
    ev.TickSkipped: ticking.tick_skipped,
    ev.BackfillCreated: backfilling.backfill_created,
    ev.BackfillPassed: backfilling.backfill_passed,
    ev.BackfillPaused: backfilling.backfill_paused,
    ev.BackfillResumed: backfilling.backfill_resumed,
    ev.BackfillRetried: backfilling.backfill_retried,
    ev.BackfillCancelled: backfilling.backfill_cancelled,
    ev.BackfillFinished: backfilling.backfill_finished,
    ev.RunCreated: _run_created,
    ev.RunLate: _run_late,
    ev.RunStarted: _run_started,
    ev.RunPaused: _run_paused,
    ev.RunResumed: _run_resumed,
    ev.RunStopRequested: _run_stop_requested,
    ev.RunRestored: _run_restored,
    ev.RunRerunRequested: _run_rerun_requested,
    ev.RunFinished: _run_finished,
    ev.NodeSkipped: _node_skipped,
    ev.NodeFinished: _node_finished,
    ev.NodeSetSuccessful: _node_set_successful,
    ev.NodeStopRequested: _node_stop_requested,
    ev.AttemptStarting: _attempt_starting,
    ev.AttemptStarted: _attempt_started,
    ev.AttemptAdopted: _attempt_adopted,
    ev.AttemptFinished: _attempt_finished,
    ev.AttemptRetryAt: _attempt_retry_at,
    ev.DaemonDraining: _daemon_draining,
    ev.NotificationChannels: notifying.channels_changed,
    ev.NotificationSent: notifying.sent,
    ev.NotificationFailed: notifying.failed,
    ev.NotificationGivenUp: notifying.given_up,
}
