from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_daemon.moments import parse_range, parse_when

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-11-21", "2026-11-20T23:00+00:00", "2026-11-21T22:59:59.999999+00:00"),
        ("2026-03-29", "2026-03-28T23:00+00:00", "2026-03-29T21:59:59.999999+00:00"),
        ("2026-11-21T01:00", "2026-11-21T00:00+00:00", "2026-11-21T00:00+00:00"),
        ("2026-11-21T01:00-05:00", "2026-11-21T06:00+00:00", "2026-11-21T06:00+00:00"),
        ("90m", "2026-11-22T10:30+00:00", "2026-11-22T10:30+00:00"),
        ("2h", "2026-11-22T10:00+00:00", "2026-11-22T10:00+00:00"),
        ("3d", "2026-11-19T12:00+00:00", "2026-11-19T12:00+00:00"),
    ],
)
def test_a_date_is_its_whole_day_and_a_time_an_instant(text: str, first: str, last: str):
    assert parse_when(text, BERLIN, NOW) == (datetime.fromisoformat(first), datetime.fromisoformat(last))


def test_a_range_has_both_ends_included_or_left_out():
    start, end = datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 2, 23, tzinfo=UTC) - TICK

    assert parse_range("2026-11-01..2026-11-02", BERLIN) == (start, end)
    assert parse_range("2026-11-01..", BERLIN) == (start, None)
    assert parse_range("..2026-11-02", BERLIN) == (None, end)


@pytest.mark.parametrize(
    "text", ["..", "", "today", "2026-11-02..2026-11-01", "2026-10-25T02:30..", "9999-12-31"]
)
def test_what_is_no_range_is_refused_in_words(text: str):
    with pytest.raises(ValueError, match=r"\w"):
        parse_range(text, BERLIN)


@given(st.text() | st.from_regex(r"\A[0-9.:TZ+\-smhdw]{0,30}\Z"))
def test_nothing_else_than_a_value_error_comes_of_any_text(text: str):
    for parse in (lambda: parse_when(text, BERLIN, NOW), lambda: parse_range(text, BERLIN)):
        with suppress(ValueError):
            parse()
