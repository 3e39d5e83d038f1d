"""Runs: started, shown, stopped."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.commands import runs as commands
from stoker_daemon.engine import Engine
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.once import Once
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.objects import Objects
from stoker_daemon.plan import Plan
from stoker_daemon.problems import not_found
from stoker_daemon.projection import Projection
from stoker_daemon.views import run_view
from stoker_daemon.waiting import why_waiting
from stoker_shared import routes
from stoker_shared.api import Number, Page, RunRow, RunsQuery, RunView, StartRun
from stoker_shared.state import Run


class Runs:
    """Handlers over the engine and the history."""

    def __init__(
        self, engine: Engine, once: Once, objects: Objects, projection: Projection, zone: ZoneInfo
    ) -> None:
        self._engine = engine
        self._once = once
        self._objects = objects
        self._projection = projection
        self._zone = zone

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("GET", routes.RUNS, self.list_runs),
            Operation("POST", routes.RUNS, self.start_run, status=201),
            Operation("GET", routes.RUN, self.show_run),
            Operation("POST", routes.RUN_STOP, self.stop_run, status=202),
            Operation("POST", routes.NODE_STOP, self.stop_node, status=202),
        ]

    async def list_runs(self, workspace: str, query: RunsQuery) -> Answer[Page[RunRow]]:
        """List runs, newest first."""
        await self._engine.durable()
        rows = await self._projection.runs(
            workspace, query.workflow or None, query.state or None, query.cursor or None, query.limit + 1
        )
        more = len(rows) > query.limit
        return Answer(Page(rows[: query.limit], str(rows[query.limit - 1].id) if more else None))

    async def start_run(self, caller: Caller, workspace: str, body: StartRun) -> Answer[RunView]:
        """Start a run now."""
        state, now = self._engine.state, datetime.now(UTC)
        number = await self._once.carry_out(
            caller,
            lambda: commands.start_run(state, self._objects, workspace, body, self._zone, now, caller.user),
        )
        return await self.show_run(number)

    async def show_run(self, run: Number) -> Answer[RunView]:
        """Show a run whole."""
        found = await find_run(self._engine, self._projection, run)
        plan = msgspec.json.decode(self._objects.read(found.plan), type=Plan)
        held = self._engine.held()
        waiting = why_waiting(
            self._engine.state, found, datetime.now(UTC), held.problem.title if held else ""
        )
        return Answer(run_view(found, plan, waiting))

    async def stop_run(self, caller: Caller, run: Number) -> Answer[RunView]:
        """Stop a run: what runs is ended, what has not started will not."""
        await self._once.carry_out(caller, lambda: commands.stop_run(run, caller.user), makes_room=True)
        return await self.show_run(run)

    async def stop_node(self, caller: Caller, run: Number, node: str) -> Answer[RunView]:
        """Stop one node of a run."""
        command = partial(commands.stop_node, run, node, caller.user)
        await self._once.carry_out(caller, command, makes_room=True)
        return await self.show_run(run)


async def find_run(engine: Engine, projection: Projection, number: int) -> Run:
    """Give a run as it stands, active or finished; raises `Refused` where there is none."""
    if run := engine.state.runs.get(number):
        return run
    await engine.durable()
    run = await projection.run(number)
    if run is None:
        raise not_found(f"there is no run #{number}")
    return run
