from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from stoker_daemon.planning.durations import RECENT, RUN, add_usual, durations, usual
from stoker_daemon.preparing.plan import Plan, PlanNode
from stoker_daemon.projection import Projection
from stoker_daemon.projection.changes import Took
from stoker_daemon.views import run_view
from stoker_shared import events as ev
from stoker_shared.api import RunView
from stoker_shared.model import JobConfig, JobType, NodeState, RunState
from stoker_shared.state import Run
from tests.strategies import T0, Story, created, exited, node, started, starting


def ended(seconds: float = 60, **fields: Any) -> tuple[Story, Run]:
    """Give a run of a node that took so long, and of a disabled one."""
    story = Story(created([node("a"), node("b", enabled=False)], **fields))
    run = story.run
    story.tell(ev.RunStarted(1), ev.NodeFinished(1, "b", NodeState.SUCCEEDED, ev.Reason.DISABLED))
    story.tell(starting("a"), started("a"))
    story.pass_time(seconds)
    story.tell(exited("a"), ev.NodeFinished(1, "a", NodeState.SUCCEEDED))
    story.tell(ev.RunFinished(1, RunState.SUCCEEDED))
    return story, run


def shown(run: Run, known: dict[str, float]) -> RunView:
    frozen = [PlanNode(one.name, "a.sh", JobType.SHELL, 1, "0" * 64, JobConfig()) for one in run.nodes]
    return add_usual(run_view(run, Plan("daily", frozen), {}), run, known)


class TestWhatARunTellsOfDurations:
    def test_is_what_it_took_and_what_each_node_took_that_did_its_work(self):
        _, run = ended(60)

        assert list(durations(run)) == [(RUN, 60), ("a", 60)]

    def test_is_nothing_for_a_debug_run(self):
        _, run = ended(60, trigger=ev.Trigger.DEBUG)

        assert list(durations(run)) == []

    def test_leaves_out_the_whole_of_one_that_went_on_later_but_not_what_was_rerun(self):
        story, run = ended(60)
        story.pass_time(3600)
        story.tell(restored(run), ev.RunRerunRequested(1, ("a",)))
        run = story.run
        story.tell(ev.RunStarted(1), starting("a", 2), started("a", 2))
        story.pass_time(5)
        story.tell(exited("a", attempt=2), ev.NodeFinished(1, "a", NodeState.SUCCEEDED))
        story.tell(ev.RunFinished(1, RunState.SUCCEEDED))

        assert list(durations(run)) == [("a", 5)]


def restored(run: Run) -> ev.RunRestored:
    return ev.RunRestored(run.id, 1, 1, msgspec.json.encode(run).decode())


class TestWhatIsUnderWay:
    def test_is_expected_to_end_after_the_usual_time(self):
        story = Story(created([node("a"), node("b", "a")]), ev.RunStarted(1), starting("a"), started("a"))

        view = shown(story.run, {RUN: 90, "a": 30, "b": 50})

        assert (view.usual_seconds, view.expected_at) == (90, T0 + timedelta(seconds=90))
        first, second = view.nodes
        assert (first.usual_seconds, first.expected_at) == (30, T0 + timedelta(seconds=30))
        assert (second.usual_seconds, second.expected_at) == (50, None)

    def test_is_not_expected_to_end_where_nothing_is_known(self):
        story = Story(created([node("a")]), ev.RunStarted(1), starting("a"), started("a"))

        view = shown(story.run, {})

        assert (view.usual_seconds, view.expected_at, view.nodes[0].expected_at) == (None, None, None)


def test_what_has_ended_says_what_is_usual_and_expects_nothing():
    _, run = ended()

    view = shown(run, {RUN: 90, "a": 30})

    assert (view.usual_seconds, view.expected_at) == (90, None)
    assert (view.nodes[0].usual_seconds, view.nodes[0].expected_at) == (30, None)


def test_usual_is_the_median():
    assert usual([1, 100, 2]) == 2


async def test_only_the_newest_count(tmp_path: Path):
    projection = Projection(None)
    await projection.open(tmp_path, "log", 0)
    old: list[Took] = [Took(7, "a", number, 1000) for number in range(1, RECENT + 1)]
    new: list[Took] = [Took(7, "a", number, 5) for number in range(RECENT + 1, 2 * RECENT + 1)]
    for seq, took in enumerate([*new, *old], 1):
        projection.write([took], seq)

    assert await projection.usual(7) == {"a": 5}
    assert await projection.usual(8) == {}
    await projection.close()
