"""People and scripts: they ask for things, lose answers, ask again under the same key, and remember.

A client believes an answer. So what it was told is checked as it is told, and must outlive every crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from stoker_daemon.commands.queues import save_queue
from stoker_daemon.commands.runs import start_run
from stoker_daemon.engine import Turn
from stoker_daemon.http.callers import Caller
from stoker_daemon.problems import Refused
from stoker_shared.api import RerunNode, RerunRun, StartRun, SucceedNode
from stoker_shared.events import KeyUse
from stoker_shared.model import QueueSpec
from stoker_shared.state import Run
from tests.world.daemon import Life
from tests.world.invariants import Broken, Invariants
from tests.world.workflows import QUEUES

ZONE = ZoneInfo("Europe/Berlin")
MOST_RUNS = 8
"""Active runs beyond which nobody starts another."""

Asking = Callable[[Life, "Request"], Awaitable[Any]]


class Request:
    """What one client asks for, as often as it has to; ``seq`` is where it came to, if it has no key."""

    def __init__(self, user: str, key: str, asking: Asking) -> None:
        self.user = user
        self.key = KeyUse(key, "POST /v1", key) if key else None
        self.asking = asking
        self.under_way = 0
        self.is_over = False
        self.seq = 0

    @property
    def caller(self) -> Caller:
        return Caller(self.user, self.key)

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
        work: Coroutine[Any, Any, Any] = _asked(request.asking(life, request))
        task = life.loop.create_task(work)
        task.add_done_callback(lambda done: self._answered(request, done))

    def reset(self, request: Request) -> None:
        """Hear that the daemon died before it answered."""
        request.under_way = 0
        self._again(request)

    def _wish(self, runs: list[Run], state: Any) -> Asking:
        chance = self._chance
        if len(runs) < MOST_RUNS and (not runs or chance.random() < 0.7):
            return self._start(state)
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
        if kind < 0.85:
            return self._save_queue()
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
                lambda: start_run(current, objects, "default", body, ZONE, now, request.user),
            )

        return start

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
            command = save_queue(name, spec, request.user)

            def saved(turn: Turn) -> None:
                command(turn)
                request.seq = turn.state.seq

            await life.engine.submit(saved)

        return save

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


async def _asked(asking: Awaitable[Any]) -> Any:
    return await asking


async def _read(life: Life, request: Request) -> None:
    request.key = None
    request.seq = await life.engine.durable()
