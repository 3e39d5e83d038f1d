"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import quickspark
from tests.harness import StokerDaemon

# What a test starts finds its bytecode written: to compile it each time takes longer than most tests do.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

quickspark.prepare()

if examples := os.environ.get("STOKER_EXAMPLES"):
    settings.register_profile("longer", max_examples=int(examples), deadline=None)
    settings.load_profile("longer")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that none of them is what all wait for in the end.

    Those with Spark are second: while the first of them makes what they share, others wait for it.
    """
    slow, spark = (
        {item.path for item in items if item.get_closest_marker(name)} for name in ("slow", "spark")
    )
    items.sort(key=lambda item: (item.path not in slow, item.path not in spark))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before a test with real Spark, have there be what its jobs share."""
    if item.get_closest_marker("spark") and item.config.cache:
        quickspark.share_classes(item.config.cache.mkdir("spark"))


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[StokerDaemon]:
    """A running daemon on an empty data directory."""
    with StokerDaemon(tmp_path) as running:
        yield running
