from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from stoker_daemon.planning.line import Line
from stoker_daemon.planning.planner import Decision, Start, decide, starts, wake_at
from stoker_shared import events as ev
from stoker_shared.model import FailureStrategy, NodeState, RunState
from tests.strategies import T0, Story, created, exited, node, replayed, started, starting

FAR = 10**18
"""More seconds than a calendar has."""


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def decided(story: Story, seconds: float = 0) -> list[Decision | Start | ev.RunStarted]:
    """What follows for the run, of which what starts comes last."""
    now = after(seconds)
    return [*decide(story.run, now)] or [*starts(Line(story.state, now), now)]


def woken(story: Story, seconds: float = 0) -> datetime | None:
    return wake_at(story.run, after(seconds))


def running(*names: str, **fields: Any) -> Story:
    """A run whose nodes, which wait for nothing, have their first attempts running."""
    story = Story(created([node(name) for name in names], **fields), ev.RunStarted(1))
    for name in names:
        story.tell(starting(name), started(name))
    return story


def told(decisions: Iterable[Decision | Start | ev.RunStarted]) -> list[ev.EventType]:
    """What of decisions can be told as it is."""
    return [decision for decision in decisions if not isinstance(decision, Start)]


def finished(
    name: str, state: NodeState, reason: ev.Reason | None = None, detail: str = ""
) -> ev.NodeFinished:
    return ev.NodeFinished(1, name, state, reason, detail)


def end_of(story: Story) -> tuple[RunState, ev.Reason | None]:
    (end,) = decided(story)
    assert isinstance(end, ev.RunFinished)
    return end.state, end.reason


class TestStarting:
    def test_the_first_nodes_start_the_run(self):
        story = Story(created([node("a"), node("b"), node("c", "a", "b")]))

        assert decided(story) == [ev.RunStarted(1), Start(1, "a"), Start(1, "b")]

    def test_a_node_waits_for_all_its_upstream_nodes(self):
        story = Story(created([node("a"), node("b"), node("c", "a", "b")]), ev.RunStarted(1))
        story.tell(starting("a"), starting("b"), exited("a"), finished("a", NodeState.SUCCEEDED))
        assert decided(story) == []

        story.tell(exited("b"), finished("b", NodeState.SUCCEEDED))

        assert decided(story) == [Start(1, "c")]

    def test_no_node_is_passed_while_none_may_and_all_else_is_decided(self):
        story = running("a", "b")
        story.tell(created([node("c"), node("d", enabled=False)], run=2))
        waiting = story.state.runs[2]
        assert decide(waiting, T0, passing=False) == []
        assert decide(waiting, T0) == [
            ev.NodeFinished(2, "d", NodeState.SUCCEEDED, ev.Reason.DISABLED),
        ]

        story.tell(exited("a", 1))
        ended = finished("a", NodeState.FAILED, ev.Reason.EXIT)
        assert decide(story.state.runs[1], T0, passing=False) == [ended]

    def test_no_more_nodes_start_than_may_be_active_at_once(self):
        story = Story(created([node(name) for name in "abc"], parallelism=2))
        assert decided(story) == [ev.RunStarted(1), Start(1, "a"), Start(1, "b")]

        story.tell(ev.RunStarted(1), starting("a"), starting("b"))
        assert decided(story) == []

        story.tell(exited("a"), finished("a", NodeState.SUCCEEDED))
        assert decided(story) == [Start(1, "c")]

    def test_higher_priority_comes_first_then_the_order_of_the_definition(self):
        nodes = [node("a"), node("b", priority=1), node("c", priority=-1), node("d", priority=1)]

        story = Story(created(nodes, parallelism=3))

        assert decided(story)[1:] == [Start(1, "b"), Start(1, "d"), Start(1, "a")]

    def test_a_retry_that_is_due_comes_before_what_has_not_started_and_is_no_more_urgent(self):
        nodes = [node("a"), node("b"), node("c", priority=9)]
        story = Story(created(nodes, parallelism=1), ev.RunStarted(1))
        story.tell(starting("b"), exited("b", 1), ev.AttemptRetryAt(1, "b", after(0)))
        assert decided(story) == [Start(1, "c")]

        story.tell(starting("c"), exited("c"), finished("c", NodeState.SUCCEEDED))

        assert decided(story) == [Start(1, "b")]

    def test_a_disabled_node_is_passed_through(self):
        story = Story(created([node("a", enabled=False), node("b", "a")]), ev.RunStarted(1))
        assert decided(story) == [finished("a", NodeState.SUCCEEDED, ev.Reason.DISABLED)]

        story.tell(*told(decided(story)))

        assert decided(story) == [Start(1, "b")]


class TestAnAttemptThatEnded:
    def test_with_exit_status_0_is_success(self):
        story = running("a")
        story.tell(exited("a"))

        assert decided(story) == [finished("a", NodeState.SUCCEEDED)]

    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            (1, ev.Reason.EXIT),
            (137, ev.Reason.EXIT),
            (143, ev.Reason.TIMEOUT),
            (0, ev.Reason.TIMEOUT),
            (None, ev.Reason.LOST),
        ],
    )
    def test_otherwise_by_itself_is_retried_within_the_budget(self, status: int | None, reason: ev.Reason):
        for retries, tries, expected in [
            (0, 1, finished("a", NodeState.FAILED, reason, "why")),
            (1, 1, ev.AttemptRetryAt(1, "a", after(9))),
            (1, 2, finished("a", NodeState.FAILED, reason, "why")),
            (2, 2, ev.AttemptRetryAt(1, "a", after(9))),
        ]:
            story = Story(created([node("a", retries=retries)]), ev.RunStarted(1), starting("a"))
            for attempt in range(1, tries):
                story.tell(exited("a", 1, attempt), ev.AttemptRetryAt(1, "a", T0), starting("a", attempt + 1))
            story.tell(ev.AttemptFinished(1, "a", tries, status, reason, "why"))

            assert decided(story, 9) == [expected]

    @pytest.mark.parametrize(
        ("reason", "state"),
        [
            (ev.Reason.STOP, NodeState.STOPPED),
            (ev.Reason.FAIL_FAST, NodeState.STOPPED),
            (ev.Reason.RUN_TIMEOUT, NodeState.FAILED),
            (ev.Reason.REFUSED, NodeState.FAILED),
        ],
    )
    @pytest.mark.parametrize("status", [0, 143, None])
    def test_because_it_was_ended_or_refused_is_not_retried(
        self, reason: ev.Reason, state: NodeState, status: int | None
    ):
        story = Story(created([node("a", retries=5)]), ev.RunStarted(1), starting("a"))
        story.tell(ev.AttemptFinished(1, "a", 1, status, reason))

        assert decided(story) == [finished("a", state, reason)]

    def test_for_being_refused_says_what_to_mend(self):
        story = running("a")
        story.tell(ev.AttemptFinished(1, "a", 1, None, ev.Reason.REFUSED, "no such interpreter"))

        assert decided(story) == [
            finished("a", NodeState.FAILED, ev.Reason.REFUSED, detail="no such interpreter")
        ]

    def test_before_it_began_is_tried_again_at_once_and_for_nothing(self):
        story = Story(created([node("a")], retry_delay=60), ev.RunStarted(1), starting("a"))
        story.tell(ev.AttemptFinished(1, "a", 1, None, ev.Reason.NEVER_BEGAN))

        assert decided(story, 3) == [ev.AttemptRetryAt(1, "a", after(3), free=True)]

        story.tell(*told(decided(story)))
        assert decided(story) == [Start(1, "a")]
        assert story.run.node("a").tries == 0

    def test_is_not_retried_in_a_run_that_is_stopping(self):
        story = Story(created([node("a", retries=5)]), ev.RunStarted(1), starting("a"), exited("a", 1))
        story.tell(ev.RunStopRequested(1, ev.Reason.STOP))

        assert decided(story) == [finished("a", NodeState.FAILED, ev.Reason.EXIT)]


class TestRetrying:
    def failed(self, times: int, **fields: Any) -> Story:
        story = Story(created([node("a", retries=9)], **fields), ev.RunStarted(1), starting("a"))
        for attempt in range(1, times):
            story.tell(exited("a", 1, attempt), ev.AttemptRetryAt(1, "a", T0), starting("a", attempt + 1))
        story.tell(exited("a", 1, times))
        return story

    @pytest.mark.parametrize(("times", "delay"), [(1, 10), (2, 10), (3, 10)])
    def test_waits_the_delay(self, times: int, delay: float):
        story = self.failed(times, retry_delay=10)

        assert decided(story) == [ev.AttemptRetryAt(1, "a", after(delay))]

    @pytest.mark.parametrize(("times", "delay"), [(1, 10), (2, 20), (3, 40), (4, 80)])
    def test_waits_longer_each_time_with_a_backoff(self, times: int, delay: float):
        story = self.failed(times, retry_delay=10, retry_backoff=2)

        assert decided(story) == [ev.AttemptRetryAt(1, "a", after(delay))]

    def test_again_and_again_before_it_began_is_launched_at_ever_longer_pauses(self):
        story = running("a")
        pauses = []
        for attempt in range(1, 12):
            if attempt > 1:
                story.tell(starting("a", attempt))
            story.tell(ev.AttemptFinished(1, "a", attempt, None, ev.Reason.NEVER_BEGAN))
            (again,) = decided(story)
            assert isinstance(again, ev.AttemptRetryAt)
            assert again.free
            pauses.append((again.due - T0).total_seconds())
            story.tell(again)

        assert pauses == [0, 1, 2, 4, 8, 16, 32, 64, 64, 64, 64]

    def test_does_not_count_a_free_attempt_towards_the_backoff(self):
        story = Story(created([node("a", retries=9)], retry_delay=10, retry_backoff=2), ev.RunStarted(1))
        story.tell(starting("a"), ev.AttemptFinished(1, "a", 1, None, ev.Reason.NEVER_BEGAN))
        story.tell(ev.AttemptRetryAt(1, "a", T0, free=True), starting("a", 2), exited("a", 1, 2))

        assert decided(story) == [ev.AttemptRetryAt(1, "a", after(10))]

    def test_begins_when_it_is_due_and_not_before(self):
        story = self.failed(1, retry_delay=10)
        story.tell(*told(decided(story)))

        assert decided(story, 9.999999) == []
        assert decided(story, 10) == [Start(1, "a")]

    def test_waits_for_what_it_stands_on_where_that_runs_again(self):
        story = Story(created([node("a"), node("b", "a", retries=1)], retry_delay=10), ev.RunStarted(1))
        story.tell(starting("a"), exited("a"), ev.NodeFinished(1, "a", NodeState.SUCCEEDED))
        story.tell(starting("b"), exited("b", 1), ev.AttemptRetryAt(1, "b", after(10)))
        story.tell(ev.RunRerunRequested(1, ("a",)), starting("a", 2))
        assert decided(story, 11) == []

        story.tell(exited("a", 0, 2), ev.NodeFinished(1, "a", NodeState.SUCCEEDED))
        assert decided(story, 11) == [Start(1, "b")]

    @pytest.mark.parametrize("fields", [{"retry_delay": 1e300}, {"retry_delay": 9.0, "retry_backoff": 1e200}])
    def test_with_a_delay_beyond_all_calendars_waits_as_long_as_there_are_days(
        self, fields: dict[str, float]
    ):
        story = self.failed(4, **fields)

        (decision,) = decided(story)

        assert isinstance(decision, ev.AttemptRetryAt)
        assert decision.due.year == 9999

    def test_with_a_backoff_of_no_delay_does_not_wait(self):
        assert decided(self.failed(4, retry_backoff=1e200)) == [ev.AttemptRetryAt(1, "a", T0)]


class TestTimeouts:
    def overdue(self, **fields: Any) -> Story:
        story = Story(created([node("a", timeout=30), node("b")], **fields), ev.RunStarted(1))
        story.pass_time(5)
        story.tell(starting("a"), starting("b"))
        story.pass_time(5)
        story.tell(started("a"), started("b"))
        return story

    def test_an_attempt_that_takes_longer_than_its_timeout_is_ended(self):
        story = self.overdue()

        assert decided(story, 39.9) == []
        assert decided(story, 40) == [ev.NodeStopRequested(1, "a", ev.Reason.TIMEOUT)]

    def test_an_attempt_whose_process_was_not_yet_seen_counts_from_its_intent(self):
        story = Story(created([node("a", timeout=30)]), ev.RunStarted(1), starting("a"))

        assert decided(story, 30) == [ev.NodeStopRequested(1, "a", ev.Reason.TIMEOUT)]

    def test_an_attempt_is_asked_to_end_only_once(self):
        story = self.overdue()
        story.tell(*told(decided(story, 40)))

        assert decided(story, 100) == []

    def test_the_next_attempt_has_the_whole_timeout_again(self):
        story = Story(created([node("a", timeout=30, retries=1)]), ev.RunStarted(1), starting("a"))
        story.tell(ev.NodeStopRequested(1, "a", ev.Reason.TIMEOUT))
        story.tell(ev.AttemptFinished(1, "a", 1, 143, ev.Reason.TIMEOUT), ev.AttemptRetryAt(1, "a", T0))
        story.pass_time(35)
        story.tell(starting("a", 2))

        assert decided(story, 64) == []
        assert decided(story, 65) == [ev.NodeStopRequested(1, "a", ev.Reason.TIMEOUT)]

    def test_a_run_that_takes_longer_than_its_timeout_is_ended(self):
        story = self.overdue(timeout=35)

        assert decided(story, 34.9) == []
        assert decided(story, 35) == [ev.RunStopRequested(1, ev.Reason.RUN_TIMEOUT)]

    def test_the_clock_of_a_run_begins_with_its_first_node(self):
        story = Story(created([node("a")], timeout=1))

        assert decided(story, 100) == [ev.RunStarted(1), Start(1, "a")]

    def test_a_run_that_took_too_long_has_failed_whatever_its_nodes_did(self):
        story = running("a", timeout=1)
        story.tell(ev.RunStopRequested(1, ev.Reason.RUN_TIMEOUT), exited("a"))
        story.tell(finished("a", NodeState.SUCCEEDED))

        assert end_of(story) == (RunState.FAILED, ev.Reason.RUN_TIMEOUT)

    def test_what_had_not_started_when_the_run_took_too_long_is_skipped(self):
        story = Story(created([node("a"), node("b", "a")], timeout=1), ev.RunStarted(1), starting("a"))
        story.tell(ev.RunStopRequested(1, ev.Reason.RUN_TIMEOUT))

        assert decided(story) == [
            ev.NodeStopRequested(1, "a", ev.Reason.RUN_TIMEOUT),
            ev.NodeSkipped(1, "b", ev.Reason.RUN_TIMEOUT),
        ]

    def test_one_beyond_all_calendars_never_comes(self):
        story = Story(created([node("a", timeout=FAR)], timeout=FAR), ev.RunStarted(1), starting("a"))

        assert decided(story, 10_000) == []


class TestTheNextMomentToLook:
    def test_is_none_where_only_processes_are_waited_for(self):
        assert woken(running("a")) is None

    def test_is_the_earliest_deadline(self):
        nodes = [node("a", timeout=30), node("b", timeout=20)]
        story = Story(created(nodes, timeout=25), ev.RunStarted(1), starting("a"), starting("b"))

        assert woken(story) == after(20)
        assert woken(story, 20) == after(25)
        assert woken(story, 25) == after(30)
        assert woken(story, 30) is None

    def test_is_the_moment_a_retry_is_due(self):
        story = Story(created([node("a", retries=1)]), ev.RunStarted(1), starting("a"), exited("a", 1))
        story.tell(ev.AttemptRetryAt(1, "a", after(7)))

        assert woken(story) == after(7)
        assert woken(story, 7) is None

    def test_passes_over_what_is_being_ended_already(self):
        story = Story(created([node("a", timeout=30)], timeout=40), ev.RunStarted(1), starting("a"))
        story.tell(ev.NodeStopRequested(1, "a", ev.Reason.TIMEOUT))
        assert woken(story) == after(40)

        story.tell(ev.RunStopRequested(1, ev.Reason.STOP))
        assert woken(story) is None


class TestAFailure:
    def failed(self, **fields: Any) -> Story:
        nodes = [node("a"), node("b"), node("c", "a"), node("d", "b"), node("e", "c", "d")]
        story = Story(created(nodes, **fields), ev.RunStarted(1), starting("a"), starting("b"))
        story.tell(exited("a", 1), finished("a", NodeState.FAILED, ev.Reason.EXIT))
        return story

    def test_skips_what_waits_for_it_and_what_waits_for_that(self):
        story = self.failed()
        assert decided(story) == [ev.NodeSkipped(1, "c", ev.Reason.UPSTREAM)]

        story.tell(*told(decided(story)))
        assert decided(story) == [ev.NodeSkipped(1, "e", ev.Reason.UPSTREAM)]

    def test_leaves_branches_that_do_not_depend_on_it_going_on(self):
        story = self.failed()
        story.tell(*told(decided(story)))
        story.tell(*told(decided(story)))
        assert decided(story) == []

        story.tell(exited("b"), finished("b", NodeState.SUCCEEDED))
        assert decided(story) == [Start(1, "d")]

    def test_with_fail_fast_stops_the_run(self):
        story = self.failed(failure_strategy=FailureStrategy.FAIL_FAST)
        assert decided(story) == [ev.RunStopRequested(1, ev.Reason.FAIL_FAST)]

        story.tell(*told(decided(story)))
        assert decided(story) == [
            ev.NodeStopRequested(1, "b", ev.Reason.FAIL_FAST),
            ev.NodeSkipped(1, "c", ev.Reason.FAIL_FAST),
            ev.NodeSkipped(1, "d", ev.Reason.FAIL_FAST),
            ev.NodeSkipped(1, "e", ev.Reason.FAIL_FAST),
        ]

        story.tell(*told(decided(story)))
        assert decided(story) == []
        story.tell(ev.AttemptFinished(1, "b", 1, 143, ev.Reason.FAIL_FAST))
        story.tell(*told(decided(story)))
        assert end_of(story) == (RunState.FAILED, ev.Reason.FAIL_FAST)

    def test_with_fail_fast_fails_what_only_waits_for_its_retry(self):
        nodes = [node("a"), node("b", retries=1)]
        story = Story(created(nodes, failure_strategy=FailureStrategy.FAIL_FAST), ev.RunStarted(1))
        story.tell(starting("a"), starting("b"), exited("b", 1), ev.AttemptRetryAt(1, "b", after(60)))
        story.tell(exited("a", 1))
        for _ in range(2):
            story.tell(*told(decided(story)))

        assert decided(story) == [finished("b", NodeState.FAILED, ev.Reason.FAIL_FAST)]

    def test_of_the_last_node_has_nothing_left_to_stop(self):
        story = running("a", failure_strategy=FailureStrategy.FAIL_FAST)
        story.tell(exited("a", 1))
        story.tell(*told(decided(story)))

        assert end_of(story) == (RunState.FAILED, None)


class TestStopping:
    def test_a_run_ends_what_runs_and_stops_the_rest(self):
        nodes = [node("a"), node("b", retries=1), node("c", "a"), node("d")]
        story = Story(created(nodes, parallelism=2), ev.RunStarted(1), starting("a"), starting("b"))
        story.tell(exited("b", 1), ev.AttemptRetryAt(1, "b", after(60)))
        story.tell(ev.RunStopRequested(1, ev.Reason.STOP))

        assert decided(story) == [
            ev.NodeStopRequested(1, "a", ev.Reason.STOP),
            finished("b", NodeState.STOPPED, ev.Reason.STOP),
            finished("c", NodeState.STOPPED, ev.Reason.STOP),
            finished("d", NodeState.STOPPED, ev.Reason.STOP),
        ]

        story.tell(*told(decided(story)))
        assert decided(story) == []
        story.tell(ev.AttemptFinished(1, "a", 1, 143, ev.Reason.STOP))
        story.tell(*told(decided(story)))
        assert end_of(story) == (RunState.STOPPED, ev.Reason.STOP)

    def test_a_run_that_has_not_started_ends_it_at_once(self):
        story = Story(created([node("a")]), ev.RunStopRequested(1, ev.Reason.STOP))
        story.tell(*told(decided(story)))

        assert end_of(story) == (RunState.STOPPED, ev.Reason.STOP)

    def test_a_node_skips_what_waits_for_it(self):
        story = Story(created([node("a"), node("b", "a")]))
        story.tell(finished("a", NodeState.STOPPED, ev.Reason.STOP))
        assert decided(story) == [ev.NodeSkipped(1, "b", ev.Reason.UPSTREAM)]

        story.tell(*told(decided(story)))
        assert end_of(story) == (RunState.STOPPED, ev.Reason.STOP)

    def test_a_node_leaves_the_others_running(self):
        story = running("a", "b")
        story.tell(ev.NodeStopRequested(1, "a", ev.Reason.STOP))
        story.tell(ev.AttemptFinished(1, "a", 1, 143, ev.Reason.STOP))
        story.tell(*told(decided(story)))

        assert decided(story) == []
        assert story.run.node("b").stopping is None


class TestTheEndOfARun:
    @pytest.mark.parametrize(
        ("ends", "expected"),
        [
            ("succeeded succeeded", (RunState.SUCCEEDED, None)),
            ("succeeded failed", (RunState.FAILED, None)),
            ("stopped failed", (RunState.FAILED, None)),
            ("succeeded stopped", (RunState.STOPPED, ev.Reason.STOP)),
            ("stopped skipped", (RunState.STOPPED, ev.Reason.STOP)),
            ("succeeded skipped", (RunState.FAILED, ev.Reason.UPSTREAM)),
        ],
    )
    def test_is_told_by_the_ends_of_its_nodes(self, ends: str, expected: tuple[RunState, ev.Reason | None]):
        states = [NodeState(state) for state in ends.split()]
        story = Story(created([node(str(number)) for number, _ in enumerate(states)]))
        for number, state in enumerate(states):
            if state is NodeState.SKIPPED:
                story.tell(ev.NodeSkipped(1, str(number), ev.Reason.UPSTREAM))
            else:
                story.tell(ev.NodeFinished(1, str(number), state))

        assert end_of(story) == expected

    def test_comes_only_when_every_node_has_ended(self):
        story = running("a", "b")
        story.tell(exited("a"), finished("a", NodeState.SUCCEEDED))

        assert decided(story) == []


class TestLateness:
    def late(self, story: Story) -> list[ev.RunLate]:
        decisions = [
            decision for decision in decide(story.run, story.now) if isinstance(decision, ev.RunLate)
        ]
        story.tell(*decisions)
        return decisions

    def test_is_noted_once_also_of_a_run_of_which_nothing_started(self):
        due = T0 + timedelta(minutes=30), T0 + timedelta(minutes=60)
        story = Story(created([node("a")], start_by=due[0], end_by=due[1]))
        assert (self.late(story), wake_at(story.run, story.now)) == ([], due[0])

        story.pass_time(1800)
        assert self.late(story) == [ev.RunLate(1, ev.Lateness.START, due[0])]
        assert (self.late(story), wake_at(story.run, story.now)) == ([], due[1])

        story.pass_time(86400)
        assert self.late(story) == [ev.RunLate(1, ev.Lateness.END, due[1])]
        # A daemon that is started again comes to the same state.
        assert replayed(story.records).runs[1].late == [ev.Lateness.START, ev.Lateness.END]
        assert (self.late(story), wake_at(story.run, story.now)) == ([], None)

    def test_is_not_noted_of_what_started_or_ended_in_time(self):
        by = T0 + timedelta(minutes=30)
        story = Story(created([node("a")], start_by=by, end_by=by), ev.RunStarted(1), starting("a"))
        story.pass_time(60)
        story.tell(exited("a"), ev.NodeFinished(1, "a", NodeState.FAILED))
        run = story.run
        story.tell(ev.RunFinished(1, RunState.FAILED))

        story.pass_time(3600)
        story.tell(
            ev.RunRestored(1, 1, 1, msgspec.json.encode(run).decode()),
            ev.RunRerunRequested(1, ("a",)),
        )
        assert self.late(story) == []
        assert story.run.end_by is None

    def test_that_was_noted_is_not_noted_again_when_the_run_is_run_again(self):
        by = T0 + timedelta(minutes=30)
        story = Story(created([node("a")], end_by=by), ev.RunStarted(1), starting("a"))
        story.pass_time(3600)
        assert len(self.late(story)) == 1
        story.tell(exited("a"), ev.NodeFinished(1, "a", NodeState.FAILED))
        run = story.run
        story.tell(ev.RunFinished(1, RunState.FAILED))
        story.tell(
            ev.RunRestored(1, 1, 1, msgspec.json.encode(run).decode()),
            ev.RunRerunRequested(1, ("a",)),
        )
        assert (self.late(story), story.run.end_by) == ([], by)
