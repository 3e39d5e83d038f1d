"""What the service manager is told of an engine, and when its watchdog is fed."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stoker_daemon.commands.draining import set_draining
from stoker_daemon.runlog.writer import Room
from stoker_daemon.service.report import going_on, in_words, progress
from stoker_shared import events as ev
from tests.daemon.engine.bench import Daemon
from tests.harness import PATIENCE
from tests.strategies import Story, created, node, starting


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Daemon]:
    daemon = Daemon(tmp_path / "runlog")
    yield daemon
    daemon.engine.close()


async def is_starved(daemon: Daemon) -> bool:
    """Tell whether there is no progress for a while."""
    try:
        await asyncio.wait_for(progress(daemon.engine), 0.2)
    except TimeoutError:
        return True
    return False


async def is_fed(daemon: Daemon) -> None:
    """Wait for progress."""
    await asyncio.wait_for(progress(daemon.engine), PATIENCE)


async def test_a_daemon_at_rest_makes_progress(engine: Daemon):
    await is_fed(engine)


async def test_a_log_that_comes_to_no_end_with_its_sync_is_no_progress(
    engine: Daemon, monkeypatch: pytest.MonkeyPatch
):
    go_on = threading.Event()
    monkeypatch.setattr(os, "fdatasync", lambda _: go_on.wait())
    engine.engine.post(set_draining(True, "alice"))

    assert await is_starved(engine)
    go_on.set()
    await is_fed(engine)


async def test_a_full_disk_is_no_standstill(engine: Daemon, monkeypatch: pytest.MonkeyPatch):
    go_on = threading.Event()
    monkeypatch.setattr(os, "fdatasync", lambda _: go_on.wait())
    engine.engine.post(set_draining(True, "alice"))
    engine.log.room = Room.NONE

    await is_fed(engine)
    go_on.set()
    engine.log.room = Room.ENOUGH


async def test_an_engine_that_failed_makes_none(engine: Daemon):
    engine.engine.watching_failed(OSError("gone"))

    assert await is_starved(engine)
    assert isinstance(engine.engine.failed.exception(), OSError)


def story(*names: str) -> Story:
    told = Story(created(list(map(node, names))), ev.RunStarted(1))
    told.tell(*map(starting, names))
    return told


def test_it_is_told_what_is_active_and_what_is_wrong():
    state = story("a", "b").state
    assert in_words(state, []) == "1 active run, 2 nodes running"

    assert in_words(state, ["no room\x1b[31m"]) == "no room␛[31m; 1 active run, 2 nodes running"


def test_what_goes_on_without_the_daemon_is_named():
    assert going_on(Story().state) == "nothing runs"
    assert going_on(story("a").state) == "#1/a run on without the daemon, and the next start finds them"
    assert (
        going_on(story(*"abcde").state)
        == "#1/a, #1/b, #1/c, 2 more run on without the daemon, and the next start finds them"
    )
