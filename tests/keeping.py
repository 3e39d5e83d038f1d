"""A daemon's data with a history to let go of: an engine on a real log, a history, objects and output."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import msgspec

from stoker_daemon.config import Config
from stoker_daemon.engine import Engine, Turn
from stoker_daemon.objects import Objects
from stoker_daemon.preparing.plan import Plan, PlanNode
from stoker_daemon.projection import Intervals, Projection, Range
from stoker_daemon.projection.database import PastRun
from stoker_daemon.retention import Retention
from stoker_daemon.runlog.log import open_log
from stoker_daemon.runlog.segments import replay
from stoker_shared import events as ev
from stoker_shared.model import JobConfig, JobType, Keep, NodeState, RunState, WorkflowSpec
from stoker_shared.state import State
from tests.daemon.engine.bench import Hands, order_for
from tests.strategies import T0, created, exited, node, starting

Told = dict[str, list[tuple[object, ...]]]
"""What is in the tables, by table, without what may differ: numbers of facets, and what was measured."""


class Home:
    """A data directory with a daemon on it, without interface, on a clock that tests set."""

    def __init__(self, data: Path, **settings: int) -> None:
        self.data = data
        self.now = T0
        self.config = Config(data=data, socket=data / "s", low_space=0, **settings)  # type: ignore[arg-type]
        self.projection: Projection
        self.engine: Engine
        self.retention: Retention
        self.objects: Objects

    async def open(self) -> None:
        """Start the daemon."""
        logs = self.data / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        self.objects = Objects(self.data / "objects")
        log, state = open_log(self.data / "runlog", "machine", self.now)
        self.projection = Projection(self.data / "stoker.db")
        await self.projection.open(log.directory, log.id, log.durable)
        self.engine = Engine(state, log, self.projection, Hands(), order_for, lambda: self.now)
        self.retention = Retention(
            self.engine, self.projection, self.objects, self.config, lambda: self.now, list
        )
        self.engine.start()

    async def close(self) -> None:
        """Stop it."""
        await self.retention.close()
        self.engine.close()
        await self.engine.log.wait_durable(self.engine.state.seq)
        await self.projection.close()

    @property
    def state(self) -> State:
        return self.engine.state

    async def define(self, name: str, keep: Keep = Keep()) -> int:  # noqa: B008
        """Save a workflow, and give its number."""
        digest = self.objects.put(msgspec.json.encode(WorkflowSpec(workflow=name, keep=keep)))
        number = self.state.counters.workflow + 1
        await self.tell(ev.WorkflowSaved("default", number, name, 1, digest))
        return number

    async def tell(self, *events: ev.EventType, key: ev.KeyUse | None = None) -> None:
        def command(turn: Turn) -> None:
            for event in events:
                turn.record(event, "alice")

        await self.engine.submit(command, key)

    async def run(
        self,
        workflow: int,
        state: RunState = RunState.SUCCEEDED,
        *,
        cycle: datetime | None = None,
        content: bytes = b"true",
        days_ago: float = 0,
        **fields: object,
    ) -> int:
        """Make a run that has ended, with an output of its own; give its number."""
        number = self.state.counters.run + 1
        plan = Plan("w", [PlanNode("a", "a.sh", JobType.SHELL, 1, self.objects.put(content), JobConfig())])
        event = created(
            [node("a")],
            run=number,
            workflow=workflow,
            cycle=cycle or T0 - timedelta(days=number),
            plan=self.objects.put(msgspec.json.encode(plan)),
            **fields,
        )
        end = NodeState.SUCCEEDED if state is RunState.SUCCEEDED else NodeState.FAILED
        before, self.now = self.now, self.now - timedelta(days=days_ago)
        await self.tell(
            *(event, ev.RunStarted(number), starting("a", run=number), exited("a", run=number)),
            *(ev.NodeFinished(number, "a", end), ev.RunFinished(number, state)),
            key=ev.KeyUse(f"key {number}", "POST /runs", "0" * 64),
        )
        self.now = before
        directory = self.data / f"logs/{number}/1/1/work"
        directory.mkdir(parents=True)
        (directory / "result").write_text(str(number))
        return number

    async def judged(self, workflow: int) -> dict[datetime, list[PastRun]]:
        """Give what backfill 1 would know of a workflow's intervals."""
        await self.engine.durable()
        return await self.projection.past_runs(Intervals("default", workflow, Range(0, 2**62), 1))

    async def told(self) -> Told:
        """Give all that the history holds."""
        await self.engine.durable()
        return await self.projection.ask(_told)

    async def told_by_the_log(self, aside: Path) -> Told:
        """Give all that a history holds that is made anew from the log."""
        projection = Projection(aside)
        log = self.engine.log
        await projection.open(log.directory, log.id, log.durable)
        try:
            return await projection.ask(_told)
        finally:
            await projection.close()

    def directories(self) -> set[str]:
        """Give what lies beside the logs of runs, or is theirs."""
        lying = {path.name for path in (self.data / "logs").iterdir()} - {".removed"}
        aside = self.data / "logs/.removed"
        return lying | ({path.name for path in aside.iterdir()} if aside.exists() else set())

    def verify(self) -> int:
        """Read the whole log, as `stokerd check --verify-log` does, and give where it ends."""
        seq = 0
        for record, _ in replay(self.data / "runlog"):
            seq = record.seq if record else seq
        return seq


async def with_history(home: Home, chance: Random, runs: int) -> list[int]:
    """Fill a home with runs of three workflows, some failed, some of debug, some of one cycle; give these."""
    workflows = [
        await home.define("often"),
        await home.define("seldom"),
        await home.define("kept", Keep(days=0)),
    ]
    for place in range(runs):
        state = chance.choice([RunState.SUCCEEDED] * 3 + [RunState.FAILED, RunState.STOPPED])
        await home.run(
            chance.choice([*workflows[:1] * 4, *workflows[1:]]),
            state,
            cycle=T0 - timedelta(days=chance.randrange(30)),
            days_ago=(runs - place) * 2,
            content=f"echo {chance.randrange(4)}".encode(),
            trigger=chance.choice([ev.Trigger.SCHEDULE, ev.Trigger.MANUAL, ev.Trigger.DEBUG]),
            tags={"number": str(place)},
        )
    return workflows


def _told(db: sqlite3.Connection) -> Told:
    facets = "(select workspace || ' ' || kind || ' ' || value from facets where id = facet)"
    columns: dict[str, str] = {
        "runs": "id, workflow, failed, ended, output, seq, weight, plan, row, body",
        "past": "*",
        "durations": "*",
        "keys": "*",
        "entries": f"{facets}, run, state, started, cycle, duration",
        "counts": f"{facets}, state, runs",
    }
    wanted: Callable[[str], str] = lambda table: " where runs > 0" if table == "counts" else ""  # noqa: E731
    return {
        table: sorted(db.execute(f"select {what} from {table}{wanted(table)}"), key=repr)
        for table, what in columns.items()
    }
