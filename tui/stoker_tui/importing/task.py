"""One task of elsewhere, while it becomes a node: what it says, and what is made of it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import msgspec

from stoker_shared.model import JobConfig
from stoker_tui.importing.naming import Names, resource_path
from stoker_tui.importing.reading import Entry
from stoker_tui.importing.result import Finding, Imported, Source
from stoker_tui.importing.texts import Scope


class Batch(msgspec.Struct):
    """All that one file becomes, and the names given out on the way. ``prefix`` is the folder of all jobs."""

    prefix: str
    result: Imported = msgspec.field(default_factory=Imported)
    workflows: Names = msgspec.field(default_factory=Names)
    paths: Names = msgspec.field(default_factory=Names)

    def find(self, place: str, what: str, instead: str) -> None:
        """List what is not here as it was there."""
        self.result.findings.append(Finding(place, what, instead))


class Job(msgspec.Struct, frozen=True):
    """What a task is as a node: its job, and how it runs. ``enabled`` is false where it only stands in."""

    path: str
    args: tuple[str, ...] | None = None
    config: JobConfig = JobConfig()
    enabled: bool = True


class Task(msgspec.Struct):
    """A task with what its making needs. ``kinds`` are the types of its parameters, by their names."""

    name: str
    kind: str
    folder: str
    params: Entry
    scope: Scope
    kinds: Mapping[str, str]
    batch: Batch

    def publish(self, suffix: str, text: str) -> str:
        """Make a text the source of the task's job, and give the job's path."""
        path = self.batch.paths.path(self.folder, self.name, suffix)
        self.batch.result.sources.append(Source(path, text))
        return path

    def missing(self, place: str, resource: str, suffixes: Sequence[str]) -> str:
        """Give the path of a job whose source is a file that is elsewhere, and list that it is."""
        path = resource_path(self.batch.prefix, resource, tuple(suffixes))
        if path not in self.batch.result.missing:
            self.batch.result.missing.append(path)
        file = shlex.quote(PurePosixPath(path).name)
        self.find(
            place,
            f"the file {resource!r} is not in the export",
            f"the node names it; publish it: stoker job publish {file} --as {shlex.quote(path)}",
        )
        return path

    def find(self, place: str, what: str, instead: str) -> None:
        """List what is not here as it was there."""
        self.batch.find(place, what, instead)

    def text(self, key: str) -> str:
        """Give a text of the parameters with its references said in Stoker's way."""
        return self.scope.text(self.params.text(key))
