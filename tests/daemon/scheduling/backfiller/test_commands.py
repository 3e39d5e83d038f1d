"""What people do to a backfill: pause, cancel, retry."""

from __future__ import annotations

import pytest

from stoker_daemon.commands import backfills as commands
from stoker_daemon.commands.actions import stop_run
from stoker_daemon.problems import Refused
from stoker_shared import events as ev
from stoker_shared.model import BackfillOrder, BackfillState, QueueSpec, RunState
from tests.daemon.scheduling.backfiller.bench import Daemon


class TestPausing:
    async def test_lets_active_runs_go_on_and_makes_no_more(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-05", parallel=2)
        await daemon.until_runs(1, 2)

        await daemon.ask(commands.pause_backfill(1, "bob"))
        daemon.end(1)
        daemon.end(2)
        await daemon.until(lambda: daemon.backfill.succeeded == 2)
        assert daemon.days() == [2, 3]

        await daemon.ask(commands.resume_backfill(1, "bob"))
        await daemon.end_all()
        assert daemon.days() == [2, 3, 4, 5]

    async def test_when_nothing_is_left_does_not_keep_it_from_its_end(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-02")
        await daemon.until_runs(1)
        await daemon.ask(commands.pause_backfill(1, "bob"))

        daemon.end(1)

        await daemon.until(lambda: daemon.backfill.state is BackfillState.SUCCEEDED)


class TestCancelling:
    async def two_active(self, daemon: Daemon) -> None:
        """Make a backfill of which one run has started and one waits for a place."""
        await daemon.tell(ev.QueueSaved("night", QueueSpec(nodes=1)))
        await daemon.create("2026-11-02", "2026-11-09", parallel=2, queue="night")
        await daemon.until(lambda: len(daemon.state.runs) == 2)
        await daemon.until_runs(1)

    async def test_leaves_nothing_queued_and_lets_go_on_what_runs(self, daemon: Daemon):
        await self.two_active(daemon)

        await daemon.ask(commands.cancel_backfill(1, False, "bob"))

        assert list(daemon.state.runs) == [1]
        daemon.end(1)
        await daemon.until(lambda: not daemon.state.runs)
        assert daemon.backfill.state is BackfillState.CANCELLED
        assert (daemon.backfill.succeeded, daemon.backfill.failed) == (1, 1)
        assert daemon.days() == [2, 3]

    async def test_ends_what_runs_too_where_that_is_asked_for(self, daemon: Daemon):
        await self.two_active(daemon)

        await daemon.ask(commands.cancel_backfill(1, True, "bob"))
        await daemon.until(lambda: not daemon.state.runs)

        assert (daemon.backfill.state, daemon.backfill.failed) == (BackfillState.CANCELLED, 2)
        await daemon.engine.durable()
        stopped = await daemon.projection.run(1)
        assert stopped
        assert (stopped.state, stopped.stopped_by) == (RunState.STOPPED, "bob")

    async def test_is_for_ever(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-03")
        await daemon.ask(commands.cancel_backfill(1, True, "bob"))

        for again in (
            commands.cancel_backfill(1, True, "bob"),
            commands.pause_backfill(1, "bob"),
            commands.resume_backfill(1, "bob"),
            commands.retry_backfill(1, "bob"),
        ):
            with pytest.raises(Refused, match=r"backfill B1 can't be \w+: it was cancelled"):
                await daemon.ask(again)


class TestRetrying:
    async def test_makes_another_run_of_what_failed_also_after_the_end(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-05")
        await daemon.end_all(lambda run: int(run in (2, 4)))
        assert daemon.backfill.state is BackfillState.FAILED

        await daemon.ask(commands.retry_backfill(1, "bob"))
        await daemon.end_all()

        assert daemon.backfill.state is BackfillState.SUCCEEDED
        assert [(event.cycle.day, event.retry_of) for event in daemon.made()[4:]] == [(3, 2), (5, 4)]

    @pytest.mark.parametrize(
        ("order", "days"),
        [(BackfillOrder.OLDEST, [2, 3, 3, 4, 5]), (BackfillOrder.NEWEST, [5, 4, 4, 3, 2])],
    )
    async def test_goes_on_with_the_rest_afterwards(
        self, daemon: Daemon, order: BackfillOrder, days: list[int]
    ):
        await daemon.create("2026-11-02", "2026-11-05", stop_after=1, order=order)
        await daemon.end_all(lambda run: int(run == 2))
        assert daemon.backfill.state is BackfillState.PAUSED

        await daemon.ask(commands.retry_backfill(1, "bob"))
        await daemon.end_all()

        assert daemon.days() == days
        assert daemon.backfill.state is BackfillState.SUCCEEDED

    async def test_leaves_what_a_later_run_did(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-04")
        await daemon.end_all(lambda _: 1)
        by_hand = await daemon.run_now("2026-11-03T01:00")
        await daemon.until_runs(by_hand)
        daemon.end(by_hand)
        await daemon.until(lambda: not daemon.state.runs)

        await daemon.ask(commands.retry_backfill(1, "bob"))
        await daemon.end_all()

        assert daemon.days() == [2, 3, 4, 3, 2, 4]
        assert (daemon.backfill.state, daemon.backfill.failed) == (BackfillState.FAILED, 1)

    async def test_of_what_was_stopped_is_the_same(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-02")
        await daemon.until_runs(1)
        await daemon.ask(stop_run(1, "bob"))
        await daemon.until(lambda: daemon.backfill.has_ended)

        await daemon.ask(commands.retry_backfill(1, "bob"))
        await daemon.end_all()

        assert daemon.days() == [2, 2]

    async def test_needs_a_run_that_failed(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-03")
        await daemon.until_runs(1)

        with pytest.raises(Refused, match="backfill B1 can't be retried: none of its runs failed"):
            await daemon.ask(commands.retry_backfill(1, "bob"))

    async def test_by_hand_of_one_of_its_runs_counts(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-03")
        await daemon.end_all(lambda run: int(run == 1))
        assert daemon.backfill.state is BackfillState.FAILED

        await daemon.rerun(1)
        assert daemon.backfill.state is BackfillState.RUNNING
        await daemon.end_all()

        assert (daemon.backfill.state, daemon.backfill.succeeded) == (BackfillState.SUCCEEDED, 2)
