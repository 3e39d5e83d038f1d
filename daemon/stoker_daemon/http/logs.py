"""The route of what attempts wrote: whole, in ranges, and as it grows.

Where a part was cut out, whole streams and followed ones have a mark that says how much; ranges have true
positions instead, and end or begin at the cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from stoker_daemon.attempts import AttemptDirectory, AttemptKey
from stoker_daemon.engine import Engine
from stoker_daemon.http.answers import number
from stoker_daemon.http.ranges import choose
from stoker_daemon.http.waiting import happens
from stoker_daemon.output.view import BOTH, STREAMS, View
from stoker_daemon.output.watcher import Watcher
from stoker_daemon.problems import not_found
from stoker_daemon.projection import Projection
from stoker_shared import routes
from stoker_shared.api import API_VERSION, MAX_LIVE_RANGE, cut_mark
from stoker_shared.state import Attempt, NodeRun, Run
from stoker_shared.text import clean

POLL_SECONDS = 0.1
"""How long a follower of output waits before it looks at the file again."""


class Logs:
    """The handler over the attempts' files."""

    def __init__(
        self,
        engine: Engine,
        projection: Projection,
        watcher: Watcher,
        logs: Path,
        describe: Callable[[Run, NodeRun, Attempt], str],
        closing: asyncio.Event,
    ) -> None:
        self._engine = engine
        self._projection = projection
        self._watcher = watcher
        self._logs = logs
        self._describe = describe
        self._closing = closing

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [Route(routes.LOG, self.log)]

    async def log(self, request: Request) -> Response:
        """Give an attempt's output: whole, a byte range of it, or with ``follow=true`` as it grows."""
        run, node, attempt = await self._attempt(request)
        stream = request.path_params["stream"]
        if stream == "launch":
            return Response(self._describe(run, node, attempt), 200, _octets(stream))
        if stream not in STREAMS:
            known = ", ".join([*STREAMS, "launch"])
            raise not_found(f"there is no stream {clean(stream)!r}; there are {known}")
        key = AttemptKey(run.id, node.number, node.name, attempt.number)
        view = View(AttemptDirectory(self._logs, key).path, stream)
        if request.query_params.get("follow") == "true":
            start = number(request.query_params.get("offset", "0"), "offset")
            return StreamingResponse(self._followed(view, key, start), 200, _octets(stream))
        # In this order: what is settled before it is looked at stays as it is seen.
        settled = self._watcher.is_settled(key)
        await self._look(view, key)
        asked = request.headers.get("range", "")
        if not asked.startswith("bytes="):
            return await _whole(view, stream, settled)
        if not settled:
            return await self._live_part(view, key, stream, asked)
        part = await asyncio.to_thread(choose, asked, view, view.size)
        return StreamingResponse(_marked(view, part.start, part.end), 206, _octets(stream) | part.headers)

    async def _live_part(self, view: View, key: AttemptKey, stream: str, asked: str) -> Response:
        """Answer a range of what may be cut any moment: it is read before it is promised."""
        while True:
            part = await asyncio.to_thread(choose, asked, view, MAX_LIVE_RANGE)
            data = await asyncio.to_thread(view.read_whole, part.start, part.end)
            if data is not None:
                return Response(data, 206, _octets(stream) | part.headers)
            await self._look(view, key)

    async def _followed(self, view: View, key: AttemptKey, start: int) -> AsyncIterator[bytes]:
        while not self._closing.is_set():
            # In this order: what is written before the end is seen is read after it.
            ended = self._has_ended(key)
            await self._look(view, key)
            if read := await asyncio.to_thread(view.read, start, view.size):
                start += _length(read)
                yield _shown(read)
            elif ended:
                return
            else:
                await happens(asyncio.sleep(POLL_SECONDS), POLL_SECONDS, self._closing)

    async def _look(self, view: View, key: AttemptKey) -> None:
        await asyncio.to_thread(view.look, self._watcher.shown(key))

    async def _attempt(self, request: Request) -> tuple[Run, NodeRun, Attempt]:
        asked = number(request.path_params["run"], "a run's number")
        run = self._engine.state.runs.get(asked) or await self._projection.run(asked)
        if run is None:
            raise not_found(f"there is no run #{asked}")
        node = _node(run, request.path_params["node"])
        attempt = number(request.path_params["attempt"], "an attempt's number")
        if not 1 <= attempt <= len(node.attempts):
            raise not_found(f"node {node.name!r} of run #{run.id} has no attempt {attempt}")
        return run, node, node.attempts[attempt - 1]

    def _has_ended(self, key: AttemptKey) -> bool:
        run = self._engine.state.runs.get(key.run)
        return run is None or run.node(key.node).attempts[key.attempt - 1].ended_at is not None


def _node(run: Run, name: str) -> NodeRun:
    if name not in run.numbers:
        raise not_found(f"run #{run.id} has no node {clean(name)!r}")
    return run.node(name)


def _octets(stream: str) -> dict[str, str]:
    order = {"Stoker-Order": "approximate"} if stream == BOTH else {}
    common = {
        "Stoker-API": API_VERSION,
        "Content-Type": "application/octet-stream",
        "Accept-Ranges": "bytes",
    }
    return common | order


async def _whole(view: View, stream: str, settled: bool) -> Response:
    whole = settled and not await asyncio.to_thread(view.lacks_something)
    length = {"Content-Length": str(view.size)} if whole else {}
    return StreamingResponse(_marked(view, 0, view.size), 200, _octets(stream) | length)


async def _marked(view: View, start: int, end: int) -> AsyncIterator[bytes]:
    while read := await asyncio.to_thread(view.read, start, end):
        start += _length(read)
        yield _shown(read)


def _length(read: bytes | int) -> int:
    return read if isinstance(read, int) else len(read)


def _shown(read: bytes | int) -> bytes:
    """Give what a reader gets: the bytes, or the mark that stands for those that are gone."""
    return cut_mark(read) if isinstance(read, int) else read
