"""Content, jobs and workflows."""

from __future__ import annotations

import re

from starlette.requests import Request

from stoker_daemon.commands import jobs, workflows
from stoker_daemon.commands.common import known_job, known_workflow, known_workspace, read_definition
from stoker_daemon.engine import Engine
from stoker_daemon.http.answers import page
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.once import Once
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.objects import Objects, WrongDigest
from stoker_daemon.problems import invalid, malformed
from stoker_daemon.views import job_version, runs_by_workflow, workflow_row
from stoker_shared import routes
from stoker_shared.api import (
    Digest,
    JobVersionView,
    Page,
    PageQuery,
    PublishJob,
    PublishWorkflow,
    StoredObject,
    WorkflowQuery,
    WorkflowRow,
    WorkflowView,
)
from stoker_shared.model import WorkflowSpec
from stoker_shared.state import Workflow, WorkflowVersion
from stoker_shared.text import clean

_ETAG = re.compile(r'"(\d{1,15})"')


class Definitions:
    """Handlers over the engine and the object store."""

    def __init__(self, engine: Engine, once: Once, objects: Objects) -> None:
        self._engine = engine
        self._once = once
        self._objects = objects

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("PUT", routes.OBJECT, self.put_object, status=201, takes="application/octet-stream"),
            Operation("GET", routes.JOBS, self.list_jobs),
            Operation("POST", routes.JOB_PUBLISH, self.publish_job, status=201),
            Operation("GET", routes.JOB_VERSIONS, self.list_job_versions),
            Operation("GET", routes.JOB, self.show_job),
            Operation("GET", routes.WORKFLOWS, self.list_workflows),
            Operation("GET", routes.WORKFLOW, self.show_workflow),
            Operation("PUT", routes.WORKFLOW, self.save_workflow, headers=("If-Match", "If-None-Match")),
            Operation("POST", routes.WORKFLOW_PUBLISH, self.publish_workflow, status=201),
        ]

    async def put_object(self, request: Request, digest: Digest) -> Answer[StoredObject]:
        """Store content under its SHA-256."""
        self._engine.admit()
        try:
            size = await self._objects.receive(digest, request.stream(), _announced_size(request))
        except WrongDigest as error:
            raise invalid(str(error)) from error
        return Answer(StoredObject(digest, size))

    async def list_jobs(self, workspace: str, query: PageQuery) -> Answer[Page[JobVersionView]]:
        """List the jobs of a workspace, each at its latest version."""
        known_workspace(self._engine.state, workspace)
        latest = [
            job_version(job, job.latest)
            for (space, _), job in self._engine.state.jobs.items()
            if space == workspace
        ]
        return Answer(page(query, latest, lambda job: job.path))

    async def show_job(self, workspace: str, path: str) -> Answer[JobVersionView]:
        """Show a job's latest version."""
        job = known_job(self._engine.state, workspace, path)
        return Answer(job_version(job, job.latest))

    async def list_job_versions(
        self, workspace: str, path: str, query: PageQuery
    ) -> Answer[Page[JobVersionView]]:
        """List a job's versions, oldest first."""
        job = known_job(self._engine.state, workspace, path)
        versions = [job_version(job, version) for version in job.versions]
        return Answer(page(query, versions, lambda version: f"{version.version:09d}"))

    async def publish_job(
        self, caller: Caller, workspace: str, path: str, body: PublishJob
    ) -> Answer[JobVersionView]:
        """Make stored content a job's next version."""
        number = await self._once.carry_out(
            caller, lambda: jobs.publish_job(self._objects, workspace, path, body, caller.user)
        )
        job = known_job(self._engine.state, workspace, path)
        return Answer(job_version(job, job.versions[number - 1]))

    async def list_workflows(self, workspace: str, query: PageQuery) -> Answer[Page[WorkflowRow]]:
        """List the workflows of a workspace."""
        state = self._engine.state
        known_workspace(state, workspace)
        runs = runs_by_workflow(state)
        rows = [
            workflow_row(workflow, runs.get(workflow.id, []))
            for workflow in state.workflows.values()
            if workflow.workspace == workspace
        ]
        return Answer(page(query, rows, lambda row: row.name))

    async def show_workflow(self, workspace: str, name: str, query: WorkflowQuery) -> Answer[WorkflowView]:
        """Show a workflow: its draft, or a published version of it."""
        workflow = known_workflow(self._engine.state, workspace, name)
        digest = workflow.draft.digest
        if query.version:
            digest = workflows.published_version(workflow, query.version).digest
        return self._shown(workflow, digest)

    async def save_workflow(
        self, request: Request, caller: Caller, workspace: str, name: str, body: WorkflowSpec
    ) -> Answer[WorkflowView]:
        """Save the draft, made on the revision that If-Match names."""
        self._engine.admit()
        command = await workflows.save_workflow(
            self._objects, workspace, name, body, _revision(request), caller.user
        )
        workflow = await self._engine.submit(command)
        return self._shown(workflow, workflow.draft.digest)

    async def publish_workflow(
        self, caller: Caller, workspace: str, name: str, body: PublishWorkflow
    ) -> Answer[WorkflowVersion]:
        """Make the draft the workflow's next version."""
        state = self._engine.state
        number = await self._once.carry_out(
            caller,
            lambda: workflows.publish_workflow(state, self._objects, workspace, name, body, caller.user),
        )
        return Answer(known_workflow(state, workspace, name).versions[number - 1])

    def _shown(self, workflow: Workflow, digest: str) -> Answer[WorkflowView]:
        runs = runs_by_workflow(self._engine.state).get(workflow.id, [])
        view = WorkflowView(workflow_row(workflow, runs), read_definition(self._objects, digest))
        return Answer(view, {"ETag": f'"{workflow.draft.revision}"'})


def _announced_size(request: Request) -> int:
    """Give how many bytes the body will have, 0 where that is not known beforehand."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _revision(request: Request) -> int | None:
    """Give the revision that a write is made on, from its preconditions (RFC 9110, 13.1)."""
    if request.headers.get("if-none-match") == "*":
        return workflows.NEW
    tag = request.headers.get("if-match")
    if tag is None:
        return None
    if match := _ETAG.fullmatch(tag.strip()):
        return int(match[1])
    raise malformed(f"If-Match must be the ETag of a draft, not {clean(tag[:40])!r}")
