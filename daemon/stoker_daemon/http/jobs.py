"""Jobs: drafts, versions, and what differs between them."""

from __future__ import annotations

import asyncio

from msgspec import UNSET
from starlette.requests import Request

from stoker_daemon.commands import jobs
from stoker_daemon.commands.common import known_job, known_workspace
from stoker_daemon.engine import Engine
from stoker_daemon.http.answers import page
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.drafts import PRECONDITIONS, etag, revision_of
from stoker_daemon.http.once import Once
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.job_diff import MAX_TEXT, job_diff, text
from stoker_daemon.objects import Objects
from stoker_daemon.views import job_version, job_view
from stoker_shared import routes
from stoker_shared.api import (
    JobDiff,
    JobDiffQuery,
    JobVersionView,
    JobView,
    Page,
    PageQuery,
    PublishJob,
    RollBackJob,
    SaveJob,
    SaveQuery,
)
from stoker_shared.state import Job, JobDraft, JobVersion


class Jobs:
    """Handlers over the engine and the object store."""

    def __init__(self, engine: Engine, once: Once, objects: Objects) -> None:
        self._engine = engine
        self._once = once
        self._objects = objects

    def operations(self) -> list[Operation]:
        """Give the operations. A job's own path matches what stands below it too, and so comes last."""
        return [
            Operation("GET", routes.JOBS, self.list_jobs),
            Operation("POST", routes.JOB_PUBLISH, self.publish_job, status=201),
            Operation("GET", routes.JOB_VERSIONS, self.list_job_versions),
            Operation("GET", routes.JOB_DIFF, self.compare_job),
            Operation("POST", routes.JOB_ROLLBACK, self.roll_back_job, status=201),
            Operation("GET", routes.JOB, self.show_job),
            Operation("PUT", routes.JOB, self.save_job, headers=PRECONDITIONS),
            Operation("DELETE", routes.JOB, self.delete_job),
        ]

    async def list_jobs(self, workspace: str, query: PageQuery) -> Answer[Page[JobView]]:
        """List the jobs of a workspace."""
        jobs = self._engine.state.jobs
        known_workspace(self._engine.state, workspace)
        paths = [path for space, path in jobs if space == workspace]
        return Answer(page(query, paths, lambda path: job_view(jobs[workspace, path])))

    async def show_job(self, workspace: str, path: str) -> Answer[JobView]:
        """Show a job: its latest version and its draft."""
        return _shown(known_job(self._engine.state, workspace, path))

    async def save_job(
        self, request: Request, caller: Caller, workspace: str, path: str, query: SaveQuery, body: SaveJob
    ) -> Answer[JobView]:
        """Save the draft, made on the revision that If-Match names."""
        self._engine.admit()
        revision = revision_of(request)
        command = await jobs.save_job(
            self._objects, workspace, path, body, revision, caller.user, applied=query.applied
        )
        return _shown(await self._engine.submit(command))

    async def delete_job(self, caller: Caller, workspace: str, path: str) -> Answer[JobView]:
        """Delete a job that no workflow uses; runs that were made of it keep what they use."""
        self._engine.admit()
        state = self._engine.state
        command = await jobs.delete_job(state, self._objects, workspace, path, caller.user)
        return Answer(job_view(await self._engine.submit(command)))

    async def list_job_versions(
        self, workspace: str, path: str, query: PageQuery
    ) -> Answer[Page[JobVersionView]]:
        """List a job's versions, oldest first."""
        job = known_job(self._engine.state, workspace, path)
        versions = {f"{version.version:09d}": version for version in job.versions}
        return Answer(page(query, versions, lambda key: job_version(job, versions[key])))

    async def publish_job(
        self, caller: Caller, workspace: str, path: str, body: PublishJob
    ) -> Answer[JobVersionView]:
        """Make stored content, or else the draft, a job's next version."""
        number = await self._once.carry_out(
            caller, lambda: jobs.publish_job(self._objects, workspace, path, body, caller.user)
        )
        return self._version(workspace, path, number)

    async def roll_back_job(
        self, caller: Caller, workspace: str, path: str, body: RollBackJob
    ) -> Answer[JobVersionView]:
        """Make an earlier version of a job its next one again."""
        number = await self._once.carry_out(
            caller, lambda: jobs.roll_back_job(workspace, path, body, caller.user)
        )
        return self._version(workspace, path, number)

    async def compare_job(self, workspace: str, path: str, query: JobDiffQuery) -> Answer[JobDiff]:
        """Show how two versions of a job, or a version and the draft, differ."""
        job = known_job(self._engine.state, workspace, path)
        latest = str(len(job.versions)) if job.versions else "draft"
        before = _chosen(job, latest if query.before is UNSET else query.before)
        after = _chosen(job, "draft" if query.after is UNSET else query.after)
        return Answer(await asyncio.to_thread(job_diff, path, before, after, self._text))

    def _text(self, state: JobDraft | JobVersion) -> str | None:
        if state.size > MAX_TEXT:
            return None
        return text(self._objects.path(state.digest).read_bytes())

    def _version(self, workspace: str, path: str, number: int) -> Answer[JobVersionView]:
        job = known_job(self._engine.state, workspace, path)
        return Answer(job_version(job, jobs.published_version(job, number)))


def _shown(job: Job) -> Answer[JobView]:
    view = job_view(job)
    return Answer(view, etag(view.draft.revision))


def _chosen(job: Job, state: str) -> JobDraft | JobVersion:
    return job.current_draft if state == "draft" else jobs.published_version(job, int(state))
