"""Backfills at work: an engine on a real log, a history, and a clock and processes that tests move."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.attempts.directory import AttemptKey
from stoker_daemon.attempts.executor import Order
from stoker_daemon.attempts.processes import Identity
from stoker_daemon.commands import backfills as commands
from stoker_daemon.commands.reruns import rerun_run
from stoker_daemon.commands.runs import start_run
from stoker_daemon.engine import Command, Engine, Turn
from stoker_daemon.launchers.task import Launch
from stoker_daemon.objects import Objects
from stoker_daemon.projection import Projection
from stoker_daemon.runlog.log import open_log
from stoker_daemon.runlog.segments import replay
from stoker_daemon.scheduling.backfiller import Backfiller
from stoker_shared import events as ev
from stoker_shared.api import RerunRun, StartRun
from stoker_shared.api.backfills import CreateBackfill
from stoker_shared.model import BackfillState, NodeSpec, WorkflowSpec
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
