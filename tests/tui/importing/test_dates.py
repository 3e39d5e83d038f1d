"""Dates in the texts of other schedulers, by the step of the schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stoker_shared.model import Cron
from stoker_tui.importing import dates
from stoker_tui.importing.quartz import DAY, Step
from tests.tui.importing.exports import findings, node, prop, said, task, workflow

SPELLINGS = {"yyyyMMdd": "%Y%m%d", "yyyy-MM-dd": "%Y-%m-%d", "HHmmss": "%H%M%S", "yyyyMM": "%Y%m"}


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1)),
    st.sampled_from([DAY, Step(60, "m"), Step(10, "m"), Step(7 * 24 * 60, "m")]),
    st.sampled_from(list(SPELLINGS)),
    st.integers(-400, 400),
    st.sampled_from([("", 1440), ("/24", 60), ("/24/60", 1)]),
)
def test_a_date_of_a_run_is_the_one_it_was_there(
    due: datetime, step: Step, spelling: str, count: int, part: tuple[str, int]
) -> None:
    text = dates.reference(f"{spelling}{count:+}{part[0]}", step)

    assert text is not None
    cycle = (due - timedelta(minutes=step.size)).replace(tzinfo=UTC)
    expected = due + timedelta(minutes=count * part[1])
    assert said(text, cycle) == expected.strftime(SPELLINGS[spelling])


@given(st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1)), st.integers(-30, 30))
@example(datetime(2026, 11, 1), -1)
@example(datetime(2026, 3, 31), -1)
def test_months_are_counted_from_when_a_run_is_due(due: datetime, months: int) -> None:
    text = dates.reference(f"add_months(yyyyMM,{months})", DAY)

    assert text is not None
    index = due.year * 12 + due.month - 1 + months
    cycle = (due - timedelta(days=1)).replace(tzinfo=UTC)
    assert said(text, cycle) == f"{index // 12:04}{index % 12 + 1:02}"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("yyyyMMdd", "${yyyyMMdd+1d}"),
        ("yyyy-MM-dd-1", "${yyyy-MM-dd}"),
        ("yyyyMMdd+7*2", "${yyyyMMdd+15d}"),
        ("yyyy-MM-dd 00:00:00", "${yyyy-MM-dd+1d} 00:00:00"),
        ("yyyy-MM-dd'T'HH:mm", "${yyyy-MM-dd+1d}T${HH:mm+1d}"),
        ("add_months(yyyyMMdd,-12*1)", "${yyyyMMdd+1d-12M}"),
        ("this_day(yyyy-MM-dd)", "${yyyy-MM-dd+1d}"),
        ("last_day(yyyy-MM-dd)", "${yyyy-MM-dd}"),
        ("month_first_day(yyyy-MM-dd,-1)", "${yyyy-MM+1d-1M}-01"),
        ("month_last_day(yyyyMMdd,-1)", None),
        ("year_week(yyyy-MM-dd)", None),
        ("timestamp(yyyyMMddHHmmss)", None),
        ("YYYY-MM-DD", None),
        ("yyyyMMdd-1/0", None),
        ("12", None),
        ("", None),
    ],
)
def test_dates_of_a_daily_schedule(expression: str, text: str | None) -> None:
    assert dates.reference(expression, DAY) == text


def test_dates_follow_the_step_of_the_schedule() -> None:
    one = task("a", params={"rawScript": "true", "localParams": [prop("d", "$[yyyyMMddHH]")]})

    for crontab, value in [
        ("0 0 * * * ?", "${yyyyMMddHH+1h}"),
        ("0 0/15 * * * ?", "${yyyyMMddHH+15m}"),
        ("0 0 1 1 * ?", "${yyyyMMddHH+1M}"),
    ]:
        assert node(one, schedule={"crontab": crontab}).variables == {"d": value}


def test_a_schedule_with_changing_steps_or_without_equal_is_listed() -> None:
    weekdays = findings(task("a"), schedule={"crontab": "0 0 6 ? * MON-FRI"})
    last_day = findings(task("a"), schedule={"crontab": "0 0 6 L * ?", "timezoneId": "Mars/Base"})

    assert workflow(task("a"), schedule={"crontab": "0 0 6 ? * MON-FRI"}).schedule == Cron(
        expression="0 6 * * 1-5"
    )
    assert "these are not always as far apart" in weekdays[0]
    assert workflow(task("a"), schedule={"crontab": "0 0 6 L * ?"}).schedule is None
    assert "the time zone 'Mars/Base' is not IANA's" in last_day[0]
    assert "'L' as day of the month" in last_day[1]
