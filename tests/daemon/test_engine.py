from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from stoker_daemon import engine as engine_module
from stoker_daemon.attempts import AttemptKey
from stoker_daemon.commands.actions import stop_node, stop_run
from stoker_daemon.commands.draining import set_draining
from stoker_daemon.commands.queues import found_queues
from stoker_daemon.engine import Command, Engine, Turn
from stoker_daemon.executor import Order
from stoker_daemon.launchers import CannotLaunch
from stoker_daemon.launchers.task import Launch
from stoker_daemon.problems import Refused, conflict
from stoker_daemon.processes import Identity
from stoker_daemon.projection import Change, KeyUsed, RunChange
from stoker_daemon.runlog import reserve, writer
from stoker_daemon.runlog.log import open_log, read_log
from stoker_daemon.runlog.segments import paths, replay
from stoker_daemon.runlog.writer import Room
from stoker_daemon.volumes import DiskFailed
from stoker_shared import events as ev
from stoker_shared.codec import decode_record
from stoker_shared.model import FailureStrategy, NodeState, OverlapPolicy, QueueSpec, RunState
from stoker_shared.state import Draining, NodeRun, Run, State
from tests.strategies import T0, created, node

A = AttemptKey(1, 1, "a", 1)
B = AttemptKey(1, 2, "b", 1)


class Hands:
    """Hands that only write down what they are asked for."""

    boot_id = "this boot"

    def __init__(self) -> None:
        self.ready: list[AttemptKey] = []
        self.launched: list[AttemptKey] = []
        self.ended: list[AttemptKey] = []
        self.recovered: list[tuple[AttemptKey, str, str, int | None]] = []
        self.something = asyncio.Event()

    def lay_out(self, key: AttemptKey) -> None:
        assert key not in self.launched

    def make_ready(self, order: Order) -> None:
        self.ready.append(order.key)

    def launch(self, order: Order) -> None:
        assert order.key in self.ready
        self.launched.append(order.key)
        self.something.set()

    def end(self, key: AttemptKey) -> None:
        self.ended.append(key)
        self.something.set()

    def recover(self, key: AttemptKey, tag: str, boot_id: str, start_time: int | None) -> None:
        self.recovered.append((key, tag, boot_id, start_time))


class History:
    """A history that only remembers what it is given."""

    def __init__(self) -> None:
        self.changes: list[RunChange] = []
        self.keys: list[KeyUsed] = []
        self.seqs: list[int] = []

    def write(self, changes: list[Change], seq: int) -> None:
        self.changes += [change for change in changes if isinstance(change, RunChange)]
        self.keys += [change for change in changes if isinstance(change, KeyUsed)]
        self.seqs.append(seq)


class Daemon:
    """An engine on a real log, with a clock that stands still until it is set."""

    def __init__(self, directory: Path, founding: Command = lambda _: None) -> None:
        self.directory = directory
        self.founding = founding
        self.now = T0
        self.prepare: Callable[[Run, NodeRun], Order] = order_for
        self.start()

    def start(self) -> None:
        self.log, state = open_log(self.directory, "machine", self.now)
        self.hands = Hands()
        self.history = History()

        def prepare(run: Run, node: NodeRun) -> Order:
            return self.prepare(run, node)

        self.engine = Engine(state, self.log, self.history, self.hands, prepare, lambda: self.now)
        self.engine.start(self.founding)

    def restart(self) -> None:
        self.engine.close()
        self.start()

    @property
    def state(self) -> State:
        return self.engine.state

    @property
    def run(self) -> Run:
        return self.state.runs[1]

    async def create(self, *nodes: ev.PlannedNode, **fields: Any) -> None:
        event = created(nodes, run=self.state.counters.run + 1, **fields)
        await self.ask(lambda turn: turn.record(event, "alice"))

    async def ask(self, command: Callable[[Turn], Any]) -> Any:
        """Have a command carried out; where the engine fails instead, fail with it."""
        return await answer_or_failure(self.engine, command)

    async def settle(self) -> None:
        """Wait until everything that was handed in before has been carried out, and what came of that."""
        for _ in range(3):
            await self.ask(lambda _: None)

    async def look_again(self) -> None:
        """Have every run planned anew."""
        await self.ask(lambda turn: turn.look_at(turn.state.runs))

    def begin(self, key: AttemptKey) -> None:
        self.engine.attempt_started(key, Identity(4711, 99, Hands.boot_id))

    def end(
        self, key: AttemptKey, status: int | None = 0, reason: ev.Reason = ev.Reason.EXIT, detail: str = ""
    ) -> None:
        self.engine.attempt_ended(key, status, reason, detail)

    def lines(self) -> list[tuple[ev.Record, int]]:
        """The events on disk, with their groups."""
        found = []
        for path in paths(self.directory):
            for line in path.read_bytes().split(b"\n")[:-1]:
                if line.startswith(b'{"seq":'):
                    found.append(decode_record(line))
        return found

    def events(self) -> list[ev.EventType | ev.Unknown]:
        return [record.event for record, _ in self.lines()]


async def answer_or_failure(engine: Engine, command: Callable[[Turn], Any]) -> Any:
    answer = asyncio.ensure_future(engine.submit(command))
    try:
        await asyncio.wait({answer, engine.failed}, return_when=asyncio.FIRST_COMPLETED)
        if engine.failed.done():
            engine.failed.result()
        return await answer
    finally:
        answer.cancel()


def order_for(run: Run, node: NodeRun) -> Order:
    key = AttemptKey(run.id, node.number, node.name, len(node.attempts) + 1)
    return Order(key, f"tag of {key}", Launch(argv=("/bin/true",), env={}))


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    daemon = Daemon(tmp_path / "runlog")
    yield daemon
    daemon.engine.close()


class Held:
    """A disk whose syncs wait until they are let go."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self._gone = threading.Event()

    def sync(self, _: int) -> None:
        self.arrived.set()
        self._gone.wait()

    async def arrive(self) -> None:
        await asyncio.to_thread(self.arrived.wait)

    def release(self) -> None:
        self._gone.set()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch, daemon: Daemon) -> Iterator[Held]:
    disk = Held()
    monkeypatch.setattr(os, "fdatasync", disk.sync)
    yield disk
    disk.release()


def failing(_: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


class TestDurableBeforeVisible:
    async def test_nothing_is_answered_launched_or_shown_before_it_is_on_disk(
        self, daemon: Daemon, held: Held
    ):
        answer = asyncio.ensure_future(daemon.create(node("a")))
        await held.arrive()
        await pass_turns()

        assert daemon.state.seq == 3
        assert not answer.done()
        assert daemon.hands.launched == []
        assert daemon.history.seqs == []
        assert daemon.log.durable == 0

        held.release()
        await answer
        assert daemon.hands.launched == [A]
        assert daemon.history.seqs == [3]

    async def test_what_is_read_is_on_disk(self, daemon: Daemon, held: Held):
        asked = asyncio.ensure_future(daemon.create(node("a")))
        await held.arrive()
        read = asyncio.ensure_future(daemon.engine.durable())
        await pass_turns()
        assert not read.done()

        held.release()
        assert await read == 3
        await asked

    async def test_a_refusal_that_comes_of_what_is_not_on_disk_waits_for_it(self, daemon: Daemon, held: Held):
        asked = asyncio.ensure_future(daemon.create(node("a")))
        await held.arrive()

        def refuse(_: Turn) -> None:
            raise conflict("there is one already")

        refused = asyncio.ensure_future(daemon.ask(refuse))
        await pass_turns()
        assert not refused.done()

        held.release()
        with pytest.raises(Refused, match="there is one already"):
            await refused
        await asked

    async def test_an_attempt_is_ended_only_when_that_is_on_disk(
        self, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
    ):
        await daemon.create(node("a"))
        disk = Held()
        monkeypatch.setattr(os, "fdatasync", disk.sync)
        stopped = asyncio.ensure_future(daemon.ask(stop_run(1, "bob")))
        await disk.arrive()
        await pass_turns()
        assert daemon.hands.ended == []

        disk.release()
        await stopped
        assert daemon.hands.ended == [A]

    async def test_the_intent_is_on_disk_before_the_launch(self, daemon: Daemon):
        on_disk: list[bool] = []
        launch = daemon.hands.launch

        def look(order: Order) -> None:
            launch(order)
            tags = [event.tag for event in daemon.events() if isinstance(event, ev.AttemptStarting)]
            on_disk.append(order.tag in tags)

        daemon.hands.launch = look  # type: ignore[method-assign]
        await daemon.create(node("a"), node("b"), node("c", "a"))
        daemon.end(A)
        await daemon.settle()

        assert on_disk == [True] * 3


async def pass_turns() -> None:
    """Let the loop do all it can do now."""
    for _ in range(10):
        await asyncio.sleep(0)


class TestTurns:
    async def test_what_comes_in_together_is_one_group(self, daemon: Daemon):
        await asyncio.gather(*[daemon.ask(publish(number)) for number in range(5)])

        assert [group for _, group in daemon.lines()] == [1] * 5

    async def test_a_command_and_what_follows_from_it_are_one_group(self, daemon: Daemon):
        await daemon.create(node("a"))

        assert [type(event) for event in daemon.events()] == [
            ev.RunCreated,
            ev.RunStarted,
            ev.AttemptStarting,
        ]
        assert {group for _, group in daemon.lines()} == {1}

    async def test_a_command_gives_its_answer(self, daemon: Daemon):
        assert await daemon.ask(lambda turn: turn.now) == T0

    async def test_a_refused_command_changes_nothing_and_leaves_the_others_of_its_turn(self, daemon: Daemon):
        def refuse(_: Turn) -> None:
            raise conflict("no")

        answers = await asyncio.gather(
            daemon.ask(publish(1)),
            daemon.ask(refuse),
            daemon.ask(publish(2)),
            return_exceptions=True,
        )

        assert [type(answer) for answer in answers] == [type(None), Refused, type(None)]
        assert len(daemon.events()) == 2

    async def test_an_answer_that_nobody_waits_for_any_more_harms_nobody(self, daemon: Daemon, held: Held):
        gone = asyncio.ensure_future(daemon.create(node("a")))
        await held.arrive()
        gone.cancel()
        held.release()

        await daemon.settle()

        assert daemon.hands.launched == [A]

    async def test_every_record_says_who_caused_it(self, daemon: Daemon):
        await daemon.create(node("a"))

        assert [record.by for record, _ in daemon.lines()] == ["alice", "stoker", "stoker"]

    async def test_that_an_attempt_started_comes_to_disk_without_anything_else(self, daemon: Daemon):
        await daemon.create(node("a"))
        daemon.begin(A)
        await pass_turns()

        assert await daemon.engine.durable() == 4
        assert daemon.events()[-1] == ev.AttemptStarted(1, "a", 1, 4711, 99)


def publish(number: int) -> Callable[[Turn], None]:
    return lambda turn: turn.record(ev.JobPublished("default", f"{number}.sh", 1, "d", 1), "alice")


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


class TestAFullDisk:
    @pytest.fixture
    def full(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
        """A disk with room for nothing but what the reserve gives, while it says True."""
        full = [True]
        monkeypatch.setattr(reserve, "free_bytes", lambda _: 0 if full[0] else 2**40)
        monkeypatch.setattr(writer, "LOOK_SECONDS", 0.001)
        yield full
        full[0] = False

    async def held(self, daemon: Daemon, *running: ev.PlannedNode) -> None:
        """Have these nodes begun, and the disk found full by a further one."""
        await daemon.create(*running)
        daemon.hands.make_ready = no_room  # type: ignore[method-assign]
        await daemon.create(node("a"))
        while daemon.log.room is Room.ENOUGH:
            await asyncio.sleep(0)
        del daemon.hands.make_ready

    async def room_again(self, daemon: Daemon) -> None:
        while daemon.log.room is not Room.ENOUGH:
            await asyncio.wait_for(daemon.log.news(), 10)
        await daemon.settle()

    async def test_does_not_fail_a_node_that_has_no_room_and_starts_it_when_there_is(
        self, daemon: Daemon, full: list[bool]
    ):
        await self.held(daemon, node("a"))
        await pass_turns()
        waiting = daemon.state.runs[2].node("a")
        assert (waiting.state, waiting.attempts[0].reason) == (NodeState.RETRYING, ev.Reason.NEVER_BEGAN)
        assert waiting.tries == 0
        assert "No space left on device" in waiting.attempts[0].detail

        full[0] = False
        await self.room_again(daemon)

        assert daemon.hands.launched == [A, AttemptKey(2, 1, "a", 2)]

    async def test_refuses_what_is_asked_before_anything_is_changed(self, daemon: Daemon, full: list[bool]):
        await self.held(daemon)
        await daemon.engine.durable()
        before = daemon.state.seq

        with pytest.raises(Refused, match=r"there is no room left in .*runlog") as refused:
            await daemon.create(node("b"))

        assert (refused.value.problem.status, refused.value.problem.type) == (507, "no-space")
        assert daemon.state.seq == before

    async def test_records_how_running_jobs_end_and_starts_nothing_behind_them(
        self, daemon: Daemon, full: list[bool]
    ):
        await self.held(daemon, node("a"), node("b", "a"), node("c"))
        daemon.end(A)
        daemon.end(AttemptKey(1, 3, "c", 1), 1)
        await pass_turns()
        await daemon.engine.durable()

        ends = [event for event in daemon.events() if isinstance(event, ev.NodeFinished)]
        assert [(end.node, end.state) for end in ends] == [
            ("a", NodeState.SUCCEEDED),
            ("c", NodeState.FAILED),
        ]
        assert B not in daemon.hands.launched

        full[0] = False
        await self.room_again(daemon)
        assert B in daemon.hands.launched

    async def test_still_lets_people_stop_what_runs(self, daemon: Daemon, full: list[bool]):
        await self.held(daemon, node("a"))

        await daemon.engine.submit(stop_run(1, "bob"), makes_room=True)

        assert daemon.hands.ended == [A]

    async def test_without_a_reserve_takes_no_stop_and_does_not_let_anybody_wait(
        self, daemon: Daemon, full: list[bool], monkeypatch: pytest.MonkeyPatch
    ):
        await self.held(daemon, node("a"))
        monkeypatch.setattr(reserve.Reserve, "give", lambda _: False)
        monkeypatch.setattr(os, "write", in_the_writer(no_room))
        monkeypatch.setattr(writer, "AGAIN_SECONDS", 0.001)
        daemon.end(A)
        while daemon.log.room is not Room.NONE:
            await asyncio.wait_for(daemon.log.news(), 10)

        with pytest.raises(Refused, match="no room"):
            await daemon.engine.submit(stop_run(2, "bob"), makes_room=True)
        with pytest.raises(Refused, match="no room"):
            await daemon.engine.durable()
        monkeypatch.undo()
        await asyncio.wait_for(daemon.log.wait_durable(daemon.state.seq), 10)

        daemon.restart()
        assert 1 not in daemon.state.runs

    async def test_that_is_found_at_the_start_holds_from_the_start(
        self, daemon: Daemon, full: list[bool], monkeypatch: pytest.MonkeyPatch
    ):
        await daemon.create(node("a"), node("b", "a"))
        daemon.engine.close()
        (daemon.directory / "reserve").unlink()
        daemon.start()

        assert daemon.engine.held()
        daemon.end(A)
        await pass_turns()
        assert daemon.hands.launched == []

        full[0] = False
        await self.room_again(daemon)
        assert daemon.hands.launched == [B]

    async def test_that_fails_instead_fails_the_engine(self, daemon: Daemon):
        def fail(order: Order) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

        daemon.hands.make_ready = fail  # type: ignore[method-assign]

        with pytest.raises(DiskFailed, match="Read-only file system"):
            await daemon.create(node("a"))
            await daemon.settle()


def no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def in_the_writer(write: Callable[..., Any]) -> Callable[..., Any]:
    """Write so in the log's thread, and as ever elsewhere."""
    ever = os.write

    def chosen(*what: Any) -> Any:
        return (write if threading.current_thread().name == "runlog" else ever)(*what)

    return chosen


async def test_an_engine_that_only_reads_refuses_every_change_and_looks_for_nothing(tmp_path: Path):
    daemon = Daemon(tmp_path / "runlog")
    await daemon.create(node("a"))
    end = daemon.engine.close()
    log, state = read_log(daemon.directory, end)
    hands = Hands()
    engine = Engine(state, log, History(), hands, order_for, lambda: T0, "the disk failed")

    engine.start()
    await pass_turns()

    with pytest.raises(Refused, match="since the disk failed") as refused:
        await engine.submit(stop_run(1, "bob"), makes_room=True)
    assert (refused.value.problem.status, refused.value.problem.type) == (503, "read-only")
    assert (hands.recovered, hands.launched) == ([], [])
    assert await engine.durable() == 3
    assert list(engine.state.runs) == [1]
    assert engine.close() == end


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


@pytest.fixture
def watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that looks at its clock all the time: the clock of these tests is set by hand."""
    monkeypatch.setattr(engine_module, "LONGEST_SLEEP", 0.001)


@pytest.mark.usefixtures("watchful")
class TestTime:
    async def test_brings_the_retry_when_it_is_due_and_not_before(self, daemon: Daemon):
        await daemon.create(node("a", retries=1), retry_delay=3600)
        daemon.end(A, 1)
        await daemon.settle()
        assert daemon.run.node("a").retry_at == T0 + timedelta(seconds=3600)

        daemon.now += timedelta(seconds=3599)
        await daemon.look_again()
        assert daemon.hands.launched == [A]

        await self.passes(daemon, 1)
        assert daemon.hands.launched == [A, AttemptKey(1, 1, "a", 2)]

    async def test_brings_the_retry_after_a_restart_too(self, daemon: Daemon):
        await daemon.create(node("a", retries=1), retry_delay=3600)
        daemon.end(A, 1)
        await daemon.settle()
        daemon.restart()
        await daemon.settle()
        assert daemon.hands.launched == []

        await self.passes(daemon, 3600)
        assert daemon.hands.launched == [AttemptKey(1, 1, "a", 2)]

    async def test_ends_an_attempt_that_takes_too_long(self, daemon: Daemon):
        await daemon.create(node("a", timeout=60))

        await self.passes(daemon, 60)

        assert daemon.hands.ended == [A]
        assert daemon.run.node("a").stopping is ev.Reason.TIMEOUT

    async def test_ends_a_run_that_takes_too_long(self, daemon: Daemon):
        await daemon.create(node("a"), timeout=60)
        await self.passes(daemon, 60)
        assert daemon.hands.ended == [A]

        daemon.end(A, 143)
        await daemon.settle()
        assert daemon.history.changes[-1].row.reason is ev.Reason.RUN_TIMEOUT

    async def test_that_was_set_back_only_makes_it_later(self, daemon: Daemon):
        await daemon.create(node("a", timeout=60))
        daemon.now -= timedelta(days=1)
        await daemon.look_again()
        assert daemon.hands.ended == []

        await self.passes(daemon, 24 * 3600 + 60)
        assert daemon.hands.ended == [A]

    async def test_wakes_for_many_runs_each_at_its_moment(self, daemon: Daemon):
        for seconds in (30, 10, 20):
            await daemon.create(node("a", timeout=seconds))

        for number in (2, 3, 1):
            await self.passes(daemon, 10)
            assert daemon.hands.ended.pop() == AttemptKey(number, 1, "a", 1)
            assert daemon.hands.ended == []

    async def passes(self, daemon: Daemon, seconds: float) -> None:
        """Set the clock, and wait until the engine has seen it and done something."""
        daemon.hands.something.clear()
        daemon.now += timedelta(seconds=seconds)
        await asyncio.wait_for(daemon.hands.something.wait(), 10)
        await daemon.settle()


class TestARestart:
    async def test_finds_the_same_state(self, daemon: Daemon):
        await daemon.create(node("a"), node("b", "a"), node("c"))
        daemon.begin(A)
        await daemon.settle()
        before = daemon.state

        daemon.restart()
        await daemon.settle()

        assert daemon.state == before
        assert daemon.state is not before

    async def test_looks_for_what_was_running_and_launches_nothing_twice(self, daemon: Daemon):
        await daemon.create(node("a"), node("b"))
        daemon.begin(A)
        await daemon.settle()

        daemon.restart()
        await daemon.settle()

        assert daemon.hands.recovered == [
            (A, f"tag of {A}", "this boot", 99),
            (B, f"tag of {B}", "this boot", None),
        ]
        assert daemon.hands.launched == []

    async def test_starts_what_an_earlier_daemon_did_not_come_to(self, daemon: Daemon):
        daemon.hands.launch = lambda order: None  # type: ignore[method-assign]
        await daemon.create(node("a"))
        daemon.restart()
        daemon.end(A, None, ev.Reason.NEVER_BEGAN, "the daemon ended before it was launched")
        await daemon.settle()

        assert daemon.hands.launched == [AttemptKey(1, 1, "a", 2)]
        assert daemon.run.node("a").tries == 1

    async def test_goes_on_with_ending_what_was_being_ended(self, daemon: Daemon):
        await daemon.create(node("a"), node("b"))
        await daemon.ask(stop_node(1, "b", "bob"))

        daemon.restart()
        await daemon.settle()

        assert daemon.hands.ended == [B]
        assert [key for key, *_ in daemon.hands.recovered] == [A, B]

    async def test_takes_an_end_before_the_deadline_for_what_it_was(self, daemon: Daemon):
        await daemon.create(node("a", timeout=60))
        daemon.now += timedelta(hours=1)
        daemon.restart()
        await daemon.settle()
        assert daemon.hands.ended == []

        daemon.end(A, 0)
        await daemon.settle()
        assert daemon.history.changes[-1].row.state is RunState.SUCCEEDED

    async def test_ends_what_is_alive_past_its_deadline(self, daemon: Daemon):
        await daemon.create(node("a", timeout=60))
        daemon.now += timedelta(hours=1)
        daemon.restart()
        daemon.engine.attempt_adopted(A, Identity(4711, 99, Hands.boot_id))
        await daemon.settle()

        assert daemon.hands.ended == [A]
        assert daemon.run.node("a").attempts[0].adopted_at == daemon.now

    async def test_gives_the_next_run_the_next_number(self, daemon: Daemon):
        await daemon.create(node("a"))
        daemon.end(A)
        await daemon.settle()
        daemon.restart()

        await daemon.create(node("a"))

        assert list(daemon.state.runs) == [2]


class TestFailing:
    async def test_to_write_the_log_fails_the_engine_and_shows_nothing(
        self, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(os, "fdatasync", failing)

        with pytest.raises(OSError, match="Input/output error"):
            await daemon.create(node("a"))

        await pass_turns()
        assert daemon.hands.launched == []
        assert daemon.history.seqs == []
        assert daemon.log.durable == 0

    async def test_once_it_takes_no_more_commands(self, daemon: Daemon, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(os, "fdatasync", failing)
        with pytest.raises(OSError, match="Input/output error"):
            await daemon.create(node("a"))

        with pytest.raises(Refused) as refused:
            await daemon.engine.submit(publish(1))

        assert refused.value.problem.status == 503

    async def test_in_a_turn_keeps_nothing_of_it_and_the_log_stays_whole(self, daemon: Daemon):
        await daemon.create(node("a"))

        def fail(turn: Turn) -> None:
            publish(1)(turn)
            raise RuntimeError("a fault of ours")

        with pytest.raises(RuntimeError, match="a fault of ours"):
            await daemon.ask(fail)
        daemon.end(A)
        with pytest.raises(Refused):
            await daemon.engine.submit(publish(2))
        await pass_turns()

        daemon.restart()
        assert daemon.state.seq == 3
        assert [record.seq for record, _ in replay(daemon.directory) if record] == [1, 2, 3]

    async def test_to_carry_out_what_is_on_disk_fails_the_engine_too(self, daemon: Daemon):
        def fail(order: Order) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        daemon.hands.launch = fail  # type: ignore[method-assign]
        with pytest.raises(OSError, match="Too many open files"):
            await daemon.create(node("a"))

        daemon.restart()
        assert daemon.hands.recovered == [(A, f"tag of {A}", "this boot", None)]


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
