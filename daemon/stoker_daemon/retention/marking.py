"""Which stored objects something names: a draft, a version, a plan of a run that is active or kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from stoker_daemon.objects import Objects
from stoker_shared import events as ev
from stoker_shared.state import Job, JobDraft, JobVersion, Workflow


class _Node(msgspec.Struct):
    digest: str
    attachments: tuple[ev.Attachment, ...] = ()


class _Plan(msgspec.Struct):
    """What of a plan names objects; the rest is not looked at."""

    nodes: list[_Node]


def named_by_job(job: Job) -> Iterator[str]:
    """Give what a job's draft and versions name."""
    for one in (*job.versions, job.draft):
        if one:
            yield from _content(one)


def named_by_workflow(workflow: Workflow) -> Iterator[str]:
    """Give what a workflow's draft, the drafts before it and its versions name."""
    yield workflow.draft.digest
    yield from (draft.digest for draft in workflow.replaced)
    yield from (version.digest for version in workflow.versions)


def named_by_plans(objects: Objects, plans: Iterable[str]) -> set[str]:
    """Give plans with what they name, where they are there."""
    named: set[str] = set()
    for digest in plans:
        named.add(digest)
        try:
            plan = msgspec.json.decode(objects.path(digest).read_bytes(), type=_Plan)
        except FileNotFoundError:
            continue
        for node in plan.nodes:
            named.update(_content(node))
    return named


def _content(one: JobVersion | JobDraft | _Node) -> Iterator[str]:
    yield one.digest
    yield from (attachment.digest for attachment in one.attachments)
