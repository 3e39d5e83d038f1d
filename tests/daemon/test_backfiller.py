"""Backfills at work: an engine on a real log, a history, and a clock and processes that tests move."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from stoker_daemon import backfiller as backfiller_module
from stoker_daemon.attempts import AttemptKey
from stoker_daemon.backfiller import Backfiller
from stoker_daemon.commands import backfills as commands
from stoker_daemon.commands.actions import stop_run
from stoker_daemon.commands.queues import delete_queue
from stoker_daemon.commands.reruns import rerun_run
from stoker_daemon.commands.runs import start_run
from stoker_daemon.commands.workflows import delete_workflow
from stoker_daemon.engine import Command, Engine, Turn
from stoker_daemon.executor import Order
from stoker_daemon.launchers.task import Launch
from stoker_daemon.objects import Objects
from stoker_daemon.problems import Refused
from stoker_daemon.processes import Identity
from stoker_daemon.projection import Projection
from stoker_daemon.runlog import reserve
from stoker_daemon.runlog.log import open_log
from stoker_daemon.runlog.segments import replay
from stoker_daemon.runlog.writer import Room
from stoker_shared import events as ev
from stoker_shared.api import RerunRun, StartRun
from stoker_shared.api.backfills import CreateBackfill
from stoker_shared.model import (
    BackfillOrder,
    BackfillState,
    Days,
    Intervals,
    NodeSpec,
    QueueSpec,
    RunState,
    WorkflowSpec,
)
from stoker_shared.state import Backfill, NodeRun, Run, State
from tests.harness import PATIENCE
from tests.rights import EVERYTHING
from tests.strategies import T0

UTC = ZoneInfo("UTC")
DAY = timedelta(days=1)


class Machine:
    """The processes of a host, which outlive daemons: how each ended, None of what runs."""

    def __init__(self) -> None:
        self.status: dict[AttemptKey, int | None] = {}


class Hands:
    """Hands of one daemon on a machine; once it is killed they do nothing more."""

    boot_id = "this boot"

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.engine: Engine
        self.killed = False

    def make_ready(self, order: Order) -> None:
        pass

    def launch(self, order: Order) -> None:
        if not self.killed:
            assert order.key not in self.machine.status, f"{order.key} was launched twice"
            self.machine.status[order.key] = None
            self.engine.attempt_started(order.key, Identity(1, 1, self.boot_id))

    def end(self, key: AttemptKey) -> None:
        if not self.killed and self.machine.status.get(key, 0) is None:
            self.finish(key, 143)

    def recover(self, key: AttemptKey, tag: str, boot_id: str, start_time: int | None) -> None:
        if key not in self.machine.status:
            self.machine.status[key] = -1
            self.engine.attempt_ended(key, None, ev.Reason.NEVER_BEGAN, "")
        elif (status := self.machine.status[key]) is None:
            self.engine.attempt_adopted(key, Identity(1, 1, self.boot_id))
        else:
            self.engine.attempt_ended(key, status, ev.Reason.EXIT, "")

    def finish(self, key: AttemptKey, status: int) -> None:
        self.machine.status[key] = status
        self.engine.attempt_ended(key, status, ev.Reason.EXIT, "")


def order_for(run: Run, node: NodeRun) -> Order:
    key = AttemptKey(run.id, node.number, node.name, len(node.attempts) + 1)
    return Order(key, f"tag of {key}", Launch(argv=("/bin/true",), env={}))


class Daemon:
    """A daemon with the published workflow `daily`, whose jobs run until they are told to end."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.now = T0
        self.machine = Machine()
        self.objects = Objects(directory / "objects")
        self.lives = 0

    async def start(self) -> None:
        runlog = self.directory / f"runlog-{self.lives}"
        self.log, state = open_log(runlog, "machine", self.now)
        self.hands = Hands(self.machine)
        self.projection = Projection(None)
        await self.projection.open(runlog, self.log.id, self.log.durable)
        self.engine = Engine(state, self.log, self.projection, self.hands, order_for, lambda: self.now)
        self.hands.engine = self.engine
        self.backfiller = Backfiller(self.engine, self.objects, self.projection, lambda: self.now)
        self.engine.start()
        self.backfiller.start()

    async def close(self) -> None:
        self.hands.killed = True
        self.backfiller.close()
        self.engine.close()
        await self.projection.close()

    async def kill(self) -> None:
        """Go on with what the disk has at this moment."""
        image = self.directory / f"runlog-{self.lives + 1}"
        shutil.copytree(self.directory / f"runlog-{self.lives}", image)
        await self.close()
        self.lives += 1
        await self.start()

    @property
    def state(self) -> State:
        return self.engine.state

    @property
    def backfill(self) -> Backfill:
        return self.state.backfills[self.state.counters.backfill]

    async def ask(self, command: Command) -> Any:
        return await self.engine.submit(command)

    async def tell(self, *events: ev.EventType) -> None:
        def command(turn: Turn) -> None:
            for event in events:
                turn.record(event, "alice")

        await self.ask(command)

    async def publish(self, **fields: Any) -> None:
        """Publish `daily` anew."""
        spec = WorkflowSpec(workflow="daily", nodes=(NodeSpec(name="a", job="a.sh"),), **fields)
        digest = self.objects.put(msgspec.json.encode(spec))
        known = self.state.workflow_named("default", "daily")
        revision = known.draft.revision + 1 if known else 1
        await self.tell(
            ev.WorkflowSaved("default", 1, "daily", revision, digest),
            ev.WorkflowPublished(1, len(known.versions) + 1 if known else 1, digest),
        )

    async def create(self, first: str, last: str, **fields: Any) -> Backfill:
        request = msgspec.structs.replace(CreateBackfill(workflow="daily", first=first, last=last), **fields)
        command = await commands.create_backfill(
            self.state,
            self.objects,
            "default",
            request,
            UTC,
            self.now,
            "alice",
            EVERYTHING,
        )
        return self.state.backfills[await self.ask(command)]

    async def run_now(self, cycle: str) -> int:
        """Start a run by hand, and give its number."""
        request = StartRun(workflow="daily", cycle=cycle)
        return await self.ask(
            await start_run(self.state, self.objects, "default", request, UTC, self.now, "bob", EVERYTHING)
        )

    async def rerun(self, number: int) -> None:
        found = await self.projection.run(number)
        assert found
        await self.ask(await rerun_run(found, self.state, self.objects, RerunRun(), "bob", EVERYTHING))

    @property
    def running(self) -> dict[int, AttemptKey]:
        """What runs, by the numbers of runs."""
        return {key.run: key for key, status in self.machine.status.items() if status is None}

    def end(self, run: int, status: int = 0) -> None:
        self.hands.finish(self.running[run], status)

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until that is so."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.001)

    async def until_runs(self, *numbers: int) -> None:
        await self.until(lambda: set(self.running) == set(numbers))

    async def end_all(self, outcome: Callable[[int], int] = lambda _: 0) -> None:
        """End whatever the newest backfill starts, until it makes no more."""

        def end_some() -> bool:
            for run in set(self.running) & set(self.backfill.active):
                self.end(run, outcome(run))
            return self.backfill.state is not BackfillState.RUNNING and not self.backfill.active

        await self.until(end_some)

    def made(self) -> list[ev.RunCreated]:
        """The runs that there were ever."""
        runlog = self.directory / f"runlog-{self.lives}"
        return [
            record.event
            for record, _ in replay(runlog, until=self.log.durable)
            if record and isinstance(record.event, ev.RunCreated)
        ]

    def days(self) -> list[int]:
        """The days of the month of the cycles of all runs, in their order."""
        return [event.cycle.day for event in self.made()]


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(reserve, "RESERVE_BYTES", 0)


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    daemon = Daemon(tmp_path)
    await daemon.start()
    await daemon.tell(
        ev.QueueSaved("root_queue", QueueSpec()),
        ev.QueueSaved("night", QueueSpec()),
        ev.JobPublished("default", "a.sh", 1, "0" * 64, 1),
    )
    await daemon.publish(schedule=Days(at="01:00"))
    yield daemon
    await daemon.close()


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
