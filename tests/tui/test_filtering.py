"""The filter language of lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_tui.filtering import parse

FACTS: dict[str, list[str]] = {
    "name": ["daily_sales"],
    "status": ["failed"],
    "tag": ["team=sales", "tier=1"],
    "user": ["Alice"],
    "remarks": ["after the outage"],
}
FIELDS = {name: lambda row, name=name: row[name] for name in FACTS}


@pytest.mark.parametrize(
    "text",
    ["", "sales", "SALES", "status:failed", "status:fail", "tag:team=sales", "user:alice outage",
     '"the outage"', 'remarks:"the outage', "status:failed tag:tier=1 daily"],
)  # fmt: skip
def test_a_row_is_shown_that_has_all_that_is_asked(text: str) -> None:
    assert parse(text).holds(FACTS, FIELDS)


@pytest.mark.parametrize(
    "text", ["status:succeeded", "late", "status:failed late", "tag:team=ops", "user:failed", '"outage the"']
)
def test_a_row_is_not_shown_that_lacks_one_thing(text: str) -> None:
    assert not parse(text).holds(FACTS, FIELDS)


def test_a_field_that_is_not_finished_asks_for_nothing_yet() -> None:
    assert parse("status:").holds(FACTS, FIELDS)


def test_a_field_that_rows_do_not_have_is_told_with_the_nearest_one() -> None:
    assert parse("stauts:failed").problem(FIELDS) == "no field 'stauts'; did you mean status?"
    assert parse("status:failed late").problem(FIELDS) == ""


@pytest.mark.parametrize(
    ("before", "after", "narrows"),
    [
        ("fai", "fail", True),
        ("status:f", "status:fa", True),
        ("status:f", "status:f late", True),
        ("fail", "fai", False),
        ("status", "status:f", False),
        ("", "f", False),
        ("a b", "a c", False),
    ],
)
def test_a_filter_that_goes_on_only_narrows(before: str, after: str, narrows: bool) -> None:
    assert parse(after).narrows(parse(before)) is narrows


@given(st.text())
def test_whatever_is_typed_is_read(text: str) -> None:
    parse(text).holds(FACTS, FIELDS)
