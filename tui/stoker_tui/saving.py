"""What is filled in is sent to the daemon: each gives in words what it did."""

from __future__ import annotations

import asyncio

from stoker_shared import api, routes
from stoker_shared.api import AttachedFile
from stoker_shared.model import JobConfig
from stoker_tui.cli.jobs import again
from stoker_tui.client import Client, Refused
from stoker_tui.forms.publishing import PublishedFile, Remarks, attached_by_now
from stoker_tui.forms.queue import NamedQueue
from stoker_tui.forms.workspace import NamedVariable, NamedWorkspace
from stoker_tui.link import Link


class SavedMeanwhile(Exception):
    """Somebody else saved first; the message says who, and what. Saving again is on top of that."""


async def publish_file(link: Link, filled: PublishedFile) -> str:
    """Publish a file of this host. What a job's draft has beside its source goes with it."""
    view = await job_if_any(link, filled.path)
    # In a client of its own: they are read in a thread, however large they are.
    client = Client(link.path, link.workspace)
    digest = await asyncio.to_thread(client.send, filled.file)
    sent = [
        AttachedFile(kind=kind, name=each.name, digest=await asyncio.to_thread(client.send, each.file))
        for kind, files in filled.attached.items()
        for each in files
    ]
    kept = again(attached_by_now(view)) if filled.keep else ()
    attachments = (*sent, *(each for each in kept if each.kind not in filled.attached))
    if view is None or not view.has_changes:
        request = api.PublishJob(
            digest=digest,
            # What stays unset is that of the version before, whichever that is then.
            attachments=None if filled.keep and not sent else attachments,
            remarks=filled.remarks,
        )
        return await _published(link, filled.path, request)
    draft = view.draft
    request = api.SaveJob(digest=digest, config=draft.config, attachments=attachments)
    saved = await link.save_job(filled.path, request, draft.revision)
    return await publish_draft(link, saved, Remarks(remarks=filled.remarks))


async def publish_draft(link: Link, view: api.JobView, filled: Remarks) -> str:
    """Publish a job's draft as it was read: nobody publishes what somebody else saves meanwhile."""
    draft = view.draft
    request = api.PublishJob(
        digest=draft.digest,
        config=draft.config,
        attachments=again(draft.attachments),
        remarks=filled.remarks,
    )
    return await _published(link, view.path, request)


async def job_if_any(link: Link, path: str) -> api.JobView | None:
    """Give a job as it is written; None where there is none."""
    try:
        return await link.read(link.within(routes.JOB, path=path), api.JobView)
    except Refused as refused:
        if refused.problem.type != "not-found":
            raise
        return None


class Configuring:
    """A job's default configuration, that is saved on the draft it was read from."""

    def __init__(self, link: Link, view: api.JobView) -> None:
        self._link = link
        self._view = view

    async def save(self, config: JobConfig) -> str:
        """Save it; raises `SavedMeanwhile`, and is then on what was saved."""
        path, draft = self._view.path, self._view.draft
        request = api.SaveJob(digest=draft.digest, config=config, attachments=again(draft.attachments))
        try:
            saved = await self._link.save_job(path, request, draft.revision)
        except Refused as refused:
            if refused.problem.type != "stale":
                raise
            self._view = await self._link.read(self._link.within(routes.JOB, path=path), api.JobView)
            raise SavedMeanwhile(_told(draft.config, self._view.draft)) from refused
        return f"saved draft {saved.draft.revision} of {path}; p publishes it"


def _told(before: JobConfig, draft: api.JobDraftView) -> str:
    old, new = before.settings(), draft.config.settings()
    changes = [
        f"{name} {old.get(name, 'unset')} -> {new.get(name, 'unset')}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
    what = ", ".join(changes) or "another source"
    return f"{draft.by} saved draft {draft.revision} meanwhile: {what}; save again to put yours in its place"


async def save_queue(link: Link, filled: NamedQueue) -> str:
    """Make a queue, or change one."""
    await link.put(routes.fill(routes.QUEUE, name=filled.name), filled.spec, api.QueueView)
    return f"saved queue {filled.name}"


async def set_variable(link: Link, filled: NamedVariable) -> str:
    """Give a variable its value."""
    request = api.SetVariable(value=filled.value, secret=filled.secret)
    await link.put(link.within(routes.VARIABLE, name=filled.name), request, api.VariableView)
    return f"set {filled.name}"


async def save_workspace(link: Link, filled: NamedWorkspace) -> str:
    """Make a workspace, or describe it otherwise."""
    request = api.SaveWorkspace(description=filled.description)
    await link.put(routes.fill(routes.WORKSPACE, workspace=filled.name), request, api.WorkspaceView)
    return f"saved workspace {filled.name}"


async def _published(link: Link, path: str, request: api.PublishJob) -> str:
    view = await link.post(link.within(routes.JOB_PUBLISH, path=path), request, api.JobVersionView)
    return f"published {view.path} version {view.version}"
