"""One life of the daemon: the real engine, run log and commands, on simulated surroundings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from stoker_daemon import app
from stoker_daemon.app import Failure
from stoker_daemon.attempts.directory import AttemptKey
from stoker_daemon.attempts.executor import Order
from stoker_daemon.commands import ticks
from stoker_daemon.commands.queues import found_queues
from stoker_daemon.engine import Engine, Turn
from stoker_daemon.http.actions import Actions
from stoker_daemon.http.once import Once
from stoker_daemon.http.operations import Answer
from stoker_daemon.launchers import CannotLaunch
from stoker_daemon.launchers.task import Launch
from stoker_daemon.notify import sender
from stoker_daemon.notify.sender import Courier, channels
from stoker_daemon.runlog import log, reserve, writer
from stoker_daemon.runlog.log import open_log, read_log
from stoker_daemon.runlog.segments import Tail
from stoker_daemon.runlog.writer import LogWriter, Wait
from stoker_daemon.scheduling import backfiller
from stoker_daemon.scheduling.backfiller import Backfiller
from stoker_daemon.scheduling.scheduler import Scheduler
from stoker_daemon.volumes import DiskFailed
from stoker_shared.apply import backfilling
from stoker_shared.state import NodeRun, Run, State
from tests.world.keeping import Database, History, Objects
from tests.world.loop import Clock, Loop
from tests.world.post import Post
from tests.world.processes import Hands, Machine
from tests.world.syscalls import RUNLOG, Kernel

ZONE = ZoneInfo("Europe/Berlin")
"""The host's."""


class SteppedWriter(LogWriter):
    """The log's writer, whose work is done when it is asked for, on the thread that asks."""

    current: SteppedWriter | None = None
    clock: Clock

    def _begin(self) -> None:
        SteppedWriter.current = self
        self._steps = self._work()
        self.has_ended = False
        self.step()

    def _join(self) -> None:
        while not self.has_ended:
            self.step()

    def step(self) -> None:
        """Do what there is to do now."""
        wait = next(self._steps, None)
        self.has_ended = wait is None
        self._until, seconds = wait or Wait(lambda: False, None)
        self._due = None if seconds is None else self.clock.seconds + seconds

    def has_work(self) -> bool:
        """Tell whether what it waits for is so, or its time is over; never once it has ended."""
        return bool(self._until()) or (self._due is not None and self._due <= self.clock.seconds)

    def discard(self) -> None:
        """End as a thread does whose process is killed."""
        self._steps.close()

    @property
    def next_due(self) -> float | None:
        """When it goes on in any case."""
        return self._due


class Surroundings:
    """What every life of the daemon finds."""

    def __init__(
        self,
        kernel: Kernel,
        clock: Clock,
        machine: Machine,
        objects: Objects,
        post: Post,
        chance: Random,
        now: Callable[[], datetime],
        on_turn: Callable[[Turn], None],
    ) -> None:
        self.kernel = kernel
        self.clock = clock
        self.machine = machine
        self.chance = chance
        self.objects = objects
        self.post = post
        self.database = Database()
        self.now = now
        self.on_turn = on_turn

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Stand in for kernel, clock and threads where the run log asks for them."""
        SteppedWriter.clock = self.clock
        ids = SimpleNamespace(uuid4=lambda: SimpleNamespace(hex=f"{self.chance.getrandbits(128):032x}"))
        with self.kernel.used(), ExitStack() as stack:
            stack.enter_context(patch.object(writer, "monotonic", lambda: self.clock.seconds))
            stack.enter_context(patch.object(log, "LogWriter", SteppedWriter))
            stack.enter_context(patch.object(log, "uuid", ids))
            stack.enter_context(patch.object(log, "SEGMENT_BYTES", 16 * 1024))
            stack.enter_context(patch.object(backfiller, "AT_A_TIME", 4))
            stack.enter_context(patch.object(ticks, "MOST_ACTIVE", 3))
            stack.enter_context(patch.object(backfilling, "KEPT_BACKFILLS", 10))
            stack.enter_context(patch.object(sender, "CLOSING_SECONDS", 0))
            stack.enter_context(patch.object(reserve, "RESERVE_BYTES", 16 * 1024))
            stack.enter_context(patch.object(reserve, "STEP_BYTES", 1024))
            try:
                yield
            finally:
                asyncio._set_running_loop(None)


class Life:
    """A daemon from its start to its end. After a ``failure`` of the disk it only reads."""

    engine: Engine
    scheduler: Scheduler
    backfiller: Backfiller
    writer: SteppedWriter | None = None

    def __init__(self, around: Surroundings, failure: Failure | None) -> None:
        self.around = around
        self.failure = failure
        self.loop = Loop(around.clock)
        self.state: State | None = None

    def start(self) -> None:
        """Start as `stoker_daemon.app` does."""
        around, failure = self.around, self.failure
        asyncio._set_running_loop(self.loop)
        if failure:
            runlog, self.state = read_log(RUNLOG, failure.end)
        else:
            runlog, self.state = open_log(RUNLOG, "machine", around.now())
            around.database.catch_up(RUNLOG, self.state.seq)
        history: Any = History(around.database)
        objects: Any = around.objects
        hands = Hands(around.machine, around.chance, lambda: around.kernel.disk.room)
        why = failure.why if failure else ""
        self.engine = hands.engine = Engine(self.state, runlog, history, hands, self.prepare, around.now, why)
        around.machine.hands = hands
        self.engine.listeners.append(around.on_turn)
        self.once = Once(self.engine, history)
        self.actions = _Actions(self.engine, self.once, objects, history)
        SteppedWriter.current = None
        self.scheduler = Scheduler(self.engine, objects, ZONE, around.now)
        self.backfiller = Backfiller(self.engine, objects, history, around.now)
        self.couriers = [
            Courier(self.engine, around.post.carry, webhook=each, now=around.now, chance=around.chance)
            for each in (False, True)
        ]
        try:
            self.engine.start(_found)
        finally:
            self.writer = SteppedWriter.current
        if not failure:
            for work in (self.scheduler, self.backfiller, *self.couriers):
                work.start()

    def why_failed(self) -> BaseException | None:
        """Give what the engine failed with."""
        return self.engine.failed.exception()

    def discard(self) -> None:
        """Leave nothing of it, as a process that is killed."""
        self.loop.discard()
        if self.writer:
            self.writer.discard()
        # They hold one another and the state, and would have to be found as garbage.
        for part in vars(self).values():
            if isinstance(part, Engine | Scheduler | Backfiller):
                vars(part).clear()

    def probe(self) -> bool:
        """Tell whether a disk that failed works again."""
        assert self.failure
        try:
            app._probe(self.failure.end)
        except OSError:
            return False
        return True

    def close(self) -> Tail:
        """End in good order; the jobs go on."""
        if not self.failure:
            for work in (self.scheduler, *self.couriers):
                closing = self.loop.create_task(work.close())
                while not closing.done():
                    self.loop.wake()
                    self.loop.run_next()
            self.backfiller.close()
        end = self.engine.close()
        for _ in range(len(self.loop.ready)):
            self.loop.run_next()
        while self.loop.jobs:
            self.loop.run_job()
        return end

    def prepare(self, run: Run, node: NodeRun) -> Order:
        """Give what launches a node's next attempt, or refuse it now and then."""
        key = AttemptKey(run.id, node.number, node.name, len(node.attempts) + 1)
        if self.around.chance.random() < 0.002:
            raise CannotLaunch(f"{key}: unknown variable")
        return Order(key, f"{self.around.machine.boots}-{key}", Launch(argv=("/bin/true",), env={}))


def _found(turn: Turn) -> None:
    found_queues(8, 32 * 2**30)(turn)
    channels(mail=True, webhook=True)(turn)


class _Actions(Actions):
    """The handlers, which show no run afterwards: what that would cost is more than all else."""

    async def _shown(self, run: int) -> Any:
        return Answer(run)


def failure_of(error: BaseException | None, end: Tail) -> Failure | None:
    """Give what the daemon goes on with after its engine failed; None where it ends."""
    return Failure(f"the disk failed ({error})", end) if isinstance(error, DiskFailed) else None
