"""Routes of content, jobs and workflows."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stoker_daemon import commands
from stoker_daemon.engine import Engine
from stoker_daemon.http.answers import answer, body, number, page
from stoker_daemon.http.peers import user
from stoker_daemon.objects import Objects, WrongDigest, is_digest
from stoker_daemon.problems import invalid, malformed
from stoker_daemon.views import job_version, runs_by_workflow, workflow_row
from stoker_shared import routes
from stoker_shared.api import JobVersionView, PublishJob, PublishWorkflow, WorkflowRow, WorkflowView
from stoker_shared.model import WorkflowSpec
from stoker_shared.state import Workflow
from stoker_shared.text import clean

_ETAG = re.compile(r'"(\d{1,15})"')


class Definitions:
    """Handlers over the engine and the object store."""

    def __init__(self, engine: Engine, objects: Objects) -> None:
        self._engine = engine
        self._objects = objects

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [
            Route(routes.OBJECT, self.put_object, methods=["PUT"]),
            Route(routes.JOBS, self.jobs),
            Route(routes.JOB_PUBLISH, self.publish_job, methods=["POST"]),
            Route(routes.JOB_VERSIONS, self.job_versions),
            Route(routes.JOB, self.job),
            Route(routes.WORKFLOWS, self.workflows),
            Route(routes.WORKFLOW, self.workflow),
            Route(routes.WORKFLOW, self.save_workflow, methods=["PUT"]),
            Route(routes.WORKFLOW_PUBLISH, self.publish_workflow, methods=["POST"]),
        ]

    async def put_object(self, request: Request) -> Response:
        """Store content under its SHA-256."""
        digest = request.path_params["digest"]
        if not is_digest(digest):
            raise malformed("an object is named by its SHA-256 in 64 lower-case hexadecimal digits")
        try:
            size = await self._objects.receive(digest, request.stream())
        except WrongDigest as error:
            raise invalid(str(error)) from error
        return answer({"digest": digest, "size": size}, await self._engine.durable(), 201)

    async def jobs(self, request: Request) -> Response:
        """List the jobs of a workspace, each at its latest version."""
        workspace, jobs = request.path_params["workspace"], self._engine.state.jobs
        paths = [path for space, path in jobs if space == workspace]

        def latest(path: str) -> JobVersionView:
            job = jobs[workspace, path]
            return job_version(job, job.latest)

        return answer(page(request, paths, latest), await self._engine.durable())

    async def job(self, request: Request) -> Response:
        """Show a job's latest version."""
        job = commands.known_job(self._engine.state, **request.path_params)
        return answer(job_version(job, job.latest), await self._engine.durable())

    async def job_versions(self, request: Request) -> Response:
        """List a job's versions, oldest first."""
        job = commands.known_job(self._engine.state, **request.path_params)
        versions = {f"{version.version:09d}": version for version in job.versions}
        listed = page(request, versions, lambda key: job_version(job, versions[key]))
        return answer(listed, await self._engine.durable())

    async def publish_job(self, request: Request) -> Response:
        """Make stored content the job's next version."""
        workspace, path = request.path_params["workspace"], request.path_params["path"]
        commands.check_workspace(workspace)
        asked = await body(request, PublishJob)
        job = await self._engine.submit(
            commands.publish_job(self._objects, workspace, path, asked, user(request))
        )
        return answer(job_version(job, job.latest), await self._engine.durable(), 201)

    async def workflows(self, request: Request) -> Response:
        """List the workflows of a workspace."""
        workspace, state = request.path_params["workspace"], self._engine.state
        runs = runs_by_workflow(state)
        names = [name for space, name in state.names if space == workspace]

        def row(name: str) -> WorkflowRow:
            workflow = commands.known_workflow(state, workspace, name)
            return workflow_row(workflow, runs.get(workflow.id, []))

        return answer(page(request, names, row), await self._engine.durable())

    async def workflow(self, request: Request) -> Response:
        """Show a workflow: its draft, or with ``version=N`` that published definition."""
        workflow = commands.known_workflow(self._engine.state, **request.path_params)
        digest = workflow.draft.digest
        if asked := request.query_params.get("version"):
            digest = commands.published_version(workflow, number(asked, "version")).digest
        return await self._shown(workflow, digest)

    async def save_workflow(self, request: Request) -> Response:
        """Save the draft, made on the revision that If-Match names."""
        workspace, name = request.path_params["workspace"], request.path_params["name"]
        commands.check_workspace(workspace)
        spec = await body(request, WorkflowSpec)
        command = await commands.save_workflow(
            self._objects, workspace, name, spec, _revision(request), user(request)
        )
        workflow = await self._engine.submit(command)
        return await self._shown(workflow, workflow.draft.digest)

    async def publish_workflow(self, request: Request) -> Response:
        """Make the draft the next version."""
        workspace, name = request.path_params["workspace"], request.path_params["name"]
        asked = await body(request, PublishWorkflow)
        version = await self._engine.submit(
            commands.publish_workflow(
                self._engine.state, self._objects, workspace, name, asked, user(request)
            )
        )
        return answer(version, await self._engine.durable(), 201)

    async def _shown(self, workflow: Workflow, digest: str) -> Response:
        runs = runs_by_workflow(self._engine.state).get(workflow.id, [])
        view = WorkflowView(workflow_row(workflow, runs), commands.read_definition(self._objects, digest))
        etag = {"ETag": f'"{workflow.draft.revision}"'}
        return answer(view, await self._engine.durable(), headers=etag)


def _revision(request: Request) -> int | None:
    """Give the revision that a write is made on, from its preconditions (RFC 9110, 13.1)."""
    if request.headers.get("if-none-match") == "*":
        return commands.NEW
    tag = request.headers.get("if-match")
    if tag is None:
        return None
    if match := _ETAG.fullmatch(tag.strip()):
        return int(match[1])
    raise malformed(f"If-Match must be the ETag of a draft, not {clean(tag[:40])!r}")
