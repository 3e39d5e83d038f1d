from __future__ import annotations

import pytest

from stoker_shared.definition import faults
from stoker_shared.model import Cron, Days, Hours, Minutes, Schedule, WorkflowSpec
from stoker_shared.schedules import in_words, schedule_faults


@pytest.mark.parametrize(
    "schedule",
    [
        Days(at="00:00"),
        Days(at="23:59", time_zone="Europe/Berlin", start="2026-11-21", end="2026-11-21T00:01"),
        Days(at="01:00", start="2026-11-21T01:00+01:00", end="2026-01-01T01:00"),
        Days(at="01:00", start="2026-11-21T20:00", end="2026-11-21"),
        Hours(every=24),
        Hours(every=2, start_of_day="08:00", end_of_day="20:00"),
        Minutes(every=1440, start_of_day="06:00", end_of_day="06:00"),
        Cron(expression="*/5 0-6,22 * JAN mon-fri"),
    ],
)
def test_a_schedule_that_makes_sense_has_no_faults(schedule: Schedule) -> None:
    assert list(schedule_faults(schedule)) == []


@pytest.mark.parametrize(
    ("schedule", "field", "words"),
    [
        (Days(at="24:00"), "at", "'24:00' is not a time of day; write HH:MM"),
        (Days(at="1:00"), "at", "'1:00' is not a time of day"),
        (Days(at="٠١:00"), "at", "is not a time of day"),
        (Days(at="01:00", time_zone="Europe/Berln"), "time_zone", "did you mean 'Europe/Berlin'?"),
        (Days(at="01:00", time_zone="../etc/passwd"), "time_zone", "there is no time zone"),
        (Days(at="01:00", start="soon"), "start", "'soon' is not a time"),
        (Days(at="01:00", start="2026-11-21", end="2026-11-20"), "end", "must be later than the start"),
        (
            Days(at="01:00", start="2026-11-21T02:00", end="2026-11-21T02:00"),
            "end",
            "must be later than the start",
        ),
        (Hours(every=0), "every", "must be from 1 to 24 hours"),
        (Minutes(every=1441), "every", "must be from 1 to 1440 minutes"),
        (Hours(every=1, start_of_day="8"), "from", "'8' is not a time of day"),
        (Minutes(every=5, start_of_day="22:00", end_of_day="06:00"), "to", "06:00 is before 22:00"),
        (
            Cron(expression="0 6 * *"),
            "expression",
            "it has 4 fields, and a cron expression has five: minute,",
        ),
        (Cron(expression="0 6 ; * *"), "expression", "';' can't be its day of the month"),
        (Cron(expression="0 0 6 * * *"), "expression", "it has 6 fields, and a cron expression has five"),
        (Cron(expression="0 0 31 2 *"), "expression", "it never comes: no month of it has a day 31"),
    ],
)
def test_what_makes_no_sense_is_named_with_what_would(schedule: Schedule, field: str, words: str) -> None:
    (fault,) = faults(WorkflowSpec(workflow="daily", schedule=schedule))

    assert fault.pointer == f"/schedule/{field}"
    assert words in fault.detail


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (None, "manual"),
        (Days(at="01:00", time_zone="Europe/Berlin"), "days 01:00 Berlin"),
        (Days(at="01:00", time_zone="America/New_York"), "days 01:00 New York"),
        (Minutes(every=15, start_of_day="06:00", end_of_day="22:00"), "every 15m 06:00-22:00"),
        (Hours(every=2), "every 2h"),
        (Cron(expression="0 6 * * 1-5"), "cron 0 6 * * 1-5"),
    ],
)
def test_a_schedule_is_said_in_few_words(schedule: Schedule | None, words: str) -> None:
    assert in_words(schedule) == words
