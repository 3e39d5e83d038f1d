"""What streams: the run log's events, and the output of attempts.

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
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from stoker_daemon.attempts import AttemptDirectory, AttemptKey
from stoker_daemon.engine import Engine
from stoker_daemon.http.operations import Operation
from stoker_daemon.http.runs import find_run
from stoker_daemon.problems import Refused, not_found, not_kept
from stoker_daemon.projection import Projection
from stoker_daemon.runlog.following import Follower, NotKept, oldest
from stoker_shared import routes
from stoker_shared.api import API_VERSION, EventsQuery, Heartbeat, LogQuery, Number, Problem, Stream
from stoker_shared.state import Attempt, NodeRun, Run
from stoker_shared.text import clean

HEARTBEAT_SECONDS = 10
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

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("GET", routes.EVENTS, self.follow_events, gives="application/x-ndjson"),
            Operation(
                "GET", routes.LOG, self.read_output, headers=("Range",), gives="application/octet-stream"
            ),
        ]

    async def follow_events(self, query: EventsQuery) -> Response:
        """Stream the run log's lines after a position, then live."""
        log = self._engine.log
        if query.log not in (UNSET, log.id):
            detail = f"position {query.after} is of another run log; this is {log.id}"
            raise not_kept(detail, log.id, await asyncio.to_thread(oldest, log.directory))
        try:
            follower = await asyncio.to_thread(Follower, log.directory, query.after, log.durable)
        except NotKept as error:
            raise not_kept(str(error), log.id, error.oldest) from error
        headers = {"Stoker-Seq": str(log.durable), "Stoker-API": API_VERSION}
        return StreamingResponse(self._events(follower), 200, headers, "application/x-ndjson")

    async def read_output(
        self, request: Request, run: Number, node: str, attempt: Number, stream: Stream, query: LogQuery
    ) -> Response:
        """Give an attempt's output: whole, a byte range of it, or as it grows."""
        found, its_node, its_attempt = await self._attempt(run, node, attempt)
        if stream is Stream.LAUNCH:
            return Response(self._describe(found, its_node, its_attempt), 200, _octets())
        key = AttemptKey(run, its_node.number, node, attempt)
        path = AttemptDirectory(self._logs, key).stream(stream.value)
        if query.follow:
            return StreamingResponse(self._followed(path, key, query.offset), 200, _octets())
        size = path.stat().st_size if path.exists() else 0
        asked = request.headers.get("range", "")
        if not asked.startswith("bytes="):
            return StreamingResponse(_part(path, 0, size), 200, _octets() | {"Content-Length": str(size)})
        start, end = _range(asked, size)
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{size}", "Content-Length": str(end - start)}
        return StreamingResponse(_part(path, start, end), 206, _octets() | headers)

    async def _events(self, follower: Follower) -> AsyncIterator[bytes]:
        log = self._engine.log
        try:
            while not self._closing.is_set():
                if lines := await asyncio.to_thread(follower.read, log.durable):
                    yield lines
                elif not await self._happens(log.wait_durable(follower.seq + 1), HEARTBEAT_SECONDS):
                    yield msgspec.json.encode(Heartbeat()) + b"\n"
        finally:
            follower.close()

    async def _followed(self, path: Path, key: AttemptKey, offset: int) -> AsyncIterator[bytes]:
        while not self._closing.is_set():
            # In this order: what is written before the end is seen is read after it.
            ended = self._has_ended(key)
            if data := await asyncio.to_thread(_read, path, offset, _CHUNK):
                offset += len(data)
                yield data
            elif ended:
                return
            else:
                await self._happens(asyncio.sleep(POLL_SECONDS), POLL_SECONDS)

    async def _happens(self, event: Coroutine[Any, Any, None], seconds: float) -> bool:
        """Wait for an event, the daemon's closing, or the time to pass; tell whether it was not the time."""
        waits = [asyncio.ensure_future(event), asyncio.ensure_future(self._closing.wait())]
        try:
            done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return bool(done)
        finally:
            for wait in waits:
                wait.cancel()

    async def _attempt(self, number: int, name: str, attempt: int) -> tuple[Run, NodeRun, Attempt]:
        run = await find_run(self._engine, self._projection, number)
        if name not in run.numbers:
            raise not_found(f"run #{number} has no node {clean(name)!r}")
        node = run.node(name)
        if attempt > len(node.attempts):
            raise not_found(f"node {name!r} of run #{number} has no attempt {attempt}")
        return run, node, node.attempts[attempt - 1]

    def _has_ended(self, key: AttemptKey) -> bool:
        run = self._engine.state.runs.get(key.run)
        return run is None or run.node(key.node).attempts[key.attempt - 1].ended_at is not None


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


def _read(path: Path, offset: int, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(most)
    except FileNotFoundError:
        return b""
