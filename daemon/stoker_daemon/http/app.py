"""The routes."""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stoker_daemon.engine import Engine
from stoker_daemon.http.answers import answer, handlers
from stoker_daemon.http.definitions import Definitions
from stoker_daemon.http.runs import Runs
from stoker_daemon.http.streams import Streams
from stoker_daemon.objects import Objects
from stoker_daemon.preparing import Preparer
from stoker_daemon.projection import Projection
from stoker_shared import __version__, routes
from stoker_shared.api import API_VERSION, Status


class Api:
    """The application; `closing` ends its endless streams."""

    def __init__(
        self,
        engine: Engine,
        objects: Objects,
        projection: Projection,
        preparer: Preparer,
        data: Path,
        zone: ZoneInfo,
        started_at: datetime,
    ) -> None:
        self._engine = engine
        self._zone = zone
        self._data = data
        self._started_at = started_at
        self.closing = asyncio.Event()
        definitions = Definitions(engine, objects)
        runs = Runs(engine, objects, projection, zone)
        streams = Streams(engine, projection, data / "logs", preparer.describe, self.closing)
        self.app = Starlette(
            routes=[
                Route(routes.STATUS, self.status),
                *definitions.routes(),
                *runs.routes(),
                *streams.routes(),
            ],
            exception_handlers=handlers(),
        )

    async def status(self, _: Request) -> Response:
        """Show the daemon at a glance."""
        state, held = self._engine.state, self._engine.held()
        shown = Status(
            version=__version__,
            api=API_VERSION,
            host=socket.gethostname(),
            pid=os.getpid(),
            started_at=self._started_at,
            time_zone=self._zone.key,
            data=str(self._data),
            jobs=len(state.jobs),
            workflows=len(state.workflows),
            active_runs=len(state.runs),
            active_nodes=sum(len(run.active) for run in state.runs.values()),
            seq=state.seq,
            held=held.problem.detail if held else "",
        )
        # That there is no room is told also where what happened since can't be written for want of it.
        return answer(shown, self._engine.log.durable if held else await self._engine.durable())
