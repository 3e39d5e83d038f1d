from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stoker_shared.api import DrainingView, Space, Status
from stoker_tui.cli.checking import Level, full_in_words, verdict
from tests.strategies import T0

WELL = Status(
    "0.1.0", "1", "edge", 1, T0, "UTC", "/data", 0, 0, active_runs=2, active_nodes=3, seq=9, log="x"
)


@pytest.mark.parametrize(
    ("fields", "level", "why"),
    [
        ({}, Level.OK, "2 active runs, 3 active nodes"),
        ({"space": Space(10**12, 10**12, 1, False)}, Level.OK, "2 active runs, 3 active nodes"),
        ({"held": "no room on /data"}, Level.CRITICAL, "held: no room on /data"),
        ({"space": Space(2**20, 2**40, 2**30, True)}, Level.WARNING, "only 1.0 MiB free, below 1.0 GiB"),
        (
            {"space": Space(2**40, 2**40, 2**30, False, full_in=5.2 * 3600)},
            Level.WARNING,
            "the disk is full in about 5 hours, as it fills since an hour",
        ),
        (
            {"access_trouble": "groups that are not there: etl\x1b[2J"},
            Level.WARNING,
            "[access] names groups that are not there: etl␛[2J",
        ),
        ({"lost_notifications": 7}, Level.WARNING, "7 notifications given up"),
        ({"notify_trouble": "the mail server is gone"}, Level.WARNING, "the mail server is gone"),
        ({"draining": DrainingView(T0, "ann")}, Level.WARNING, "draining, as ann asked"),
        (
            {"draining": DrainingView(T0, "a\x1b[31m"), "held": "the disk failed"},
            Level.CRITICAL,
            "held: the disk failed; draining, as a␛[31m asked",
        ),
    ],
)
def test_how_bad_it_is_and_why(fields: dict[str, Any], level: Level, why: str):
    assert verdict(msgspec.structs.replace(WELL, **fields)) == (level, why)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(60, "in less than an hour"), (3000, "in about an hour"), (86_000, "in about 24 hours")],
)
def test_when_a_disk_is_full_is_told_in_hours(seconds: float, told: str):
    assert full_in_words(seconds) == f"full {told}, as it fills since an hour"
