"""By when a run is to have started or ended."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_shared.definition import faults
from stoker_shared.lateness import deadline, deadline_problem
from stoker_shared.model import NodeSpec, WorkflowSpec

BERLIN = ZoneInfo("Europe/Berlin")


def by(text: str, tick: str) -> str:
    return deadline(text, datetime.fromisoformat(tick), BERLIN).astimezone(BERLIN).isoformat()


@pytest.mark.parametrize(
    ("text", "tick", "moment"),
    [
        ("90m", "2026-11-22T01:00+01:00", "2026-11-22T02:30:00+01:00"),
        ("2h", "2026-11-22T01:00+01:00", "2026-11-22T03:00:00+01:00"),
        ("06:00", "2026-11-22T01:00+01:00", "2026-11-22T06:00:00+01:00"),
        ("06:00", "2026-11-22T06:00+01:00", "2026-11-23T06:00:00+01:00"),
        ("00:15", "2026-11-22T23:30+01:00", "2026-11-23T00:15:00+01:00"),
        # Elapsed hours, and local times, over a night in which the clock is set forward, and back.
        ("2h", "2027-03-28T01:00+01:00", "2027-03-28T04:00:00+02:00"),
        ("06:00", "2027-03-28T01:00+01:00", "2027-03-28T06:00:00+02:00"),
        ("02:30", "2027-03-28T01:00+01:00", "2027-03-28T03:30:00+02:00"),
        ("02:30", "2026-10-25T01:00+02:00", "2026-10-25T02:30:00+02:00"),
        ("02:30", "2026-10-25T02:45+02:00", "2026-10-25T02:30:00+01:00"),
    ],
)
def test_it_is_so_long_after_the_tick_or_the_first_such_local_time(text: str, tick: str, moment: str):
    assert by(text, tick) == moment


@given(st.times(), st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)))
def test_a_time_of_day_is_always_later_than_the_tick_and_within_two_days(of_day: time, local: datetime):
    tick = local.replace(tzinfo=UTC)

    moment = deadline(f"{of_day:%H:%M}", tick, BERLIN)

    assert timedelta(0) < moment - tick <= timedelta(hours=49)


@pytest.mark.parametrize(
    "text", ["", "soon", "0m", "-1h", "1d", "90", "24:00", "6:00", "06:00:00", "1h30m", "٣m"]
)
def test_what_is_none_is_refused_with_what_would_be_right(text: str):
    spec = WorkflowSpec(workflow="w", nodes=(NodeSpec(name="a", job="a.sh"),), not_done_by=text)

    [fault] = faults(spec)

    assert fault.pointer == "/not_done_by"
    assert "write how long after the tick, as 90m or 2h, or a time of day, as 06:00" in fault.detail
    with pytest.raises(ValueError, match="is not a moment to be late at"):
        deadline(text, datetime.now(UTC), BERLIN)


def test_more_than_a_year_is_refused():
    assert deadline_problem("8784h") is None
    assert deadline_problem("8785h") == "8785h is more than 366 days after the tick"
