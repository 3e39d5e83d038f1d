"""The route of what attempts wrote: whole, in ranges, and as it grows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from stoker_daemon.attempts import OUTPUT, AttemptDirectory, AttemptKey
from stoker_daemon.engine import Engine
from stoker_daemon.http.answers import number
from stoker_daemon.http.waiting import happens
from stoker_daemon.problems import Refused, not_found
from stoker_daemon.projection import Projection
from stoker_shared import routes
from stoker_shared.api import API_VERSION, Problem
from stoker_shared.state import Attempt, NodeRun, Run
from stoker_shared.text import clean

POLL_SECONDS = 0.1
"""How long a follower of output waits before it looks at the file again."""

_CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Logs:
    """The handler over the attempts' files."""

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

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [Route(routes.LOG, self.log)]

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
        size = path.stat().st_size if path.exists() else 0
        asked = request.headers.get("range", "")
        if not asked.startswith("bytes="):
            return StreamingResponse(_part(path, 0, size), 200, _octets() | {"Content-Length": str(size)})
        start, end = _range(asked, size)
        headers = {"Content-Range": f"bytes {start}-{end - 1}/{size}", "Content-Length": str(end - start)}
        return StreamingResponse(_part(path, start, end), 206, _octets() | headers)

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
                await happens(asyncio.sleep(POLL_SECONDS), POLL_SECONDS, self._closing)

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


def _read(path: Path, offset: int, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(most)
    except FileNotFoundError:
        return b""
