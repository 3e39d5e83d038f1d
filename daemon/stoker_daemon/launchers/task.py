"""The values between the engine and a launcher: what shall run, and the command that runs it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from stoker_shared.events import Attachment
from stoker_shared.model import JobConfig, JobType, QueueSpec

WORK = "work"
"""The job's working directory, in the attempt's."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt with everything known and every variable replaced.

    ``title`` is what people read elsewhere, such as the Spark application's name
    (``daily_sales/ingest #12.1``). ``source`` is the file to run, in the attempt's ``directory``.
    ``variables`` are the ``STOKER_*`` environment. ``interpreter`` runs a shell job; see ``shell.shebang``.
    ``queue`` is its queue; runs of earlier versions have none. ``words`` are what a job of raw spark-submit
    arguments consists of.
    """

    type: JobType
    title: str
    source: Path
    directory: Path
    args: tuple[str, ...] = ()
    config: JobConfig = JobConfig()
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    interpreter: tuple[str, ...] = ("/bin/sh",)
    queue: QueueSpec | None = None
    attachments: tuple[Attachment, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def work(self) -> Path:
        """The working directory, in which the attached files lie."""
        return self.directory / WORK

    @property
    def environment(self) -> dict[str, str]:
        """The environment that the job asks for, over its queue's; Stoker's own variables win."""
        return (self.queue.env if self.queue else {}) | self.config.env | self.variables


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """A command, what it adds to the daemon's own environment, and the files it needs before it starts.

    ``files`` maps names in the attempt's directory to contents that only the owner may read (mode 0600).
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    files: dict[str, bytes] = msgspec.field(default_factory=dict)


class CannotLaunch(Exception):
    """What was asked for cannot run as it stands; the message says what was wrong and what to do."""
