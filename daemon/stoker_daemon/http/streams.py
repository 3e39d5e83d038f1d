"""Routes that stream: the run log's events, and the output of attempts.

Every stream truly waits (on the log, on a moment, on the daemon's closing), so that none holds up the loop, a
vanished client is noticed, and all end when the daemon stops.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from stoker_daemon.attempts import OUTPUT, AttemptDirectory, AttemptKey
from stoker_daemon.engine import Engine
from stoker_daemon.http.answers import number
from stoker_daemon.problems import Refused, not_found
from stoker_daemon.projection import Projection
from stoker_daemon.runlog.following import Follower, NotKept
from stoker_shared import routes
from stoker_shared.api import API_VERSION, Heartbeat, Problem
from stoker_shared.state import Attempt, NodeRun, Run
from stoker_shared.text import clean

HEARTBEAT_SECONDS = 10
PACE_SECONDS = 0.0005
"""How long a follower of events pauses once told, for each follower that there is.

So all of them together are told no oftener, and many get more at once instead of holding up the work.
"""
POLL_SECONDS = 0.1
"""How long a follower of output waits before it looks at the file again."""

_CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Streams:
    """Handlers over the log's and the attempts' files."""

    def __init__(
        self,
        engine: Engine,
        projection: Projection,
        logs: Path,
        describe: Callable[[Run, NodeRun, Attempt], str],
        closing: asyncio.Event,
    ) -> None:
        self._engine = engine
        self._projection = projection
        self._logs = logs
        self._describe = describe
        self._closing = closing
        self._following = 0

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [
            Route(routes.EVENTS, self.events),
            Route(routes.LOG, self.log),
        ]

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

    async def log(self, request: Request) -> Response:
        """Give an attempt's output: whole, a byte range of it, or with ``follow=true`` as it grows."""
        run, node, attempt = await self._attempt(request)
        stream = request.path_params["stream"]
        if stream == "launch":
            return Response(self._describe(run, node, attempt), 200, _octets())
        if stream not in OUTPUT:
            known = ", ".join([*OUTPUT, "launch"])
            raise not_found(f"there is no stream {clean(stream)!r}; there are {known}")
        key = AttemptKey(run.id, node.number, node.name, attempt.number)
        path = AttemptDirectory(self._logs, key).stream(stream)
        if request.query_params.get("follow") == "true":
            start = number(request.query_params.get("offset", "0"), "offset")
            return StreamingResponse(self._followed(path, key, start), 200, _octets())
        size = _size(path)
        asked = request.headers.get("range", "")
        if not asked.startswith("bytes="):
            return StreamingResponse(_part(path, 0, size), 200, _octets() | {"Content-Length": str(size)})
        start, end = _range(asked, size)
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{size}", "Content-Length": str(end - start)}
        return StreamingResponse(_part(path, start, end), 206, _octets() | headers)

    async def _events(self, follower: Follower) -> AsyncIterator[bytes]:
        log = self._engine.log
        self._following += 1
        try:
            while not self._closing.is_set():
                if lines := await asyncio.to_thread(follower.read, log.durable):
                    yield lines
                    await asyncio.sleep(PACE_SECONDS * self._following)
                elif not await self._happens(log.wait_durable(follower.seq + 1), HEARTBEAT_SECONDS):
                    yield msgspec.json.encode(Heartbeat()) + b"\n"
        finally:
            self._following -= 1
            follower.close()

    async def _followed(self, path: Path, key: AttemptKey, offset: int) -> AsyncIterator[bytes]:
        while not self._closing.is_set():
            # In this order: what is written before the end is seen is read after it.
            ended = self._has_ended(key)
            if _size(path) > offset:
                data = await asyncio.to_thread(_read, path, offset, _CHUNK)
                offset += len(data)
                yield data
            elif ended:
                return
            else:
                await asyncio.sleep(POLL_SECONDS)

    async def _happens(self, event: Coroutine[Any, Any, None], seconds: float) -> bool:
        """Wait for an event, the daemon's closing, or the time to pass; tell whether it was not the time."""
        waits = [asyncio.ensure_future(event), asyncio.ensure_future(self._closing.wait())]
        try:
            done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return bool(done)
        finally:
            for wait in waits:
                wait.cancel()

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


def _octets() -> dict[str, str]:
    return {"Stoker-API": API_VERSION, "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}


def _range(header: str, size: int) -> tuple[int, int]:
    """Give start and end of a single byte range (RFC 9110, 14.1.2), the end not included."""
    match = _RANGE.fullmatch(header.strip())
    if match and match[1]:
        start, end = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    elif match and match[2]:
        start, end = max(size - int(match[2]), 0), size
    else:
        start, end = 0, 0
    if start >= end:
        detail = f"{header[:60]!r} is not a range of these {size} bytes"
        problem = Problem("range", "Not in range", 416, detail)
        raise Refused(problem, {"Content-Range": f"bytes */{size}"})
    return start, end


async def _part(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    while start < end and (data := await asyncio.to_thread(_read, path, start, min(end - start, _CHUNK))):
        start += len(data)
        yield data


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path, offset: int, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(most)
    except FileNotFoundError:
        return b""
