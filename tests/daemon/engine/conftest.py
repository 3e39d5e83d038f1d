"""What the engine's tests are given."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.daemon.engine.bench import Daemon
from tests.daemon.held import Held


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    daemon = Daemon(tmp_path / "runlog")
    yield daemon
    daemon.engine.close()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch, daemon: Daemon) -> Iterator[Held]:
    disk = Held()
    monkeypatch.setattr(os, "fdatasync", disk.sync)
    yield disk
    disk.release()
