from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stoker_daemon.planning.line import Line
from stoker_daemon.planning.planner import Decision, Start, decide, starts, wake_at
from stoker_shared import events as ev
from stoker_shared.apply import NotAllowed, apply
from stoker_shared.codec import decode_item
from stoker_shared.model import NODE_ENDS, AttemptState, FailureStrategy, NodeState, RunState
from stoker_shared.state import KEPT_REVISIONS, MOST_DEEDS, Item, Job, JobVersion, NodeRun, Run, State
from tests.strategies import T0, Story, created, exited, node, replayed, sealed, started, starting

INSTANT = timedelta(microseconds=1)


@st.composite
def runs(draw: st.DrawFn) -> ev.RunCreated:
    """Any run of up to eight nodes; upstream nodes need not be defined before those that wait for them."""
    names = draw(st.permutations("abcdefgh"))[: draw(st.integers(1, 8))]
    nodes = [
        node(
            name,
            *draw(st.lists(st.sampled_from(names[:index]), max_size=3)) if index else (),
            retries=draw(st.integers(0, 2)),
            timeout=draw(st.sampled_from([None, None, 5, 50])),
            enabled=draw(st.sampled_from([True, True, True, False])),
            priority=draw(st.integers(-1, 1)),
        )
        for index, name in enumerate(names)
    ]
    return created(
        draw(st.permutations(nodes)),
        parallelism=draw(st.integers(1, 4)),
        failure_strategy=draw(st.sampled_from(FailureStrategy)),
        retry_delay=draw(st.sampled_from([0, 3.5])),
        retry_backoff=draw(st.sampled_from([1, 2])),
        timeout=draw(st.sampled_from([None, None, 40])),
    )


class World:
    """One run in a world without an engine: its decisions are carried out, its attempts do what chance says.

    After each record all that the state keeps is compared with what the records alone say.
    """

    def __init__(self, run: ev.RunCreated, chance: Random) -> None:
        self.chance = chance
        self.story = Story()
        self.last: dict[str, ev.EventType] = {}
        self.tries: dict[str, int] = {}
        self.excused: dict[str, set[str]] = {}
        self.failures = 0
        self.run = self.tell(run)
        self.plan()

    @property
    def active(self) -> list[NodeRun]:
        return [node for node in self.run.nodes if node.is_active]

    def tell(self, event: ev.EventType) -> Run:
        self.check_start(event)
        (record,) = self.story.tell(event)
        name = getattr(event, "node", None)
        if name and not isinstance(event, ev.NodeStopRequested):
            self.last[name] = event
            if isinstance(event, ev.AttemptStarting):
                self.tries[name] = self.tries.get(name, 0) + 1
            if isinstance(event, ev.AttemptRetryAt) and event.free:
                self.tries[name] -= 1
            if isinstance(event, ev.NodeFinished) and event.state is NodeState.FAILED:
                self.failures += 1
        if isinstance(event, ev.RunCreated | ev.RunRerunRequested | ev.NodeSetSuccessful):
            self.run = self.story.state.runs[event.run]
        if isinstance(event, ev.RunRerunRequested):
            self.reset(event.nodes)
        if isinstance(event, ev.NodeSetSuccessful):
            self.reset(event.resumed)
        if not isinstance(event, ev.RunFinished | ev.RunRestored):
            self.check_worklists()
        assert record.seq == self.story.state.seq
        return self.run

    def reset(self, names: tuple[str, ...]) -> None:
        """Know that nodes begin anew, and that what has ended by now keeps no waiting node from running."""
        self.failures = 0
        for name in names:
            del self.last[name]
            self.tries[name] = 0
        waiting = [node for node in self.run.nodes if node.name not in self.last]
        self.excused = {
            node.name: {name for name in node.upstream if self.run.node(name).has_ended} for node in waiting
        }

    def plan(self) -> None:
        """Carry out decisions until none is left."""
        for _ in range(1000):
            if self.run.ended_at or not (decisions := self.decided(self.story.now)):
                break
            for decision in decisions:
                self.tell(self.start(decision) if isinstance(decision, Start) else decision)
        else:
            raise AssertionError("it never comes to rest")
        self.check_rest()

    def decided(self, now: datetime) -> Sequence[Decision | Start | ev.RunStarted]:
        return decide(self.run, now) or starts(Line(self.story.state, now), now)

    def start(self, decision: Start) -> ev.EventType:
        if self.chance.random() < 0.05:
            return ev.NodeFinished(1, decision.node, NodeState.FAILED, ev.Reason.REFUSED, "no such variable")
        return starting(decision.node, len(self.run.node(decision.node).attempts) + 1)

    # What chance does.

    def step(self) -> None:
        ways = [self.finish_one, self.finish_one, self.see_one_started, self.let_time_pass]
        if self.chance.random() < 0.1:
            ways += [self.stop_a_node, self.stop_a_node, self.stop_the_run]
        if self.chance.random() < 0.3:
            ways += [self.rerun_some, self.set_one_successful, self.pause_or_resume]
        self.chance.choice([self.rerun_some, self.set_one_successful] if self.run.ended_at else ways)()
        if not self.run.ended_at:
            self.plan()

    def finish_one(self) -> None:
        if self.active:
            self.finish(self.chance.choice(self.active))

    def finish(self, node: NodeRun) -> None:
        attempt = node.attempts[-1]
        ways = [(0, ev.Reason.EXIT)] * 4 + [
            (1, ev.Reason.EXIT),
            (137, ev.Reason.EXIT),
            (None, ev.Reason.LOST),
        ]
        if attempt.state is AttemptState.STARTING:
            ways += [(None, ev.Reason.NEVER_BEGAN), (None, ev.Reason.REFUSED)]
        status, reason = self.chance.choice(ways)
        self.tell(ev.AttemptFinished(1, node.name, attempt.number, status, node.stopping or reason))

    def see_one_started(self) -> None:
        unseen = [node for node in self.active if node.attempts[-1].state is AttemptState.STARTING]
        if unseen:
            node = self.chance.choice(unseen)
            self.tell(started(node.name, len(node.attempts)))

    def let_time_pass(self) -> None:
        wake = wake_at(self.run, self.story.now)
        if wake and self.chance.random() < 0.5:
            self.story.now = wake
        else:
            self.story.pass_time(self.chance.choice([0.001, 1, 7, 60]))

    def stop_a_node(self) -> None:
        open_nodes = [node for node in self.run.nodes if not node.has_ended and not node.stopping]
        if not open_nodes:
            return
        node = self.chance.choice(open_nodes)
        if node.is_active:
            self.tell(ev.NodeStopRequested(1, node.name, ev.Reason.STOP))
        else:
            self.tell(ev.NodeFinished(1, node.name, NodeState.STOPPED, ev.Reason.STOP))

    def stop_the_run(self) -> None:
        if not self.run.stopping:
            self.tell(ev.RunStopRequested(1, ev.Reason.STOP))

    def pause_or_resume(self) -> None:
        if not self.run.stopping:
            paused = self.run.state is RunState.PAUSED
            self.tell(ev.RunResumed(1) if paused else ev.RunPaused(1))

    def rerun_some(self) -> None:
        if chosen := self.some([node for node in self.run.nodes if node.has_ended]):
            self.go_on(ev.RunRerunRequested(1, chosen))

    def set_one_successful(self) -> None:
        others = [node for node in self.run.nodes if node.has_ended and node.state is not NodeState.SUCCEEDED]
        if others:
            node = self.chance.choice(others)
            resumed = self.some([other for other in others if other is not node])
            self.go_on(ev.NodeSetSuccessful(1, node.name, resumed))

    def some(self, nodes: list[NodeRun]) -> tuple[str, ...]:
        return tuple(node.name for node in nodes if self.chance.random() < 0.6)

    def go_on(self, event: ev.EventType) -> None:
        """Open the run where it has finished, in two parts, unless it is stopping."""
        if self.run.ended_at:
            text = msgspec.json.encode(self.run).decode()
            self.tell(ev.RunRestored(1, 1, 2, text[:100]))
            self.tell(ev.RunRestored(1, 2, 2, text[100:]))
        elif self.run.stopping:
            return
        self.tell(event)

    def come_to_the_end(self) -> None:
        """Let everything end that runs, and time pass where that is all there is to wait for."""
        if self.run.state is RunState.PAUSED:
            self.tell(ev.RunResumed(1))
            self.plan()
        for _ in range(1000):
            if self.run.ended_at:
                return
            if self.active:
                self.finish(self.active[0])
            else:
                wake = wake_at(self.run, self.story.now)
                assert wake, "nothing runs, nothing is due, and the run has not ended"
                self.story.now = wake
            self.plan()
        raise AssertionError("it never ends")

    # What must be true.

    def check_start(self, event: ev.EventType) -> None:
        if not isinstance(event, ev.AttemptStarting):
            return
        node = self.run.node(event.node)
        assert node.enabled
        if node.state is NodeState.PENDING:
            above = set(node.upstream) - self.excused.get(node.name, set())
            assert {self.run.node(name).state for name in above} <= {NodeState.SUCCEEDED}
        assert len(self.run.active) < self.run.parallelism
        assert self.tries.get(node.name, 0) <= node.retries
        assert not self.run.stopping
        assert self.run.state is RunState.RUNNING

    def check_worklists(self) -> None:
        run = self.run
        waiting = [node for node in run.nodes if node.name not in self.last]
        for below in waiting:
            excused = self.excused.get(below.name, set())
            above = [run.node(name) for name in below.upstream if name not in excused]
            assert below.state is NodeState.PENDING
            assert below.unmet == sum(upstream.state is not NodeState.SUCCEEDED for upstream in above)
            assert below.doomed == any(
                upstream.has_ended and upstream.state is not NodeState.SUCCEEDED for upstream in above
            )
        assert run.ready == sorted((-node.priority, node.number) for node in waiting if not node.unmet)
        assert sorted(run.doomed) == [node.number for node in waiting if node.doomed]
        assert sorted(run.active) == self.numbers(ev.AttemptStarting, ev.AttemptStarted)
        assert sorted(run.ended) == self.numbers(ev.AttemptFinished)
        assert sorted(run.retrying) == self.numbers(ev.AttemptRetryAt)
        assert sorted(run.retrying) == [node.number for node in run.nodes if node.retry_at]
        assert {node.number for node in run.nodes if node.stopping} <= {*run.active, *run.ended}
        ended = self.numbers(ev.NodeFinished, ev.NodeSkipped, ev.NodeSetSuccessful)
        assert ended == [node.number for node in run.nodes if node.state in NODE_ENDS]
        assert run.open == len(run.nodes) - len(ended)
        assert run.failed == self.failures
        assert {node.name: node.tries for node in run.nodes if node.attempts} == {
            name: count for name, count in self.tries.items() if run.node(name).attempts
        }

    def numbers(self, *kinds: type[ev.Event]) -> list[int]:
        """The nodes whose last event is of these kinds."""
        return sorted(self.run.numbers[name] for name, event in self.last.items() if isinstance(event, kinds))

    def check_rest(self) -> None:
        """Nothing is left to do, and nothing will be before the moment that is given for it."""
        run = self.run
        if run.ended_at:
            assert not self.active
            return
        assert not run.ended
        assert not run.doomed
        assert len(run.active) <= run.parallelism
        if run.failed and run.failure_strategy is FailureStrategy.FAIL_FAST:
            assert run.stopping
        if run.stopping:
            assert all(node.stopping for node in self.active)
            assert all(node.is_active for node in run.nodes if not node.has_ended)
        wake = wake_at(run, self.story.now)
        assert wake is None or wake > self.story.now
        until = wake - INSTANT if wake else self.story.now + timedelta(days=1000)
        assert not self.decided(until)

    def check_end(self) -> None:
        run = self.run
        ends = {node.state for node in run.nodes}
        assert ends <= NODE_ENDS
        assert not self.story.state.runs
        assert run.open == 0
        assert run.ready == run.retrying == run.active == run.ended == run.doomed == []
        if NodeState.FAILED in ends or run.stopping is ev.Reason.RUN_TIMEOUT:
            assert run.state is RunState.FAILED
        elif NodeState.STOPPED in ends:
            assert run.state is RunState.STOPPED
        elif NodeState.SKIPPED in ends:
            assert (run.state, run.reason) == (RunState.FAILED, ev.Reason.UPSTREAM)
        else:
            assert (run.state, run.reason) == (RunState.SUCCEEDED, None)


def worlds() -> st.SearchStrategy[World]:
    return st.builds(World, runs(), st.randoms(use_true_random=False))


class TestAnyRun:
    @settings(max_examples=150)
    @given(worlds(), st.integers(0, 60))
    def test_keeps_its_rules_at_every_step_and_comes_to_its_end(self, world: World, steps: int):
        for _ in range(steps):
            world.step()

        world.come_to_the_end()

        world.check_end()

    @given(worlds(), st.integers(0, 40))
    def test_is_the_same_from_its_records_and_from_its_snapshot(self, world: World, steps: int):
        for _ in range(steps):
            world.step()
        state = world.story.state
        restored = State(seq=state.seq)
        for item in state.items():
            restored.restore(decode_item(sealed(item)[:-1], Item))

        assert replayed(world.story.records) == state
        assert restored == state

    @given(runs())
    def test_of_which_every_attempt_succeeds_runs_each_node_once(self, run: ev.RunCreated):
        world = World(run, Lucky())

        world.come_to_the_end()

        attempts = {node.name: len(node.attempts) for node in world.run.nodes}
        assert attempts == {node.name: int(node.enabled) for node in run.nodes}
        assert world.run.state is RunState.SUCCEEDED


class Lucky(Random):
    """Chance that never refuses a launch, and always gives the first way."""

    def random(self) -> float:
        return 1.0

    def choice(self, seq):  # type: ignore[no-untyped-def]
        return seq[0]


def fields_of(run: Run, *names: str) -> Iterator[object]:
    return (getattr(run, name) for name in names)


class TestDefinitions:
    def test_a_published_job_has_its_versions_oldest_first(self):
        story = Story(
            ev.JobPublished("default", "etl/a.py", 1, "d1", 10, remarks="first"),
            ev.JobPublished("default", "etl/a.py", 2, "d2", 20),
            ev.JobPublished("other", "etl/a.py", 1, "d3", 30),
        )

        job = story.state.jobs["default", "etl/a.py"]
        assert [(version.version, version.digest, version.by) for version in job.versions] == [
            (1, "d1", "alice"),
            (2, "d2", "alice"),
        ]
        assert job.versions[-1].digest == "d2"
        assert story.state.jobs["other", "etl/a.py"].versions[-1].size == 30

    def test_the_draft_of_a_job_follows_what_is_published_unless_it_has_changes_of_its_own(self):
        story = Story(ev.JobPublished("default", "a.py", 1, "d1", 10))
        job = story.state.jobs["default", "a.py"]
        assert (job.current_draft.revision, job.current_draft.digest, job.has_changes) == (1, "d1", False)
        story.tell(ev.JobPublished("default", "a.py", 2, "d2", 20))
        assert (job.current_draft.revision, job.current_draft.digest, job.has_changes) == (2, "d2", False)

        story.tell(ev.JobSaved("default", "a.py", 3, "d3", 30))
        story.tell(ev.JobPublished("default", "a.py", 3, "d4", 40))
        assert (job.current_draft.revision, job.current_draft.digest, job.has_changes) == (3, "d3", True)

        story.tell(ev.JobPublished("default", "a.py", 4, "d3", 30))
        assert (job.current_draft.revision, job.current_draft.digest, job.has_changes) == (3, "d3", False)

    def test_a_job_of_an_earlier_snapshot_gets_the_draft_that_it_has_now(self):
        job = Job("default", "a.py", [JobVersion(1, "d1", 10, T0, "alice")])
        state = State()
        state.restore(job)
        assert (job.current_draft.digest, job.has_changes) == ("d1", False)

    def test_a_saved_draft_replaces_the_one_before_under_the_same_id(self):
        story = Story(ev.WorkflowSaved("default", 1, "daily", 1, "d1"))
        story.tell(ev.WorkflowSaved("default", 1, "daily", 2, "d2"), by="bob")

        workflow = story.state.workflow_named("default", "daily")
        assert workflow
        assert (workflow.id, workflow.draft.revision, workflow.draft.digest, workflow.draft.by) == (
            1,
            2,
            "d2",
            "bob",
        )
        assert story.state.workflow_named("other", "daily") is None
        assert story.state.counters.workflow == 1

    def test_the_last_replaced_drafts_are_kept(self):
        story = Story()
        for revision in range(1, KEPT_REVISIONS + 5):
            story.tell(ev.WorkflowSaved("default", 1, "daily", revision, f"d{revision}"))

        kept = [draft.digest for draft in story.state.workflows[1].replaced]
        assert kept == [f"d{revision}" for revision in range(4, KEPT_REVISIONS + 4)]

    def test_a_renamed_workflow_has_its_drafts_and_versions_under_the_new_name(self):
        story = Story(
            ev.WorkflowSaved("default", 1, "daily", 1, "d1"),
            ev.WorkflowPublished(1, 1, "d1", "go"),
            ev.WorkflowRenamed(1, "weekly", 2, "w1", ("w1",)),
        )

        workflow = story.state.workflow_named("default", "weekly")
        assert workflow
        assert story.state.workflow_named("default", "daily") is None
        assert (workflow.id, workflow.draft.revision, workflow.replaced[0].digest) == (1, 2, "d1")
        assert [(version.digest, version.remarks) for version in workflow.versions] == [("w1", "go")]
        assert not workflow.edited

    def test_a_draft_is_edited_until_it_is_published_unless_it_was_applied_from_a_file(self):
        story = Story(ev.WorkflowSaved("default", 1, "daily", 1, "d1", applied=True))
        workflow = story.state.workflows[1]
        seen = [workflow.edited]
        for event in (
            ev.WorkflowSaved("default", 1, "daily", 2, "d2"),
            ev.WorkflowPublished(1, 1, "d2"),
            ev.WorkflowSaved("default", 1, "daily", 3, "d3"),
        ):
            story.tell(event)
            seen.append(workflow.edited)

        assert seen == [False, True, False, True]

    def test_a_workflow_made_again_after_it_was_deleted_is_another(self):
        story = Story(
            ev.WorkflowSaved("default", 1, "daily", 1, "d1"),
            ev.WorkflowDeleted(1),
            ev.WorkflowSaved("default", 2, "daily", 1, "d1"),
        )

        workflow = story.state.workflow_named("default", "daily")
        assert workflow
        assert (workflow.id, workflow.versions, list(story.state.workflows)) == (2, [], [2])

    def test_publishing_leaves_the_draft_as_it_is(self):
        story = Story(
            ev.WorkflowSaved("default", 1, "daily", 1, "d1"), ev.WorkflowPublished(1, 1, "d1", "go")
        )

        workflow = story.state.workflows[1]
        assert [(version.version, version.remarks) for version in workflow.versions] == [(1, "go")]
        assert workflow.draft.revision == 1


class TestARun:
    def test_has_the_moments_of_its_events(self):
        story = Story(created([node("a")]))
        run = story.run
        beginnings = [run.created_at]
        for event in (ev.RunStarted(1), starting("a"), started("a"), exited("a")):
            story.pass_time(1)
            story.tell(event)
        story.pass_time(1)
        story.tell(ev.NodeFinished(1, "a", NodeState.SUCCEEDED), ev.RunFinished(1, RunState.SUCCEEDED))

        attempt = run.node("a").attempts[0]
        beginnings += [
            run.started_at,
            attempt.starting_at,
            attempt.started_at,
            attempt.ended_at,
            run.ended_at,
        ]
        assert [(moment - run.created_at).seconds for moment in beginnings if moment] == [0, 1, 2, 3, 4, 5]
        assert run.node("a").ended_at == run.ended_at

    def test_leaves_the_state_when_it_has_finished_and_is_given_once_more(self):
        story = Story(created([node("a")]), ev.NodeFinished(1, "a", NodeState.SUCCEEDED))
        finished = ev.Record(3, story.now, "stoker", ev.RunFinished(1, RunState.SUCCEEDED))

        run = apply(story.state, finished)

        assert run
        assert list(fields_of(run, "id", "state", "ended_at")) == [1, RunState.SUCCEEDED, story.now]
        assert story.state.runs == {}
        assert story.state.counters.run == 1

    def test_says_who_stopped_it(self):
        story = Story(created([node("a")]))
        story.tell(ev.RunStopRequested(1, ev.Reason.STOP), by="bob")

        assert list(fields_of(story.run, "stopping", "stopped_by")) == [ev.Reason.STOP, "bob"]

    def test_counts_an_upstream_that_is_named_twice_only_as_often_as_it_is_met(self):
        story = Story(created([node("a"), node("b", "a", "a")]), ev.RunStarted(1), starting("a"), exited("a"))

        story.tell(ev.NodeFinished(1, "a", NodeState.SUCCEEDED))

        assert story.run.ready == [(0, 2)]

    def test_shows_an_attempt_after_a_restart_with_when_it_was_adopted(self):
        story = Story(created([node("a")]), ev.RunStarted(1), starting("a"))
        story.pass_time(60)
        story.tell(ev.AttemptAdopted(1, "a", 1, 4711, 99))

        attempt = story.run.node("a").attempt
        assert attempt
        assert (attempt.state, attempt.pid, attempt.adopted_at) == (AttemptState.RUNNING, 4711, story.now)
        assert attempt.started_at == attempt.starting_at

    def test_has_a_node_retrying_from_the_second_attempt_on(self):
        story = Story(created([node("a")]), ev.RunStarted(1), starting("a"))
        states = [story.run.node("a").state]
        for event in (exited("a", 1), ev.AttemptRetryAt(1, "a", story.now), starting("a", 2)):
            story.tell(event)
            states.append(story.run.node("a").state)

        assert states == [NodeState.RUNNING, NodeState.RUNNING, NodeState.RETRYING, NodeState.RETRYING]


class TestGoingOn:
    STOPPED = (
        created([node("a"), node("b", "a"), node("c", "b")]),
        ev.NodeFinished(1, "a", NodeState.STOPPED, ev.Reason.STOP),
    )

    def test_what_is_not_skipped_yet_waits_again_for_an_upstream_that_is_rerun(self):
        story = Story(*self.STOPPED)
        assert story.run.doomed == [2]

        story.tell(ev.RunRerunRequested(1, ("a",)))

        assert (story.run.doomed, story.run.ready, story.run.node("b").unmet) == ([], [(0, 1)], 1)

    def test_what_is_not_skipped_yet_may_run_once_its_upstream_is_set_successful(self):
        story = Story(*self.STOPPED, ev.NodeSetSuccessful(1, "a"))

        assert (story.run.doomed, story.run.ready, story.run.open) == ([], [(0, 2)], 2)

    def test_keeps_the_last_of_what_people_did(self):
        story = Story(created([node("a")]))
        for _ in range(MOST_DEEDS):
            story.tell(ev.RunPaused(1), ev.RunResumed(1))

        assert len(story.run.deeds) == MOST_DEEDS
        assert story.run.deeds[-1].what == "resumed it"

    def test_needs_the_whole_of_a_finished_run(self):
        story = Story(created([node("a")]), ev.NodeFinished(1, "a", NodeState.FAILED))
        text = msgspec.json.encode(story.run).decode()
        story.tell(ev.RunFinished(1, RunState.FAILED), ev.RunRestored(1, 1, 2, text))

        with pytest.raises(NotAllowed):
            story.tell(ev.RunRerunRequested(1, ("a",)))


class TestWhatIsNotAllowed:
    ACTIVE = (created([node("a"), node("b", "a")]), ev.RunStarted(1), starting("a"))

    @pytest.mark.parametrize(
        "event",
        [
            ev.RunStarted(2),
            ev.RunStarted(1),
            ev.NodeSkipped(1, "c", ev.Reason.UPSTREAM),
            ev.NodeSkipped(1, "a", ev.Reason.UPSTREAM),
            ev.AttemptFinished(1, "b", 1, 0),
            ev.AttemptFinished(1, "a", 2, 0),
            ev.WorkflowPublished(1, 1, "d"),
            ev.AttemptRetryAt(1, "b", Story().now),
        ],
        ids=repr,
    )
    def test_is_an_event_about_what_is_not_so(self, event: ev.EventType):
        with pytest.raises(NotAllowed):
            Story(*self.ACTIVE).tell(event)

    def test_is_an_end_after_the_end(self):
        story = Story(*self.ACTIVE, exited("a"))

        with pytest.raises(NotAllowed, match="ended before"):
            story.tell(exited("a", 1))

    @pytest.mark.parametrize("seq", [0, 1, 3, 5])
    def test_is_a_record_out_of_its_place(self, seq: int):
        story = Story(ev.Unknown("a"))

        with pytest.raises(NotAllowed, match="does not follow"):
            apply(story.state, ev.Record(seq, story.now, "alice", ev.Unknown("b")))
        assert story.state == msgspec.structs.replace(State(), seq=1)
