"""The form that publishes a file of this host as a job. Pure, but for a look at the directories."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec

from stoker_shared.api import AttachedFile, AttachmentKind, Fault, JobView
from stoker_shared.definition import attachment_faults
from stoker_shared.events import Attachment
from stoker_shared.model import JOB_TYPE_BY_SUFFIX
from stoker_shared.text import path_problem, quoted
from stoker_tui.forms.form import Field, Form, Inherited, Values, default
from stoker_tui.forms.kinds import Text, Toggle, Words
from stoker_tui.forms.known import Known

MOST_ENTRIES, MOST_DIRECTORIES = 2000, 20
"""How much is looked at for suggestions."""


ATTACHED = "attached files"

_KINDS = {
    AttachmentKind.FILES: ("files", ("",), "they lie in the job's working directory"),
    AttachmentKind.PY_FILES: ("Python files", (".py", ".zip", ".egg"), "modules, and .zip of them"),
    AttachmentKind.JARS: ("JARs", (".jar",), "for the class path"),
    AttachmentKind.ARCHIVES: (
        "archives",
        (".zip", ".gz", ".tgz", ".tar", ".jar"),
        "they are unpacked; FILE#ALIAS names the directory",
    ),
}
"""What each kind of attached files is called, how its files end, and what it is for."""


class PublishedFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file, the path that it is published at (unset: its own), what is attached to it, and what is new.

    A kind of files that is unset is that of the job as it is, unless ``keep`` says that none is.
    """

    source: str
    job: str = ""
    py_files: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    jars: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    keep: bool = True
    remarks: str = ""

    @property
    def path(self) -> str:
        """The job's path."""
        return self.job or str(PurePosixPath(self.source))

    @property
    def file(self) -> Path:
        """The file."""
        return Path(self.source).expanduser()

    @property
    def attached(self) -> dict[AttachmentKind, tuple[NamedFile, ...]]:
        """The files to attach, of those kinds that are set."""
        named = {kind: tuple(map(named_file, getattr(self, kind.value))) for kind in AttachmentKind}
        return {kind: files for kind, files in named.items() if files}


class NamedFile(NamedTuple):
    """A file of this host, and what it is called in the job's working directory."""

    file: Path
    name: str


def named_file(text: str) -> NamedFile:
    """Give a file by what was typed: its path, behind which an archive may have ``#alias``."""
    path, mark, alias = text.partition("#")
    file = Path(path).expanduser()
    return NamedFile(file, file.name + mark + alias)


class PublishForm(Form[PublishedFile]):
    """A file to publish; ``job`` is the path of a job that there is, whose next version it becomes."""

    def __init__(self, known: Known, job: str = "") -> None:
        fields = (
            Field(
                "source", "file", Text(), "on this host; tab completes it", job or "etl/ingest.py",
                known=lambda: files_like(self.text("source"), JOB_TYPE_BY_SUFFIX),
            ),
            Field(
                "job", "source file path", Text(), "what it is published as",
                inherited=_own_path, known=known.jobs,
            ),
            *(self._kind_field(kind, *words) for kind, words in _KINDS.items()),
            Field(
                "keep", "what was attached", Toggle(), "no: only what is named here is attached",
                inherited=default("yes"), section=ATTACHED,
                shown=lambda values: bool(self._attached_by_now(values)),
            ),
            Field("remarks", "remarks", Text(), "what is new"),
        )  # fmt: skip
        self._known = known
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
        yield from _attachment_faults(value)

    def _kind_field(self, kind: AttachmentKind, label: str, endings: tuple[str, ...], help: str) -> Field:
        place = kind.value

        def inherited(values: Values) -> Inherited | None:
            attached = self._attached_by_now(values) if values.get("keep", True) else ()
            names = [each.name for each in attached if each.kind == kind]
            return Inherited(Words().write(names), "from the job") if names else None

        def known() -> Iterator[str]:
            return files_like(self.text(place).rpartition(" ")[2], endings)

        return Field(place, label, Words(), help, inherited=inherited, known=known, section=ATTACHED)

    def _attached_by_now(self, values: Values) -> Sequence[Attachment]:
        path = values.get("job") or values.get("source", "")
        return attached_by_now(self._known.jobs().get(str(PurePosixPath(path))))


def attached_by_now(job: JobView | None) -> Sequence[Attachment]:
    """Give what is attached to a job by now: in its draft where that is another one, else as published."""
    if job is None:
        return ()
    return (job.draft if job.has_changes or job.latest is None else job.latest).attachments


def files_like(typed: str, endings: Collection[str]) -> Iterator[str]:
    """Give the files with one of some endings, and the directories, of which what is typed may be part.

    Those where it begins come first, then files that are in the first of those directories.
    """
    folder, slash, name = typed.strip().rpartition("/")
    here = list(_entries(folder + slash, endings, hidden=name.startswith(".")))
    yield from here
    for each in [entry for entry in here if entry.endswith("/")][:MOST_DIRECTORIES]:
        yield from (entry for entry in _entries(each, endings, hidden=False) if not entry.endswith("/"))


def _entries(beginning: str, endings: Collection[str], *, hidden: bool) -> Iterator[str]:
    """Give the directories in one, and the files with one of some endings ("": any), behind its name."""
    directory = Path(beginning).expanduser() if beginning else Path()
    try:
        with os.scandir(directory) as entries:
            found = sorted(
                (entry.name + ("/" if entry.is_dir() else ""))
                for entry, _ in zip(entries, range(MOST_ENTRIES), strict=False)
                if entry.name.startswith(".") == hidden
                and (entry.is_dir() or "" in endings or PurePosixPath(entry.name).suffix in endings)
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


def _attachment_faults(value: PublishedFile) -> Iterator[Fault]:
    for kind, named in value.attached.items():
        for each in named:
            if not each.file.is_file():
                what = "is a directory" if each.file.is_dir() else "is not there"
                yield Fault(f"/{kind.value}", f"{quoted(str(each.file))} {what}; name files of this host")
    files = [(kind, each.name) for kind, named in value.attached.items() for each in named]
    attached = [AttachedFile(kind=kind, name=name, digest="") for kind, name in files]
    for place, problem in attachment_faults(attached):
        yield Fault(f"/{files[int(place.partition('/')[0])][0].value}", problem)


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
