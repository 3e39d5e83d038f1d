"""What is counted of runs, without looking at all of them (test_starts checks the counts of any runs)."""

from __future__ import annotations

from stoker_daemon.planning.line import Line
from stoker_daemon.planning.tally import Tally
from stoker_shared import events as ev
from stoker_shared.model import QueueSpec, RunState
from tests.strategies import Story, created, exited, node, starting


def story_of(count: int) -> Story:
    story = Story(ev.QueueSaved("q", QueueSpec(limit=1)))
    nodes = [node("a", queue="q", cu=1), node("b", queue="q", cu=1), node("c", "b", queue="q", cu=1)]
    story.tell(*(created(nodes, run=number, workflow=number) for number in range(1, count + 1)))
    return story


def test_many_runs_are_counted_a_part_at_a_time_and_later_only_those_that_changed():
    story = story_of(5)
    line = Line(story.state, story.now)
    tally = Tally(line)

    assert [tally.up_to_date(story.now, most=2) for _ in range(3)] == [False, False, True]
    assert tally.runs == {(RunState.PENDING, ev.Trigger.MANUAL): 5}
    assert tally.waiting == {"q": 10}

    story.tell(ev.RunStarted(3), starting("a", run=3))
    line.update([story.state.runs[3]], story.now)
    assert line.changed == {3}
    assert tally.up_to_date(story.now, most=2)
    assert (tally.active, tally.waiting["q"]) == (1, 9)


def test_a_run_that_ended_counts_no_more_whether_it_was_counted_or_not():
    story = story_of(1)
    line = Line(story.state, story.now)
    counted, late = Tally(line), story.run
    counted.up_to_date(story.now, most=10)

    story.tell(ev.RunStarted(1), starting("a"), exited("a"), ev.RunFinished(1, RunState.FAILED))
    line.update([late], story.now)

    assert line.changed == set()
    assert counted.up_to_date(story.now, most=10)
    assert (counted.runs.total(), counted.waiting.total(), counted.active) == (0, 0, 0)
