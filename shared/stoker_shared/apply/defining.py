"""How events change definitions: part of `stoker_shared.apply`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from stoker_shared import events as ev
from stoker_shared.apply import ticking
from stoker_shared.state import (
    KEPT_REVISIONS,
    Draft,
    Job,
    JobDraft,
    JobVersion,
    Queue,
    State,
    Variable,
    Workflow,
    WorkflowVersion,
    Workspace,
    drafted,
    same_content,
)


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


CHANGES: dict[type, Callable[[State, ev.Record, Any], None]] = {
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
}
