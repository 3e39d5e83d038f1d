"""Jobs: saved, published, shown, compared."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from stoker_shared.api.base import Digest, Moment, Number, Query, Request
from stoker_shared.api.daemon import StoredObject
from stoker_shared.events import Attachment
from stoker_shared.model import JobConfig, JobType

JobState = Annotated[
    str, Meta(pattern="^(draft|[1-9][0-9]{0,14})$", max_length=15, description="a version, or `draft`")
]


class JobDiffQuery(Query, frozen=True):
    """Which states of a job to compare; absent: what was published last, with the draft."""

    before: JobState | UnsetType = msgspec.field(default=UNSET, name="from")
    after: JobState | UnsetType = msgspec.field(default=UNSET, name="to")


class AttachmentKind(StrEnum):
    """How a job is given a file: the option of spark-submit for it."""

    PY_FILES = "py_files"
    FILES = "files"
    JARS = "jars"
    ARCHIVES = "archives"


class AttachedFile(Request, frozen=True):
    """A file beside the source: an object, sent before, under a name in the job's working directory.

    The name of an archive may end in ``#alias``, the directory that it is unpacked to.
    """

    kind: AttachmentKind
    name: str
    digest: Digest


class SaveJob(Request, frozen=True):
    """Make objects, sent before, the job's draft."""

    digest: Digest
    config: JobConfig = JobConfig()
    attachments: tuple[AttachedFile, ...] = ()


class PublishJob(Request, frozen=True):
    """Make an object, sent before, the job's next version; without a ``digest``, the draft.

    What stays unset beside a digest is that of the latest version.
    """

    digest: Digest | None = None
    config: JobConfig | None = None
    attachments: tuple[AttachedFile, ...] | None = None
    remarks: str = ""


class RollBackJob(Request, frozen=True):
    """Publish an earlier version of a job again, as its next."""

    version: Number
    remarks: str = ""


class JobVersionView(msgspec.Struct, omit_defaults=True):
    """A published version of a job."""

    path: str
    type: JobType
    version: int
    digest: str
    size: int
    published_at: Moment
    by: str
    config: JobConfig = JobConfig()
    remarks: str = ""
    attachments: tuple[Attachment, ...] = ()


class JobDraftView(msgspec.Struct, omit_defaults=True):
    """What is being edited of a job; ``applied``: it came from a file."""

    revision: int
    digest: str
    size: int
    saved_at: Moment
    by: str
    config: JobConfig = JobConfig()
    attachments: tuple[Attachment, ...] = ()
    applied: bool = False


class JobView(msgspec.Struct, omit_defaults=True):
    """A job: its latest version and its draft. ``version`` is the latest one's, 0 where there is none.

    ``has_changes``: the draft says other than what is published.
    """

    path: str
    type: JobType
    version: int
    has_changes: bool
    draft: JobDraftView
    latest: JobVersionView | None = None


class ContentDiff(msgspec.Struct, omit_defaults=True):
    """How a job's source differs: ``text`` is a unified diff, absent where it is no text or too long.

    Of a long diff it is the beginning, and ``cut`` says how many lines are left out.
    """

    before: StoredObject
    after: StoredObject
    text: str | None = None
    cut: int = 0


class ConfigChange(msgspec.Struct, omit_defaults=True):
    """How one field differs, written as in ``--set``; None where it is unset."""

    field: str
    before: str | None = None
    after: str | None = None


class AttachmentChange(msgspec.Struct, omit_defaults=True):
    """How one attached file differs; None where it is not attached."""

    name: str
    before: Attachment | None = None
    after: Attachment | None = None


class JobDiff(msgspec.Struct, omit_defaults=True):
    """How two states of a job differ: ``before`` and ``after`` are versions, or ``draft``.

    What is the same is absent.
    """

    path: str
    before: str
    after: str
    content: ContentDiff | None = None
    config: list[ConfigChange] = []
    attachments: list[AttachmentChange] = []
