"""Backfills: every interval is seen to once, and what is counted of them is what happened to their runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stoker_daemon.scheduling.backfill import decide
from stoker_shared import events as ev
from stoker_shared.apply import NotAllowed, backfilling
from stoker_shared.codec import decode_item
from stoker_shared.model import BackfillState, NodeState, RunState
from stoker_shared.state import MOST_DEEDS, Backfill, Item, Run, State
from tests.strategies import T0, Story, created, node, replayed, sealed

HOUR = timedelta(hours=1)


def cycle(index: int) -> datetime:
    """Give the cycle time of an interval of the range, the first being 0."""
    return T0 + index * HOUR


def asked(total: int = 4, newest_from: int = 0, **fields: Any) -> ev.BackfillCreated:
    """Give a backfill of so many hours: first the newest before ``newest_from``, then those from there on."""
    event = ev.BackfillCreated(
        backfill=1,
        workspace="default",
        workflow=1,
        name="daily",
        first=cycle(0),
        last=cycle(total - 1),
        split=cycle(newest_from) - timedelta(microseconds=1),
        total=total,
        time_zone="UTC",
        every="1h",
    )
    return msgspec.structs.replace(event, **fields)


def run_of(index: int, run: int, retry_of: int = 0) -> ev.RunCreated:
    """Give the run that a backfill makes for an interval."""
    return created(
        [node("a")],
        run,
        trigger=ev.Trigger.BACKFILL,
        backfill=1,
        cycle=cycle(index),
        scheduled_at=cycle(index + 1),
        retry_of=retry_of,
    )


def ended(run: int, *, well: bool = True) -> list[ev.EventType]:
    """Give how a run of one node ends."""
    if well:
        return [
            ev.RunStarted(run),
            ev.NodeFinished(run, "a", NodeState.SUCCEEDED),
            ev.RunFinished(run, RunState.SUCCEEDED),
        ]
    refused = ev.NodeFinished(run, "a", NodeState.FAILED, ev.Reason.REFUSED, "no such variable")
    return [ev.RunStarted(run), refused, ev.RunFinished(run, RunState.FAILED)]


def reopened(run: Run) -> list[ev.EventType]:
    """Give how a finished run is opened again."""
    content = msgspec.json.encode(run).decode()
    return [ev.RunRestored(run.id, 1, 1, content), ev.RunRerunRequested(run.id, ("a",))]


def passed(index: int, count: int = 1, *, again: bool = False) -> ev.BackfillPassed:
    return ev.BackfillPassed(1, cycle(index), count, again)


def the_backfill(story: Story) -> Backfill:
    return story.state.backfills[1]


def counts(story: Story) -> tuple[int, int, list[int], int, int]:
    """Give how many were seen to, needed no run, the active runs, how many succeeded, how many failed."""
    backfill = the_backfill(story)
    return backfill.seen, backfill.passed, backfill.active, backfill.succeeded, backfill.failed


class TestABackfill:
    def test_is_what_it_was_asked_for(self):
        story = Story(asked(parallel=3, queue="night", variables={"region": "eu"}, stop_after=2))
        backfill = the_backfill(story)
        assert (backfill.state, backfill.created_at, backfill.by) == (BackfillState.RUNNING, T0, "alice")
        assert (backfill.parallel, backfill.queue, backfill.variables) == (3, "night", {"region": "eu"})
        assert (backfill.total, backfill.every, backfill.stop_after) == (4, "1h", 2)
        assert counts(story) == (0, 0, [], 0, 0)

    def test_makes_runs_in_their_order(self):
        story = Story(asked(3), run_of(0, 1), run_of(1, 2))
        assert counts(story) == (2, 0, [1, 2], 0, 0)
        story.tell(*ended(1), *ended(2, well=False))
        assert counts(story) == (2, 0, [], 1, 1)
        story.tell(passed(2))
        assert counts(story) == (3, 1, [], 1, 1)

    def test_makes_runs_of_the_newest_first_and_of_those_to_come_when_they_are_due(self):
        story = Story(asked(4, newest_from=2), run_of(1, 1), run_of(2, 2), run_of(0, 3), run_of(3, 4))
        assert counts(story) == (4, 0, [1, 2, 3, 4], 0, 0)

    def test_passes_many_intervals_at_once(self):
        story = Story(asked(100), passed(49, 50), run_of(50, 1), passed(99, 49))
        assert counts(story) == (100, 99, [1], 0, 0)

    @pytest.mark.parametrize("again", [run_of(1, 3), run_of(0, 3), passed(1), passed(0)])
    def test_sees_to_no_interval_twice(self, again: ev.EventType):
        story = Story(asked(), run_of(0, 1), run_of(1, 2))
        with pytest.raises(NotAllowed, match="has seen to the interval"):
            story.tell(again)
        assert counts(story) == (2, 0, [1, 2], 0, 0)
        assert sorted(story.state.runs) == [1, 2]

    @pytest.mark.parametrize("index", [-1, 4])
    def test_sees_to_no_interval_beyond_its_range(self, index: int):
        for story in (Story(asked()), Story(asked(newest_from=4))):
            with pytest.raises(NotAllowed, match="does not have it"):
                story.tell(run_of(index, 1))

    def test_is_paused_with_the_reason_and_goes_on(self):
        story = Story(asked(), run_of(0, 1), *ended(1, well=False))
        story.tell(ev.BackfillPaused(1, "1 run failed"), by="stoker")
        assert (the_backfill(story).state, the_backfill(story).detail) == (
            BackfillState.PAUSED,
            "1 run failed",
        )
        assert the_backfill(story).failures == 1
        story.tell(ev.BackfillResumed(1))
        assert (the_backfill(story).state, the_backfill(story).detail) == (BackfillState.RUNNING, "")
        assert (the_backfill(story).failures, the_backfill(story).failed) == (0, 1)
        deeds = [(deed.by, deed.what) for deed in the_backfill(story).deeds]
        assert deeds == [("stoker", "paused it: 1 run failed"), ("alice", "resumed it")]

    def test_keeps_the_last_of_what_people_did(self):
        story = Story(asked())
        for _ in range(MOST_DEEDS):
            story.tell(ev.BackfillPaused(1), ev.BackfillResumed(1))
        assert len(the_backfill(story).deeds) == MOST_DEEDS

    @pytest.mark.parametrize("event", [run_of(1, 2), passed(1), passed(0, again=True)])
    def test_that_was_cancelled_makes_no_runs_while_what_runs_goes_on(self, event: ev.EventType):
        story = Story(asked(), run_of(0, 1), ev.BackfillCancelled(1))
        with pytest.raises(NotAllowed, match="has ended: cancelled"):
            story.tell(event)
        story.tell(*ended(1))
        assert the_backfill(story).state is BackfillState.CANCELLED
        assert counts(story) == (1, 0, [], 1, 0)

    def test_is_open_again_with_a_run_of_it_that_is_rerun(self):
        story = Story(asked(1), run_of(0, 1))
        run = story.run
        story.tell(*ended(1, well=False), ev.BackfillFinished(1, BackfillState.FAILED))
        assert (the_backfill(story).state, the_backfill(story).ended_at) == (BackfillState.FAILED, T0)
        story.tell(*reopened(run))
        assert (the_backfill(story).state, the_backfill(story).ended_at) == (BackfillState.RUNNING, None)
        assert counts(story) == (1, 0, [1], 0, 0)

    def test_that_was_cancelled_stays_so_when_a_run_of_it_is_rerun(self):
        story = Story(asked(2), run_of(0, 1))
        run = story.run
        story.tell(*ended(1), ev.BackfillCancelled(1))
        story.tell(*reopened(run))
        assert the_backfill(story).state is BackfillState.CANCELLED
        assert counts(story) == (1, 0, [1], 0, 0)

    def test_is_forgotten_when_there_are_many_that_ended_after_it(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(backfilling, "KEPT_BACKFILLS", 2)
        story = Story(asked(1), run_of(0, 1))
        run = story.run
        for number in range(2, 6):
            story.tell(asked(backfill=number), ev.BackfillCancelled(number))
        assert sorted(story.state.backfills) == [1, 3, 4, 5]
        story.tell(*ended(1), ev.BackfillFinished(1, BackfillState.SUCCEEDED), asked(backfill=6))
        assert sorted(story.state.backfills) == [3, 4, 5, 6]
        story.tell(*reopened(run), *ended(1))
        assert story.state.counters.backfill == 6


class TestARetry:
    def story(self) -> Story:
        """Give a backfill of three intervals, the first and last of which failed."""
        return Story(
            asked(3),
            *(run_of(0, 1), run_of(1, 2), run_of(2, 3)),
            *ended(1, well=False),
            *ended(2),
            *ended(3, well=False),
            ev.BackfillFinished(1, BackfillState.FAILED),
            ev.BackfillRetried(1),
        )

    def test_makes_another_run_in_place_of_each_that_failed(self):
        story = self.story()
        assert the_backfill(story).state is BackfillState.RUNNING
        story.tell(run_of(0, 4, retry_of=1), passed(1, again=True), run_of(2, 5, retry_of=3))
        assert counts(story) == (3, 0, [4, 5], 1, 0)
        assert the_backfill(story).retried is None
        story.tell(*ended(4), *ended(5))
        assert counts(story) == (3, 0, [], 3, 0)

    def test_sees_to_no_interval_twice(self):
        story = self.story()
        story.tell(run_of(0, 4, retry_of=1))
        for again in (run_of(0, 5, retry_of=4), passed(0, again=True)):
            with pytest.raises(NotAllowed, match="does not retry the interval"):
                story.tell(again)
        story.tell(passed(2, 2, again=True))
        with pytest.raises(NotAllowed, match="does not retry the interval"):
            story.tell(run_of(2, 5, retry_of=3))

    def test_is_none_before_it_was_asked_for(self):
        story = Story(asked(3), run_of(0, 1), *ended(1, well=False))
        with pytest.raises(NotAllowed, match="does not retry the interval"):
            story.tell(run_of(0, 2, retry_of=1))

    def test_that_is_asked_for_again_begins_anew(self):
        story = self.story()
        story.tell(run_of(0, 4, retry_of=1), *ended(4, well=False), ev.BackfillRetried(1))
        story.tell(run_of(0, 5, retry_of=4), run_of(2, 6, retry_of=3))
        assert counts(story) == (3, 0, [5, 6], 1, 0)

    def test_has_the_run_that_it_replaced_rerun_without_its_backfill(self):
        story = Story(asked(1), run_of(0, 1))
        first = story.run
        story.tell(*ended(1, well=False), ev.BackfillRetried(1), run_of(0, 2, retry_of=1))
        second = story.run
        story.tell(*ended(2))
        for _ in range(2):
            story.tell(*reopened(first))
            first = story.state.runs[1]
            assert counts(story) == (1, 0, [], 1, 0)
            story.tell(*ended(1))
            assert counts(story) == (1, 0, [], 1, 0)
        story.tell(*reopened(second))
        assert counts(story) == (1, 0, [2], 0, 0)

    def test_keeps_what_was_active_when_it_came_past(self):
        story = Story(asked(1), run_of(0, 1))
        run = story.run
        story.tell(ev.BackfillRetried(1), passed(0, again=True), *ended(1, well=False))
        story.tell(*reopened(run))
        assert counts(story) == (1, 0, [1], 0, 0)


class World:
    """A backfill to which chance does whatever is allowed, beside what each interval came to."""

    def __init__(self, total: int, newest_from: int, stop_after: int, chance: Random) -> None:
        self.chance = chance
        self.total = total
        self.story = Story(asked(total, newest_from, stop_after=stop_after))
        self.newest_from, self.ahead, self.back = newest_from, newest_from, newest_from
        self.latest: dict[int, int | None] = {}
        self.runs: dict[int, Run] = {}
        self.retried: int | None = None

    @property
    def backfill(self) -> Backfill:
        return the_backfill(self.story)

    def step(self) -> None:
        ways = [self.end_one, self.end_one, self.rerun_one]
        if self.backfill.state is BackfillState.RUNNING:
            ways += [self.pause, self.retry]
            ways += [self.see_to_next] * 4 if self.retried is None else [self.retry_next] * 4
        elif self.backfill.state is BackfillState.PAUSED:
            ways += [self.resume, self.retry]
        elif self.backfill.state is not BackfillState.CANCELLED:
            ways += [self.retry]
        if not self.backfill.has_ended and self.chance.random() < 0.01:
            ways = [self.cancel]
        self.chance.choice(ways)()
        self.story.tell(*decide(self.backfill))
        self.check()

    def see_to_next(self) -> None:
        choices = [self.ahead] * (self.ahead < self.total) + [self.back - 1] * (self.back > 0)
        if not choices:
            return
        index = self.chance.choice(choices)
        self.ahead, self.back = max(self.ahead, index + 1), min(self.back, index)
        if self.chance.random() < 0.3:
            self.latest[index] = None
            self.story.tell(passed(index))
        else:
            self.make(index)

    def make(self, index: int, retry_of: int = 0) -> None:
        number = self.latest[index] = self.story.state.counters.run + 1
        self.story.tell(run_of(index, number, retry_of))
        self.runs[number] = self.story.run

    def retry_next(self) -> None:
        assert self.retried is not None
        index = self.retried
        number = self.latest.get(index)
        self.retried = None if index >= max(self.ahead - 1, self.newest_from) else index + 1
        if index == self.ahead:
            # Of those to come none was seen to: the last one that was is not where that begins.
            self.story.tell(ev.BackfillPassed(1, self.backfill.ahead, 0, again=True))
        elif number and self.runs[number].state is RunState.FAILED:
            self.make(index, number)
        else:
            self.story.tell(passed(index, again=True))

    def end_one(self) -> None:
        if active := list(self.story.state.runs):
            self.story.tell(*ended(self.chance.choice(active), well=self.chance.random() < 0.5))

    def rerun_one(self) -> None:
        if over := [run for run in self.runs.values() if run.ended_at]:
            run = self.chance.choice(over)
            self.story.tell(*reopened(run))
            self.runs[run.id] = self.story.state.runs[run.id]

    def pause(self) -> None:
        self.story.tell(ev.BackfillPaused(1))

    def resume(self) -> None:
        self.story.tell(ev.BackfillResumed(1))

    def retry(self) -> None:
        if self.latest:
            self.retried = self.back
            self.story.tell(ev.BackfillRetried(1))

    def cancel(self) -> None:
        self.story.tell(ev.BackfillCancelled(1))

    def check(self) -> None:
        latest = [self.runs[number] for number in self.latest.values() if number]
        states = [run.state if run.ended_at else None for run in latest]
        backfill = self.backfill
        assert sorted(backfill.active) == sorted(run.id for run in latest if not run.ended_at)
        assert (backfill.succeeded, backfill.failed) == (
            states.count(RunState.SUCCEEDED),
            states.count(RunState.FAILED),
        )
        assert backfill.passed == list(self.latest.values()).count(None)
        assert backfill.seen == len(self.latest)
        assert (backfill.retried is None) == (self.retried is None)
        if backfill.state in (BackfillState.SUCCEEDED, BackfillState.FAILED):
            assert (backfill.seen, backfill.active, backfill.retried) == (self.total, [], None)
            assert (backfill.state is BackfillState.FAILED) == bool(backfill.failed)


@settings(max_examples=100)
@given(
    st.integers(1, 6).flatmap(lambda total: st.tuples(st.just(total), st.integers(0, total))),
    st.integers(0, 2),
    st.integers(0, 2**32).map(Random),
    st.integers(0, 80),
)
def test_whatever_happens_its_counts_are_what_its_intervals_came_to(
    shape: tuple[int, int], stop_after: int, chance: Random, steps: int
):
    world = World(*shape, stop_after, chance)
    for _ in range(steps):
        world.step()

    state = world.story.state
    restored = State(seq=state.seq)
    for item in state.items():
        restored.restore(decode_item(sealed(item)[:-1], Item))
    assert restored == state
    assert replayed(world.story.records) == state
