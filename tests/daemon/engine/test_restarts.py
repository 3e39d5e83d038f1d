"""What the next engine on the same log goes on with."""

from __future__ import annotations

from datetime import timedelta

from stoker_daemon.attempts.directory import AttemptKey
from stoker_daemon.attempts.processes import Identity
from stoker_daemon.commands.actions import stop_node
from stoker_shared import events as ev
from stoker_shared.model import RunState
from tests.daemon.engine.bench import A, B, Daemon, Hands
from tests.strategies import node


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
