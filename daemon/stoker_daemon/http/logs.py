"""What attempts wrote: whole, in ranges, and as it grows.

Where a part was cut out, whole streams and followed ones have a mark that says how much; ranges have true
positions instead, and end or begin at the cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from stoker_daemon.attempts.directory import AttemptDirectory, AttemptKey
from stoker_daemon.commands.actions import node_of
from stoker_daemon.engine import Engine
from stoker_daemon.http.guard import Guard
from stoker_daemon.http.operations import Operation
from stoker_daemon.http.ranges import choose
from stoker_daemon.http.runs import find_run
from stoker_daemon.output.files import sizes
from stoker_daemon.output.view import View
from stoker_daemon.parts import Attempts
from stoker_daemon.problems import not_found, output_not_kept
from stoker_daemon.projection import Projection
from stoker_shared import routes
from stoker_shared.api import API_VERSION, MAX_LIVE_RANGE, LogQuery, Number, Stream, cut_mark
from stoker_shared.state import Attempt, NodeRun, Run

_OCTETS = "application/octet-stream"

POLL_SECONDS = 0.1
"""How long a follower of output waits before it looks at the file again."""


class Logs:
    """The handler over the attempts' files."""

    def __init__(
        self,
        engine: Engine,
        guard: Guard,
        projection: Projection,
        attempts: Attempts,
        closing: asyncio.Event,
    ) -> None:
        self._engine = engine
        self._guard = guard
        self._projection = projection
        self._watcher = attempts.watcher
        self._logs = attempts.logs
        self._describe = attempts.preparer.describe
        self._closing = closing

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [Operation("GET", routes.LOG, self.read_output, headers=("Range",), gives=_OCTETS)]

    async def read_output(
        self, request: Request, run: Number, node: str, attempt: Number, stream: Stream, query: LogQuery
    ) -> Response:
        """Give an attempt's output: whole, a byte range of it, or as it grows.

        Where a part was cut out, a line in it says how many bytes; a range ends before or begins behind it
        instead, and the header Stoker-Cut says which of the positions asked for are gone. While the attempt
        is active a range is answered with at most 16 MiB of it. The order of ``both`` is approximate. What is
        followed ends when who asks may not see the workspace any more.
        """
        found, its_node, its_attempt = await self._attempt(run, node, attempt)
        if stream is Stream.LAUNCH:
            return Response(self._describe(found, its_node, its_attempt), 200, _octets(stream))
        if not found.keeps_output_of(its_attempt):
            raise output_not_kept(run)
        key = AttemptKey(run, its_node.number, node, attempt)
        view = View(AttemptDirectory(self._logs, key).path, stream)
        if query.follow:
            is_seen = partial(self._guard.sees, request, found.workspace)
            followed = self._followed(view, key, query.offset, is_seen)
            return StreamingResponse(followed, 200, _octets(stream))
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

    async def _live_part(self, view: View, key: AttemptKey, stream: Stream, asked: str) -> Response:
        """Answer a range of what may be cut any moment: it is read before it is promised."""
        while True:
            part = await asyncio.to_thread(choose, asked, view, MAX_LIVE_RANGE)
            data = await asyncio.to_thread(view.read_whole, part.start, part.end)
            if data is not None:
                return Response(data, 206, _octets(stream) | part.headers)
            await self._look(view, key)

    async def _followed(
        self, view: View, key: AttemptKey, start: int, is_seen: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        directory, seen = AttemptDirectory(self._logs, key).path, None
        while not self._closing.is_set() and is_seen():
            # In this order: what is written before the end is seen is read after it.
            ended = self._has_ended(key)
            there = self._watcher.shown(key), sizes(directory)
            if there != seen:
                await self._look(view, key)
            if start < view.size and (read := await asyncio.to_thread(view.read, start, view.size)):
                start += _length(read)
                yield _shown(read)
            elif ended:
                return
            else:
                seen = there
                await asyncio.sleep(POLL_SECONDS)

    async def _look(self, view: View, key: AttemptKey) -> None:
        await asyncio.to_thread(view.look, self._watcher.shown(key))

    async def _attempt(self, number: int, name: str, attempt: int) -> tuple[Run, NodeRun, Attempt]:
        run = await find_run(self._engine, self._projection, number)
        node = node_of(run, name)
        if attempt > len(node.attempts):
            raise not_found(f"node {name!r} of run #{number} has no attempt {attempt}")
        return run, node, node.attempts[attempt - 1]

    def _has_ended(self, key: AttemptKey) -> bool:
        run = self._engine.state.runs.get(key.run)
        return run is None or run.node(key.node).attempts[key.attempt - 1].ended_at is not None


def _octets(stream: Stream) -> dict[str, str]:
    order = {"Stoker-Order": "approximate"} if stream is Stream.BOTH else {}
    common = {
        "Stoker-API": API_VERSION,
        "Content-Type": _OCTETS,
        "Accept-Ranges": "bytes",
    }
    return common | order


async def _whole(view: View, stream: Stream, settled: bool) -> Response:
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
