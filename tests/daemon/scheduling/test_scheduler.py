"""The scheduler on an engine with a real run log, under a clock of its own; closed, killed, started again."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from stoker_daemon.attempts.executor import Order
from stoker_daemon.commands.scheduling import set_scheduling
from stoker_daemon.commands.workflows import delete_workflow, publish_workflow, rename_workflow, save_workflow
from stoker_daemon.engine import Engine, Turn
from stoker_daemon.objects import Objects
from stoker_daemon.problems import Refused, no_space
from stoker_daemon.runlog.log import open_log
from stoker_daemon.runlog.segments import paths
from stoker_daemon.scheduling.scheduler import Scheduler
from stoker_daemon.timetable import timetable
from stoker_shared import events as ev
from stoker_shared.api import PublishWorkflow
from stoker_shared.codec import decode_record
from stoker_shared.model import (
    CatchUpPolicy,
    Cron,
    Days,
    Hours,
    Minutes,
    NodeSpec,
    OverlapPolicy,
    QueueSpec,
    Schedule,
    WorkflowSpec,
)
from stoker_shared.state import State, Workflow
from tests.daemon.engine.bench import Hands, History, order_for
from tests.rights import EVERYTHING
from tests.strategies import T0

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = Minutes(every=1, time_zone="UTC")
ON_TIME = timedelta(seconds=60)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


class Clock:
    """A clock, and waits for it to come so far. It goes only when it is told to, and may be set as well."""

    def __init__(self) -> None:
        self.now = T0
        self._passed = 0.0
        self._sleepers: dict[asyncio.Future[None], float] = {}
        self._resting = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self._sleepers[waiting] = self._passed + seconds
        self._resting.set()
        try:
            await waiting
        finally:
            self._sleepers.pop(waiting, None)

    async def rested(self) -> None:
        """Wait until somebody waits for time to pass."""
        while all(sleeper.done() for sleeper in self._sleepers):
            self._resting.clear()
            await self._resting.wait()

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self._passed += seconds
        for sleeper, end in list(self._sleepers.items()):
            if end <= self._passed and not sleeper.done():
                sleeper.set_result(None)

    def set(self, seconds: float) -> None:
        """Set it forward or back; nobody's waiting is shorter or longer for that."""
        self.now += timedelta(seconds=seconds)


class QuickHands(Hands):
    """Hands whose attempts succeed at once, unless they are to ``linger``."""

    def __init__(self, linger: bool) -> None:
        super().__init__()
        self.linger = linger
        self.engine: Engine

    def launch(self, order: Order) -> None:
        super().launch(order)
        if not self.linger:
            self.engine.attempt_ended(order.key, 0, ev.Reason.EXIT, "")

    def end_all(self) -> None:
        """Let what lingers succeed."""
        launched, self.launched = self.launched, []
        for key in launched:
            self.engine.attempt_ended(key, 0, ev.Reason.EXIT, "")

    def recover(self, key: Any, tag: str, boot_id: str, start_time: int | None) -> None:
        self.launched.append(key)
        if not self.linger:
            self.engine.attempt_ended(key, 0, ev.Reason.EXIT, "")


class World:
    """A daemon without processes, whose time goes as it is told."""

    def __init__(self, home: Path, *, linger: bool = False) -> None:
        self.clock = Clock()
        self.objects = Objects(home / "objects")
        self.linger = linger
        self._homes = (home / f"runlog-{number}" for number in count())
        self._runlog = next(self._homes)
        self.start()

    def start(self) -> None:
        log, state = open_log(self._runlog, "machine", self.clock.now)
        self.hands = QuickHands(self.linger)

        def now() -> datetime:
            return self.clock.now

        self.engine = self.hands.engine = Engine(state, log, History(), self.hands, order_for, now)
        self.engine.start(
            lambda turn: turn.state.queues or turn.record(ev.QueueSaved("root_queue", QueueSpec()), "")
        )
        self.scheduler = Scheduler(self.engine, self.objects, BERLIN, now, self.clock.sleep)
        self.scheduler.start()

    async def stop(self) -> None:
        await self.scheduler.close()
        self.engine.close()

    async def restart(self, down: float = 0) -> None:
        await self.stop()
        self.clock.go(down)
        self.start()

    async def kill(self, down: float = 0) -> None:
        """Go on from what is on disk now, whatever else is in memory."""
        left = self._runlog
        self._runlog = next(self._homes)
        self._runlog.mkdir()
        for path in paths(left):
            shutil.copy(path, self._runlog)
        await self.restart(down)

    async def settle(self) -> None:
        """Wait until all that is due has come to its end."""
        for _ in range(3):
            await self.ask(lambda _: None)
            await self.clock.rested()

    async def go(self, seconds: float) -> None:
        self.clock.go(seconds)
        await self.settle()

    async def ask(self, command: Callable[[Turn], Any]) -> Any:
        return await self.engine.submit(command)

    @property
    def state(self) -> State:
        return self.engine.state

    def workflow(self, name: str = "flow") -> Workflow:
        found = self.state.workflow_named("default", name)
        assert found
        return found

    async def publish(self, schedule: Schedule | None, name: str = "flow", **fields: Any) -> None:
        if not self.state.jobs:
            job = ev.JobPublished("default", "a.sh", 1, self.objects.put(b"exit"), 4)
            await self.ask(lambda turn: turn.record(job, "alice"))
        spec = WorkflowSpec(
            workflow=name, nodes=(NodeSpec(name="a", job="a.sh"),), schedule=schedule, **fields
        )
        known = self.state.workflow_named("default", name)
        revision = known.draft.revision if known else 0
        await self.ask(await save_workflow(self.objects, "default", name, spec, revision, "alice", BERLIN))
        request = PublishWorkflow()
        await self.ask(
            await publish_workflow(
                self.state, self.objects, "default", name, request, "alice", BERLIN, EVERYTHING
            )
        )

    async def switch(self, on: bool, name: str = "flow") -> None:
        await self.ask(set_scheduling(self.objects, "default", name, on, "alice", BERLIN, EVERYTHING))
        await self.settle()

    async def define(self, schedule: Schedule | None, name: str = "flow", **fields: Any) -> None:
        await self.publish(schedule, name, **fields)
        await self.switch(True, name)

    def records(self) -> list[ev.Record]:
        return [
            decode_record(line)[0]
            for path in paths(self._runlog)
            for line in path.read_bytes().split(b"\n")[:-1]
            if line.startswith(b'{"seq":')
        ]

    def runs(self, name: str = "flow") -> list[datetime]:
        """Give the ticks that have runs."""
        return [event.scheduled_at for event in self._created(name) if event.scheduled_at]

    def _created(self, name: str) -> list[ev.RunCreated]:
        events = (record.event for record in self.records())
        return [event for event in events if isinstance(event, ev.RunCreated) and event.name == name]

    def skips(self, name: str = "flow") -> list[ev.TickSkipped]:
        number = self.workflow(name).id
        events = (record.event for record in self.records())
        return [event for event in events if isinstance(event, ev.TickSkipped) and event.workflow == number]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    await world.stop()


class TestTheSwitch:
    async def test_on_makes_a_run_of_every_tick_from_that_moment(self, world: World):
        await world.publish(MINUTE)
        await world.go(150)
        await world.switch(True)
        for _ in range(5):
            await world.go(30)

        assert world.runs() == [at(180), at(240), at(300)]

    async def test_off_makes_no_more_also_not_of_what_was_due(self, world: World):
        await world.define(MINUTE)
        await world.go(60)
        world.clock.go(70)
        await world.ask(set_scheduling(world.objects, "default", "flow", False, "alice", BERLIN, EVERYTHING))
        await world.settle()
        made = world.runs()
        await world.go(300)

        assert world.runs() == made
        await world.switch(True)
        await world.go(60)
        assert world.runs() == [*made, at(480)]

    async def test_turned_twice_is_no_error_and_no_event(self, world: World):
        await world.define(MINUTE)
        seq = world.state.seq
        await world.switch(True)
        assert world.state.seq == seq

    async def test_is_refused_where_there_is_nothing_to_schedule(self, world: World):
        await world.publish(None)
        with pytest.raises(Refused, match="version 1 of 'flow' has no schedule; give it one"):
            await world.switch(True)

        spec = WorkflowSpec(workflow="draft", schedule=MINUTE)
        await world.ask(await save_workflow(world.objects, "default", "draft", spec, 0, "alice", BERLIN))
        with pytest.raises(Refused, match="'draft' has not been published"):
            await world.switch(True, "draft")

    async def test_on_again_after_the_clock_was_set_back_runs_nothing_twice(self, world: World):
        await world.define(MINUTE)
        await world.go(60)
        world.clock.set(-3600)
        await world.switch(False)
        await world.switch(True)
        for _ in range(3630 // 30):
            await world.go(30)

        assert world.runs() == [at(60)]
        await world.go(60)
        assert world.runs() == [at(60), at(120)]

    async def test_on_again_does_not_wait_for_what_a_wrong_clock_made_in_the_far_future(self, world: World):
        await world.define(Days(at="00:00", time_zone="UTC"))
        world.clock.set(90 * 86400)
        await world.go(30)
        assert len(world.runs()) == 1
        world.clock.set(-90 * 86400)
        await world.switch(False)
        await world.switch(True)
        for _ in range(24 * 60):
            world.clock.go(60)
        await world.settle()

        assert len(world.runs()) == 2


class TestARun:
    async def test_of_a_schedule_says_its_tick_its_interval_and_by_when_it_is_to_be_done(self, world: World):
        daily = Days(at="06:00", time_zone="Europe/Berlin")
        await world.define(daily, not_started_by="90m", not_done_by="09:30")
        await world.go(4 * 3600)

        [event] = world._created("flow")
        assert (event.trigger, event.version, event.time_zone) == ("schedule", 1, "Europe/Berlin")
        assert (event.scheduled_at, event.cycle) == (at(4 * 3600), at(4 * 3600 - 86400))
        assert (event.start_by, event.end_by) == (at(5.5 * 3600), at(7.5 * 3600))
        assert {record.by for record in world.records() if record.event is event} <= {"stoker"}

    async def test_is_of_what_was_published_not_of_the_draft(self, world: World):
        await world.define(MINUTE, description="one")
        draft = WorkflowSpec(workflow="flow", schedule=Hours(every=1, time_zone="UTC"))
        command = await save_workflow(world.objects, "default", "flow", draft, 1, "alice", BERLIN)
        await world.ask(command)
        await world.go(60)
        assert world.runs() == [at(60)]

        await world.publish(MINUTE, description="two")
        await world.go(60)
        assert [event.version for event in world._created("flow")] == [1, 2]

    async def test_that_can_not_be_made_is_recorded_with_the_reason_and_the_next_is_tried(self, world: World):
        await world.define(MINUTE)
        await world.ask(lambda turn: turn.record(ev.JobDeleted("default", "a.sh"), "alice"))
        await world.go(60)
        await world.go(60)

        assert world.runs() == []
        first = world.skips()[0]
        assert (first.first, first.last, first.count, first.reason) == (at(60), at(60), 1, "refused")
        assert first.detail == "job 'a.sh' is not published in workspace 'default'"

        job = ev.JobPublished("default", "a.sh", 1, "d" * 64, 4)
        await world.ask(lambda turn: turn.record(job, "alice"))
        await world.ask(lambda turn: turn.record(ev.QueueSaved("root_queue", QueueSpec(limit=0)), "alice"))
        await world.go(60)
        assert "needs 1 CU, and queue root_queue has only 0" in world.skips()[-1].detail

        await world.ask(lambda turn: turn.record(ev.QueueSaved("root_queue", QueueSpec(limit=1)), "alice"))
        await world.go(60)
        assert world.runs() == [at(240)]

    async def test_is_made_for_ticks_of_many_workflows_in_the_same_second(self, world: World):
        await world.publish(MINUTE, "flow0")
        names = [f"flow{number}" for number in range(1, 250)]
        specs = [WorkflowSpec(workflow=name, schedule=MINUTE) for name in names]
        digests = world.objects.put_all(map(msgspec.json.encode, specs))

        def define(turn: Turn) -> None:
            for number, (name, digest) in enumerate(zip(names, digests, strict=True), 2):
                turn.record(ev.WorkflowSaved("default", number, name, 1, digest), "alice")
                turn.record(ev.WorkflowPublished(number, 1, digest), "alice")
                turn.record(ev.WorkflowScheduling(number, True, turn.now, MINUTE), "alice")

        await world.ask(define)
        await world.go(60)

        assert all(world.workflow(name).ticked == at(60) for name in names)
        assert world.state.counters.run == 249

    async def test_is_not_made_of_a_deleted_workflow_and_is_made_of_a_renamed_one(self, world: World):
        await world.define(MINUTE, "old")
        await world.define(MINUTE, "gone")
        command = await rename_workflow(world.state, world.objects, "default", "old", "new", "alice")
        await world.ask(command)
        await world.ask(delete_workflow("default", "gone", "alice"))
        await world.go(60)

        assert (world.runs("new"), world.runs("gone")) == ([at(60)], [])

    async def test_is_made_later_where_its_definition_could_not_be_read_and_holds_up_no_other(
        self, world: World
    ):
        await world.define(MINUTE, "lost", catch_up=CatchUpPolicy.ALL)
        await world.define(MINUTE, "whole")
        path = world.objects.path(world.workflow("lost").versions[-1].digest)
        aside = path.rename(path.with_name("aside"))
        world.objects = Objects(path.parent)
        await world.restart(down=60)
        await world.settle()
        await world.go(30)
        assert (world.runs("lost"), world.runs("whole")) == ([], [at(60)])

        aside.rename(path)
        await world.go(30)
        assert world.runs("lost") == [at(60), at(120)]


class TestOverlap:
    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[World]:
        world = World(tmp_path, linger=True)
        yield world
        await world.stop()

    async def test_skip_makes_no_run_while_one_is_active_and_says_which(self, world: World):
        await world.define(MINUTE, overlap=OverlapPolicy.SKIP)
        for _ in range(3):
            await world.go(60)
        assert world.runs() == [at(60)]
        assert [(skip.first, skip.reason, skip.detail) for skip in world.skips()] == [
            (at(120), "overlap", "run #1 was active"),
            (at(180), "overlap", "run #1 was active"),
        ]

        world.hands.end_all()
        await world.settle()
        await world.go(60)
        assert world.runs() == [at(60), at(240)]

    async def test_skip_leaves_out_all_but_the_first_of_those_it_catches_up_on(self, world: World):
        await world.define(MINUTE, overlap=OverlapPolicy.SKIP, catch_up=CatchUpPolicy.ALL)
        await world.restart(down=600)
        await world.settle()

        assert world.runs() == [at(60)]
        assert [(skip.first, skip.last, skip.count) for skip in world.skips()] == [(at(120), at(600), 9)]

    async def test_wait_starts_one_after_the_other_and_parallel_all(self, world: World):
        await world.define(MINUTE, "wait", overlap=OverlapPolicy.WAIT)
        await world.define(MINUTE, "parallel", overlap=OverlapPolicy.PARALLEL)
        await world.go(60)
        await world.go(60)

        states = [(run.name, run.state.value) for run in world.state.runs.values()]
        assert sorted(states) == [
            ("parallel", "running"),
            ("parallel", "running"),
            ("wait", "pending"),
            ("wait", "running"),
        ]

    async def test_replace_stops_the_earlier_run_and_starts_when_it_has_ended(self, world: World):
        await world.define(MINUTE, overlap=OverlapPolicy.REPLACE)
        await world.go(60)
        await world.go(60)
        assert len(world.hands.ended) == 1
        assert [run.state.value for run in world.state.runs.values()] == ["running", "pending"]

        world.hands.end_all()
        await world.settle()
        assert [(run.id, run.state.value) for run in world.state.runs.values()] == [(2, "running")]


class TestAPublishedChange:
    async def test_of_the_schedule_counts_from_its_publishing_on(self, world: World):
        await world.define(Minutes(every=10, time_zone="UTC"))
        await world.go(599)
        await world.publish(Minutes(every=15, time_zone="UTC"))
        await world.go(1)
        for _ in range(20):
            await world.go(60)

        assert world.runs() == [at(900), at(1800)]

    async def test_runs_what_was_due_by_the_old_one_before(self, world: World):
        await world.define(Minutes(every=10, time_zone="UTC"), catch_up=CatchUpPolicy.ALL)
        await world.scheduler.close()
        world.clock.go(1300)
        await world.publish(Minutes(every=7, time_zone="UTC"), catch_up=CatchUpPolicy.ALL)
        await world.restart(down=600)
        await world.settle()

        assert world.runs() == [at(600), at(1200), at(1440), at(1860)]


class TestTheClock:
    async def test_set_forward_makes_what_was_jumped_over_a_matter_of_catch_up(self, world: World):
        for policy in CatchUpPolicy:
            await world.define(MINUTE, policy.value, catch_up=policy)
        world.clock.set(600)
        await world.go(30)

        minutes = [at(60 * number) for number in range(1, 11)]
        assert world.runs("all") == minutes
        assert world.runs("latest") == minutes[8:]
        assert world.runs("none") == minutes[9:]
        assert [skip.count for skip in world.skips("latest")] == [8]

    async def test_set_back_repeats_nothing(self, world: World):
        await world.define(MINUTE)
        for _ in range(10):
            await world.go(30)
        world.clock.set(-200)
        for _ in range(20):
            await world.go(30)

        assert world.runs() == [at(60 * number) for number in range(1, 12)]


class TestAFullDisk:
    async def test_is_waited_for_and_then_the_policy_decides(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ):
        await world.define(MINUTE, "all", catch_up=CatchUpPolicy.ALL)
        await world.define(MINUTE, "none", catch_up=CatchUpPolicy.NONE)

        def refuse(**_: Any) -> None:
            raise no_space(Path("/"))

        with monkeypatch.context() as patch:
            patch.setattr(world.engine, "admit", refuse)
            for _ in range(10):
                world.clock.go(30)
                await world.clock.rested()
        await world.go(30)

        assert world.runs("all") == [at(60 * number) for number in range(1, 6)]
        assert [(skip.first, skip.count) for skip in world.skips("none")] == [(at(60), 4)]
        assert world.runs("none") == [at(300)]


class TestABacklog:
    async def test_is_made_in_order_as_runs_of_it_end_and_never_lost(self, tmp_path: Path):
        world = World(tmp_path, linger=True)
        await world.define(MINUTE, catch_up=CatchUpPolicy.ALL, overlap=OverlapPolicy.PARALLEL)
        await world.restart(down=250 * 60)
        await world.settle()
        assert len(world.state.runs) == 100

        await world.kill()
        await world.settle()
        assert len(world.state.runs) == 100
        for _ in range(3):
            world.hands.end_all()
            await world.settle()

        assert world.runs() == [at(60 * number) for number in range(1, 251)]
        await world.stop()


@pytest.mark.parametrize("policy", CatchUpPolicy)
async def test_a_daemon_that_is_stopped_and_killed_all_the_time_loses_and_doubles_no_tick(
    tmp_path: Path, policy: CatchUpPolicy
):
    random = Random(policy.value)
    world = World(tmp_path)
    schedules = {
        "minute": MINUTE,
        "cron": Cron(expression="*/7 * * * *", time_zone="UTC"),
        "days": Days(at="02:05", time_zone="Europe/Berlin"),
    }
    for name, schedule in schedules.items():
        await world.define(schedule, name, catch_up=policy)
    for _ in range(60):
        world.clock.go(random.choice([1, 5, 20, 60, 61]))
        for _ in range(random.choice([0, 1, 3, 10, 30, 100])):
            await asyncio.sleep(0)
        down = random.choice([0, 1, 10, 60, 200])
        await (world.kill(down) if random.random() < 0.6 else world.restart(down))
    await world.go(30)

    for name, schedule in schedules.items():
        ticks = timetable(schedule, BERLIN).between(T0, world.clock.now)
        check_account(world, name, list(ticks), policy)
    await world.stop()


def check_account(world: World, name: str, ticks: list[datetime], policy: CatchUpPolicy) -> None:
    """Check that each tick has its run, or was dropped as the policy says, once and in order."""
    left = list(ticks)
    number = world.workflow(name).id
    for record in world.records():
        match record.event:
            case ev.RunCreated(workflow=workflow, scheduled_at=tick) if workflow == number and tick:
                assert left.pop(0) == tick
                if record.at - tick > ON_TIME:
                    assert policy is not CatchUpPolicy.NONE
                    next_is_missed = bool(left) and record.at - left[0] > ON_TIME
                    assert not next_is_missed or policy is CatchUpPolicy.ALL
            case ev.TickSkipped(workflow=workflow) as skip if workflow == number:
                assert (skip.reason, policy is CatchUpPolicy.ALL) == (ev.SkipReason.CATCH_UP, False)
                assert (skip.first, skip.last) == (left[0], left[skip.count - 1])
                assert record.at - skip.last > ON_TIME
                del left[: skip.count]
    assert left == []
