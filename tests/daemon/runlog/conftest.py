"""What the run log's tests are given."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from stoker_daemon.runlog import log as runlog
from stoker_daemon.runlog import reserve
from stoker_shared import events as ev
from stoker_shared.model import NodeState, RunState
from tests.daemon.held import Held
from tests.daemon.runlog.bench import (
    written,
)
from tests.strategies import Story, created, exited, node, started, starting


@pytest.fixture
def no_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that open thousands of logs, and look at what is written and not at when."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(os, "fdatasync", lambda _: None)
    monkeypatch.setattr(reserve, "RESERVE_BYTES", 0)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory for thousands of files, in memory if the host has one there."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as directory:
        yield Path(directory)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    disk = Held()
    monkeypatch.setattr(os, "fdatasync", disk.sync)
    yield disk
    disk.release()


@pytest.fixture
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runlog, "SEGMENT_BYTES", 1500)


@pytest.fixture
async def turned(tmp_path: Path, short_segments: None) -> tuple[Path, list[ev.Record]]:
    """A log of several segments, and its records."""
    story, groups = Story(), []
    for number in range(1, 7):
        groups += [
            story.tell(created([node("a"), node("b", "a")], run=number), ev.RunStarted(number)),
            story.tell(starting("a", run=number)),
            story.tell(started("a", run=number)),
            story.tell(exited("a", run=number), ev.NodeFinished(number, "a", NodeState.FAILED)),
            story.tell(ev.NodeSkipped(number, "b", ev.Reason.UPSTREAM)),
        ]
        if number % 2:
            groups.append(story.tell(ev.RunFinished(number, RunState.FAILED)))
    await written(tmp_path / "runlog", groups)
    return tmp_path / "runlog", story.records
