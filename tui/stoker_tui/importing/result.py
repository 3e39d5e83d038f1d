"""What an import gives: workflows, the sources of their jobs, and what has no equal here."""

from __future__ import annotations

import msgspec

from stoker_shared.model import WorkflowSpec
from stoker_shared.text import clean


class BadImport(Exception):
    """What was read is no definition; the message names the place in the JSON (RFC 6901) and is safe."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{clean(place) or '/'}: {why}")


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not here as it was there: its place in the JSON, what it is, what is instead."""

    place: str
    what: str
    instead: str


class Source(msgspec.Struct, frozen=True):
    """The text of a job, and the path to publish it as."""

    path: str
    text: str


class Imported(msgspec.Struct):
    """Everything that was read. ``missing`` are paths of jobs whose sources the file names but has not."""

    workflows: list[WorkflowSpec] = msgspec.field(default_factory=list)
    sources: list[Source] = msgspec.field(default_factory=list)
    missing: list[str] = msgspec.field(default_factory=list)
    findings: list[Finding] = msgspec.field(default_factory=list)
