"""Runs: started, listed, shown."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

from msgspec import Raw

from stoker_daemon.commands import runs as commands
from stoker_daemon.engine import Engine
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.once import Once
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.http.selecting import cursor_at, part_of, selection_of
from stoker_daemon.objects import Objects
from stoker_daemon.planning.durations import add_usual
from stoker_daemon.planning.waiting import why_waiting
from stoker_daemon.preparing.plan import read_plan
from stoker_daemon.problems import not_found, not_kept
from stoker_daemon.projection import Projection, Selection
from stoker_daemon.runlog.following import NotKept
from stoker_daemon.runlog.of_run import read_run
from stoker_daemon.views import run_view
from stoker_shared import routes
from stoker_shared.api import (
    Number,
    Page,
    RunCounts,
    RunEvents,
    RunEventsQuery,
    RunRow,
    RunsFilter,
    RunsQuery,
    RunView,
    StartRun,
)
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
            Operation("GET", routes.RUN_COUNTS, self.count_runs),
            Operation("POST", routes.RUNS, self.start_run, status=201),
            Operation("GET", routes.RUN, self.show_run),
            Operation("GET", routes.RUN_EVENTS, self.list_run_events),
        ]

    async def list_runs(self, workspace: str, query: RunsQuery) -> Answer[Page[RunRow]]:
        """List runs, newest first unless asked otherwise."""
        await self._engine.durable()
        part = part_of(query)
        rows = await self._projection.runs(self._selection(workspace, query), part)
        more = len(rows) > query.limit
        return Answer(Page(rows[: query.limit], cursor_at(part, rows[query.limit - 1]) if more else None))

    async def count_runs(self, workspace: str, query: RunsFilter) -> Answer[RunCounts]:
        """Count runs by state."""
        await self._engine.durable()
        states = await self._projection.count(self._selection(workspace, query))
        return Answer(RunCounts(sum(states.values()), states))

    def _selection(self, workspace: str, query: RunsFilter) -> Selection:
        return selection_of(query, self._engine.state, workspace, self._zone, self._engine.now())

    async def start_run(self, caller: Caller, workspace: str, body: StartRun) -> Answer[RunView]:
        """Start a run now."""
        state, now = self._engine.state, self._engine.now()
        number = await self._once.carry_out(
            caller,
            lambda: commands.start_run(
                state, self._objects, workspace, body, self._zone, now, caller.user, caller.rights
            ),
        )
        return await self.show_run(number)

    async def show_run(self, run: Number) -> Answer[RunView]:
        """Show a run whole."""
        return Answer(await view_run(self._engine, self._projection, self._objects, run))

    async def list_run_events(self, run: Number, query: RunEventsQuery) -> Answer[RunEvents]:
        """List what happened in a run, the oldest first."""
        known = await find_run(self._engine, self._projection, run)
        ended_at = known.ended_at
        await self._engine.durable()
        log = self._engine.log
        try:
            part = await asyncio.to_thread(
                read_run,
                log.directory,
                run,
                query.after,
                limit=query.limit,
                durable=log.durable,
                ended_at=ended_at,
            )
        except NotKept as error:
            raise not_kept(str(error), log.id, error.oldest) from error
        return Answer(RunEvents(list(map(Raw, part.lines)), part.seq, part.more))


async def view_run(engine: Engine, projection: Projection, objects: Objects, number: int) -> RunView:
    """Show a run as it stands, active or finished; raises `Refused` where there is none."""
    run = await find_run(engine, projection, number)
    why = engine.why_nothing_starts()
    waiting = why_waiting(engine.line, run, engine.now(), why)
    view = run_view(run, read_plan(objects, run.plan), waiting)
    return add_usual(view, run, await projection.usual(run.workflow))


async def find_run(engine: Engine, projection: Projection, number: int) -> Run:
    """Give a run as it stands, active or finished; raises `Refused` where there is none."""
    if run := engine.state.runs.get(number):
        return run
    await engine.durable()
    run = await projection.run(number)
    if run is None:
        is_past = number <= engine.state.counters.run
        raise not_found(f"run #{number} is not kept any more" if is_past else f"there is no run #{number}")
    return run
