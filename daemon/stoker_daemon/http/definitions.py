"""Content and jobs."""

from __future__ import annotations

from starlette.requests import Request

from stoker_daemon.commands import jobs
from stoker_daemon.commands.common import check_workspace, known_job
from stoker_daemon.engine import Engine
from stoker_daemon.http.answers import page
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.once import Once
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.objects import Objects, WrongDigest
from stoker_daemon.problems import invalid
from stoker_daemon.views import job_version
from stoker_shared import routes
from stoker_shared.api import (
    Digest,
    JobVersionView,
    Page,
    PageQuery,
    PublishJob,
    StoredObject,
)


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
        check_workspace(workspace)
        number = await self._once.carry_out(
            caller, lambda: jobs.publish_job(self._objects, workspace, path, body, caller.user)
        )
        job = known_job(self._engine.state, workspace, path)
        return Answer(job_version(job, job.versions[number - 1]))


def _announced_size(request: Request) -> int:
    """Give how many bytes the body will have, 0 where that is not known beforehand."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0
