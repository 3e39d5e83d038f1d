"""Retries and time limits come when they are due, whatever the clock does."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from stoker_daemon import engine as engine_module
from stoker_daemon.attempts.directory import AttemptKey
from stoker_shared import events as ev
from tests.daemon.engine.bench import A, Daemon
from tests.strategies import T0, node


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
