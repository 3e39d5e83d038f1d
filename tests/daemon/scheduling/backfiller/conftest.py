"""What the tests of backfills are given."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stoker_daemon.runlog import reserve
from stoker_shared import events as ev
from stoker_shared.model import Days, QueueSpec
from tests.daemon.scheduling.backfiller.bench import Daemon


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(reserve, "RESERVE_BYTES", 0)


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    daemon = Daemon(tmp_path)
    await daemon.start()
    await daemon.tell(
        ev.QueueSaved("root_queue", QueueSpec()),
        ev.QueueSaved("night", QueueSpec()),
        ev.JobPublished("default", "a.sh", 1, "0" * 64, 1),
    )
    await daemon.publish(schedule=Days(at="01:00"))
    yield daemon
    await daemon.close()
