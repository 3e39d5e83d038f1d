"""From the state to what answers show. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter

import msgspec

from stoker_daemon.preparing.plan import Plan, type_of
from stoker_daemon.scheduling.backfill import seconds_left, timetable_of, waits_until
from stoker_shared import api
from stoker_shared.api.backfills import BackfillView
from stoker_shared.model import WorkflowSpec
from stoker_shared.state import (
    Attempt,
    Backfill,
    Job,
    JobVersion,
    NodeRun,
    Run,
    State,
    Variable,
    Workflow,
    Workspace,
)

_row_of = attrgetter(*api.RunRow.__struct_fields__)


def workspace_view(state: State, workspace: Workspace) -> api.WorkspaceView:
    """Show a workspace."""
    return api.WorkspaceView(
        name=workspace.name,
        description=workspace.description,
        jobs=sum(space == workspace.name for space, _ in state.jobs),
        workflows=sum(space == workspace.name for space, _ in state.names),
        variables=sum(space == workspace.name for space, _ in state.variables),
        active_runs=sum(run.workspace == workspace.name for run in state.runs.values()),
    )


def variable_view(variable: Variable) -> api.VariableView:
    """Show a workspace's variable."""
    return api.VariableView(**_common(variable, api.VariableView))


def job_version(job: Job, version: JobVersion) -> api.JobVersionView:
    """Show a published version of a job."""
    return api.JobVersionView(
        path=job.path,
        type=type_of(job.path),
        version=version.version,
        digest=version.digest,
        size=version.size,
        published_at=version.at,
        by=version.by,
        config=version.config,
        remarks=version.remarks,
        attachments=version.attachments,
    )


def job_view(job: Job) -> api.JobView:
    """Show a job: what runs of it, and what is being edited."""
    draft = job.current_draft
    return api.JobView(
        path=job.path,
        type=type_of(job.path),
        version=len(job.versions),
        has_changes=job.has_changes,
        draft=api.JobDraftView(
            revision=draft.revision,
            digest=draft.digest,
            size=draft.size,
            saved_at=draft.at,
            by=draft.by,
            config=draft.config,
            attachments=draft.attachments,
            applied=draft.applied,
        ),
        latest=job_version(job, job.latest) if job.latest else None,
    )


def workflow_row(state: State, workflow: Workflow, spec: WorkflowSpec) -> api.WorkflowRow:
    """Show a workflow in a list; ``spec`` is its definition in force (`in_force`)."""
    latest = workflow.versions[-1] if workflow.versions else None
    return api.WorkflowRow(
        id=workflow.id,
        name=workflow.name,
        version=latest.version if latest else 0,
        revision=workflow.draft.revision,
        saved_at=workflow.draft.at,
        saved_by=workflow.draft.by,
        has_changes=latest is None or latest.digest != workflow.draft.digest,
        edited=workflow.edited,
        active_runs=state.runs_of.get(workflow.id, []),
        last_run=workflow.last_run,
        queue=spec.queue,
        schedule=spec.schedule,
        tags=spec.tags,
        scheduling=workflow.scheduling,
    )


def in_force(workflow: Workflow) -> str:
    """Give the digest of the definition that runs are made of: the latest version's, else the draft's."""
    return workflow.versions[-1].digest if workflow.versions else workflow.draft.digest


def run_row(run: Run) -> api.RunRow:
    """Show a run in a list."""
    return api.RunRow(*_row_of(run))


def run_view(run: Run, plan: Plan, waiting: Mapping[str, str]) -> api.RunView:
    """Show a run whole; ``waiting`` is what its nodes wait for."""
    return api.RunView(
        row=run_row(run),
        nodes=[
            _node(node, planned.job, waiting.get(node.name, ""))
            for node, planned in zip(run.nodes, plan.nodes, strict=True)
        ],
        variables=run.variables,
        stopping=run.stopping,
        stopped_by=run.stopped_by,
        settings=run.settings,
        deeds=[api.DeedView(deed.at, deed.by, deed.what) for deed in run.deeds],
        start_by=run.start_by,
        end_by=run.end_by,
        late=run.late,
    )


def backfill_view(held: Backfill, name: str, usual: float | None, now: datetime) -> BackfillView:
    """Show a backfill of the workflow ``name``, a run of which ``usual``ly takes so many seconds."""
    ticks = timetable_of(held)
    wait = max(((ticks.after(held.last) or now) - now).total_seconds(), 0)
    without = ("workflow", "waits_until", "seconds_left", "retrying", "deeds")
    return BackfillView(
        workflow=name,
        waits_until=waits_until(held, ticks, now),
        seconds_left=seconds_left(held, usual, wait),
        retrying=held.retried is not None,
        deeds=[api.DeedView(deed.at, deed.by, deed.what) for deed in held.deeds],
        **_common(held, BackfillView, without),
    )


def _node(node: NodeRun, job: str, waiting: str) -> api.NodeView:
    without = ("job", "waiting", "attempts", "usual_seconds", "expected_at")
    shown = _common(node, api.NodeView, without)
    attempts = [_attempt(attempt) for attempt in node.attempts]
    return api.NodeView(job=job, waiting=waiting, attempts=attempts, **shown)


def _attempt(attempt: Attempt) -> api.AttemptView:
    return api.AttemptView(**_common(attempt, api.AttemptView))


def _common(source: msgspec.Struct, view: type[msgspec.Struct], without: Iterable[str] = ()) -> dict:
    return {name: getattr(source, name) for name in view.__struct_fields__ if name not in without}
