"""Backfills: in which order intervals come, which of them need runs, and what is taken when."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_daemon.scheduling.backfill import (
    INSTANT,
    Candidate,
    Interval,
    PastRun,
    all_to_come,
    due,
    judged,
    needs_run,
    next_end,
    rest,
    seconds_left,
    take,
    timetable_of,
    waits_until,
)
from stoker_shared import events as ev
from stoker_shared.model import BackfillOrder, BackfillState, Cron, Days, Intervals, RunState, Schedule
from stoker_shared.state import Backfill
from tests.strategies import T0, Story

DAY = timedelta(days=1)
FIRST = T0 - 10 * DAY
FAILED, STOPPED, SUCCEEDED, RUNNING = RunState.FAILED, RunState.STOPPED, RunState.SUCCEEDED, RunState.RUNNING


def backfill_of(days: int, newest_from: int | None = None, **fields: Any) -> Backfill:
    """Give a backfill of so many days from `FIRST` on; those before ``newest_from`` come newest first."""
    event = ev.BackfillCreated(
        backfill=1,
        workspace="default",
        workflow=1,
        name="daily",
        first=FIRST,
        last=FIRST + (days - 1) * DAY,
        split=FIRST + (newest_from or 0) * DAY - INSTANT,
        total=days,
        time_zone="UTC",
        every="1d",
        order=BackfillOrder.OLDEST if newest_from is None else BackfillOrder.NEWEST,
    )
    held = Story(event).state.backfills[1]
    for name, value in fields.items():
        setattr(held, name, value)
    return held


def days_of(intervals: Any) -> list[int]:
    return [(interval.cycle - FIRST) // DAY for interval in intervals]


def day(number: int) -> datetime:
    return FIRST + number * DAY


def interval(number: int) -> Interval:
    return Interval(day(number), day(number + 1))


def due_days(held: Backfill, now: datetime = T0) -> list[int]:
    return days_of(due(held, timetable_of(held), now))


class TestIntervals:
    def test_come_in_their_order_each_from_tick_to_tick(self):
        held = backfill_of(3)

        assert list(due(held, timetable_of(held), T0)) == [interval(0), interval(1), interval(2)]

    def test_come_newest_first_where_that_is_asked_for(self):
        assert due_days(backfill_of(3, newest_from=3)) == [2, 1, 0]

    def test_that_have_not_ended_wait(self):
        held = backfill_of(3)

        assert due_days(held, day(2) - INSTANT) == [0]
        assert due_days(held, day(2)) == [0, 1]

    def test_that_have_ended_meanwhile_come_before_older_ones(self):
        held = backfill_of(5, newest_from=3)

        assert due_days(held, day(3)) == [2, 1, 0]
        assert due_days(held, day(4)) == [3, 2, 1, 0]

    def test_go_on_from_where_it_stands(self):
        assert due_days(backfill_of(4, ahead=day(1))) == [2, 3]
        assert due_days(backfill_of(4, newest_from=4, back=day(2))) == [1, 0]

    def test_that_are_retried_are_those_it_has_seen_to(self):
        assert due_days(backfill_of(4, ahead=day(2), retried=day(0))) == [1, 2]
        assert due_days(backfill_of(4, newest_from=3, back=day(1), retried=day(1) - INSTANT)) == [1, 2]

    def test_to_come_are_all_of_them(self):
        held = backfill_of(5, newest_from=3)

        assert days_of(all_to_come(held, timetable_of(held))) == [2, 1, 0, 3, 4]

    def test_are_the_schedule_s_whatever_clocks_do(self):
        first = datetime(2026, 3, 28, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
        schedule = Days(at="02:30")
        held = backfill_of(
            3, schedule=schedule, time_zone="Europe/Berlin", first=first, ahead=first - INSTANT
        )

        hours = [(one.ends_at - one.cycle) / timedelta(hours=1) for one in due(held, timetable_of(held), T0)]

        assert hours[:3] == [23.5, 23.5, 24.0]


@given(
    st.sampled_from([None, Days(at="01:00"), Cron(expression="0 1 * * 1-5"), Cron(expression="*/7 * * * *")]),
    st.integers(1, 40),
    st.integers(0, 40),
    st.integers(-3, 45),
)
def test_every_interval_of_the_range_comes_once_and_only_when_it_has_ended(
    schedule: Schedule | None, total: int, newest_from: int, ended: int
):
    held = backfill_of(total, min(newest_from, total), schedule=schedule)
    ticks = timetable_of(held)
    cycles = list(islice(ticks.between(FIRST - INSTANT, FIRST + 90 * DAY), total + 1))
    held.first, held.last = cycles[0], cycles[-2]
    held.split = held.back = held.ahead = cycles[min(newest_from, total)] - INSTANT
    now = cycles[min(max(ended, 0), total)] + timedelta(seconds=1)

    come = list(due(held, ticks, now))
    waits = next_end(held, ticks, now)

    assert len({one.cycle for one in come}) == len(come)
    later = [one for one in pairwise(cycles) if one[0] > held.split]
    assert {one.cycle for one in come} == {
        *(cycle for cycle in cycles[:-1] if cycle < held.split),
        *(cycle for cycle, end in later if end <= now),
    }
    assert waits == min((end for _, end in later if end > now), default=None)
    assert {one.cycle for one in all_to_come(held, ticks)} == set(cycles[:-1])


class TestWaiting:
    def test_lasts_until_the_next_interval_ends(self):
        held = backfill_of(3, ahead=day(0))

        assert waits_until(held, timetable_of(held), day(1)) == day(2)
        assert waits_until(held, timetable_of(held), day(2)) is None

    @pytest.mark.parametrize(
        "fields", [{"state": BackfillState.PAUSED}, {"retried": day(0)}, {"ahead": day(2)}, {"back": day(1)}]
    )
    def test_is_none_for_what_does_something_else(self, fields: dict[str, Any]):
        held = backfill_of(3, **{"ahead": day(0), **fields})

        assert waits_until(held, timetable_of(held), day(1)) is None


def past(*runs: tuple[int, RunState]) -> list[PastRun]:
    return [PastRun(number, state) for number, state in runs]


class TestARun:
    def test_is_made_for_all(self):
        assert needs_run(Intervals.ALL, past((1, SUCCEEDED), (2, RUNNING)))

    @pytest.mark.parametrize(
        ("runs", "missing", "failed"),
        [
            (past(), True, False),
            (past((1, FAILED)), True, True),
            (past((1, STOPPED)), True, True),
            (past((1, SUCCEEDED)), False, False),
            (past((1, RUNNING)), False, False),
            (past((1, RunState.PENDING)), False, False),
            (past((1, RunState.PAUSED)), False, False),
            (past((1, SUCCEEDED), (2, FAILED)), False, True),
            (past((1, FAILED), (2, SUCCEEDED)), False, False),
            (past((1, FAILED), (2, RUNNING)), False, False),
        ],
    )
    def test_is_made_for_what_is_missing_or_failed(self, runs: list[PastRun], missing: bool, failed: bool):
        assert needs_run(Intervals.MISSING, runs) is missing
        assert needs_run(Intervals.FAILED, runs) is failed

    @pytest.mark.parametrize(
        ("runs", "retried"),
        [
            ([], 0),
            ([PastRun(1, FAILED)], 0),
            ([PastRun(1, FAILED, own=True)], 1),
            ([PastRun(1, STOPPED, own=True)], 1),
            ([PastRun(1, SUCCEEDED, own=True)], 0),
            ([PastRun(1, RUNNING, own=True)], 0),
            ([PastRun(1, FAILED, own=True), PastRun(2, FAILED, own=True)], 2),
            ([PastRun(1, FAILED, own=True), PastRun(2, SUCCEEDED)], 0),
            ([PastRun(1, FAILED, own=True), PastRun(2, RUNNING)], 0),
            ([PastRun(1, FAILED, own=True), PastRun(2, FAILED)], 1),
            ([PastRun(1, SUCCEEDED), PastRun(2, FAILED, own=True)], 2),
        ],
    )
    def test_is_retried_where_it_failed_and_nothing_came_after_it(self, runs: list[PastRun], retried: int):
        held = backfill_of(1, retried=day(0) - INSTANT)

        assert judged(held, interval(0), runs) == Candidate(interval(0), retried > 0, retried)


def made(*days: int) -> list[Candidate]:
    return [Candidate(interval(number), True) for number in days]


def needless(*days: int) -> list[Candidate]:
    return [Candidate(interval(number), False) for number in days]


class TestTaking:
    def test_stops_where_as_many_runs_are_active_as_may_be(self):
        waiting = deque(made(0, 1, 2, 3))

        assert take(backfill_of(9, parallel=3, active=[7]), waiting, ()) == made(0, 1)
        assert take(backfill_of(9, parallel=3, active=[7, 8, 9, 10]), waiting, ()) == []
        assert list(waiting) == made(2, 3)

    def test_passes_what_needs_no_run_all_at_once(self):
        waiting = deque([*needless(0, 1), *made(2), *needless(3, 4, 5), *made(6), *needless(7)])

        taken = take(backfill_of(9, parallel=2), waiting, ())

        assert taken == [ev.BackfillPassed(1, day(1), 2), *made(2), ev.BackfillPassed(1, day(5), 3), *made(6)]
        assert list(waiting) == needless(7)

    def test_passes_nothing_before_there_is_room_since_a_run_of_it_may_fail_until_then(self):
        assert take(backfill_of(9, active=[7]), deque(needless(0)), ()) == []

    def test_tells_apart_what_is_passed_forwards_and_backwards(self):
        waiting = deque(needless(3, 4, 2, 1))

        taken = take(backfill_of(5, newest_from=3), waiting, ())

        assert taken == [ev.BackfillPassed(1, day(4), 2), ev.BackfillPassed(1, day(1), 2)]

    def test_passes_again_what_is_not_retried(self):
        held = backfill_of(3, ahead=day(2), retried=FIRST - INSTANT)

        assert take(held, deque(needless(0, 1)), ()) == [ev.BackfillPassed(1, day(1), 2, again=True)]

    def test_stops_at_what_is_doubted(self):
        waiting = deque([*needless(0), *made(1)])

        assert take(backfill_of(3), waiting, {day(0)}) == []
        assert take(backfill_of(3), waiting, {day(1)}) == [ev.BackfillPassed(1, day(0), 1)]
        assert list(waiting) == made(1)


class TestTheEndOfTheRange:
    def test_needs_nothing_where_all_came(self):
        assert rest(backfill_of(2, ahead=day(1), seen=2)) == []

    def test_ends_a_retry(self):
        held = backfill_of(5, newest_from=3, back=day(0), retried=day(1))

        assert rest(held) == [ev.BackfillPassed(1, held.ahead, 0, again=True)]

    @pytest.mark.parametrize("newest_from", [None, 2, 5])
    def test_is_reached_also_where_there_are_fewer_intervals_than_were_counted(self, newest_from: int | None):
        story = Story()
        held = story.state.backfills[1] = backfill_of(5, newest_from, seen=2, passed=2)

        story.tell(*rest(held))

        assert not held.is_left
        assert (held.seen, held.passed) == (5, 5)

    def test_is_reached_also_where_there_are_more(self):
        story = Story()
        held = story.state.backfills[1] = backfill_of(5, seen=7)

        story.tell(*rest(held))

        assert not held.is_left
        assert held.seen == 7


class TestTheTimeLeft:
    def test_is_what_runs_usually_take_one_after_the_other(self):
        assert seconds_left(backfill_of(10, seen=4, active=[1]), 60, 0) == 7 * 60
        assert seconds_left(backfill_of(10, seen=4, active=[1, 2], parallel=4), 60, 0) == 2 * 60

    def test_counts_on_as_many_to_be_passed_as_before(self):
        assert seconds_left(backfill_of(100, seen=20, passed=15), 60, 0) == 20 * 60

    def test_is_no_less_than_until_the_last_interval_ends(self):
        assert seconds_left(backfill_of(2, seen=1), 60, 3600) == 3660

    @pytest.mark.parametrize("state", [BackfillState.PAUSED, BackfillState.SUCCEEDED])
    def test_is_not_known_of_what_makes_no_runs_or_was_never_run(self, state: BackfillState):
        assert seconds_left(backfill_of(2, state=state), 60, 0) is None
        assert seconds_left(backfill_of(2), None, 0) is None
