"""The ticks of a workflow: each is accounted for once, by the schedule of its own time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_shared import events as ev
from stoker_shared.apply import NotAllowed
from stoker_shared.model import Days, Schedule
from stoker_shared.state import Era, Workflow
from tests.strategies import T0, Story, created, node, replayed

HOUR = timedelta(hours=1)


def schedule(number: int) -> Days:
    """Give one of several schedules."""
    return Days(at=f"{number % 24:02}:00")


def era(number: int, since: datetime) -> Era:
    return Era(since, schedule(number))


def saved() -> ev.WorkflowSaved:
    return ev.WorkflowSaved("default", 1, "daily", 1, "0" * 64)


def published(version: int = 1, *, rescheduled: bool = False) -> ev.WorkflowPublished:
    return ev.WorkflowPublished(1, version, "0" * 64, "", rescheduled, schedule(version))


def switched(after: datetime | None, version: int = 1) -> ev.WorkflowScheduling:
    return ev.WorkflowScheduling(1, after is not None, after, schedule(version))


def due(tick: datetime, run: int = 1) -> ev.RunCreated:
    """Give the run that the schedule makes for a tick."""
    return created([node("a")], run, trigger=ev.Trigger.SCHEDULE, scheduled_at=tick, cycle=tick - HOUR)


def skipped(first: datetime, last: datetime, count: int = 1) -> ev.TickSkipped:
    return ev.TickSkipped(1, first, last, count, ev.SkipReason.CATCH_UP)


def scheduled() -> Story:
    """Give a published workflow that is scheduled since `T0`."""
    return Story(saved(), published(), switched(T0))


def the_workflow(story: Story) -> Workflow:
    return story.state.workflows[1]


class TestTheSwitch:
    def test_is_off_until_it_is_turned(self):
        story = Story(saved(), published())
        assert not the_workflow(story).scheduling
        story.tell(switched(T0))
        assert the_workflow(story).scheduling
        story.tell(switched(None))
        assert not the_workflow(story).scheduling

    def test_schedules_from_the_moment_on_at_which_it_is_turned_on(self):
        workflow = the_workflow(scheduled())
        assert (workflow.eras, workflow.ticked) == ([era(1, T0)], T0)

    def test_leaves_out_what_came_while_it_was_off(self):
        story = scheduled()
        story.tell(switched(None), switched(T0 + 5 * HOUR))
        with pytest.raises(NotAllowed, match="has its run, or was skipped"):
            story.tell(due(T0 + 3 * HOUR))
        story.tell(due(T0 + 6 * HOUR))

    def test_begins_a_new_tale_without_what_was_skipped_before(self):
        story = scheduled()
        story.tell(skipped(T0 + HOUR, T0 + HOUR), switched(None), switched(T0 + 2 * HOUR))
        assert the_workflow(story).skipped is None

    def test_is_not_there_for_a_workflow_that_is_not(self):
        with pytest.raises(NotAllowed, match="not current"):
            Story(switched(T0))


class TestATick:
    def test_has_one_run(self):
        story = scheduled()
        story.tell(due(T0 + HOUR))
        assert the_workflow(story).ticked == story.run.scheduled_at == T0 + HOUR
        with pytest.raises(NotAllowed, match="has its run, or was skipped"):
            story.tell(due(T0 + HOUR, run=2))
        assert (story.state.counters.run, the_workflow(story).last_run) == (1, 1)

    def test_has_none_once_it_was_skipped(self):
        story = scheduled()
        story.pass_time(3 * 3600)
        story.tell(skipped(T0 + HOUR, T0 + 2 * HOUR, 2))
        noted = the_workflow(story).skipped
        assert noted
        assert (noted.at, noted.first, noted.last, noted.count) == (
            T0 + 3 * HOUR,
            T0 + HOUR,
            T0 + 2 * HOUR,
            2,
        )
        with pytest.raises(NotAllowed, match="has its run, or was skipped"):
            story.tell(due(T0 + 2 * HOUR))

    def test_that_has_its_run_is_not_skipped_with_later_ones(self):
        story = scheduled()
        story.tell(due(T0 + HOUR))
        with pytest.raises(NotAllowed, match="has its run, or was skipped"):
            story.tell(skipped(T0 + HOUR, T0 + 3 * HOUR, 3))
        assert the_workflow(story).ticked == T0 + HOUR

    @pytest.mark.parametrize("event", [due(T0 + HOUR), skipped(T0 + HOUR, T0 + HOUR)])
    def test_is_none_of_a_workflow_that_is_not_scheduled(self, event: ev.EventType):
        with pytest.raises(NotAllowed, match="is not scheduled"):
            Story(saved(), published()).tell(event)
        off = scheduled()
        off.tell(switched(None))
        with pytest.raises(NotAllowed, match="is not scheduled"):
            off.tell(event)

    def test_is_no_matter_of_runs_that_people_and_backfills_make(self):
        story = scheduled()
        for number, trigger in enumerate((ev.Trigger.MANUAL, ev.Trigger.BACKFILL, ev.Trigger.DEBUG), 1):
            story.tell(created([node("a")], number, trigger=trigger, scheduled_at=T0 - HOUR))
        assert the_workflow(story).ticked == T0


class TestAnotherSchedule:
    def test_is_that_of_the_ticks_after_it_was_published(self):
        story = scheduled()
        story.pass_time(3600)
        story.tell(published(2, rescheduled=True))
        assert the_workflow(story).eras == [era(1, T0), era(2, T0 + HOUR)]

    def test_is_none_while_the_switch_is_off_or_the_schedule_is_as_it_was(self):
        story = Story(saved(), published(rescheduled=True))
        assert the_workflow(story).eras == []
        story.tell(switched(T0), published(2))
        assert the_workflow(story).eras == [era(1, T0)]

    def test_lets_the_one_before_go_once_its_ticks_are_accounted_for(self):
        story = scheduled()
        story.pass_time(3600)
        story.tell(published(2, rescheduled=True))
        story.tell(due(T0 + HOUR))
        assert the_workflow(story).eras == [era(1, T0), era(2, T0 + HOUR)]
        story.tell(due(T0 + HOUR + timedelta(seconds=1), run=2))
        assert the_workflow(story).eras == [era(2, T0 + HOUR)]

    def test_takes_the_place_of_one_that_begins_later_where_the_clock_was_set_back(self):
        story = scheduled()
        story.pass_time(-3600)
        story.tell(published(2, rescheduled=True))
        assert the_workflow(story).eras == [era(2, T0 - HOUR)]


@given(st.lists(st.tuples(st.sampled_from(["tick", "skip", "publish", "off", "on"]), st.integers(-2, 4))))
def test_whatever_happens_a_tick_is_accounted_for_once_and_by_the_schedule_of_its_time(
    steps: list[tuple[str, int]],
):
    story = scheduled()
    all_eras, accounted, version = [era(1, T0)], [T0], 1
    for what, minutes in steps:
        story.pass_time(60 * minutes)
        before, ticked = the_workflow(story), the_workflow(story).ticked
        if what == "publish":
            version += 1
            if before.eras:
                earlier = [known for known in all_eras if known.since < story.now]
                all_eras = [*earlier, era(version, story.now)]
            story.tell(published(version, rescheduled=True))
        elif what == "off":
            story.tell(switched(None))
        elif what == "on":
            after = max(story.now, accounted[-1])
            all_eras = [era(version, after)]
            story.tell(switched(after, version))
        else:
            event = due(story.now, story.state.counters.run + 1)
            if what == "skip":
                event = skipped(story.now, story.now + timedelta(minutes=2), 3)
            if before.scheduling and ticked and story.now > ticked:
                story.tell(event)
                accounted.append(event.last if isinstance(event, ev.TickSkipped) else story.now)
            else:
                with pytest.raises(NotAllowed):
                    story.tell(event)

        workflow = the_workflow(story)
        assert accounted == sorted(set(accounted))
        assert workflow.ticked
        for tick in (workflow.ticked + timedelta(minutes=ahead) for ahead in range(1, 6)):
            if workflow.scheduling:
                assert _of(tick, workflow.eras) == _of(tick, all_eras)
    assert replayed(story.records) == story.state


def _of(tick: datetime, eras: list[Era]) -> Schedule | None:
    """Give the schedule that a tick is of."""
    return next((era.schedule for era in reversed(eras) if era.since < tick), None)
