"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import quickspark
from tests.harness import StokerDaemon

# What a test starts finds its bytecode written: to compile it each time takes longer than most tests do.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

quickspark.prepare()

# How fast a machine is says nothing about what is tested. The same examples are tried each time, so that what
# fails is what was changed; others, and more, by STOKER_EXAMPLES.
settings.register_profile(
    "stoker",
    max_examples=int(os.environ.get("STOKER_EXAMPLES", "50")),
    derandomize="STOKER_EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("stoker")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let one worker collect before the others: what it compiles, and rewrites, they find done."""
    with Path(__file__).open() as lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            flock(lock, LOCK_SH)
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that none of them is what all wait for in the end."""
    slow = {
        item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("spark")
    }
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[StokerDaemon]:
    """A running daemon on an empty data directory."""
    with StokerDaemon(tmp_path) as running:
        yield running
