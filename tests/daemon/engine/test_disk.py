"""A disk that is full, only read, or fails."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stoker_daemon.attempts.directory import AttemptKey
from stoker_daemon.attempts.executor import Order
from stoker_daemon.commands.actions import stop_run
from stoker_daemon.engine import Engine, Turn
from stoker_daemon.problems import Refused
from stoker_daemon.runlog import reserve, writer
from stoker_daemon.runlog.log import read_log
from stoker_daemon.runlog.segments import replay
from stoker_daemon.runlog.writer import Room
from stoker_daemon.volumes import DiskFailed
from stoker_shared import events as ev
from stoker_shared.model import NodeState
from tests.daemon.engine.bench import A, B, Daemon, Hands, History, order_for, pass_turns, publish
from tests.strategies import T0, node


def failing(_: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


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
