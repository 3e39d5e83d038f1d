"""How a backfill makes its runs."""

from __future__ import annotations

import sqlite3
from collections import Counter
from datetime import datetime

import pytest

from stoker_daemon.commands import backfills as commands
from stoker_daemon.commands.queues import delete_queue
from stoker_daemon.commands.workflows import delete_workflow
from stoker_daemon.engine import Command
from stoker_daemon.problems import Refused
from stoker_daemon.runlog.writer import Room
from stoker_daemon.scheduling import backfiller as backfiller_module
from stoker_shared import events as ev
from stoker_shared.model import BackfillOrder, BackfillState, Days, Intervals, QueueSpec
from tests.daemon.scheduling.backfiller.bench import DAY, UTC, Daemon


class TestABackfill:
    async def test_makes_a_run_for_each_interval_and_ends(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-04", queue="night", variables={"x": "1"}, remarks="again")

        await daemon.end_all()

        assert daemon.backfill.state is BackfillState.SUCCEEDED
        made = daemon.made()
        assert [event.cycle for event in made] == [
            datetime(2026, 11, day, 1, tzinfo=UTC) for day in (2, 3, 4)
        ]
        assert all(event.scheduled_at == event.cycle + DAY for event in made)
        assert {(event.trigger, event.backfill, event.queue, event.remarks) for event in made} == {
            (ev.Trigger.BACKFILL, 1, "night", "again")
        }
        assert made[0].variables == {"x": "1"}

    async def test_has_no_more_active_runs_than_it_may_and_always_as_many(self, daemon: Daemon):
        await daemon.create("2026-11-01", "2026-11-09", parallel=3)
        await daemon.until_runs(1, 2, 3)

        daemon.end(2)
        await daemon.until_runs(1, 3, 4)
        daemon.end(1)
        daemon.end(3)
        await daemon.until_runs(4, 5, 6)

        assert daemon.backfill.active == [4, 5, 6]
        assert daemon.days() == [1, 2, 3, 4, 5, 6]

    async def test_comes_from_the_newest_to_the_oldest_where_that_is_asked_for(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-05", order=BackfillOrder.NEWEST)

        await daemon.end_all()

        assert daemon.days() == [5, 4, 3, 2]

    async def test_that_has_a_failed_run_goes_on_and_has_failed_in_the_end(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-04")

        await daemon.end_all(lambda run: int(run == 1))

        assert daemon.backfill.state is BackfillState.FAILED
        assert (daemon.backfill.succeeded, daemon.backfill.failed) == (2, 1)

    async def test_pauses_after_so_many_failed_runs(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-09", stop_after=2)

        await daemon.end_all(lambda run: 1)

        assert (daemon.backfill.state, daemon.backfill.detail) == (BackfillState.PAUSED, "2 runs failed")
        assert daemon.days() == [2, 3]

    async def test_makes_runs_of_what_is_published_when_each_is_made(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-05")
        await daemon.until_runs(1)
        await daemon.publish(schedule=Days(at="05:00"), retries=3)
        daemon.end(1)
        await daemon.until_runs(2)
        await daemon.tell(ev.JobPublished("default", "a.sh", 2, "1" * 64, 1))
        daemon.end(2)
        await daemon.until_runs(3)
        await daemon.tell(ev.VariableSet("default", "region", "eu"))
        daemon.end(3)
        await daemon.until_runs(4)

        made = daemon.made()
        assert [event.version for event in made] == [1, 2, 2, 2]
        assert len({event.plan for event in made}) == 3
        assert [event.cycle.hour for event in made] == [1, 1, 1, 1]

    async def test_of_a_version_makes_runs_of_that_one(self, daemon: Daemon):
        await daemon.publish(schedule=Days(at="01:00"), retries=3)
        await daemon.create("2026-11-02", "2026-11-03", version=1)

        await daemon.end_all()

        assert [event.version for event in daemon.made()] == [1, 1]

    async def test_of_which_no_run_can_be_made_pauses_and_says_why(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-05", queue="night")
        await daemon.until_runs(1)
        await daemon.tell(ev.QueueDeleted("night"))

        daemon.end(1)
        await daemon.until(lambda: daemon.backfill.state is BackfillState.PAUSED)

        assert "there is no queue 'night'" in daemon.backfill.detail
        await daemon.tell(ev.QueueSaved("night", QueueSpec()), ev.BackfillResumed(1))
        await daemon.end_all()
        assert daemon.days() == [2, 3, 4, 5]

    async def test_whose_job_is_not_published_pauses_and_says_so(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-05")
        await daemon.until_runs(1)
        await daemon.tell(ev.JobDeleted("default", "a.sh"))

        daemon.end(1)
        await daemon.until(lambda: daemon.backfill.state is BackfillState.PAUSED)

        assert daemon.backfill.detail == "job 'a.sh' is not published in workspace 'default'"

    async def test_waits_while_there_is_no_room_on_the_disk(
        self, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(backfiller_module, "AGAIN_SECONDS", 0.01)
        await daemon.create("2026-11-02", "2026-11-03")
        await daemon.until_runs(1)
        with monkeypatch.context() as full:
            full.setattr(daemon.log, "room", Room.RESERVE)
            daemon.end(1)
            await daemon.until(lambda: not daemon.backfill.active)
            await daemon.until(lambda: daemon.backfiller._workers[1]._timer)
            assert daemon.backfill.state is BackfillState.RUNNING
            assert daemon.state.counters.run == 1

        await daemon.until_runs(2)

    async def test_waits_while_the_history_can_not_be_read(
        self, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(backfiller_module, "AGAIN_SECONDS", 0.01)
        asked: list[object] = []

        async def fail(intervals: object) -> None:
            asked.append(intervals)
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as broken:
            broken.setattr(daemon.projection, "past_runs", fail)
            await daemon.create("2026-11-02", "2026-11-03", intervals=Intervals.MISSING)
            await daemon.until(lambda: len(asked) > 2)
            assert daemon.state.counters.run == 0

        await daemon.end_all()
        assert daemon.days() == [2, 3]

    async def test_that_is_looked_at_anew_just_before_its_turn_loses_no_run(
        self, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
    ):
        post = daemon.engine.post

        def post_and_look(command: Command) -> None:
            monkeypatch.setattr(daemon.engine, "post", post)
            post(command)
            daemon.backfiller.look()

        monkeypatch.setattr(daemon.engine, "post", post_and_look)
        await daemon.create("2026-11-02", "2026-11-03")

        await daemon.end_all()
        assert daemon.days() == [2, 3]

    async def test_keeps_its_workflow_and_its_queue_from_being_deleted(self, daemon: Daemon):
        await daemon.create("2026-11-02", "2026-11-03", queue="night")
        await daemon.until_runs(1)
        await daemon.tell(ev.BackfillPaused(1))
        daemon.end(1)
        await daemon.until(lambda: not daemon.state.runs)

        with pytest.raises(Refused, match="has backfills that go on: B1; cancel them first"):
            await daemon.ask(delete_workflow("default", "daily", "bob"))
        with pytest.raises(Refused, match="backfill B1 use it"):
            await daemon.ask(await delete_queue(daemon.state, daemon.objects, "night", "bob"))

        await daemon.ask(commands.cancel_backfill(1, False, "bob"))
        await daemon.ask(await delete_queue(daemon.state, daemon.objects, "night", "bob"))
        await daemon.ask(delete_workflow("default", "daily", "bob"))

    async def test_among_others_goes_on_beside_them(self, daemon: Daemon):
        for _ in range(5):
            await daemon.create("2026-11-02", "2026-11-06")

        def end_some() -> bool:
            for run in daemon.running:
                daemon.end(run)
            return all(held.has_ended for held in daemon.state.backfills.values())

        await daemon.until(lambda: len(daemon.running) == 5)
        await daemon.until(end_some)

        assert Counter(event.backfill for event in daemon.made()) == dict.fromkeys(range(1, 6), 5)
