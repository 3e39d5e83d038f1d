from __future__ import annotations

from datetime import timedelta

from stoker_daemon.figures import LONG, Figures, Histogram
from stoker_shared import events as ev
from stoker_shared.model import NodeState, RunState
from tests.strategies import T0, Story, created, exited, node, starting


def test_a_histogram_counts_what_is_not_above_each_bound():
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.observe(value)

    assert (histogram.cumulated(), histogram.sum) == ([2, 3, 4], 12.0)


def test_what_happened_is_counted_by_what_has_few_values():
    story = Story(
        created([node("a"), node("b", "a")], trigger=ev.Trigger.BACKFILL),
        ev.RunStarted(1),
        starting("a"),
        exited("a", 1),
        ev.NodeFinished(1, "a", NodeState.FAILED),
        ev.NodeFinished(1, "b", NodeState.SKIPPED),
        ev.RunFinished(1, RunState.FAILED),
    )
    figures = Figures()
    figures.take(story.records, story.touched)

    assert figures.created == {"backfill": 1}
    assert figures.finished == {("failed", "backfill"): 1}
    assert figures.attempts == {"failed": 1}
    assert figures.events["node.finished"] == 2


def test_a_run_that_the_schedule_makes_is_as_late_as_that_is_after_its_tick():
    due = created([node("a")], trigger=ev.Trigger.SCHEDULE, scheduled_at=T0 - timedelta(seconds=2))
    figures = Figures()
    figures.take([ev.Record(1, T0, "stoker", due)], {})

    assert (figures.tick_delay.cumulated()[-1], figures.tick_delay.sum) == (1, 2.0)


def test_a_node_waits_from_the_end_of_what_is_before_it_or_what_a_person_did():
    story = Story(created([node("a", queue="q"), node("b", "a", queue="q")]), ev.RunStarted(1))
    story.pass_time(1)
    story.tell(starting("a"))
    story.pass_time(100)
    story.tell(exited("a"), ev.NodeFinished(1, "a", NodeState.SUCCEEDED))
    story.pass_time(3)
    story.tell(starting("b"))
    figures = Figures()
    figures.take(story.records, story.touched)

    waits = figures.waits["q"]
    assert (waits.cumulated()[-1], waits.sum, waits.bounds) == (2, 4.0, LONG)
