"""What people define, as it is now: workspaces, queues, variables, jobs and workflows."""

from __future__ import annotations

from datetime import datetime

import msgspec

from stoker_shared import events as ev
from stoker_shared.model import JobConfig, QueueSpec, Schedule


class Workspace(msgspec.Struct, tag="workspace"):
    """A namespace for jobs, workflows and variables."""

    name: str
    description: str = ""


class Queue(msgspec.Struct, tag="queue", omit_defaults=True):
    """A pool that nodes wait in; ``cu`` and ``active`` are what the nodes with a process take of it."""

    name: str
    spec: QueueSpec
    cu: int = 0
    active: int = 0


class Variable(msgspec.Struct, tag="variable", omit_defaults=True):
    """A workspace's variable. The secrets' file has the value of a secret, under the id ``kept``."""

    workspace: str
    name: str
    at: datetime
    by: str
    value: str = ""
    secret: bool = False
    kept: str = ""


class JobVersion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One published content and configuration of a job."""

    version: int
    digest: str
    size: int
    at: datetime
    by: str
    config: JobConfig = JobConfig()
    remarks: str = ""
    attachments: tuple[ev.Attachment, ...] = ()


class JobDraft(msgspec.Struct, frozen=True, omit_defaults=True):
    """The content and configuration being edited: its revision, who saved it and when.

    ``applied``: it came from a file.
    """

    revision: int
    digest: str
    size: int
    at: datetime
    by: str
    config: JobConfig = JobConfig()
    attachments: tuple[ev.Attachment, ...] = ()
    applied: bool = False


def same_content(one: JobVersion | JobDraft | ev.JobPublished, other: JobVersion | JobDraft) -> bool:
    """Tell whether two states of a job run the same: source, attached files and configuration."""
    return (one.digest, one.attachments, one.config) == (other.digest, other.attachments, other.config)


def drafted(version: JobVersion, revision: int) -> JobDraft:
    """Give the draft that says what a version does."""
    return JobDraft(
        revision,
        version.digest,
        version.size,
        version.at,
        version.by,
        version.config,
        version.attachments,
    )


class Job(msgspec.Struct, tag="job"):
    """A source file known by its path: its draft and its published versions, oldest first.

    Publishing something else than the draft moves the draft along, unless it has changes of its own.
    """

    workspace: str
    path: str
    versions: list[JobVersion] = []
    draft: JobDraft | None = None

    @property
    def latest(self) -> JobVersion | None:
        """The newest published version; None of a job that is only a draft."""
        return self.versions[-1] if self.versions else None

    @property
    def current_draft(self) -> JobDraft:
        """The draft, which there is as soon as the job was saved or published."""
        assert self.draft  # noqa: S101
        return self.draft

    @property
    def has_changes(self) -> bool:
        """Whether there is a draft that says other than what is published."""
        return self.draft is not None and not (self.latest and same_content(self.draft, self.latest))


class WorkflowVersion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One published definition, by digest."""

    version: int
    digest: str
    at: datetime
    by: str
    remarks: str = ""


class Draft(msgspec.Struct, frozen=True):
    """The definition being edited: its revision, its object, who saved it and when.

    ``applied``: it came from a file.
    """

    revision: int
    digest: str
    at: datetime
    by: str
    applied: bool = False


class Era(msgspec.Struct, frozen=True):
    """From after ``since`` on, until the next era, ticks are those of ``schedule``; None has none."""

    since: datetime
    schedule: Schedule | None = None


class Skip(msgspec.Struct, frozen=True, omit_defaults=True):
    """Ticks without runs, noted at ``at``."""

    at: datetime
    first: datetime
    last: datetime
    count: int
    reason: ev.SkipReason
    detail: str = ""


class Failing(msgspec.Struct, frozen=True):
    """That a workflow's runs fail: the first that did since one succeeded, and who were told."""

    run: int
    told: tuple[str, ...]


KEPT_REVISIONS = 20
"""Replaced drafts of a workflow that are kept."""


class Workflow(msgspec.Struct, tag="workflow"):
    """A workflow under its immutable id: its draft and its published versions, oldest first.

    ``replaced`` are the drafts before this one, the oldest first; ``last_run`` is the run made last of it.
    While scheduling is on it has ``eras``, and every tick up to ``ticked`` has its run, or was skipped;
    ``skipped`` are those that were skipped last. ``failing``: people were told that a run of it failed, and
    none has succeeded since.
    """

    workspace: str
    id: int
    name: str
    draft: Draft
    versions: list[WorkflowVersion] = []
    replaced: list[Draft] = []
    last_run: int = 0
    eras: list[Era] = []
    ticked: datetime | None = None
    skipped: Skip | None = None
    failing: Failing | None = None

    @property
    def scheduling(self) -> bool:
        """Whether the scheduling switch is on."""
        return bool(self.eras)

    @property
    def edited(self) -> bool:
        """Whether the draft was changed by hand since it was last published, or applied from a file."""
        published = self.versions[-1].digest if self.versions else ""
        return self.draft.digest != published and not self.draft.applied
