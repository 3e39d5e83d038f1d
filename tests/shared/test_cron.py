from __future__ import annotations

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from stoker_shared.cron import cron_faults, parse_cron

SIZES = (60, 24, 31, 12, 7)
LOWS = (0, 0, 1, 1, 0)


def values(low: int, high: int) -> st.SearchStrategy[str]:
    """Items of a field as both readers take them."""
    number = st.integers(low, high)
    pair = st.tuples(number, number).filter(lambda pair: pair[0] < pair[1])
    step = st.integers(1, high)
    return st.one_of(
        number.map(str),
        pair.map(lambda pair: f"{pair[0]}-{pair[1]}"),
        st.tuples(pair, step).map(lambda drawn: f"{drawn[0][0]}-{drawn[0][1]}/{drawn[1]}"),
        step.map(lambda step: f"*/{step}"),
    )


def fields(low: int, high: int, *names: str) -> st.SearchStrategy[str]:
    items = values(low, high) | st.sampled_from(names) if names else values(low, high)
    return st.just("*") | st.lists(items, min_size=1, max_size=3).map(",".join)


expressions = st.tuples(
    fields(0, 59),
    fields(0, 23),
    fields(1, 31),
    fields(1, 12, "jan", "FEB", "mar-may", "dec"),
    fields(0, 6, "sun", "MON", "mon-fri", "7"),
)


@given(expressions)
def test_fields_are_read_as_elsewhere(drawn: tuple[str, ...]) -> None:
    expression = " ".join(drawn)
    expected = [
        set(range(low, low + size)) if found == ["*"] else set(found)
        for found, low, size in zip(croniter.expand(expression)[0], LOWS, SIZES, strict=True)
    ]
    if faults := cron_faults(expression):
        assert faults == [fault for fault in faults if fault.startswith("it never comes")]
        with pytest.raises(ValueError, match="never comes"):
            parse_cron(expression)
        return

    cron = parse_cron(expression)

    assert [cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays] == expected


@pytest.mark.parametrize(
    ("expression", "both"),
    [
        ("0 6 1,15 * mon", False),
        ("0 6 * * mon", True),
        ("0 6 1 * *", True),
        ("0 6 */2 * mon", True),
        ("0 6 1 * */2", True),
        ("0 6 1-31 * mon", False),
    ],
)
def test_a_day_is_of_one_of_both_fields_where_neither_begins_with_a_star(expression: str, both: bool) -> None:
    assert parse_cron(expression).both_days is both


def test_ranges_of_days_of_the_week_may_end_with_sunday() -> None:
    assert parse_cron("0 6 * * fri-sun").weekdays == {5, 6, 0}
    assert parse_cron("0 6 * * 5-7").weekdays == {5, 6, 0}
    assert parse_cron("0 6 * * 7").weekdays == {0}


def test_an_equal_range_is_one_value() -> None:
    assert parse_cron("0 5-5 * * *").hours == {5}


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "it has 0 fields, and a cron expression has five: minute, hour, day of the month, month, day"),
        ("@daily", "it has 1 field, and"),
        ("0 0 6 * * *", "it has 6 fields, and a cron expression has five"),
        ("0 0 6 * * *", "without seconds it is '0 6 * * *'"),
        ("0 0 31 2 *", "it never comes: no month of it has a day 31, the latest is day 29"),
        ("0 0 31 4,jun *", "it never comes: no month of it has a day 31, the latest is day 30"),
        ("0 0 30 2 */2", "it never comes"),
        ("60 * * * *", "'60' can't be its minute: it goes from 0 to 59"),
        ("0 24 * * *", "'24' can't be its hour: it goes from 0 to 23"),
        ("0 0 0 * *", "'0' can't be its day of the month: it goes from 1 to 31"),
        ("0 0 * 13 *", "'13' can't be its month: it goes from 1 to 12 or jan to dec"),
        ("0 0 * * mo", "'mo' can't be its day of the week: write *, */2, 1, 1-5 or 1-5/2"),
        ("0 0 * * day", "'day' can't be its day of the week: it goes from 0 to 7 or sun to sat"),
        ("*/0 * * * *", "'*/0' can't be its minute: a step is at least 1"),
        ("5/15 * * * *", "a step needs a range; write 5-59/15"),
        ("0 22-2 * * *", "a range goes upwards; write 22-23,0-2"),
        ("0 0 L * *", "'l' can't be its day of the month: write"),
        ("0 0 15W * *", "'15w' can't be its day of the month: write"),
        ("0 0 ? * mon", "'?' can't be its day of the month: write *"),
        ("0 0 * * 1#2", "'1#2' can't be its day of the week: write"),
        ("R * * * *", "'r' can't be its minute: write"),
        ("\N{ARABIC-INDIC DIGIT FIVE} * * * *", "can't be its minute"),
    ],
)
def test_what_is_no_expression_is_refused_with_what_would_be_right(expression: str, words: str) -> None:
    (fault,) = cron_faults(expression)

    assert words in fault


def test_every_field_that_is_wrong_is_named() -> None:
    assert len(cron_faults("60 24 0 13 8")) == 5


def test_a_day_that_comes_by_the_other_field_of_days_comes() -> None:
    assert cron_faults("0 0 31 2 1") == []
    assert cron_faults("0 0 29 2 *") == []


@given(st.text() | st.text("0123456789*/-,LW#?a \n", max_size=20))
def test_any_text_is_an_expression_or_is_said_why_not(text: str) -> None:
    for fault in cron_faults(text):
        assert fault.isprintable()
        assert len(fault) < 300
