from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from stoker_daemon.timetable import timetable
from stoker_shared.model import Days

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_a_day_has_one_tick_whatever_the_clock_does() -> None:
    daily = timetable(Days(at="02:30"), BERLIN)

    assert list(daily.between(at("2026-03-28T00:00Z"), at("2026-03-31T00:00Z"))) == [
        at("2026-03-28T02:30+01:00"),
        at("2026-03-29T03:00+02:00"),
        at("2026-03-30T02:30+02:00"),
    ]
    assert list(daily.between(at("2026-10-25T00:00Z"), at("2026-10-26T12:00Z"))) == [
        at("2026-10-25T02:30+02:00"),
        at("2026-10-26T02:30+01:00"),
    ]
