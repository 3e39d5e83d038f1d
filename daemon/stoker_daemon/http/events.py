"""The route of the run log's events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from stoker_daemon.engine import Engine
from stoker_daemon.http.answers import number
from stoker_daemon.http.waiting import happens
from stoker_daemon.problems import Refused
from stoker_daemon.runlog.following import Follower, NotKept
from stoker_shared import routes
from stoker_shared.api import API_VERSION, Heartbeat, Problem

HEARTBEAT_SECONDS = 10


class Events:
    """The handler over the log's files."""

    def __init__(self, engine: Engine, closing: asyncio.Event) -> None:
        self._engine = engine
        self._closing = closing

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [Route(routes.EVENTS, self.events)]

    async def events(self, request: Request) -> Response:
        """Stream the run log's lines after a position, then live."""
        after = number(request.query_params.get("after", "0"), "after")
        log = self._engine.log
        try:
            follower = await asyncio.to_thread(Follower, log.directory, after, log.durable)
        except NotKept as error:
            raise Refused(Problem("gone", "Not kept", 410, str(error))) from error
        headers = {"Stoker-Seq": str(log.durable), "Stoker-API": API_VERSION}
        return StreamingResponse(self._events(follower), 200, headers, "application/x-ndjson")

    async def _events(self, follower: Follower) -> AsyncIterator[bytes]:
        log = self._engine.log
        try:
            while not self._closing.is_set():
                if lines := await asyncio.to_thread(follower.read, log.durable):
                    yield lines
                elif not await happens(log.wait_durable(follower.seq + 1), HEARTBEAT_SECONDS, self._closing):
                    yield msgspec.json.encode(Heartbeat()) + b"\n"
        finally:
            follower.close()
