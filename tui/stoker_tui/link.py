"""The way to the daemon inside an event loop: questions, deeds, and the events that are followed for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import httpx
import msgspec

from stoker_shared import api, routes
from stoker_shared.model import WorkflowSpec
from stoker_shared.paths import check_socket_path
from stoker_tui.cleaning import cleaned
from stoker_tui.client import (
    QUIET_SECONDS,
    RESTART_SECONDS,
    NotStoker,
    Refused,
    Unreachable,
    checked,
    condition,
    decoded,
    unreachable,
)
from stoker_tui.logs.attempt import AttemptSource
from stoker_tui.logs.source import Source

_T = TypeVar("_T")

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0
"""Seconds between two tries to connect, the first and the longest."""

_SENT_AGAIN_SECONDS = 0.1


class Listener(Protocol):
    """Who is told how the connection is, and what happens."""

    def connected(self, status: api.Status) -> None:
        """The daemon is there; what is asked from now on is at least as new as ``status``."""

    def happened(self, line: bytes) -> None:
        """A line of the event stream came."""

    def disconnected(self, why: str) -> None:
        """The daemon is not there, or no more; it is tried again."""


class Link:
    """One daemon, in one workspace; what it answers is cleaned of what would command a terminal.

    Every question raises `Unreachable`, `NotStoker`, or `Refused` with the problem.
    """

    def __init__(self, path: Path, workspace: str = api.DEFAULT_WORKSPACE) -> None:
        check_socket_path(path)
        self.path = path
        self.workspace = workspace
        self._hurry = asyncio.Event()
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(path)),
            base_url="http://stokerd",
            headers={"Stoker-API": api.API_VERSION},
            timeout=QUIET_SECONDS,
        )

    async def get(self, path: str, kind: type[_T], query: Mapping[str, str] | None = None) -> _T:
        """Ask for something."""
        answer = await self._ask("GET", path, params=query)
        return cleaned(decoded(self.path, answer, kind))

    async def read(self, path: str, kind: type[_T], query: Mapping[str, str] | None = None) -> _T:
        """Ask for something that is to be edited: as it was written, to be cleaned where it is shown."""
        return decoded(self.path, await self._ask("GET", path, params=query), kind)

    async def pages(self, path: str, kind: type[_T], query: Mapping[str, str] | None = None) -> list[_T]:
        """Ask for a list, whole."""
        items, cursor = [], {"limit": str(api.MAX_PAGE)}
        while True:
            page = await self.get(path, api.Page[kind], {**(query or {}), **cursor})
            items += page.items
            if page.next is None:
                return items
            cursor["cursor"] = page.next

    async def post(self, path: str, request: api.Request, kind: type[_T]) -> _T:
        """Ask for a change. It is asked for again where the answer was lost; the key makes that safe."""
        headers = {"Idempotency-Key": uuid4().hex}
        content = msgspec.json.encode(request)
        deadline = time.monotonic() + RESTART_SECONDS
        sent = False
        while True:
            try:
                answer = await self._ask("POST", path, content=content, headers=headers)
                return cleaned(decoded(self.path, answer, kind))
            except Unreachable as error:
                sent = sent or error.sent
                if not sent or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_SENT_AGAIN_SECONDS)

    async def put(self, path: str, request: msgspec.Struct, kind: type[_T]) -> _T:
        """Ask for something to be so."""
        answer = await self._ask("PUT", path, content=msgspec.json.encode(request))
        return cleaned(decoded(self.path, answer, kind))

    async def save_draft(self, name: str, spec: WorkflowSpec, revision: int | None) -> api.WorkflowView:
        """Save a workflow's draft made on a revision, None for one that is not there; give it as written."""
        path, content = self.within(routes.WORKFLOW, name=name), msgspec.json.encode(spec)
        answer = await self._ask("PUT", path, content=content, headers=condition(revision))
        return decoded(self.path, answer, api.WorkflowView)

    async def save_job(self, path: str, request: api.SaveJob, revision: int) -> api.JobView:
        """Save a job's draft made on a revision; give it as written."""
        place, content = self.within(routes.JOB, path=path), msgspec.json.encode(request)
        answer = await self._ask("PUT", place, content=content, headers=condition(revision))
        return decoded(self.path, answer, api.JobView)

    async def delete(self, path: str) -> None:
        """Ask for something to be no more."""
        await self._ask("DELETE", path)

    def output(self, run: int, node: str, attempt: int, stream: api.Stream) -> Source:
        """Give what an attempt's output is read from."""
        return AttemptSource(self._http, run, node, attempt, stream)

    def within(self, template: str, **values: str | int) -> str:
        """Give the path of a template of the workspace."""
        return routes.fill(template, workspace=self.workspace, **values)

    async def events(self, after: int, log: str) -> AsyncIterator[bytes]:
        """Give the run log's own lines after a position, then live, heartbeats among them."""
        query = {"after": str(after), "log": log}
        timeout = httpx.Timeout(QUIET_SECONDS)
        try:
            async with self._http.stream("GET", routes.EVENTS, params=query, timeout=timeout) as answer:
                if answer.is_error:
                    await answer.aread()
                checked(self.path, answer)
                rest = b""
                async for chunk in answer.aiter_bytes():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield line
        except httpx.TransportError as error:
            raise unreachable(self.path, error) from error

    async def follow(self, listener: Listener) -> None:
        """Tell the listener of the daemon's events, over its comings and goings, for ever."""
        pause = FIRST_PAUSE
        while True:
            why = "it has ended"
            try:
                status = await self.get(routes.STATUS, api.Status)
                listener.connected(status)
                pause = FIRST_PAUSE
                async for line in self.events(status.seq, status.log):
                    listener.happened(line)
            except Unreachable as error:
                why = error.why
            except (NotStoker, Refused) as error:
                why = str(error)
            listener.disconnected(why)
            await self._pause(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def hurry(self) -> None:
        """Try to connect now."""
        self._hurry.set()

    async def close(self) -> None:
        """Let go of the socket."""
        await self._http.aclose()

    async def _pause(self, seconds: float) -> None:
        self._hurry.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def _ask(self, method: str, path: str, **details: Any) -> httpx.Response:
        try:
            return checked(self.path, await self._http.request(method, path, **details))
        except httpx.TransportError as error:
            raise unreachable(self.path, error) from error
        except Refused as error:
            raise Refused(cleaned(error.problem)) from error
