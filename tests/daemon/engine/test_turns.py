"""Turns: what comes in together, and that nothing of it is seen before it is on disk."""

from __future__ import annotations

import asyncio
import os

import pytest

from stoker_daemon.attempts.executor import Order
from stoker_daemon.commands.actions import stop_run
from stoker_daemon.engine import Turn
from stoker_daemon.problems import Refused, conflict
from stoker_shared import events as ev
from tests.daemon.engine.bench import A, Daemon, pass_turns, publish
from tests.daemon.held import Held
from tests.strategies import T0, node


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
