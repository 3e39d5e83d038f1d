"""The filter language of lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_tui.filtering import parse

FACTS = {
    "name": ["daily_sales"],
    "status": ["failed"],
    "tag": ["team=sales", "tier=1"],
    "user": ["Alice"],
    "remarks": ["after the outage"],
}


@pytest.mark.parametrize(
    "text",
    ["", "sales", "SALES", "status:failed", "status:fail", "tag:team=sales", "user:alice outage",
     '"the outage"', 'remarks:"the outage', "status:failed tag:tier=1 daily"],
)  # fmt: skip
def test_a_row_is_shown_that_has_all_that_is_asked(text: str) -> None:
    assert parse(text).holds(FACTS)


@pytest.mark.parametrize(
    "text", ["status:succeeded", "late", "status:failed late", "tag:team=ops", "user:failed", '"outage the"']
)
def test_a_row_is_not_shown_that_lacks_one_thing(text: str) -> None:
    assert not parse(text).holds(FACTS)


def test_a_field_that_is_not_finished_asks_for_nothing_yet() -> None:
    assert parse("status:").holds({"status": ["failed"]})


def test_a_field_that_rows_do_not_have_is_told_with_the_nearest_one() -> None:
    assert parse("stauts:failed").problem(list(FACTS)) == "no field 'stauts'; did you mean status?"
    assert parse("status:failed late").problem(list(FACTS)) == ""


@given(st.text())
def test_whatever_is_typed_is_read(text: str) -> None:
    parse(text).holds(FACTS)
