"""Which ticks are due, and what becomes of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from stoker_daemon.scheduling.due import Drop, Make, ahead_of, due, next_tick
from stoker_daemon.timetable import timetable
from stoker_shared import events as ev
from stoker_shared.model import CatchUpPolicy, Cron, Days, Hours, Minutes, Schedule
from stoker_shared.state import Workflow
from tests.strategies import T0, Story, created, node

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = Minutes(every=1, time_zone="UTC")
ALL, LATEST, NONE = CatchUpPolicy.ALL, CatchUpPolicy.LATEST, CatchUpPolicy.NONE


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


class Flow:
    """A workflow whose scheduling was switched on at T0, told as events."""

    def __init__(self, schedule: Schedule, policy: CatchUpPolicy = ALL) -> None:
        self.policy = policy
        self.story = Story(
            ev.WorkflowSaved("default", 1, "flow", 1, "d"),
            ev.WorkflowPublished(1, 1, "d"),
            ev.WorkflowScheduling(1, on=True, after=T0, schedule=schedule),
        )
        self.made: list[datetime] = []
        self.dropped: list[Drop] = []

    @property
    def workflow(self) -> Workflow:
        return self.story.state.workflows[1]

    @property
    def next(self) -> datetime | None:
        return next_tick(ahead_of(self.workflow, BERLIN))

    def publish(self, schedule: Schedule | None, now: datetime) -> None:
        self.story.now = now
        version = len(self.workflow.versions) + 1
        self.story.tell(ev.WorkflowPublished(1, version, "d", "", True, schedule))

    def notice(self, now: datetime) -> list[Make | Drop]:
        """Carry out what is due at a moment, as the engine does: `apply` refuses what is not."""
        self.story.now = now
        decisions = list(due(ahead_of(self.workflow, BERLIN), now, self.policy))
        for decision in decisions:
            if isinstance(decision, Drop):
                self.dropped.append(decision)
                span = decision.first, decision.last, decision.count
                self.story.tell(ev.TickSkipped(1, *span, ev.SkipReason.CATCH_UP))
            else:
                self.made.append(decision.tick)
                number = self.story.state.counters.run + 1
                trigger = ev.Trigger.SCHEDULE
                self.story.tell(
                    created([node("a")], number, trigger=trigger, scheduled_at=decision.tick),
                )
        return decisions


def test_the_run_of_a_tick_is_about_the_interval_that_ends_there():
    flow = Flow(Days(at="03:00", time_zone="Europe/Berlin"))

    assert flow.next == at(3600)
    assert flow.notice(at(3600)) == [Make(at(3600), at(3600 - 86400), BERLIN)]
    assert flow.next == at(3600 + 86400)


def test_nothing_is_due_before_its_time_and_nothing_twice():
    flow = Flow(MINUTE)

    assert flow.notice(at(59.9)) == []
    assert len(flow.notice(at(60))) == 1
    assert flow.notice(at(60)) == []
    assert flow.notice(at(30)) == []
    assert flow.notice(at(119)) == []


def test_a_tick_that_is_a_minute_old_is_on_time():
    for policy in (NONE, LATEST):
        flow = Flow(Hours(every=1, time_zone="UTC"), policy)
        flow.notice(at(3660))
        assert (flow.made, flow.dropped) == ([at(3600)], [])

        flow.notice(at(7260.001))
        assert flow.made == ([at(3600)] if policy is NONE else [at(3600), at(7200)])


def test_of_missed_ticks_the_policy_says_which_are_run():
    flows = {policy: Flow(MINUTE, policy) for policy in CatchUpPolicy}
    for flow in flows.values():
        flow.notice(at(600))

    minutes = [at(60 * count) for count in range(1, 11)]
    assert flows[ALL].made == minutes
    assert flows[LATEST].made == minutes[7:]
    assert flows[LATEST].dropped == [Drop(minutes[0], minutes[6], 7)]
    assert flows[NONE].made == minutes[8:]
    assert flows[NONE].dropped == [Drop(minutes[0], minutes[7], 8)]


def test_another_schedule_begins_when_it_is_published_and_what_was_due_before_still_comes():
    flow = Flow(Minutes(every=10, time_zone="UTC"))
    flow.publish(Minutes(every=7, time_zone="UTC"), at(25 * 60))
    flow.notice(at(50 * 60))

    assert [(tick - T0).seconds // 60 for tick in flow.made] == [10, 20, 31, 38, 45]


def test_a_schedule_that_was_taken_away_lets_what_was_due_still_come():
    flow = Flow(MINUTE)
    flow.publish(None, at(90))
    assert flow.next == at(60)
    flow.notice(at(600))

    assert (flow.made, flow.next) == ([at(60)], None)
    flow.publish(MINUTE, at(700))
    assert flow.next == at(720)


def test_another_schedule_after_the_clock_was_set_back_runs_nothing_twice():
    flow = Flow(Minutes(every=10, time_zone="UTC"))
    flow.notice(at(1800))
    flow.publish(MINUTE, at(1000))

    assert flow.next == at(1860)
    flow.publish(Minutes(every=15, time_zone="UTC"), at(900))
    assert flow.next == at(2700)


def test_start_and_end_bound_what_is_started():
    bounded = Minutes(every=20, time_zone="UTC", start="2026-11-22T01:40", end="2026-11-22T02:20")
    flow = Flow(bounded)
    flow.notice(at(86400))

    assert flow.made == [at(2400), at(3600), at(4800)]
    assert flow.next is None


def test_off_nothing_is_due_and_on_again_only_what_is_later():
    flow = Flow(MINUTE)
    flow.story.tell(ev.WorkflowScheduling(1, on=False))
    assert flow.notice(at(600)) == []
    assert flow.next is None

    flow.story.tell(ev.WorkflowScheduling(1, on=True, after=at(600), schedule=MINUTE))
    assert flow.next == at(660)


schedules = st.one_of(
    st.builds(
        Minutes,
        every=st.integers(1, 90),
        end_of_day=st.sampled_from(["23:59", "09:30"]),
        time_zone=st.sampled_from(["UTC", "Europe/Berlin"]),
    ),
    st.builds(Days, at=st.sampled_from(["01:00", "02:30", "17:45"]), time_zone=st.just("Europe/Berlin")),
    st.builds(Cron, expression=st.sampled_from(["*/5 * * * *", "7 1-3 * * *", "0 6 * * 1-5"])),
)
steps = st.one_of(st.floats(0, 200), st.floats(0, 86400), st.floats(-4000, 0))
"""Seconds from one noticing to the next: the daemon was up, or down, or the clock was set back."""


def reference(eras: Sequence[tuple[datetime, Schedule]], after: datetime, now: datetime) -> list[datetime]:
    """Give the ticks later than one moment and not later than another, one after the other."""
    found = []
    for (since, schedule), until in zip(eras, [*(since for since, _ in eras[1:]), now], strict=True):
        ticks, tick = timetable(schedule, BERLIN), max(since, after)
        while (tick := ticks.after(tick)) and tick <= min(until, now):
            found.append(tick)
    return found


@settings(max_examples=60)
@given(st.data(), st.sampled_from(CatchUpPolicy))
def test_every_tick_is_made_once_or_dropped_as_the_policy_says_whenever_it_is_noticed(
    data: st.DataObject, policy: CatchUpPolicy
):
    schedule = data.draw(schedules)
    flow = Flow(schedule, policy)
    eras: list[tuple[datetime, Schedule]] = [(T0, schedule)]
    now = ticked = T0
    made: list[datetime] = []
    for seconds in data.draw(st.lists(steps, max_size=12)):
        now += timedelta(seconds=seconds)
        if data.draw(st.booleans()):
            schedule = data.draw(schedules)
            flow.publish(schedule, now)
            eras = [*(era for era in eras if era[0] < now), (now, schedule)]
        new = reference(eras, ticked, now)
        ticked = max(new, default=ticked)
        missed = [tick for tick in new if now - tick > timedelta(seconds=60)]
        wanted = missed if policy is ALL else missed[-1:] if policy is LATEST else []
        before = len(flow.dropped)

        flow.notice(now)

        made += wanted + new[len(missed) :]
        assert flow.made == made
        left = [tick for tick in missed if tick not in wanted]
        expected = [Drop(left[0], left[-1], len(left))] if left else []
        assert flow.dropped[before:] == expected
