from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from stoker_daemon.scheduling.intervals import default_cycle
from stoker_shared.model import Cron, Days, Hours, Minutes, Schedule

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def cycle(schedule: Schedule | None, now: str) -> datetime:
    return default_cycle(schedule, BERLIN, at(now))


@pytest.mark.parametrize(
    "now", ["2026-11-22T00:00+01:00", "2026-11-22T09:00+01:00", "2026-11-22T23:59+01:00"]
)
@pytest.mark.parametrize(
    "daily", [Days(at="01:00"), Hours(every=24, start_of_day="01:00"), Cron(expression="0 1 * * *")]
)
def test_a_manual_run_of_a_daily_workflow_is_about_yesterday_all_day(daily: Schedule, now: str) -> None:
    assert cycle(daily, now) == at("2026-11-21T01:00+01:00")


def test_a_manual_run_of_another_workflow_is_about_the_last_complete_interval() -> None:
    every = Hours(every=2, start_of_day="08:00", end_of_day="20:00")

    assert cycle(every, "2026-11-22T11:00+01:00") == at("2026-11-22T08:00+01:00")
    assert cycle(every, "2026-11-22T10:00+01:00") == at("2026-11-22T08:00+01:00")
    assert cycle(every, "2026-11-22T09:59+01:00") == at("2026-11-21T20:00+01:00")
    assert cycle(Cron(expression="0 6 * * mon"), "2026-11-22T09:00+01:00") == at("2026-11-09T06:00+01:00")
    assert cycle(Minutes(every=15), "2026-11-22T09:10:30+01:00") == at("2026-11-22T08:45+01:00")


def test_a_manual_run_without_a_schedule_is_about_now_minus_one_day() -> None:
    assert cycle(None, "2026-03-30T01:00+00:00") == at("2026-03-29T01:00+00:00")


def test_yesterday_is_that_of_the_schedules_zone() -> None:
    tokyo = Days(at="01:00", time_zone="Asia/Tokyo")

    assert cycle(tokyo, "2026-11-21T16:30+00:00") == at("2026-11-21T01:00+09:00")
    assert cycle(tokyo, "2026-11-21T14:30+00:00") == at("2026-11-20T01:00+09:00")


def test_yesterday_has_its_interval_where_the_clock_jumped_over_its_tick() -> None:
    assert cycle(Days(at="02:30"), "2026-03-30T09:00+02:00") == at("2026-03-29T03:00+02:00")


def test_after_a_day_that_a_zone_left_out_it_is_the_day_before() -> None:
    apia = Days(at="01:00", time_zone="Pacific/Apia")

    assert cycle(apia, "2011-12-31T09:00+14:00") == at("2011-12-29T01:00-10:00")
