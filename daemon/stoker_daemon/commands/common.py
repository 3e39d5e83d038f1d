"""What commands share: finding what they name, and the limit of an event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from stoker_daemon.objects import Objects
from stoker_daemon.problems import conflict, invalid, not_found, precondition_required
from stoker_shared import events as ev
from stoker_shared.codec import MAX_LINE
from stoker_shared.model import WorkflowSpec
from stoker_shared.state import Draft, Job, JobDraft, JobVersion, State, Workflow, Workspace
from stoker_shared.text import clean, nearest

NEW = 0
"""The revision to save a draft on that is not there yet."""

_ENVELOPE = 1024
"""Bytes of a line beside the event itself, generously."""

_E = TypeVar("_E", bound=ev.Event)


def known_workspace(state: State, name: str) -> Workspace:
    """Give the workspace of that name; raises `Refused`."""
    if found := state.workspaces.get(name):
        return found
    raise not_found(f"there is no workspace {clean(name)!r}{guess(name, state.workspaces)}")


def known_workflow(state: State, workspace: str, name: str) -> Workflow:
    """Give the workflow of that name; raises `Refused`."""
    if found := state.workflow_named(workspace, name):
        return found
    known_workspace(state, workspace)
    names = [known for space, known in state.names if space == workspace]
    raise not_found(f"there is no workflow {clean(name)!r} in {clean(workspace)!r}{guess(name, names)}")


def known_job(state: State, workspace: str, path: str) -> Job:
    """Give the job at a path; raises `Refused`."""
    if found := state.jobs.get((workspace, path)):
        return found
    known_workspace(state, workspace)
    paths = [known for space, known in state.jobs if space == workspace]
    raise not_found(f"there is no job {clean(path)!r} in {clean(workspace)!r}{guess(path, paths)}")


def read_definition(objects: Objects, digest: str) -> WorkflowSpec:
    """Give the stored definition of that digest."""
    return msgspec.json.decode(objects.read(digest), type=WorkflowSpec)


def fitting(event: _E) -> _E:
    """Give an event back, or refuse what it was made from: a line of the run log has its limit."""
    size = len(msgspec.json.encode(event))
    if size > MAX_LINE - _ENVELOPE:
        raise invalid(
            f"this comes to an event of {size:,} bytes, and one has at most {MAX_LINE - _ENVELOPE:,}"
        )
    return event


def check_revision(name: str, draft: Draft | JobDraft | None, on: int | None) -> str:
    """Say what changed where a draft is not at the revision it is saved ``on`` (`NEW`: none); else nothing.

    Raises `Refused` where no revision was named.
    """
    if on is None:
        raise precondition_required(
            f"say which draft of {name!r} this replaces (If-Match), or that it is new (If-None-Match: *)"
        )
    if on == (draft.revision if draft else NEW):
        return ""
    if draft is None:
        return f"there is no draft of {name!r} any more"
    return (
        f"the draft of {name!r} is at revision {draft.revision}, saved by {draft.by} at {draft.at:%F %T} UTC"
    )


def current_definitions(workflow: Workflow) -> set[str]:
    """Give the digests of a workflow's definitions that count: the draft and the latest version."""
    return {workflow.draft.digest, *(version.digest for version in workflow.versions[-1:])}


def guess(word: str, known: Iterable[str]) -> str:
    """Give the end of a sentence that asks whether a known word was meant; nothing where none is like it."""
    near = nearest(word, known)
    return f"; did you mean {clean(near)!r}?" if near else ""


def latest_job(state: State, workspace: str, path: str) -> JobVersion:
    """Give the latest published version of the job at a path; raises `Refused`."""
    job = state.jobs.get((workspace, path))
    if job is None or job.latest is None:
        raise conflict(f"job {path!r} is not published in workspace {workspace!r}")
    return job.latest
