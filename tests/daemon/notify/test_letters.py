from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stoker_daemon.notify.letters import (
    FEW,
    GIVE_UP_AFTER,
    LONGEST_PAUSE,
    WINDOW,
    Letter,
    expired,
    pause,
    ready,
)
from stoker_shared.apply.notifying import WEBHOOK
from stoker_shared.state import About, Delivery, Notice
from tests.strategies import T0

ONCALL, LEAD = "oncall@example.com", "lead@example.com"
MINUTE = timedelta(minutes=1)


def notice(number: int, *to: str, **fields: Any) -> Notice:
    untold = {who: Delivery() for who in to or (ONCALL,)}
    facts = {"about": About.RUN_FAILED, "at": T0, "run": number} | fields
    return Notice(id=number, workspace="default", workflow=1, name="daily", untold=untold, **facts)


def mails(*notices: Notice, now: datetime = T0, written: tuple[datetime, ...] = ()) -> list[tuple[int, ...]]:
    letters, _ = ready(notices, now, {ONCALL: written}, webhook=False)
    return [letter.numbers for letter in letters]


class TestMail:
    def test_goes_to_everybody_at_once_and_to_each_alone(self):
        letters, again = ready([notice(1, ONCALL, LEAD, WEBHOOK)], T0, {}, webhook=False)

        assert [(letter.to, letter.numbers) for letter in letters] == [(ONCALL, (1,)), (LEAD, (1,))]
        assert again is None

    def test_says_together_what_waits_about_one_run(self):
        assert mails(notice(1, run=7), notice(2, run=8), notice(3, run=7)) == [(1, 3), (2,)]

    def test_tells_of_many_runs_in_one_digest(self):
        many = [notice(number) for number in range(1, FEW + 2)]

        assert mails(*many[:FEW]) == [(1,), (2,), (3,)]
        assert mails(*many) == [(1, 2, 3, 4)]

    def test_is_a_digest_where_an_address_was_written_to_several_times_a_moment_ago(self):
        some = [notice(1), notice(2)]

        assert mails(*some, written=(T0 - MINUTE,)) == [(1,), (2,)]
        assert mails(*some, written=(T0 - MINUTE,) * 2) == [(1, 2)]
        assert mails(*some, written=(T0 - WINDOW,) * 9) == [(1,), (2,)]

    def test_waits_until_the_first_of_some_letters_is_long_ago(self):
        written = [T0 - 3 * MINUTE, T0 - 2 * MINUTE, T0 - MINUTE]

        letters, again = ready([notice(1)], T0, {ONCALL: written}, webhook=False)

        assert (letters, again) == ([], T0 - 3 * MINUTE + WINDOW)

    def test_waits_for_its_next_try_and_tells_meanwhile_what_else_there_is(self):
        tried = notice(1)
        tried.untold[ONCALL] = Delivery(2, "no route", T0 + MINUTE)

        assert mails(tried, notice(2)) == [(2,)]
        assert ready([tried], T0, {}, webhook=False) == ([], T0 + MINUTE)
        (letter,), _ = ready([tried], T0 + MINUTE, {}, webhook=False)
        assert letter == Letter(ONCALL, (tried,), 2)

    def test_does_not_wait_for_a_moment_that_only_a_wrong_clock_can_have_set(self):
        tried = notice(1)
        tried.untold[ONCALL] = Delivery(1, "no route", T0 + timedelta(days=9))

        assert mails(tried) == [(1,)]


class TestTheWebhook:
    def test_is_told_everything_one_by_one(self):
        many = [notice(number, ONCALL, WEBHOOK, run=7) for number in range(1, 9)]

        letters, _ = ready(many, T0, {WEBHOOK: [T0] * 9}, webhook=True)

        assert [letter.numbers for letter in letters] == [(number,) for number in range(1, 9)]


class TestAPause:
    @given(st.integers(1, 10_000), st.floats(0, 1))
    def test_is_a_minute_first_and_an_hour_at_the_longest_give_or_take(self, tries: int, chance: float):
        seconds = pause(tries, chance).total_seconds()

        assert 48 <= seconds <= LONGEST_PAUSE * 1.2
        assert tries < 7 or seconds >= LONGEST_PAUSE * 0.8

    def test_is_not_the_same_for_all(self):
        chance = Random(1)

        assert len({pause(3, chance.random()) for _ in range(20)}) == 20


def test_what_was_tried_for_days_has_been_tried_long_enough():
    old, new = notice(1, ONCALL, LEAD, WEBHOOK), notice(2, at=T0 + MINUTE)

    later = T0 + GIVE_UP_AFTER

    assert expired([old, new], later, webhook=False) == {ONCALL: (1,), LEAD: (1,)}
    assert expired([old, new], later, webhook=True) == {WEBHOOK: (1,)}
    assert expired([old, new], later - MINUTE, webhook=False) == {}


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.sampled_from([(ONCALL,), (LEAD,), (ONCALL, LEAD)])), max_size=30
    ),
    st.lists(st.integers(0, 900), max_size=5),
)
def test_nobody_is_told_twice_or_not_at_all_and_nobody_gets_too_many_letters(
    told: list[tuple[int, tuple[str, ...]]], ago: list[int]
):
    notices = [notice(number, *to, run=run) for number, (run, to) in enumerate(told, 1)]
    written = [T0 - timedelta(seconds=seconds) for seconds in ago]

    letters, again = ready(notices, T0, {ONCALL: written}, webhook=False)

    pairs = [(letter.to, number) for letter in letters for number in letter.numbers]
    asked = {(to, one.id) for one in notices for to in one.untold}
    late = (
        {pair for pair in asked if pair[0] == ONCALL}
        if sum(at > T0 - WINDOW for at in written) >= FEW
        else set()
    )
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == asked - late
    assert bool(late) == (again is not None)
    for to in (ONCALL, LEAD):
        before = sum(at > T0 - WINDOW for at in written) if to == ONCALL else 0
        assert sum(letter.to == to for letter in letters) <= max(FEW - before, 0)
