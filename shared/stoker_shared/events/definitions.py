"""What happens to workspaces, queues, variables, jobs and workflows."""

from __future__ import annotations

from datetime import datetime

import msgspec

from stoker_shared.events.base import Event
from stoker_shared.model import JobConfig, QueueSpec, Schedule


class WorkspaceCreated(Event, frozen=True, tag="workspace.created"):
    """There is a workspace of that name."""

    workspace: str
    description: str = ""


class WorkspaceDeleted(Event, frozen=True, tag="workspace.deleted"):
    """The workspace is gone; it was empty."""

    workspace: str


class QueueSaved(Event, frozen=True, tag="queue.saved"):
    """There is a queue of that name, and this is what it allows."""

    name: str
    spec: QueueSpec


class QueueDeleted(Event, frozen=True, tag="queue.deleted"):
    """The queue is gone; nothing used it."""

    name: str


class VariableSet(Event, frozen=True, tag="variable.set"):
    """A workspace's variable has that value.

    A secret's value is not in the log, but in the secrets' file, under the id ``kept``.
    """

    workspace: str
    name: str
    value: str = ""
    secret: bool = False
    kept: str = ""


class VariableUnset(Event, frozen=True, tag="variable.unset"):
    """The workspace has that variable no more."""

    workspace: str
    name: str


class Attachment(msgspec.Struct, frozen=True):
    """A file that a job is given beside its source: the object ``digest``, under ``name``.

    ``kind`` is the option of spark-submit for it: ``py_files``, ``files``, ``jars`` or ``archives``. The name
    of an archive may end in ``#alias``, the directory it is unpacked to.
    """

    kind: str
    name: str
    digest: str
    size: int

    @property
    def file_name(self) -> str:
        """What the file is called where it lies."""
        return self.name.partition("#")[0]


class JobSaved(Event, frozen=True, tag="job.saved"):
    """The draft ``revision`` of a job was saved; the first one creates the job. ``applied``: from a file."""

    workspace: str
    path: str
    revision: int
    digest: str
    size: int
    config: JobConfig = JobConfig()
    attachments: tuple[Attachment, ...] = ()
    applied: bool = False


class JobPublished(Event, frozen=True, tag="job.published"):
    """A source file's content and default configuration became version ``version`` of the job at ``path``."""

    workspace: str
    path: str
    version: int
    digest: str
    size: int
    config: JobConfig = JobConfig()
    remarks: str = ""
    attachments: tuple[Attachment, ...] = ()


class JobDeleted(Event, frozen=True, tag="job.deleted"):
    """The job is gone; runs that were made of it keep what they use."""

    workspace: str
    path: str


class WorkflowSaved(Event, frozen=True, tag="workflow.saved"):
    """The draft ``revision`` of a workflow was saved; the definition is the object ``digest``.

    ``workflow`` is its immutable id; the first revision creates it. ``applied``: it came from a file.
    """

    workspace: str
    workflow: int
    name: str
    revision: int
    digest: str
    applied: bool = False


class WorkflowPublished(Event, frozen=True, tag="workflow.published"):
    """A draft became the immutable version ``version``.

    ``rescheduled``: the workflow's scheduling is on, and from now on it ticks by ``schedule``, another one.
    """

    workflow: int
    version: int
    digest: str
    remarks: str = ""
    rescheduled: bool = False
    schedule: Schedule | None = None


class WorkflowScheduling(Event, frozen=True, tag="workflow.scheduling"):
    """The scheduling switch was turned. On, all ticks of ``schedule`` later than ``after`` are due."""

    workflow: int
    on: bool
    after: datetime | None = None
    schedule: Schedule | None = None


class WorkflowRenamed(Event, frozen=True, tag="workflow.renamed"):
    """The workflow has another name; its draft, the object ``digest``, says so too.

    ``versions`` are the objects of its versions under that name, all else in them as it was.
    """

    workflow: int
    name: str
    revision: int
    digest: str
    versions: tuple[str, ...] = ()


class WorkflowDeleted(Event, frozen=True, tag="workflow.deleted"):
    """The workflow is gone; its runs stay in the history."""

    workflow: int
