"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.harness import StokerDaemon

if examples := os.environ.get("STOKER_EXAMPLES"):
    settings.register_profile("longer", max_examples=int(examples), deadline=None)
    settings.load_profile("longer")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[StokerDaemon]:
    """A running daemon on an empty data directory."""
    with StokerDaemon(tmp_path) as running:
        yield running
