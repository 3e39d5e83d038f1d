from __future__ import annotations

from datetime import timedelta

import pytest

from stoker_daemon.planning.line import Line
from stoker_daemon.planning.waiting import holding, queued, why_waiting
from stoker_shared import events as ev
from stoker_shared.model import NodeState, OverlapPolicy, QueueSpec
from tests.strategies import T0, Story, created, exited, node, starting


def told(story: Story, held: str = "", run: int = 0) -> dict[str, str]:
    shown = story.state.runs[run or story.state.counters.run]
    return why_waiting(Line(story.state, story.now), shown, story.now, held)


def full() -> Story:
    """A queue of 3 CU of which a run has 2, and a run that wants as many and one more."""
    story = Story(ev.QueueSaved("q", QueueSpec(limit=3)), created([node("train", queue="q", cu=2)]))
    story.tell(ev.RunStarted(1), starting("train"))
    story.tell(created([node("a", queue="q", cu=2), node("b", queue="q", cu=1)], run=2, workflow=2))
    return story


class TestANodeWaits:
    def test_for_those_upstream_that_have_not_ended(self):
        story = Story(created([node("a"), node("b"), node("c", "a", "b", "a")]), ev.RunStarted(1))
        story.tell(starting("a"), exited("a"), ev.NodeFinished(1, "a", NodeState.SUCCEEDED), starting("b"))

        assert told(story) == {"c": "waits for b"}

    def test_for_many_without_naming_all(self):
        names = [f"n{number}" for number in range(6)]
        story = Story(created([*map(node, names), node("last", *names)]))

        assert told(story)["last"] == "waits for n0, n1, n2, 3 more"

    def test_for_room_in_its_queue_with_what_holds_it(self):
        assert told(full())["a"] == (
            "queue q is full (needs 2 CU, 1 free; #1/train runs since 02:00)"  # in Berlin
        )

    def test_behind_one_that_does_not_fit_yet(self):
        assert told(full())["b"] == "queue q: it is behind #2/a, which needs 2 CU"

    def test_for_fewer_nodes_in_its_queue(self):
        story = full()
        story.tell(ev.QueueSaved("q", QueueSpec(nodes=1)))

        assert told(story)["b"] == "queue q is full (1 of 1 nodes active; #1/train runs since 02:00)"

    def test_for_ever_in_a_queue_whose_limit_was_lowered(self):
        story = full()
        story.tell(ev.QueueSaved("q", QueueSpec(limit=1)))

        assert told(story)["a"] == "needs 2 CU, and queue q has only 1"

    def test_for_its_retry(self):
        story = Story(created([node("a", retries=1)]), ev.RunStarted(1), starting("a"), exited("a", 1))
        story.tell(ev.AttemptRetryAt(1, "a", T0 + timedelta(minutes=2)))

        assert told(story) == {"a": "retry at 2026-11-22 02:02:00"}

    def test_for_the_run_to_be_resumed(self):
        story = Story(created([node("a"), node("b", "a")]), ev.RunPaused(1))

        assert told(story) == {"a": "the run is paused", "b": "waits for a"}

    def test_while_its_run_is_at_its_parallelism(self):
        story = Story(created([node("a"), node("b")], parallelism=1), ev.RunStarted(1), starting("a"))

        assert told(story) == {"b": "the run is at its parallelism (1 node active)"}

    def test_for_an_earlier_run(self):
        story = Story(created([node("a")]), created([node("a")], run=2, overlap=OverlapPolicy.WAIT))

        assert told(story) == {"a": "run #1 goes first (overlap wait)"}

    def test_while_nothing_may_start(self):
        assert told(Story(created([node("a")])), held="No room on the disk") == {"a": "No room on the disk"}

    def test_no_more_once_it_is_active_or_its_run_has_finished(self):
        story = full()
        assert told(story, run=1) == {}

        run = story.state.runs[1]
        story.tell(exited("train"), ev.NodeFinished(1, "train", NodeState.SUCCEEDED))
        story.tell(ev.RunFinished(1, run.state.SUCCEEDED))
        assert why_waiting(Line(story.state, story.now), run, T0) == {}


def test_a_queue_tells_what_holds_it_and_what_waits_for_it_in_order():
    story = full()
    story.tell(created([node("first", queue="q", cu=1, priority=9), node("none")], run=3, workflow=3))

    assert [(run.id, node.name) for run, node in holding(story.state, "q")] == [(1, "train")]
    assert [(run.id, node.name) for run, node in queued(Line(story.state, story.now), T0)] == [
        (3, "first"),
        (2, "a"),
        (2, "b"),
    ]


@pytest.mark.parametrize("wide", [500])
def test_a_wide_run_is_told_in_one_look_at_its_queue(wide: int):
    nodes = [node(f"n{number}", queue="q", cu=1) for number in range(wide)]
    story = Story(ev.QueueSaved("q", QueueSpec(limit=1)), created(nodes, parallelism=0), ev.RunStarted(1))
    story.tell(starting("n0"))

    assert len(set(told(story).values())) == 1
