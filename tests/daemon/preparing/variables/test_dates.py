"""What comes from the cycle time: dates, offsets, patterns."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stoker_daemon.preparing.variables import Facts, Scope
from tests.daemon.preparing.variables.making import BERLIN, CYCLE, replaced

cycles = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)).map(
    lambda when: when.replace(microsecond=0, tzinfo=BERLIN)
)
SPELLED = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
"""What each of a pattern's letters is to strftime."""
letters = st.sampled_from(list(SPELLED))
separators = st.text(alphabet="-/_.T :", max_size=3)
patterns = st.tuples(letters, st.lists(st.tuples(separators, letters), max_size=6)).map(
    lambda parts: [parts[0], *(part for pair in parts[1] for part in pair)]
)


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("ds", "2026-11-21"),
        ("dt", "2026-11-21"),
        ("data_date", "2026-11-21"),
        ("ds_nodash", "20261121"),
        ("dt_nodash", "20261121"),
        ("data_date_nodash", "20261121"),
        ("ts", "2026-11-21T01:02:03"),
        ("ts_nodash", "20261121010203"),
        ("ds-1d", "2026-11-20"),
        ("ds+10d", "2026-12-01"),
        ("ds_nodash+1M", "20261221"),
        ("dt-1y", "2025-11-21"),
        ("data_date+2w", "2026-12-05"),
        ("ts-3h", "2026-11-20T22:02:03"),
        ("ts_nodash+58m", "20261121020003"),
        ("yyyy-MM-dd", "2026-11-21"),
        ("yyyyMMdd-7d", "20261114"),
        ("yyyyMM-1M", "202610"),
        ("yyyy-MM-dd HH:mm:ss", "2026-11-21 01:02:03"),
        ("yyyy-MM-ddTHH:mm-1h", "2026-11-21T00:02"),
        ("yyyy.MM.dd+1d", "2026.11.22"),
        ("yyyy/MM/dd_HH", "2026/11/21_01"),
        ("HH:mm", "01:02"),
        ("mm", "02"),
        ("workflow_name", "daily sales"),
        ("node_name", "transform"),
        ("run_id", "1234"),
        ("attempt", "2"),
        ("scheduled_at", "2026-11-22T01:02:03+01:00"),
    ],
)
def test_built_in_variables(reference: str, value: str) -> None:
    assert replaced(f"<${{{reference}}}>") == f"<{value}>"


def test_a_run_that_was_not_due_has_an_empty_scheduled_at() -> None:
    bare = Scope(Facts(CYCLE, "w", "n", 1, 1), {})
    assert bare.replace("[${scheduled_at}]", "args[1]") == "[]"
    assert bare.environment()["STOKER_SCHEDULED_AT"] == ""


@pytest.mark.parametrize(
    ("cycle", "reference", "value"),
    [
        (datetime(2024, 1, 31), "ds+1M", "2024-02-29"),
        (datetime(2023, 1, 31), "ds+1M", "2023-02-28"),
        (datetime(2024, 2, 29), "ds-1y", "2023-02-28"),
        (datetime(2024, 2, 29), "ds+4y", "2028-02-29"),
        (datetime(2024, 1, 15), "ds-1M", "2023-12-15"),
        (datetime(2024, 12, 31), "ds-13M", "2023-11-30"),
        (datetime(999, 1, 1), "ts", "0999-01-01T00:00:00"),
        (datetime(1, 1, 1), "ds", "0001-01-01"),
        (datetime(9999, 12, 31), "ds", "9999-12-31"),
        (datetime(2024, 2, 29), "ds+1d-1M", "2024-02-01"),
        (datetime(2024, 2, 29), "ds-1M+1d", "2024-01-30"),
        (datetime(2024, 1, 31), "yyyyMM+1d-1M", "202401"),
    ],
)
def test_months_end_on_their_last_day(cycle: datetime, reference: str, value: str) -> None:
    assert replaced(f"${{{reference}}}", cycle.replace(tzinfo=UTC)) == value


def test_offsets_are_on_wall_time_across_clock_changes() -> None:
    after_the_gap = datetime(2026, 3, 29, 3, 30, tzinfo=BERLIN)
    assert replaced("${ts-1h}", after_the_gap) == "2026-03-29T02:30:00"
    assert replaced("${ts-1d}", after_the_gap) == "2026-03-28T03:30:00"
    second_pass = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN)
    assert replaced("${ts+1h}", second_pass) == "2026-10-25T03:30:00"


@given(cycles, st.sampled_from([("w", "weeks"), ("d", "days"), ("h", "hours"), ("m", "minutes")]), st.data())
def test_offsets_agree_with_timedelta(cycle: datetime, unit: tuple[str, str], data: st.DataObject) -> None:
    letter, word = unit
    count = data.draw(st.integers(-5000, 5000))
    moved = cycle.replace(tzinfo=None) + timedelta(**{word: count})
    assert replaced(f"${{ts{count:+}{letter}}}", cycle) == moved.isoformat()
    assert replaced(f"${{yyyyMMddHHmmss{count:+}{letter}}}", cycle) == re.sub(r"\D", "", moved.isoformat())


@given(cycles, st.sampled_from("wdhm"), st.integers(-5000, 5000), st.integers(-5000, 5000))
def test_offsets_of_fixed_length_add_up_and_can_be_taken_back(
    cycle: datetime, unit: str, one: int, other: int
) -> None:
    def moved(when: datetime, count: int) -> datetime:
        return datetime.fromisoformat(replaced(f"${{ts{count:+}{unit}}}", when))

    assert moved(moved(cycle, one), other) == moved(cycle, one + other)
    assert moved(moved(cycle, one), -one) == cycle.replace(tzinfo=None)


@given(cycles, patterns, st.integers(-5000, 5000))
def test_patterns_agree_with_strftime(cycle: datetime, parts: list[str], days: int) -> None:
    pattern = "".join(parts)
    spelled = "".join(SPELLED.get(part, part) for part in parts)
    assert replaced(f"${{{pattern}}}", cycle) == cycle.strftime(spelled)
    moved = cycle.replace(tzinfo=None) + timedelta(days=days)
    assert replaced(f"${{{pattern}{days:+}d}}", cycle) == moved.strftime(spelled)


@given(cycles, st.integers(-1000, 1000))
@example(datetime(2024, 1, 31, tzinfo=BERLIN), 1)
def test_months_land_in_the_right_month_and_keep_the_day_where_it_exists(cycle: datetime, count: int) -> None:
    moved = datetime.fromisoformat(replaced(f"${{ts{count:+}M}}", cycle))
    assert (moved.year * 12 + moved.month) - (cycle.year * 12 + cycle.month) == count
    ends_its_month = (moved + timedelta(days=1)).day == 1
    assert moved.day == cycle.day or (moved.day < cycle.day and ends_its_month)
    assert moved.time() == cycle.time()


@given(cycles, st.integers(-80, 80))
def test_a_year_is_twelve_months(cycle: datetime, count: int) -> None:
    assert replaced(f"${{ts{count:+}y}}", cycle) == replaced(f"${{ts{count * 12:+}M}}", cycle)
