"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import quickspark
from tests.harness import StokerDaemon

# What a test starts finds its bytecode written: to compile it each time takes longer than most tests do.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

quickspark.prepare()

# How fast a machine is says nothing about what is tested.
settings.register_profile(
    "stoker",
    max_examples=int(os.environ.get("STOKER_EXAMPLES", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("stoker")


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
