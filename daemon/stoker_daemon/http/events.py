"""The run log's events, streamed.

A stream truly waits (on the log, on a moment, on the daemon's closing), so that it does not hold up the loop,
a vanished client is noticed, and it ends when the daemon stops.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from stoker_daemon.access.rules import Rights
from stoker_daemon.beside import first_of
from stoker_daemon.engine import Engine
from stoker_daemon.http.guard import Guard
from stoker_daemon.http.operations import Operation
from stoker_daemon.http.veil import veiled
from stoker_daemon.problems import not_kept
from stoker_daemon.runlog.following import Follower, NotKept, oldest
from stoker_shared import routes
from stoker_shared.api import API_VERSION, EventsQuery, Heartbeat

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10
PACE_SECONDS = 0.0005
"""How long a follower pauses once told, for each follower that there is.

So all of them together are told no oftener, and many get more at once instead of holding up the work.
"""


class Events:
    """The handler over the log's files."""

    def __init__(self, engine: Engine, guard: Guard, closing: asyncio.Event) -> None:
        self._engine = engine
        self._guard = guard
        self._closing = closing
        self._following = 0

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [Operation("GET", routes.EVENTS, self.follow_events, gives="application/x-ndjson")]

    async def follow_events(self, request: Request, query: EventsQuery) -> Response:
        """Stream the run log's lines after a position, then live.

        Of a workspace that who asks may not see there is a line of type ``hidden`` for each. The stream ends
        when who asks has no role any more.
        """
        log = self._engine.log
        if query.log not in (UNSET, log.id):
            detail = f"position {query.after} is of another run log; this is {log.id}"
            raise not_kept(detail, log.id, await asyncio.to_thread(oldest, log.directory))
        try:
            follower = await asyncio.to_thread(Follower, log.directory, query.after, log.durable)
        except NotKept as error:
            raise not_kept(str(error), log.id, error.oldest) from error
        headers = {"Stoker-Seq": str(log.durable), "Stoker-API": API_VERSION}
        rights = partial(self._guard.rights_of, request)
        return StreamingResponse(self._events(follower, rights), 200, headers, "application/x-ndjson")

    async def _events(self, follower: Follower, rights_now: Callable[[], Rights]) -> AsyncIterator[bytes]:
        log = self._engine.log
        self._following += 1
        try:
            while not self._closing.is_set() and (rights := rights_now()).any:
                if lines := await asyncio.to_thread(follower.read, log.durable):
                    yield lines if rights.sees_all else await self._veiled(lines, rights)
                    await asyncio.sleep(PACE_SECONDS * self._following)
                elif not await first_of(
                    log.wait_durable(follower.seq + 1), self._closing.wait(), seconds=HEARTBEAT_SECONDS
                ):
                    yield msgspec.json.encode(Heartbeat()) + b"\n"
        except NotKept as error:
            # It fell so far behind that what came next has gone; when it asks again it is told from where on.
            logger.info("a follower of events is left behind: %s", error)
        finally:
            self._following -= 1
            follower.close()

    async def _veiled(self, lines: bytes, rights: Rights) -> bytes:
        return await veiled(lines, rights, self._engine.state, self._guard)
