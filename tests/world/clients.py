"""People and scripts: they ask for things, lose answers, ask again under the same key, and remember.

A client believes an answer. So what it was told is checked as it is told, and must outlive every crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random
from typing import Any

import msgspec

from stoker_daemon.commands.backfills import (
    cancel_backfill,
    create_backfill,
    pause_backfill,
    resume_backfill,
    retry_backfill,
)
from stoker_daemon.commands.common import known_workflow, read_definition
from stoker_daemon.commands.draining import set_draining
from stoker_daemon.commands.queues import save_queue
from stoker_daemon.commands.runs import start_run
from stoker_daemon.commands.scheduling import set_scheduling
from stoker_daemon.commands.workflows import publish_workflow, save_workflow
from stoker_daemon.engine import Turn
from stoker_daemon.http.callers import Caller
from stoker_daemon.problems import Refused
from stoker_shared.api import PublishWorkflow, RerunNode, RerunRun, StartRun, SucceedNode
from stoker_shared.api.backfills import CreateBackfill
from stoker_shared.events import KeyUse
from stoker_shared.model import BackfillOrder, Intervals, QueueSpec
from stoker_shared.state import Run
from tests.rights import EVERYTHING
from tests.world.broken import Broken
from tests.world.daemon import ZONE, Life
from tests.world.invariants import Invariants
from tests.world.workflows import QUEUES, SCHEDULED, schedule

MOST_RUNS = 8
"""Active runs beyond which nobody starts another."""

MOST_BACKFILLS = 2

LONGEST_PATIENCE = 48.0
"""Seconds that somebody waits at most who is told that it can't be done now."""

_ON_BACKFILLS: tuple[Callable[[int, str], Callable[[Turn], int]], ...] = (
    pause_backfill,
    resume_backfill,
    resume_backfill,
    retry_backfill,
    lambda number, by: cancel_backfill(number, True, by),
    lambda number, by: cancel_backfill(number, False, by),
)

Asking = Callable[[Life, "Request"], Awaitable[Any]]


class Request:
    """What one client asks for, as often as it has to; ``seq`` is where it came to, if it has no key.

    ``patience`` is how long its client waits at most before it asks again, having been put off.
    """

    def __init__(self, user: str, key: str, asking: Asking) -> None:
        self.user = user
        self.key = KeyUse(key, "POST /v1", key) if key else None
        self.asking = asking
        self.under_way = 0
        self.is_over = False
        self.seq = 0
        self.patience = 3.0

    @property
    def caller(self) -> Caller:
        return Caller(self.user, EVERYTHING, self.key)

    @property
    def place(self) -> tuple[str, str, str]:
        assert self.key
        return self.user, self.key.route, self.key.id


class Client:
    """One of them. ``ask`` has a request made now, ``again`` once more in a while."""

    def __init__(
        self, user: str, chance: Random, invariants: Invariants, again: Callable[[Request], None]
    ) -> None:
        self.user = user
        self.lost = 0
        self.answers = 0
        self._chance = chance
        self._invariants = invariants
        self._again = again
        self._asked = 0

    def wish(self, life: Life) -> Request:
        """Give something to ask for, now that the daemon stands as it does."""
        self._asked += 1
        state = life.engine.state
        return Request(self.user, f"{self.user}-{self._asked}", self._wish(list(state.runs.values()), state))

    def ask(self, life: Life, request: Request) -> None:
        """Ask; the answer may be lost on its way."""
        request.under_way += 1
        task = life.loop.create_task(_asked(life, request))
        task.add_done_callback(lambda done: self._answered(request, done))
        if self._chance.random() < 0.05:
            self._again(request)  # it does not wait for the answer

    def reset(self, request: Request) -> None:
        """Hear that the daemon died before it answered."""
        request.under_way = 0
        self._again(request)

    def _wish(self, runs: list[Run], state: Any) -> Asking:
        chance = self._chance
        if len(runs) < MOST_RUNS and (not runs or chance.random() < 0.6):
            return self._start(state)
        if chance.random() < 0.15:
            return self._backfill(state)
        number = chance.randint(max(state.counters.run - 12, 1), max(state.counters.run, 1))
        run = chance.choice(runs) if runs else None
        kind = chance.random()
        if run is None or kind < 0.3:
            return self._go_on(number)
        node = chance.choice(run.nodes).name
        if kind < 0.5:
            return lambda life, request: life.actions.stop_run(request.caller, run.id)
        if kind < 0.6:
            return lambda life, request: life.actions.stop_node(request.caller, run.id, node)
        if kind < 0.65:
            return lambda life, request: life.actions.pause_run(request.caller, run.id)
        if kind < 0.8:
            return lambda life, request: life.actions.resume_run(request.caller, run.id)
        if kind < 0.81:
            return self._drain()
        if kind < 0.83:
            return self._save_queue()
        if kind < 0.86:
            return self._reschedule(state)
        if kind < 0.95:
            return _read
        return self._succeed(run.id, node)

    def _start(self, state: Any) -> Asking:
        name = self._chance.choice(list(state.workflows.values())).name
        body = StartRun(workflow=name, debug=self._chance.random() < 0.1)

        async def start(life: Life, request: Request) -> int:
            around = life.around
            objects: Any = around.objects
            now: datetime = around.now()
            current = life.engine.state
            return await life.once.carry_out(
                request.caller,
                lambda: start_run(current, objects, "default", body, ZONE, now, request.user, EVERYTHING),
            )

        return start

    def _backfill(self, state: Any) -> Asking:
        """Make a backfill, or do something to one."""
        chance = self._chance
        active = [held.id for held in state.backfills.values() if not held.has_ended]
        if not active or (len(active) < MOST_BACKFILLS and chance.random() < 0.3):
            return self._create_backfill(state)
        command, number = chance.choice(_ON_BACKFILLS), chance.randint(1, state.counters.backfill)
        if chance.random() < 0.7:
            number = chance.choice(active)

        async def change(life: Life, request: Request) -> int:
            return await life.once.carry_out(request.caller, lambda: command(number, request.user))

        return change

    def _create_backfill(self, state: Any) -> Asking:
        chance = self._chance
        workflow = chance.choice(list(state.workflows.values()))
        hour, minutes = chance.randint(0, 23), chance.randint(3, 59)
        body = CreateBackfill(
            workflow=workflow.name,
            first=f"2026-11-20T{hour:02}:00Z",
            last=f"2026-11-20T{hour:02}:{minutes:02}Z",
            every="" if workflow.id <= SCHEDULED else "5m",
            intervals=chance.choice(list(Intervals)),
            order=chance.choice(list(BackfillOrder)),
            parallel=chance.randint(1, 3),
            stop_after=chance.choice([0, 0, 1, 3]),
        )

        async def create(life: Life, request: Request) -> int:
            around = life.around
            objects: Any = around.objects
            return await life.once.carry_out(
                request.caller,
                lambda: create_backfill(
                    life.engine.state,
                    objects,
                    "default",
                    body,
                    ZONE,
                    around.now(),
                    request.user,
                    EVERYTHING,
                ),
            )

        return create

    def _reschedule(self, state: Any) -> Asking:
        """Turn a switch, or publish another schedule."""
        name = f"w{self._chance.randint(1, SCHEDULED)}"
        other, kind = schedule(self._chance), self._chance.random()

        async def switch(life: Life, request: Request) -> None:
            objects: Any = life.around.objects
            request.key, on = None, kind < 0.4
            command = set_scheduling(objects, "default", name, on, request.user, ZONE, EVERYTHING)
            await life.engine.submit(_noting(request, command))

        async def publish(life: Life, request: Request) -> int:
            objects: Any = life.around.objects
            engine = life.engine
            draft = known_workflow(engine.state, "default", name).draft
            spec = msgspec.structs.replace(read_definition(objects, draft.digest), schedule=other)
            saving = await save_workflow(objects, "default", name, spec, draft.revision, request.user, ZONE)
            await engine.submit(saving)
            return await life.once.carry_out(
                request.caller,
                lambda: publish_workflow(
                    engine.state,
                    objects,
                    "default",
                    name,
                    PublishWorkflow(),
                    request.user,
                    ZONE,
                    EVERYTHING,
                ),
            )

        return switch if kind < 0.6 else publish

    def _go_on(self, number: int) -> Asking:
        kind, flag = self._chance.random(), self._chance.random() < 0.5

        async def go_on(life: Life, request: Request) -> Any:
            if kind < 0.5:
                return await life.actions.rerun_run(request.caller, number, RerunRun(failed=flag))
            name = f"n{int(kind * 100) % 4}"
            if kind < 0.8:
                return await life.actions.rerun_node(request.caller, number, name, RerunNode(downstream=flag))
            return await life.actions.succeed_node(request.caller, number, name, SucceedNode(downstream=flag))

        return go_on

    def _succeed(self, number: int, node: str) -> Asking:
        body = SucceedNode(downstream=self._chance.random() < 0.5)
        return lambda life, request: life.actions.succeed_node(request.caller, number, node, body)

    def _save_queue(self) -> Asking:
        name = self._chance.choice(QUEUES)
        spec = QueueSpec(limit=self._chance.randint(2, 8), nodes=self._chance.choice([None, 1, 3]))

        async def save(life: Life, request: Request) -> None:
            request.key = None
            await life.engine.submit(_noting(request, save_queue(name, spec, request.user)))

        return save

    def _drain(self) -> Asking:
        """Have the daemon start nothing; more often that it does again."""
        on = self._chance.random() < 0.3

        async def drain(life: Life, request: Request) -> None:
            request.key = None
            await life.engine.submit(_noting(request, set_draining(on, request.user)))

        return drain

    def _answered(self, request: Request, done: asyncio.Task[Any]) -> None:
        """Take the answer, or lose it."""
        request.under_way -= 1
        if request.is_over:
            return
        error = done.exception()
        if self._chance.random() < 0.1:
            self.lost += 1
            self._again(request)
        elif error is None:
            self._told(request, done.result())
        elif not isinstance(error, Refused):
            raise Broken(f"a request failed: {error!r}") from error
        elif error.problem.status >= 500:
            request.patience = min(2 * request.patience, LONGEST_PATIENCE)
            self._again(request)
        elif not request.under_way:
            request.is_over = True
            if request.key:
                self._invariants.tell_refusal(request.place)

    def _told(self, request: Request, result: Any) -> None:
        request.is_over = True
        self.answers += 1
        if request.key:
            number = result if isinstance(result, int) else result.content
            self._invariants.tell_number(request.place, number)
        else:
            self._invariants.tell(request.seq)


async def _asked(life: Life, request: Request) -> Any:
    return await request.asking(life, request)


def _noting(request: Request, command: Callable[[Turn], object]) -> Callable[[Turn], None]:
    """Give a command that notes where it came to."""

    def noted(turn: Turn) -> None:
        command(turn)
        request.seq = turn.state.seq

    return noted


async def _read(life: Life, request: Request) -> None:
    request.key = None
    request.seq = await life.engine.durable()
