"""Quartz's expressions, read as schedules with the same ticks."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from stoker_shared.model import Cron, Days, Hours, Minutes, Schedule
from stoker_tui.importing.quartz import DAY, Step, translate

NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIRST = date(2023, 12, 31)


def read(expression: str) -> Schedule:
    return translate(expression, "Europe/Berlin", None, None).schedule


def ticks(schedule: Schedule, days: int) -> list[datetime]:
    """Give the ticks of a schedule from `FIRST` on: those of cron by croniter, the others by counting."""
    midnight = datetime.combine(FIRST, datetime.min.time())
    until = midnight + timedelta(days=days)
    if isinstance(schedule, Cron):
        found = croniter(schedule.expression, midnight - timedelta(minutes=1))
        return list(iter(lambda: min(found.get_next(datetime), until), until))
    if isinstance(schedule, Days):
        begin = end = clock(schedule.at)
        every = timedelta(days=1)
    else:
        begin, end = clock(schedule.start_of_day), clock(schedule.end_of_day)
        unit = timedelta(hours=1) if isinstance(schedule, Hours) else timedelta(minutes=1)
        every = unit * schedule.every
    of_a_day = [begin + n * every for n in range((end - begin) // every + 1)]
    return [midnight + timedelta(days=day) + tick for day in range(days) for tick in of_a_day]


def clock(text: str) -> timedelta:
    hours, minutes = map(int, text.split(":"))
    return timedelta(hours=hours, minutes=minutes)


@st.composite
def fields(draw: st.DrawFn, first: int, last: int) -> tuple[str, set[int]]:
    """Draw a field of a Quartz expression, with the values it names."""
    written, values = [], set[int]()
    for _ in range(draw(st.integers(1, 3))):
        low = draw(st.integers(first, last))
        high = draw(st.integers(first, last))
        step = draw(st.integers(1, last))
        around = [*range(low, last + 1), *range(first, high + 1)] if high < low else [*range(low, high + 1)]
        text, named = draw(
            st.sampled_from(
                [
                    (f"{low}", [low]),
                    (f"{low}-{high}", around),
                    (f"{low}-{high}/{step}", around[::step]),
                    (f"{low}/{step}", [*range(low, last + 1, step)]),
                    (f"*/{step}", [*range(first, last + 1, step)]),
                ]
            )
        )
        written.append(text)
        values.update(named)
    return ",".join(written), values


def every(first: int, last: int) -> st.SearchStrategy[tuple[str, set[int]]]:
    return st.sampled_from(["*", "?"]).map(lambda text: (text, set(range(first, last + 1))))


@settings(max_examples=30)
@given(
    fields(0, 59),
    fields(0, 23),
    fields(1, 12) | every(1, 12).map(lambda field: ("*", field[1])),
    st.one_of(
        st.tuples(every(1, 31), fields(1, 7)),
        st.tuples(fields(1, 31), every(1, 7)),
        st.tuples(every(1, 31), every(1, 7)),
    ),
)
def test_a_schedule_has_the_ticks_of_the_quartz_expression(
    minute: tuple[str, set[int]],
    hour: tuple[str, set[int]],
    month: tuple[str, set[int]],
    days: tuple[tuple[str, set[int]], tuple[str, set[int]]],
) -> None:
    day, weekday = days
    expression = f"0 {minute[0]} {hour[0]} {day[0]} {month[0]} {weekday[0]} *"

    found = translate(expression, None, None, None)

    dates = [FIRST + timedelta(days=n) for n in range(33)]
    due = [
        datetime(when.year, when.month, when.day, h, m)
        for when in dates
        if when.day in day[1] and when.month in month[1] and when.isoweekday() % 7 + 1 in weekday[1]
        for h in sorted(hour[1])
        for m in sorted(minute[1])
    ]
    assert ticks(found.schedule, 33) == due
    if found.step and found.step.unit == "m":
        step = timedelta(minutes=found.step.size)
        assert all(after - before == step for before, after in pairwise(due))


@pytest.mark.parametrize(
    ("expression", "schedule", "step"),
    [
        ("0 0 1 * * ?", Days(at="01:00"), DAY),
        ("0 30 1 ? * * *", Days(at="01:30"), DAY),
        ("0 0 1 ? * 1-7", Days(at="01:00"), DAY),
        ("0 0 * * * ?", Hours(every=1, start_of_day="00:00", end_of_day="23:00"), Step(60, "m")),
        ("0 15 8-20/2 * * ?", Hours(every=2, start_of_day="08:15", end_of_day="20:15"), None),
        ("0 0/10 * * * ? *", Minutes(every=10, start_of_day="00:00", end_of_day="23:50"), Step(10, "m")),
        ("0 */5 9-10 * * ?", Minutes(every=5, start_of_day="09:00", end_of_day="10:55"), None),
        ("0 */7 * * * ?", Cron(expression="*/7 * * * *"), None),
        ("0 0 6 ? * MON-FRI", Cron(expression="0 6 * * 1-5"), None),
        ("0 0 6 ? * 1", Cron(expression="0 6 * * 0"), Step(7 * 24 * 60, "m")),
        ("0 0 6 ? * fri-mon", Cron(expression="0 6 * * 0-1,5-6"), None),
        ("0 0 3 1 * ?", Cron(expression="0 3 1 * *"), Step(1, "M")),
        ("0 0 3 31 * ?", Cron(expression="0 3 31 * *"), None),
        ("0 0 3 1 JAN ?", Cron(expression="0 3 1 1 *"), Step(1, "y")),
        ("0 0 3,4,9 1 1/3 ?", Cron(expression="0 3-4,9 1 */3 *"), None),
    ],
)
def test_the_plainest_schedule_is_taken(expression: str, schedule: Schedule, step: Step | None) -> None:
    found = translate(expression, None, None, None)

    assert (found.schedule, found.step, found.note) == (schedule, step, "")


def test_zone_start_and_end_are_those_given() -> None:
    found = translate("0 0 1 * * ?", "Asia/Shanghai", "2026-01-01T00:00", "2027-01-01T00:00").schedule

    assert found == Days(
        at="01:00", time_zone="Asia/Shanghai", start="2026-01-01T00:00", end="2027-01-01T00:00"
    )


def test_a_tick_after_the_minute_is_on_it_and_said_so() -> None:
    found = translate("30 0 1 * * ?", None, None, None)

    assert found.schedule == Days(at="01:00")
    assert "30 s after the minute" in found.note


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("0 0 1 L * ?", "'L' as day of the month"),
        ("0 0 1 15W * ?", "'15W' as day of the month"),
        ("0 0 1 LW * ?", "'LW' as day of the month"),
        ("0 0 1 L-3 * ?", "'L' as day of the month"),
        ("0 0 1 ? * 6L", "'6L' as day of the week"),
        ("0 0 1 ? * 6#3", "'6#3' as day of the week"),
        ("0 0 1 * * ? 2026-2030", "it names years ('2026-2030')"),
        ("*/10 * * * * ?", "ticks within a minute"),
        ("0 0 1 1 * MON", "days of the month and of the week"),
        ("0 0 1 * *", "has 5 fields"),
        ("", "has 0 fields"),
        ("0 60 1 * * ?", "60 as minute is not from 0 to 59"),
        ("0 0 1 ? * 0", "0 as day of the week is not from 1 to 7"),
        ("0 */0 1 * * ?", "a step of the minute is from 1 to 59"),
        ("0 ,, 1 * * ?", "'' as minute"),
        ("0 ١ 1 * * ?", "as minute"),
    ],
)
def test_what_no_schedule_is_the_same_as_is_refused_with_the_reason(expression: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        read(expression)


@given(st.text(alphabet="0123456789*/-,?LW#MONJA \u0661", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = translate(text, None, None, None)
    except ValueError as error:
        assert str(error).isprintable()
    else:
        assert ticks(found.schedule, 1) is not None
