"""Routes of runs."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stoker_daemon import commands
from stoker_daemon.engine import Engine
from stoker_daemon.http.answers import answer, body, limit, number
from stoker_daemon.http.peers import user
from stoker_daemon.objects import Objects
from stoker_daemon.plan import Plan
from stoker_daemon.problems import malformed, not_found
from stoker_daemon.projection import Projection
from stoker_daemon.views import run_view
from stoker_shared import routes
from stoker_shared.api import Page, StartRun
from stoker_shared.model import RunState
from stoker_shared.state import Run


class Runs:
    """Handlers over the engine and the history."""

    def __init__(self, engine: Engine, objects: Objects, projection: Projection, zone: ZoneInfo) -> None:
        self._engine = engine
        self._objects = objects
        self._projection = projection
        self._zone = zone

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [
            Route(routes.RUNS, self.runs),
            Route(routes.RUNS, self.start, methods=["POST"]),
            Route(routes.RUN, self.run),
            Route(routes.RUN_STOP, self.stop, methods=["POST"]),
            Route(routes.NODE_STOP, self.stop_node, methods=["POST"]),
        ]

    async def runs(self, request: Request) -> Response:
        """List runs, newest first, optionally of one ``workflow`` or ``state``."""
        query = request.query_params
        before = number(query["cursor"], "cursor") if "cursor" in query else None
        most = limit(request)
        seq = await self._engine.durable()
        rows = await self._projection.runs(
            request.path_params["workspace"], query.get("workflow"), _state(query), before, most + 1
        )
        more = len(rows) > most
        return answer(Page(rows[:most], str(rows[most - 1].id) if more else None), seq)

    async def start(self, request: Request) -> Response:
        """Start a run."""
        workspace = request.path_params["workspace"]
        asked = await body(request, StartRun)
        self._engine.admit()
        command = await commands.start_run(
            self._engine.state, self._objects, workspace, asked, self._zone, datetime.now(UTC), user(request)
        )
        run = await self._engine.submit(command)
        return await self._shown(run, 201)

    async def run(self, request: Request) -> Response:
        """Show a run whole."""
        asked = number(request.path_params["run"], "a run's number")
        run = self._engine.state.runs.get(asked)
        if run is None:
            await self._engine.durable()
            run = await self._projection.run(asked)
        if run is None:
            raise not_found(f"there is no run #{asked}")
        return await self._shown(run, 200)

    async def stop(self, request: Request) -> Response:
        """Stop a run."""
        asked = number(request.path_params["run"], "a run's number")
        command = commands.stop_run(asked, user(request))
        return await self._shown(await self._engine.submit(command, makes_room=True), 202)

    async def stop_node(self, request: Request) -> Response:
        """Stop one node of a run."""
        asked = number(request.path_params["run"], "a run's number")
        command = commands.stop_node(asked, request.path_params["node"], user(request))
        return await self._shown(await self._engine.submit(command, makes_room=True), 202)

    async def _shown(self, run: Run, status: int) -> Response:
        plan = msgspec.json.decode(self._objects.read(run.plan), type=Plan)
        view = run_view(run, plan)
        return answer(view, await self._engine.durable(), status)


def _state(query: QueryParams) -> RunState | None:
    asked = query.get("state")
    if asked is None:
        return None
    try:
        return RunState(asked)
    except ValueError:
        raise malformed(f"state must be one of {', '.join(RunState)}") from None
