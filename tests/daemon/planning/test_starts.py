"""What starts, over all runs and queues."""

from __future__ import annotations

import sys
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stoker_daemon.planning.line import Line
from stoker_daemon.planning.overlap import replaced_by
from stoker_daemon.planning.planner import Start, decide, starts, wake_at
from stoker_daemon.planning.tally import Tally
from stoker_daemon.planning.waiting import queued
from stoker_shared import events as ev
from stoker_shared.model import NodeState, OverlapPolicy, QueueSpec, RunState
from stoker_shared.state import NodeRun, Run
from tests.strategies import T0, Story, created, exited, node, starting

RANK = {"schedule": 0, "manual": 1, "debug": 1, "backfill": 2}
COUNTED = ("schedule", "manual")


def queue(name: str = "q", **spec: Any) -> ev.QueueSaved:
    return ev.QueueSaved(name, QueueSpec(**spec))


def run_of(number: int, *nodes: ev.PlannedNode, **fields: Any) -> ev.RunCreated:
    return created(nodes, run=number, **{"parallelism": 0, "workflow": number, **fields})


def big(name: str, cu: int = 1, queue: str = "q", **fields: Any) -> ev.PlannedNode:
    return node(name, queue=queue, cu=cu, **fields)


def starting_in(story: Story, most: int = sys.maxsize) -> list[ev.RunStarted | Start]:
    return starts(Line(story.state, story.now), story.now, most=most)


def started_by(story: Story) -> list[str]:
    """What starts, as run/node."""
    return [f"{start.run}/{start.node}" for start in starting_in(story) if isinstance(start, Start)]


class TestOrder:
    def test_is_priority_then_schedule_before_people_before_backfill_then_age(self):
        story = Story(
            queue(),
            run_of(1, big("a"), trigger=ev.Trigger.BACKFILL),
            run_of(2, big("a"), trigger=ev.Trigger.MANUAL),
            run_of(3, big("a"), trigger=ev.Trigger.DEBUG),
            run_of(4, big("a"), trigger=ev.Trigger.SCHEDULE),
            run_of(5, big("a", priority=1), big("b"), trigger=ev.Trigger.BACKFILL),
            run_of(6, big("a"), trigger=ev.Trigger.SCHEDULE),
        )

        assert started_by(story) == ["5/a", "4/a", "6/a", "2/a", "3/a", "1/a", "5/b"]

    def test_a_run_starts_with_its_first_node_wherever_that_is_in_the_line(self):
        story = Story(queue(limit=2), run_of(1, big("a"), big("b")), run_of(2, big("a", priority=1)))

        assert starting_in(story) == [
            ev.RunStarted(2),
            Start(2, "a"),
            ev.RunStarted(1),
            Start(1, "a"),
        ]


class TestAHost:
    def test_has_no_more_active_than_it_may_whatever_queues_allow(self):
        story = Story(
            queue(), queue("other"), run_of(1, big("a"), big("b")), run_of(2, big("c", queue="other"))
        )
        assert len(starting_in(story)) == 5
        assert starting_in(story, most=0) == []
        assert starting_in(story, most=1) == [ev.RunStarted(1), Start(1, "a")]

        story.tell(ev.RunStarted(1), starting("a"))

        assert starting_in(story, most=1) == []
        assert starting_in(story, most=2) == [Start(1, "b")]


class TestAQueue:
    def test_starts_no_more_than_its_limit_and_no_more_nodes_than_it_may(self):
        nodes = [big("a", 2), big("b", 2), big("c", 1)]
        assert started_by(Story(queue(limit=5), run_of(1, *nodes))) == ["1/a", "1/b", "1/c"]
        assert started_by(Story(queue(limit=4), run_of(1, *nodes))) == ["1/a", "1/b"]
        assert started_by(Story(queue(nodes=2), run_of(1, *nodes))) == ["1/a", "1/b"]

    def test_keeps_room_for_a_large_node_and_holds_back_no_other_queue(self):
        story = Story(queue(limit=4), queue("other", limit=1), run_of(1, big("a", 2)), ev.RunStarted(1))
        story.tell(starting("a"))
        story.tell(run_of(2, big("large", 4)), run_of(3, big("small"), big("else", queue="other")))

        assert started_by(story) == ["3/else"]

        story.tell(exited("a"), ev.NodeFinished(1, "a", NodeState.SUCCEEDED))
        assert started_by(story) == ["2/large", "3/else"]

    def test_is_not_held_up_by_what_could_not_start_or_never_fits(self):
        story = Story(
            queue(limit=4),
            run_of(1, big("a", 9)),
            run_of(2, big("a", 3)),
            ev.RunPaused(2),
            run_of(3, big("a", 3)),
            ev.RunStopRequested(3, ev.Reason.STOP),
            run_of(4, big("a", 2), big("b", 2), parallelism=1),
            run_of(5, big("a", 2)),
        )

        assert started_by(story) == ["4/a", "5/a"]

    def test_is_let_go_by_a_node_whose_run_has_no_more_places(self):
        story = Story(
            queue(limit=3),
            run_of(1, big("a", 2), big("b", 2), node("c"), parallelism=2, trigger=ev.Trigger.SCHEDULE),
            run_of(2, big("a")),
        )
        assert started_by(story) == ["1/a", "1/c"]

        story.tell(ev.RunStarted(1), starting("a"), starting("c"))

        assert started_by(story) == ["2/a"]

    def test_that_is_unknown_or_none_holds_nothing(self):
        story = Story(queue(limit=1), run_of(1, big("a", 9, ""), big("b", 9, "gone"), big("c", 1)))

        assert started_by(story) == ["1/a", "1/b", "1/c"]

    def test_whose_limit_is_lowered_lets_what_runs_go_on_and_starts_nothing_more(self):
        story = Story(queue(limit=4), run_of(1, big("a", 3), big("b", 1)), ev.RunStarted(1), starting("a"))
        story.tell(queue(limit=2))
        assert started_by(story) == []

        story.tell(exited("a"), ev.NodeFinished(1, "a", NodeState.SUCCEEDED))

        assert started_by(story) == ["1/b"]


class TestAPausedRun:
    def test_starts_nothing_retries_nothing_and_finishes_when_all_has_ended(self):
        story = Story(run_of(1, node("a", retries=1), node("b", enabled=False)), ev.RunStarted(1))
        story.tell(starting("a"), ev.RunPaused(1), exited("a", 1), ev.AttemptRetryAt(1, "a", T0))
        assert decide(story.run, T0) == []
        assert started_by(story) == []

        story.tell(ev.NodeFinished(1, "a", NodeState.STOPPED, ev.Reason.STOP))
        story.tell(ev.NodeFinished(1, "b", NodeState.STOPPED, ev.Reason.STOP))
        assert decide(story.run, T0) == [ev.RunFinished(1, RunState.STOPPED, ev.Reason.STOP)]

    def test_goes_on_where_it_was_when_it_is_resumed(self):
        story = Story(run_of(1, node("a"), node("b"), timeout=9), ev.RunPaused(1))
        assert wake_at(story.run, T0) is None

        story.tell(ev.RunResumed(1))
        assert starting_in(story) == [ev.RunStarted(1), Start(1, "a"), Start(1, "b")]

        story.tell(ev.RunStarted(1), starting("a"), ev.RunPaused(1), ev.RunResumed(1))
        assert starting_in(story) == [Start(1, "b")]


class TestAReopenedRun:
    def reopened(self, *nodes: ev.PlannedNode, rerun: tuple[str, ...], **fields: Any) -> Story:
        """A run of which every node failed, and some are rerun a minute later."""
        story = Story(run_of(1, *nodes, **fields), ev.RunStarted(1))
        for each in nodes:
            story.tell(starting(each.name), exited(each.name, 1))
            story.tell(ev.NodeFinished(1, each.name, NodeState.FAILED, ev.Reason.EXIT))
        run = story.run
        story.tell(ev.RunFinished(1, RunState.FAILED))
        story.state.restored[1] = run
        story.pass_time(60)
        story.tell(ev.RunRerunRequested(1, rerun))
        return story

    def test_starts_again_and_has_its_whole_time(self):
        story = self.reopened(node("a"), rerun=("a",), timeout=30)
        assert decide(story.run, story.now) == []
        assert starting_in(story) == [ev.RunStarted(1), Start(1, "a")]

        story.tell(ev.RunStarted(1))
        assert decide(story.run, story.now) == []
        story.pass_time(30)
        assert decide(story.run, story.now) == [ev.RunStopRequested(1, ev.Reason.RUN_TIMEOUT)]

    def test_is_not_stopped_for_what_failed_before(self):
        story = self.reopened(node("a"), node("b"), rerun=("a",), failure_strategy="fail_fast")

        assert decide(story.run, story.now) == []

    def test_ends_as_its_nodes_ended_now(self):
        story = self.reopened(node("a"), rerun=("a",))
        story.tell(ev.RunStarted(1), starting("a", 2), exited("a", 0, 2))
        story.tell(*decide(story.run, story.now))

        assert decide(story.run, story.now) == [ev.RunFinished(1, RunState.SUCCEEDED)]


class TestOverlap:
    def two(self, policy: OverlapPolicy, **fields: Any) -> Story:
        first = {"trigger": ev.Trigger.SCHEDULE, **fields}
        return Story(
            run_of(1, node("a"), workflow=1, **first),
            run_of(2, node("a"), workflow=1, overlap=policy),
        )

    @pytest.mark.parametrize(
        ("policy", "begun"),
        [
            (OverlapPolicy.PARALLEL, ["1/a", "2/a"]),
            (OverlapPolicy.WAIT, ["1/a"]),
            (OverlapPolicy.SKIP, ["1/a"]),
            (OverlapPolicy.REPLACE, ["1/a"]),
        ],
    )
    def test_of_runs_of_one_workflow_is_what_the_later_one_says(
        self, policy: OverlapPolicy, begun: list[str]
    ):
        assert started_by(self.two(policy)) == begun

    @pytest.mark.parametrize("trigger", [ev.Trigger.DEBUG, ev.Trigger.BACKFILL])
    def test_does_not_count_debug_and_backfill(self, trigger: ev.Trigger):
        assert sorted(started_by(self.two(OverlapPolicy.WAIT, trigger=trigger))) == ["1/a", "2/a"]

    def test_replaces_only_what_the_schedule_made(self):
        scheduled, manual = self.two(OverlapPolicy.REPLACE), self.two(OverlapPolicy.REPLACE, trigger="manual")

        assert replaced_by(scheduled.run, scheduled.state) == [ev.RunStopRequested(1, ev.Reason.REPLACED)]
        assert replaced_by(manual.run, manual.state) == []

    def test_a_replaced_run_is_stopped_and_says_why(self):
        story = self.two(OverlapPolicy.REPLACE)
        story.tell(*replaced_by(story.run, story.state))
        first = story.state.runs[1]
        story.tell(*decide(first, T0))

        assert decide(first, T0) == [ev.RunFinished(1, RunState.STOPPED, ev.Reason.REPLACED)]


@st.composite
def beginnings(draw: st.DrawFn) -> list[ev.EventType]:
    """Some queues, and runs over them."""
    queues = {
        name: QueueSpec(
            limit=draw(st.sampled_from([None, 1, 3, 5])), nodes=draw(st.sampled_from([None, None, 1, 2]))
        )
        for name in ("p", "q")
    }
    told: list[ev.EventType] = [ev.QueueSaved(name, spec) for name, spec in queues.items()]
    for number in range(1, draw(st.integers(1, 5)) + 1):
        names = "abcde"[: draw(st.integers(1, 5))]
        nodes = [
            node(
                name,
                *draw(st.lists(st.sampled_from(names[:index]), max_size=2)) if index else (),
                retries=draw(st.integers(0, 1)),
                enabled=draw(st.sampled_from([True, True, True, False])),
                priority=draw(st.integers(0, 1)),
                queue=draw(st.sampled_from(["p", "q", "q", "", "unknown"])),
                cu=draw(st.integers(1, 4)),
            )
            for index, name in enumerate(names)
        ]
        told.append(
            created(
                nodes,
                run=number,
                workflow=draw(st.integers(1, 3)),
                trigger=draw(st.sampled_from(ev.Trigger)),
                parallelism=draw(st.integers(0, 2)),
                overlap=draw(st.sampled_from(OverlapPolicy)),
            )
        )
    return told


class World:
    """Runs and queues without an engine: what is decided is done, what runs ends as chance says.

    What starts is compared with what a plain look at all nodes says.
    """

    def __init__(self, beginning: list[ev.EventType], chance: Random) -> None:
        self.chance = chance
        self.story = Story()
        self.coming = list(beginning)
        self.attempts = 0
        self.line = Line(self.story.state, self.story.now)
        self.tally = Tally(self.line)
        while self.coming and isinstance(self.coming[0], ev.QueueSaved):
            self.story.tell(self.coming.pop(0))

    @property
    def runs(self) -> list[Run]:
        return list(self.story.state.runs.values())

    @property
    def active(self) -> list[tuple[Run, NodeRun]]:
        return [(run, node) for run in self.runs for node in run.nodes if node.is_active]

    def plan(self) -> None:
        for run in self.runs:
            self.story.tell(*replaced_by(run, self.story.state))
        for run in self.runs:
            while not run.ended_at and (decisions := decide(run, self.story.now)):
                self.story.tell(*decisions)
        while picked := self.starting():
            self.launch(picked)
        self.check_rest()
        self.check_counts()

    def starting(self) -> list[ev.RunStarted | Start]:
        """What starts, by the line that is kept; one made anew says the same."""
        self.line.update(self.story.touched.values(), self.story.now)
        self.story.touched.clear()
        picked = starts(self.line, self.story.now)
        assert picked == starts(Line(self.story.state, self.story.now), self.story.now)
        return picked

    def launch(self, picked: list[ev.RunStarted | Start]) -> None:
        for start in picked:
            if isinstance(start, Start):
                self.check_start(start)
                attempt = len(self.story.state.runs[start.run].node(start.node).attempts) + 1
                self.story.tell(starting(start.node, attempt, start.run))
                self.attempts += 1
            else:
                self.story.tell(start)

    def step(self) -> None:
        self.chance.choice([self.create, self.finish, self.finish, self.pause, self.resize, self.pass_time])()
        self.plan()

    def create(self) -> None:
        if self.coming:
            self.story.tell(self.coming.pop(0))

    def finish(self) -> None:
        if self.active:
            run, node = self.chance.choice(self.active)
            reason = node.stopping or ev.Reason.EXIT
            status = self.chance.choice([0, 0, 1])
            self.story.tell(ev.AttemptFinished(run.id, node.name, len(node.attempts), status, reason))

    def pause(self) -> None:
        if self.runs:
            run = self.chance.choice(self.runs)
            paused = run.state is RunState.PAUSED
            self.story.tell(ev.RunResumed(run.id) if paused else ev.RunPaused(run.id))

    def resize(self) -> None:
        name = self.chance.choice(["p", "q"])
        self.story.tell(ev.QueueSaved(name, QueueSpec(limit=self.chance.choice([None, 1, 2, 4]))))

    def pass_time(self) -> None:
        self.story.pass_time(1)
        self.story.touched.update((run.id, run) for run in self.runs if run.retrying)

    def come_to_the_end(self) -> None:
        while self.coming:
            self.create()
        self.story.tell(*(ev.QueueSaved(name, QueueSpec(limit=4)) for name in ("p", "q")))
        self.story.tell(*(ev.RunResumed(run.id) for run in self.runs if run.state is RunState.PAUSED))
        self.plan()
        while self.runs:
            assert self.active, "nothing runs, and runs are left"
            self.finish()
            self.plan()

    # What must be true.

    def waiting(self) -> list[tuple[tuple[Any, ...], Run, NodeRun]]:
        """Every node that only waits for its queue, in order, found without the worklists."""
        found = []
        for run in self.runs:
            if run.stopping or run.state is RunState.PAUSED or self.goes_later(run):
                continue
            if run.parallelism and sum(node.is_active for node in run.nodes) >= run.parallelism:
                continue
            for one in run.nodes:
                above = {run.node(name).state for name in one.upstream}
                fresh = one.state is NodeState.PENDING and above <= {NodeState.SUCCEEDED}
                due = one.retry_at is not None and one.retry_at <= self.story.now
                if fresh or due:
                    order = (-one.priority, RANK[run.trigger], run.opened, run.id, fresh, one.number)
                    found.append((order, run, one))
        return sorted(found, key=lambda entry: entry[0])

    def goes_later(self, run: Run) -> bool:
        if run.overlap is OverlapPolicy.PARALLEL or run.trigger not in COUNTED:
            return False
        return any(
            other.workflow == run.workflow and other.trigger in COUNTED and other.opened < run.opened
            for other in self.runs
        )

    def room(self, name: str) -> tuple[float, float]:
        """CU and nodes that are free in a queue, counted from the nodes themselves."""
        queue = self.story.state.queues.get(name)
        if queue is None:
            return float("inf"), float("inf")
        inside = [node for _, node in self.active if node.queue == name]
        assert (queue.cu, queue.active) == (sum(node.cu for node in inside), len(inside))
        limit, nodes = queue.spec.limit, queue.spec.nodes
        return (
            float("inf") if limit is None else limit - queue.cu,
            float("inf") if nodes is None else nodes - len(inside),
        )

    def ever_fits(self, node: NodeRun) -> bool:
        queue = self.story.state.queues.get(node.queue)
        return queue is None or queue.spec.limit is None or node.cu <= queue.spec.limit

    def check_counts(self) -> None:
        """What is counted as runs change is what a look at all of them says."""
        while not self.tally.up_to_date(self.story.now, most=2):
            pass
        waiting = Counter(one.queue for _, one in queued(self.line, self.story.now))
        assert {name: self.tally.waiting[name] for name in self.story.state.queues} == {
            name: waiting[name] for name in self.story.state.queues
        }
        assert +self.tally.runs == Counter((run.state, run.trigger) for run in self.runs)
        assert self.tally.active == len(self.active)

    def check_start(self, start: Start) -> None:
        line = [(run, node) for _, run, node in self.waiting() if self.ever_fits(node)]
        run = self.story.state.runs[start.run]
        node = run.node(start.node)
        assert next(entry for entry in line if entry[1].queue == node.queue) == (run, node)
        assert node.enabled
        assert run.state is RunState.RUNNING
        cu, nodes = self.room(node.queue)
        assert node.cu <= cu
        assert nodes >= 1

    def check_rest(self) -> None:
        """The first in line of every queue does not fit."""
        heads: dict[str, NodeRun] = {}
        for _, _, waiting in self.waiting():
            if self.ever_fits(waiting):
                heads.setdefault(waiting.queue, waiting)
        for name, head in heads.items():
            cu, nodes = self.room(name)
            assert head.cu > cu or nodes < 1


class TestAnyRuns:
    @settings(max_examples=120)
    @given(beginnings(), st.randoms(use_true_random=False), st.integers(0, 40))
    def test_start_in_order_within_their_queues_and_all_come_to_their_end(
        self, beginning: list[ev.EventType], chance: Random, steps: int
    ):
        world = World(beginning, chance)
        for _ in range(steps):
            world.step()

        world.come_to_the_end()

        assert all(queue.cu == queue.active == 0 for queue in world.story.state.queues.values())
