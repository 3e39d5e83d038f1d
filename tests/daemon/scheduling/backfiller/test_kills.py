"""A backfill whose daemon is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from random import Random

import pytest

from stoker_daemon.commands import backfills as commands
from stoker_daemon.scheduling import backfiller as backfiller_module
from stoker_shared.model import BackfillOrder, BackfillState, Intervals
from tests.daemon.scheduling.backfiller.bench import DAY, Daemon
from tests.harness import PATIENCE


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(backfiller_module, "AT_A_TIME", 3)
    yield


async def is_done(daemon: Daemon, chance: Random) -> bool:
    """Let something happen to a backfill, and tell whether nothing more can."""
    held = daemon.backfill
    if held.state in (BackfillState.PAUSED, BackfillState.FAILED):
        again = commands.retry_backfill if held.failed else commands.resume_backfill
        await daemon.ask(again(1, "bob"))
    elif held.has_ended:
        return True
    elif daemon.running and chance.random() < 0.5:
        daemon.end(chance.choice(list(daemon.running)), int(chance.random() < 0.25))
    elif chance.random() < 0.1:
        await daemon.ask(commands.pause_backfill(1, "bob"))
    elif chance.random() < 0.1:
        daemon.now += DAY
        daemon.backfiller.look()
    elif chance.random() < 0.2:
        await daemon.kill()
    else:
        await daemon.engine.durable()
        await asyncio.sleep(0.0005)
    return False


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.usefixtures("small_chunks")
async def test_a_backfill_whose_daemon_is_killed_at_any_moment_makes_one_run_for_each_interval(
    daemon: Daemon, seed: int
):
    chance = Random(seed)
    await daemon.create(
        "2026-11-08",
        "2026-11-23",
        parallel=chance.randint(1, 3),
        order=chance.choice(list(BackfillOrder)),
        intervals=chance.choice([Intervals.ALL, Intervals.MISSING]),
        stop_after=chance.choice([0, 2]),
    )
    async with asyncio.timeout(PATIENCE):
        while not await is_done(daemon, chance):
            for _ in range(chance.randint(0, 4)):
                await asyncio.sleep(0)

    held = daemon.backfill
    assert (held.state, held.seen, held.succeeded, held.active) == (BackfillState.SUCCEEDED, 16, 16, [])
    made = daemon.made()
    first = [event for event in made if not event.retry_of]
    assert sorted(event.cycle.day for event in first) == list(range(8, 24))
    assert len({event.retry_of for event in made} - {0}) == len(made) - 16
    by_number = {event.run: event for event in made}
    assert all(event.cycle == by_number[event.retry_of].cycle for event in made if event.retry_of)
