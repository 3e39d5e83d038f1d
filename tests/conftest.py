"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import StokerDaemon


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[StokerDaemon]:
    """A running daemon on an empty data directory."""
    with StokerDaemon(tmp_path) as running:
        yield running
