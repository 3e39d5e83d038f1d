"""How the engine takes runs from node to node, stops them, and drains."""

from __future__ import annotations

import errno
from datetime import timedelta
from pathlib import Path

import pytest

from stoker_daemon.attempts.directory import AttemptKey
from stoker_daemon.attempts.executor import Order
from stoker_daemon.commands.actions import stop_node, stop_run
from stoker_daemon.commands.draining import set_draining
from stoker_daemon.commands.queues import found_queues
from stoker_daemon.launchers import CannotLaunch
from stoker_daemon.problems import Refused
from stoker_shared import events as ev
from stoker_shared.model import FailureStrategy, NodeState, OverlapPolicy, QueueSpec, RunState
from stoker_shared.state import Draining, NodeRun, Run, State
from tests.daemon.engine.bench import A, B, Daemon, order_for
from tests.strategies import T0, created, node


class TestRuns:
    async def test_go_from_node_to_node_to_their_end(self, daemon: Daemon):
        await daemon.create(node("a"), node("b", "a"))
        daemon.begin(A)
        daemon.end(A)
        await daemon.settle()
        assert daemon.hands.launched == [A, B]

        daemon.begin(B)
        daemon.end(B)
        await daemon.settle()

        assert daemon.state.runs == {}
        last = daemon.history.changes[-1]
        assert last.row.state is RunState.SUCCEEDED
        assert last.finished

    async def test_tell_the_history_when_they_are_created_started_and_finished(self, daemon: Daemon):
        await daemon.create(node("a"))
        daemon.end(A, 1)
        await daemon.settle()

        assert [change.row.state for change in daemon.history.changes] == [
            RunState.PENDING,
            RunState.RUNNING,
            RunState.FAILED,
        ]
        assert daemon.history.seqs == sorted(daemon.history.seqs)
        assert daemon.history.seqs[-1] == daemon.log.durable

    async def test_a_node_that_cannot_be_prepared_has_failed_and_says_why(self, daemon: Daemon):
        def refuse(run: Run, node: NodeRun) -> Order:
            if node.name == "a":
                raise CannotLaunch("transform.sql:3:7: unknown variable")
            return order_for(run, node)

        daemon.prepare = refuse
        await daemon.create(node("a", retries=3), node("b"), node("c", "a"))

        assert daemon.hands.launched == [B]
        failed = daemon.run.node("a")
        assert (failed.state, failed.reason) == (NodeState.FAILED, ev.Reason.REFUSED)
        assert failed.detail == "transform.sql:3:7: unknown variable"
        assert failed.attempts == []
        assert daemon.run.node("c").state is NodeState.SKIPPED

    async def test_nothing_is_launched_after_a_node_that_cannot_be_prepared_where_a_run_fails_fast(
        self, daemon: Daemon
    ):
        def refuse(run: Run, node: NodeRun) -> Order:
            if node.name == "a":
                raise CannotLaunch("no such variable")
            return order_for(run, node)

        daemon.prepare = refuse
        await daemon.create(node("a"), node("b"), failure_strategy=FailureStrategy.FAIL_FAST)

        assert daemon.hands.launched == []
        assert daemon.state.runs == {}

    async def test_a_node_that_cannot_be_launched_has_failed_and_is_not_retried(self, daemon: Daemon):
        daemon.hands.launch = lambda order: daemon.end(  # type: ignore[method-assign]
            order.key, None, ev.Reason.REFUSED, "could not be launched: Argument list too long"
        )
        await daemon.create(node("a", retries=3), node("b", "a"), parallelism=1)
        await daemon.settle()

        finished = [event for event in daemon.events() if isinstance(event, ev.NodeFinished)]
        assert [(event.state, event.reason, event.detail) for event in finished] == [
            (NodeState.FAILED, ev.Reason.REFUSED, "could not be launched: Argument list too long")
        ]
        assert daemon.state.runs == {}

    async def test_a_node_that_cannot_be_made_ready_has_failed_and_is_never_launched(self, daemon: Daemon):
        def fail(order: Order) -> None:
            raise OSError(errno.EACCES, "Permission denied")

        daemon.hands.make_ready = fail  # type: ignore[method-assign]
        await daemon.create(node("a", retries=3), node("b", "a"))
        await daemon.settle()

        assert daemon.hands.launched == []
        (failed,) = [event for event in daemon.events() if isinstance(event, ev.NodeFinished)]
        assert (failed.state, failed.reason) == (NodeState.FAILED, ev.Reason.REFUSED)
        assert failed.detail == "could not be made ready: [Errno 13] Permission denied"


class TestAcrossRuns:
    async def test_what_a_refused_node_leaves_free_goes_to_the_next_in_the_same_turn(self, daemon: Daemon):
        def refuse(run: Run, node: NodeRun) -> Order:
            if run.id == 1:
                raise CannotLaunch("no such variable")
            return order_for(run, node)

        daemon.prepare = refuse
        await daemon.ask(lambda turn: turn.record(ev.QueueSaved("q", QueueSpec(limit=1)), "alice"))
        created_both = (created([node("a", queue="q", cu=1)], run=number) for number in (1, 2))
        await daemon.ask(lambda turn: [turn.record(event, "alice") for event in created_both])

        assert daemon.hands.launched == [AttemptKey(2, 1, "a", 1)]
        assert list(daemon.state.runs) == [2]

    async def test_the_end_of_one_run_starts_what_waited_in_another(self, daemon: Daemon):
        await daemon.ask(lambda turn: turn.record(ev.QueueSaved("q", QueueSpec(limit=1)), "alice"))
        await daemon.create(node("a", queue="q", cu=1))
        await daemon.create(node("a", queue="q", cu=1))
        assert daemon.hands.launched == [A]

        daemon.end(A)
        await daemon.settle()

        assert daemon.hands.launched == [A, AttemptKey(2, 1, "a", 1)]

    async def test_a_run_that_replaces_stops_the_scheduled_one_and_begins_after_its_end(self, daemon: Daemon):
        await daemon.create(node("a"), trigger=ev.Trigger.SCHEDULE)
        await daemon.create(node("a"), overlap=OverlapPolicy.REPLACE)
        assert daemon.hands.ended == [A]
        assert daemon.hands.launched == [A]

        daemon.end(A, 143)
        await daemon.settle()

        assert daemon.hands.launched == [A, AttemptKey(2, 1, "a", 1)]
        assert RunState.STOPPED in [change.row.state for change in daemon.history.changes]

    async def test_after_a_restart_what_is_looked_for_keeps_its_place_and_holds_back_its_run_only(
        self, daemon: Daemon
    ):
        await daemon.ask(lambda turn: turn.record(ev.QueueSaved("q", QueueSpec(limit=2)), "alice"))
        await daemon.create(node("a", queue="q", cu=1), node("b", queue="q", cu=9), node("c", "b"))
        daemon.restart()
        for _ in range(2):
            await daemon.create(node("a", queue="q", cu=1))

        assert daemon.hands.launched == [AttemptKey(2, 1, "a", 1)]

    async def test_the_queues_of_the_beginning_are_made_once(self, tmp_path: Path):
        daemon = Daemon(tmp_path / "runlog", found_queues(4, 64 * 2**30))
        await daemon.settle()
        daemon.restart()
        await daemon.settle()

        saved = [event for event in daemon.events() if isinstance(event, ev.QueueSaved)]
        assert [(event.name, event.spec.limit) for event in saved] == [("root_queue", 4), ("dev_queue", 4)]
        daemon.engine.close()


class TestStopping:
    async def test_during_starting_ends_the_attempt_after_its_launch(self, daemon: Daemon):
        await daemon.create(node("a"), node("b", "a"))
        await daemon.ask(stop_run(1, "bob"))
        assert (daemon.hands.launched, daemon.hands.ended) == ([A], [A])
        assert daemon.run.node("a").stopping is ev.Reason.STOP

        daemon.begin(A)
        await daemon.settle()
        assert daemon.run.node("a").stopping is ev.Reason.STOP
        assert daemon.run.state is RunState.RUNNING

        daemon.end(A, 143)
        await daemon.settle()
        assert daemon.state.runs == {}
        assert daemon.history.changes[-1].row.state is RunState.STOPPED

    async def test_in_the_turn_of_the_launch_comes_after_it(self, daemon: Daemon):
        done: list[str] = []
        daemon.hands.launch = lambda order: done.append("launch")  # type: ignore[method-assign]
        daemon.hands.end = lambda key: done.append("end")  # type: ignore[method-assign]
        event = created([node("a"), node("b")], failure_strategy=FailureStrategy.FAIL_FAST)

        def refuse(run: Run, node: NodeRun) -> Order:
            if node.name == "b":
                raise CannotLaunch("no")
            return order_for(run, node)

        daemon.prepare = refuse
        await daemon.ask(lambda turn: turn.record(event, "alice"))

        assert done == ["launch", "end"]

    async def test_names_the_reason_whatever_the_exit_status(self, daemon: Daemon):
        await daemon.create(node("a", retries=5), node("b"))
        await daemon.ask(stop_node(1, "a", "bob"))
        daemon.end(A, 0)
        await daemon.settle()

        stopped = daemon.run.node("a")
        assert (stopped.state, stopped.reason) == (NodeState.STOPPED, ev.Reason.STOP)
        assert stopped.attempts[0].exit_status == 0
        assert daemon.hands.ended == [A]

    async def test_twice_is_refused(self, daemon: Daemon):
        await daemon.create(node("a"))
        await daemon.ask(stop_run(1, "bob"))

        with pytest.raises(Refused, match="stopping already"):
            await daemon.ask(stop_run(1, "bob"))
        assert daemon.hands.ended == [A]


class TestADaemonThatDrains:
    async def test_starts_nothing_while_what_runs_goes_on_and_what_is_asked_for_waits(self, daemon: Daemon):
        await daemon.create(node("a"), node("b", "a"))

        await daemon.ask(set_draining(True, "alice"))
        daemon.end(A)
        await daemon.create(node("a"))
        await daemon.settle()

        assert daemon.hands.launched == [A]
        assert daemon.run.node("a").state is NodeState.SUCCEEDED
        assert daemon.engine.why_nothing_starts() == "the daemon is draining, as alice asked"
        assert daemon.engine.held() is None

    async def test_starts_all_that_waited_once_it_does_no_more(self, daemon: Daemon):
        await daemon.ask(set_draining(True, "alice"))
        await daemon.create(node("a"))
        await daemon.create(node("a"))

        await daemon.ask(set_draining(False, "bob"))

        assert daemon.hands.launched == [A, AttemptKey(2, 1, "a", 1)]
        assert daemon.engine.why_nothing_starts() == ""

    async def test_retries_nothing_before_either(self, daemon: Daemon):
        await daemon.create(node("a", retries=1), retry_delay=60)
        daemon.end(A, 1)
        await daemon.ask(set_draining(True, "alice"))
        daemon.now += timedelta(seconds=61)
        await daemon.look_again()
        assert daemon.hands.launched == [A]

        await daemon.ask(set_draining(False, "alice"))

        assert daemon.hands.launched == [A, AttemptKey(1, 1, "a", 2)]

    async def test_does_so_after_a_restart(self, daemon: Daemon):
        await daemon.ask(set_draining(True, "alice"))
        await daemon.ask(set_draining(True, "bob"))
        await daemon.create(node("a"))

        daemon.restart()
        await daemon.settle()

        assert daemon.hands.launched == []
        assert daemon.state.draining == Draining(T0, "alice")

    async def test_does_so_with_a_new_segment(self, daemon: Daemon):
        await daemon.ask(set_draining(True, "alice"))

        restored = State()
        for item in daemon.state.items():
            restored.restore(item)

        assert restored.draining == Draining(T0, "alice")
