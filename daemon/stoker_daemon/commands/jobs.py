"""Commands on jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from stoker_daemon import launchers
from stoker_daemon.commands.common import (
    NEW,
    check_revision,
    current_definitions,
    fitting,
    known_job,
    known_workspace,
    read_definition,
)
from stoker_daemon.engine import Turn
from stoker_daemon.launchers import CannotLaunch
from stoker_daemon.objects import Objects
from stoker_daemon.preparing.plan import type_of
from stoker_daemon.problems import conflict, invalid, not_found, stale
from stoker_daemon.views import job_view
from stoker_shared import events as ev
from stoker_shared.api import AttachedFile, Fault, PublishJob, RollBackJob, SaveJob
from stoker_shared.definition import attachment_faults, config_faults
from stoker_shared.model import JobConfig, JobType
from stoker_shared.state import Job, JobDraft, JobVersion, State
from stoker_shared.text import clean, path_problem

_NAMED = 3
"""Workflows that a refusal names."""

_TRANSLATED = (JobType.NOTEBOOK, JobType.SUBMIT)
"""Sources that are read, and not handed to a program as they are."""


async def save_job(
    objects: Objects,
    workspace: str,
    path: str,
    request: SaveJob,
    on_revision: int | None,
    by: str,
    *,
    applied: bool = False,
) -> Callable[[Turn], Job]:
    """Save a job's draft, made on the draft ``on_revision`` (`NEW` for none); raises `Refused`."""
    _check(path, request.config)
    size = await _checked_source(objects, path, request.digest)
    attachments = _attachments(objects, request.attachments)

    def command(turn: Turn) -> Job:
        known_workspace(turn.state, workspace)
        known = turn.state.jobs.get((workspace, path))
        draft = known and known.draft
        if changed := check_revision(path, draft, on_revision):
            raise stale(changed, None, known and job_view(known))
        revision = draft.revision if draft else NEW
        saved = ev.JobSaved(
            workspace, path, revision + 1, request.digest, size, request.config, attachments, applied
        )
        turn.record(fitting(saved), by)
        return turn.state.jobs[workspace, path]

    return command


async def publish_job(
    objects: Objects, workspace: str, path: str, request: PublishJob, by: str
) -> Callable[[Turn], int]:
    """Make stored content, or else the draft, the next version of a job; raises `Refused`."""
    digest = request.digest
    if digest is None:
        return _publish_draft(workspace, path, request, by)
    _check(path, request.config or JobConfig())
    size = await _checked_source(objects, path, digest)
    attachments = None if request.attachments is None else _attachments(objects, request.attachments)

    def command(turn: Turn) -> int:
        known_workspace(turn.state, workspace)
        known = turn.state.jobs.get((workspace, path))
        latest = known and known.latest
        config, attached = request.config, attachments
        if config is None:
            config = latest.config if latest else JobConfig()
        if attached is None:
            attached = latest.attachments if latest else ()
        event = ev.JobPublished(
            workspace, path, _next(known), digest, size, config, request.remarks, attached
        )
        turn.record(fitting(event), by)
        return event.version

    return command


def roll_back_job(workspace: str, path: str, request: RollBackJob, by: str) -> Callable[[Turn], int]:
    """Make an earlier version of a job its next one again; raises `Refused`."""

    def command(turn: Turn) -> int:
        job = known_job(turn.state, workspace, path)
        earlier = published_version(job, request.version)
        remarks = request.remarks or f"version {earlier.version} again"
        turn.record(fitting(_published(job, earlier, remarks)), by)
        return _next(job) - 1

    return command


async def delete_job(
    state: State, objects: Objects, workspace: str, path: str, by: str
) -> Callable[[Turn], Job]:
    """Delete a job that no workflow's draft or latest version uses; raises `Refused`."""
    digests = [digest for found in _in_use(state, workspace).values() for digest in found]
    jobs_of = await asyncio.to_thread(lambda: {digest: _jobs_of(objects, digest) for digest in digests})

    def command(turn: Turn) -> Job:
        job = known_job(turn.state, workspace, path)
        users = [
            name
            for name, digests in _in_use(turn.state, workspace).items()
            # One that was saved since is read here: there are few.
            if any(path in (jobs_of.get(digest) or _jobs_of(objects, digest)) for digest in digests)
        ]
        if users:
            raise conflict(
                f"job {path!r} can't be deleted: {_used_by(sorted(users))}; take it out there first"
            )
        turn.record(ev.JobDeleted(workspace, path), by)
        return job

    return command


def published_version(job: Job, number: int) -> JobVersion:
    """Give a published version; raises `Refused`."""
    if not job.versions:
        raise conflict(f"job {job.path!r} has not been published; publish it first")
    if not 1 <= number <= len(job.versions):
        raise not_found(f"job {job.path!r} has no version {number}; its latest is {len(job.versions)}")
    return job.versions[number - 1]


def _publish_draft(workspace: str, path: str, request: PublishJob, by: str) -> Callable[[Turn], int]:
    named = [name for name in ("config", "attachments") if getattr(request, name) is not None]
    if named:
        detail = "is published with the digest it belongs to; without a digest the draft is published"
        raise invalid(f"{named[0]} {detail}", [Fault(f"/{name}", detail) for name in named])

    def command(turn: Turn) -> int:
        job = known_job(turn.state, workspace, path)
        turn.record(fitting(_published(job, job.current_draft, request.remarks)), by)
        return _next(job) - 1

    return command


def _published(job: Job, content: JobDraft | JobVersion, remarks: str) -> ev.JobPublished:
    return ev.JobPublished(
        job.workspace,
        job.path,
        _next(job),
        content.digest,
        content.size,
        content.config,
        remarks,
        content.attachments,
    )


def _next(job: Job | None) -> int:
    return len(job.versions) + 1 if job else 1


def _check(path: str, config: JobConfig) -> None:
    if problem := path_problem(path):
        raise invalid(problem)
    try:
        type_of(path)
    except ValueError as error:
        raise invalid(f"{clean(path)}: {error}") from error
    if wrong := [Fault(f"/config/{field}", why) for field, why in config_faults(config)]:
        raise invalid(f"the configuration of {clean(path)} can't be", wrong)


async def _checked_source(objects: Objects, path: str, digest: str) -> int:
    """Give the size of a job's stored source, once it is one that can be run."""
    size = _size(objects, digest)
    if type_of(path) in _TRANSLATED:
        try:
            await asyncio.to_thread(launchers.check_source, type_of(path), path, objects.path(digest))
        except CannotLaunch as error:
            raise invalid(str(error)) from error
    return size


def _size(objects: Objects, digest: str) -> int:
    if not objects.claim(digest):
        raise invalid(f"no object {digest!r} is stored; send the content first")
    return objects.size(digest)


def _attachments(objects: Objects, files: Sequence[AttachedFile]) -> tuple[ev.Attachment, ...]:
    if wrong := [Fault(f"/attachments/{place}", why) for place, why in attachment_faults(files)]:
        raise invalid("the files can't be attached", wrong)
    return tuple(
        ev.Attachment(file.kind.value, file.name, file.digest, _size(objects, file.digest)) for file in files
    )


def _in_use(state: State, workspace: str) -> dict[str, set[str]]:
    """Give the definitions that count of each workflow, by digest."""
    return {
        workflow.name: current_definitions(workflow)
        for workflow in state.workflows.values()
        if workflow.workspace == workspace
    }


def _jobs_of(objects: Objects, digest: str) -> frozenset[str]:
    return frozenset(node.job for node in read_definition(objects, digest).nodes)


def _used_by(users: list[str]) -> str:
    named = ", ".join(repr(clean(name)) for name in users[:_NAMED])
    more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
    return f"{'workflow' if len(users) == 1 else 'workflows'} {named}{more} use{'s' * (len(users) == 1)} it"
