"""An engine on a real log, with hands and a history that only remember, for all tests of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stoker_daemon.attempts.directory import AttemptKey
from stoker_daemon.attempts.executor import Order
from stoker_daemon.attempts.processes import Identity
from stoker_daemon.engine import Command, Engine, Turn
from stoker_daemon.launchers.task import Launch
from stoker_daemon.projection import Change, KeyUsed, RunChange
from stoker_daemon.runlog.log import open_log
from stoker_daemon.runlog.segments import paths
from stoker_shared import events as ev
from stoker_shared.codec import decode_record
from stoker_shared.state import NodeRun, Run, State
from tests.strategies import T0, created

A = AttemptKey(1, 1, "a", 1)

B = AttemptKey(1, 2, "b", 1)


class Hands:
    """Hands that only write down what they are asked for."""

    boot_id = "this boot"

    def __init__(self) -> None:
        self.ready: list[AttemptKey] = []
        self.launched: list[AttemptKey] = []
        self.ended: list[AttemptKey] = []
        self.recovered: list[tuple[AttemptKey, str, str, int | None]] = []
        self.something = asyncio.Event()

    def lay_out(self, key: AttemptKey) -> None:
        assert key not in self.launched

    def make_ready(self, order: Order) -> None:
        self.ready.append(order.key)

    def launch(self, order: Order) -> None:
        assert order.key in self.ready
        self.launched.append(order.key)
        self.something.set()

    def end(self, key: AttemptKey) -> None:
        self.ended.append(key)
        self.something.set()

    def recover(self, key: AttemptKey, tag: str, boot_id: str, start_time: int | None) -> None:
        self.recovered.append((key, tag, boot_id, start_time))


class History:
    """A history that only remembers what it is given."""

    def __init__(self) -> None:
        self.changes: list[RunChange] = []
        self.keys: list[KeyUsed] = []
        self.seqs: list[int] = []

    def write(self, changes: list[Change], seq: int) -> None:
        self.changes += [change for change in changes if isinstance(change, RunChange)]
        self.keys += [change for change in changes if isinstance(change, KeyUsed)]
        self.seqs.append(seq)


class Daemon:
    """An engine on a real log, with a clock that stands still until it is set."""

    def __init__(self, directory: Path, founding: Command = lambda _: None) -> None:
        self.directory = directory
        self.founding = founding
        self.now = T0
        self.prepare: Callable[[Run, NodeRun], Order] = order_for
        self.start()

    def start(self) -> None:
        self.log, state = open_log(self.directory, "machine", self.now)
        self.hands = Hands()
        self.history = History()

        def prepare(run: Run, node: NodeRun) -> Order:
            return self.prepare(run, node)

        self.engine = Engine(state, self.log, self.history, self.hands, prepare, lambda: self.now)
        self.engine.start(self.founding)

    def restart(self) -> None:
        self.engine.close()
        self.start()

    @property
    def state(self) -> State:
        return self.engine.state

    @property
    def run(self) -> Run:
        return self.state.runs[1]

    async def create(self, *nodes: ev.PlannedNode, **fields: Any) -> None:
        event = created(nodes, run=self.state.counters.run + 1, **fields)
        await self.ask(lambda turn: turn.record(event, "alice"))

    async def ask(self, command: Callable[[Turn], Any]) -> Any:
        """Have a command carried out; where the engine fails instead, fail with it."""
        return await answer_or_failure(self.engine, command)

    async def settle(self) -> None:
        """Wait until everything that was handed in before has been carried out, and what came of that."""
        for _ in range(3):
            await self.ask(lambda _: None)

    async def look_again(self) -> None:
        """Have every run planned anew."""
        await self.ask(lambda turn: turn.look_at(turn.state.runs))

    def begin(self, key: AttemptKey) -> None:
        self.engine.attempt_started(key, Identity(4711, 99, Hands.boot_id))

    def end(
        self, key: AttemptKey, status: int | None = 0, reason: ev.Reason = ev.Reason.EXIT, detail: str = ""
    ) -> None:
        self.engine.attempt_ended(key, status, reason, detail)

    def lines(self) -> list[tuple[ev.Record, int]]:
        """The events on disk, with their groups."""
        found = []
        for path in paths(self.directory):
            for line in path.read_bytes().split(b"\n")[:-1]:
                if line.startswith(b'{"seq":'):
                    found.append(decode_record(line))
        return found

    def events(self) -> list[ev.EventType | ev.Unknown]:
        return [record.event for record, _ in self.lines()]


async def answer_or_failure(engine: Engine, command: Callable[[Turn], Any]) -> Any:
    answer = asyncio.ensure_future(engine.submit(command))
    try:
        await asyncio.wait({answer, engine.failed}, return_when=asyncio.FIRST_COMPLETED)
        if engine.failed.done():
            engine.failed.result()
        return await answer
    finally:
        answer.cancel()


def order_for(run: Run, node: NodeRun) -> Order:
    key = AttemptKey(run.id, node.number, node.name, len(node.attempts) + 1)
    return Order(key, f"tag of {key}", Launch(argv=("/bin/true",), env={}))


async def pass_turns() -> None:
    """Let the loop do all it can do now."""
    for _ in range(10):
        await asyncio.sleep(0)


def publish(number: int) -> Callable[[Turn], None]:
    return lambda turn: turn.record(ev.JobPublished("default", f"{number}.sh", 1, "d", 1), "alice")
