"""A full disk is seen coming."""

from __future__ import annotations

import asyncio
import logging
import os
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from stoker_daemon import space
from stoker_daemon.engine import Engine
from stoker_daemon.space import LOOK_SECONDS, Look, SpaceWatch, full_in, is_low

GIB = 2**30
HOUR = int(3600 / LOOK_SECONDS)


def looks(free: float, *changes: float) -> list[Look]:
    """Looks in their usual distance: how much was free first, and what changed until each that follows."""
    levels = accumulate([free * GIB, *(change * GIB for change in changes)])
    return [Look(number * LOOK_SECONDS, int(level)) for number, level in enumerate(levels)]


def test_is_full_when_what_is_left_has_gone_at_the_rate_of_the_last_hour():
    steady = looks(70, *[-10 / HOUR] * HOUR)

    assert full_in(steady) == pytest.approx(6 * 3600, rel=0.001)


def test_may_fill_unevenly_as_long_as_it_goes_on():
    uneven = looks(70, *[-0.14, 0.02, -0.05, -0.11] * (HOUR // 4))

    assert full_in(uneven) == pytest.approx((70 - 8.4) / 8.4 * 3600, rel=0.001)


@pytest.mark.parametrize(
    ("what", "seen"),
    [
        ("nothing was seen yet", []),
        ("it was seen for less than half an hour", looks(10, *[-0.1] * 50)),
        ("nothing changes", looks(10, *[0] * HOUR)),
        ("all went at one blow", looks(50, *[-0.001] * 60, -30, *[-0.001] * 59)),
        ("it stopped", looks(50, *[-0.5] * 60, *[0] * 60)),
        ("what went came back", looks(50, *[-0.1] * 100, 5, *[-0.1] * 19)),
        ("it is far off", looks(1000, *[-0.01] * HOUR)),
    ],
)
def test_is_not_told_of_where(what: str, seen: list[Look]):
    assert full_in(seen) is None, what


def test_is_low_below_its_limit_and_until_there_is_somewhat_more():
    assert [is_low(free, 100, was_low=low) for free in (99, 105, 111) for low in (False, True)] == [
        True,
        True,
        False,
        True,
        False,
        False,
    ]


async def test_that_fills_steadily_is_shown_and_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    looks = [0]

    def now() -> float:
        looks[0] += 1
        return looks[0] * LOOK_SECONDS

    def disk(_: Path) -> SimpleNamespace:
        return SimpleNamespace(f_bavail=20_000 - 10 * looks[0], f_frsize=2**20, f_blocks=10**6)

    monkeypatch.setattr(os, "statvfs", disk)
    watch = SpaceWatch(cast("Engine", None), tmp_path, 1, lambda: None, now)
    monkeypatch.setattr(space, "LOOK_SECONDS", 0)

    with caplog.at_level(logging.WARNING):
        watch.start()
        async with asyncio.timeout(60):
            while (shown := await watch.shown()).full_in is None:
                assert not caplog.messages
            while not caplog.messages:
                await asyncio.sleep(0)
        await watch.close()

    assert shown.full_in < 24 * 3600
    assert len(caplog.messages) == 1
    assert " is full in about " in caplog.messages[0]
