"""The form that publishes a file of this host as a job. Pure, but for a look at the directories."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import msgspec

from stoker_shared.api import Fault
from stoker_shared.model import JOB_TYPE_BY_SUFFIX
from stoker_shared.text import path_problem, quoted
from stoker_tui.forms.form import Field, Form, Inherited, Values
from stoker_tui.forms.kinds import Text
from stoker_tui.forms.known import Known

MOST_ENTRIES, MOST_DIRECTORIES = 2000, 20
"""How much is looked at for suggestions."""


class PublishedFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file, the path that it is published at (unset: its own), and what is new."""

    source: str
    job: str = ""
    remarks: str = ""

    @property
    def path(self) -> str:
        """The job's path."""
        return self.job or str(PurePosixPath(self.source))

    @property
    def file(self) -> Path:
        """The file."""
        return Path(self.source).expanduser()


class PublishForm(Form[PublishedFile]):
    """A file to publish; ``job`` is the path of a job that there is, whose next version it becomes."""

    def __init__(self, known: Known, job: str = "") -> None:
        fields = (
            Field(
                "source", "file", Text(), "on this host; tab completes it", job or "etl/ingest.py",
                known=lambda: files_like(self.text("source")),
            ),
            Field(
                "job", "source file path", Text(), "what it is published as",
                inherited=_own_path, known=known.jobs,
            ),
            Field("remarks", "remarks", Text(), "what is new"),
        )  # fmt: skip
        super().__init__(PublishedFile, fields, None)
        if job:
            self.type("job", job)
            if Path(job).is_file():
                self.type("source", job)

    def faults(self, value: PublishedFile) -> Iterable[Fault]:
        """Give what is wrong with it."""
        if value.source and not value.file.is_file():
            is_directory = value.file.is_dir()
            what = "is a directory" if is_directory else "is not there"
            yield Fault("/source", f"{quoted(value.source)} {what}; name a file of this host")
            if is_directory and not value.job:
                return
        yield from _path_faults(value)


def files_like(typed: str) -> Iterator[str]:
    """Give the files that can be jobs, and the directories, of which what is typed may be part.

    Those where it begins come first, then files that are in the first of those directories.
    """
    folder, slash, name = typed.strip().rpartition("/")
    here = list(_entries(folder + slash, hidden=name.startswith(".")))
    yield from here
    for each in [entry for entry in here if entry.endswith("/")][:MOST_DIRECTORIES]:
        yield from (entry for entry in _entries(each, hidden=False) if not entry.endswith("/"))


def _entries(beginning: str, *, hidden: bool) -> Iterator[str]:
    """Give what is in a directory, behind its name, and is a directory or can be a job."""
    directory = Path(beginning).expanduser() if beginning else Path()
    try:
        with os.scandir(directory) as entries:
            found = sorted(
                (entry.name + ("/" if entry.is_dir() else ""))
                for entry, _ in zip(entries, range(MOST_ENTRIES), strict=False)
                if entry.name.startswith(".") == hidden
                and (entry.is_dir() or PurePosixPath(entry.name).suffix in JOB_TYPE_BY_SUFFIX)
            )
    except OSError:
        return
    yield from (beginning + each for each in found if each.isprintable())


def _own_path(values: Values) -> Inherited | None:
    source = values.get("source", "")
    return Inherited(str(PurePosixPath(source)), "from the file") if _is_below(source) else None


def _is_below(source: str) -> bool:
    path = PurePosixPath(source)
    return bool(source) and not path.is_absolute() and ".." not in path.parts and not source.startswith("~")


def _path_faults(value: PublishedFile) -> Iterator[Fault]:
    if not value.job and not _is_below(value.source):
        yield Fault("/job", f"{quoted(value.source)} is not below this directory; say what to publish it as")
        return
    pointer = "/job" if value.job else "/source"
    if problem := path_problem(value.path):
        yield Fault(pointer, problem)
    elif PurePosixPath(value.path).suffix not in JOB_TYPE_BY_SUFFIX:
        endings = ", ".join(JOB_TYPE_BY_SUFFIX)
        yield Fault(pointer, f"a job's type is told by its path, which must end in one of {endings}")


class Remarks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is new."""

    remarks: str = ""


class RemarksForm(Form[Remarks]):
    """What is new in what is published."""

    def __init__(self) -> None:
        super().__init__(Remarks, (Field("remarks", "remarks", Text(), "what is new"),), None)

    def faults(self, value: Remarks) -> Iterable[Fault]:
        """Give nothing: whatever it is will do."""
        return ()
