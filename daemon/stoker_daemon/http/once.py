"""What a request asks for is done once, however often the request comes under the same Idempotency-Key.

The key is recorded with the request's first event, so that it outlives the daemon as surely as what was done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from stoker_daemon.engine import Command, Engine
from stoker_daemon.http.callers import Caller
from stoker_daemon.problems import key_reused
from stoker_daemon.projection import Projection

Preparation = Callable[[], Command | Awaitable[Command]]


class Once:
    """The engine, entered by requests that may come twice."""

    def __init__(self, engine: Engine, projection: Projection) -> None:
        self._engine = engine
        self._projection = projection
        self._under_way: dict[tuple[str, str, str], asyncio.Future[None]] = {}

    async def carry_out(self, caller: Caller, prepare: Preparation, *, makes_room: bool = False) -> int:
        """Give the number that a command came to: now, or when the request came first.

        What ``makes_room`` is accepted also on a full disk.

        Raises:
            Refused: the command was refused, or the key was used for another body.
        """
        if caller.key is None:
            return await self._submit(caller, prepare, makes_room)
        place = (caller.user, caller.key.route, caller.key.id)
        while earlier := self._under_way.get(place):
            await earlier
        done = self._under_way[place] = asyncio.get_running_loop().create_future()
        try:
            used = await self._projection.answered(caller.user, caller.key, self._engine.now())
            if used and used.key.body != caller.key.body:
                raise key_reused(caller.key.id, used.at)
            return used.number if used else await self._submit(caller, prepare, makes_room)
        finally:
            del self._under_way[place]
            done.set_result(None)

    async def _submit(self, caller: Caller, prepare: Preparation, makes_room: bool) -> int:
        self._engine.admit(makes_room=makes_room)
        prepared = prepare()
        command = await prepared if isinstance(prepared, Awaitable) else prepared
        return await self._engine.submit(command, caller.key, makes_room=makes_room)
