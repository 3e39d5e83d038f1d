"""Which intervals a backfill makes runs for."""

from __future__ import annotations

from datetime import timedelta

from stoker_shared.model import BackfillOrder, BackfillState, Intervals
from tests.daemon.scheduling.backfiller.bench import DAY, Daemon


class TestIntervalsToCome:
    """The clock stands at 2026-11-22 01:00 UTC, when the interval of the 21st ends."""

    async def test_wait_until_they_end(self, daemon: Daemon):
        await daemon.create("2026-11-20", "2026-11-23", parallel=9)
        await daemon.until_runs(1, 2)
        daemon.end(1)
        daemon.end(2)
        await daemon.until(lambda: daemon.backfill.succeeded == 2)
        assert daemon.backfill.state is BackfillState.RUNNING

        daemon.now += DAY
        daemon.backfiller.look()
        await daemon.until_runs(3)
        daemon.now += DAY
        daemon.backfiller.look()
        await daemon.until_runs(3, 4)

        await daemon.end_all()
        assert daemon.days() == [20, 21, 22, 23]

    async def test_wait_for_the_clock_by_themselves(self, daemon: Daemon):
        daemon.now += DAY - timedelta(seconds=0.05)
        await daemon.create("2026-11-22", "2026-11-22")
        await daemon.until(lambda: daemon.backfiller._workers[1]._timer)
        daemon.now += timedelta(seconds=0.05)

        await daemon.until_runs(1)

    async def test_come_first_once_they_are_due_where_the_newest_come_first(self, daemon: Daemon):
        await daemon.create("2026-11-19", "2026-11-22", order=BackfillOrder.NEWEST)
        await daemon.until_runs(1)
        daemon.now += DAY
        daemon.backfiller.look()

        await daemon.end_all()

        assert daemon.days() == [21, 22, 20, 19]


class TestOnlyWhatIsMissing:
    async def test_is_what_has_no_run_that_succeeded_or_is_active(self, daemon: Daemon):
        for day in ("02", "03", "04"):
            await daemon.run_now(f"2026-11-{day}T01:00")
        await daemon.until_runs(1)
        daemon.end(1)
        await daemon.until_runs(2)
        daemon.end(2, 1)
        await daemon.until_runs(3)

        await daemon.create("2026-11-01", "2026-11-05", intervals=Intervals.MISSING)
        await daemon.end_all()

        assert daemon.days()[3:] == [1, 3, 5]
        assert daemon.backfill.passed == 2

    async def test_is_looked_at_again_when_a_run_of_it_came_meanwhile(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-05", intervals=Intervals.MISSING)
        await daemon.until_runs(1)
        by_hand = await daemon.run_now("2026-11-03T01:00")
        await daemon.until_runs(1, by_hand)
        daemon.end(by_hand)
        daemon.end(1)

        await daemon.end_all()

        assert daemon.days() == [2, 3, 4, 5]
        assert daemon.backfill.passed == 1

    async def test_is_looked_at_again_when_a_run_of_it_failed_meanwhile(self, daemon: Daemon):
        await daemon.run_now("2026-11-03T01:00")
        await daemon.create("2026-11-02", "2026-11-03", intervals=Intervals.MISSING)
        await daemon.until_runs(1, 2)
        daemon.end(1, 1)
        await daemon.until_runs(2)

        await daemon.end_all()

        assert daemon.days() == [3, 2, 3]

    async def test_is_nothing_the_second_time(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-05")
        await daemon.end_all()
        await daemon.create("2026-11-02", "2026-11-05", intervals=Intervals.MISSING)
        await daemon.until(lambda: daemon.backfill.has_ended)

        assert (daemon.backfill.state, daemon.backfill.passed) == (BackfillState.SUCCEEDED, 4)
        assert daemon.days() == [2, 3, 4, 5]


class TestOnlyWhatFailed:
    async def test_is_what_has_a_latest_run_that_failed(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-05")
        await daemon.end_all(lambda run: int(run in (2, 3)))
        by_hand = await daemon.run_now("2026-11-03T01:00")
        await daemon.until_runs(by_hand)
        daemon.end(by_hand)
        await daemon.until(lambda: not daemon.state.runs)

        await daemon.create("2026-11-01", "2026-11-05", intervals=Intervals.FAILED)
        await daemon.end_all()

        assert daemon.days()[5:] == [4]
        assert daemon.backfill.passed == 4
