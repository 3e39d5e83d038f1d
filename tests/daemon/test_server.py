"""A server that stops answers whoever was connected before."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from stoker_daemon import server as module
from stoker_daemon.access.peers import group_id
from stoker_daemon.access.rules import Access, Rules
from stoker_daemon.server import Server, bind
from tests.harness import PATIENCE

REQUEST = b"GET / HTTP/1.1\r\nHost: stokerd\r\n\r\n"


async def answer(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Serving:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.listening = bind(path)
        self.server = Server(answer, Rules(Access(), os.geteuid(), group_id))
        self.task = asyncio.ensure_future(self.server.serve([self.listening.dup()]))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self.path)


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    serving = Serving(tmp_path / "s")
    reader, writer = await serving.connect()
    writer.write(REQUEST)
    await reader.readuntil(b"ok")
    writer.close()
    yield serving
    serving.server.stop()
    await serving.task
    serving.listening.close()


async def test_who_has_sent_a_request_that_nobody_has_read(serving: Serving):
    reader, writer = await serving.connect()
    writer.write(REQUEST)
    serving.server.stop()

    assert (await reader.read()).endswith(b"ok")
    await serving.task


async def test_who_was_answered_before_and_has_just_sent_another(serving: Serving):
    reader, writer = await serving.connect()
    writer.write(REQUEST)
    await reader.readuntil(b"ok")
    writer.write(REQUEST)
    serving.server.stop()

    assert (await reader.read()).endswith(b"ok")


async def test_who_has_only_just_connected(serving: Serving, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "FIRST_REQUEST_SECONDS", PATIENCE)
    _, writer = first = await serving.connect()
    await asyncio.sleep(0.05)
    serving.server.stop()
    await asyncio.sleep(0.05)
    writer.write(REQUEST)

    assert (await first[0].read()).endswith(b"ok")


async def test_but_it_does_not_wait_for_who_says_nothing(serving: Serving, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "FIRST_REQUEST_SECONDS", 0.05)
    silent, _ = await serving.connect()
    await asyncio.sleep(0.05)
    serving.server.stop()

    await asyncio.wait_for(serving.task, PATIENCE)
    assert await silent.read() == b""


async def test_who_comes_later_waits_for_the_next_server(serving: Serving):
    serving.server.stop()
    await asyncio.sleep(0.01)
    reader, writer = await serving.connect()
    writer.write(REQUEST)
    await serving.task

    following = Server(answer, Rules(Access(), os.geteuid(), group_id))
    task = asyncio.ensure_future(following.serve([serving.listening.dup()]))
    assert (await reader.readuntil(b"ok")).endswith(b"ok")
    following.stop()
    await task
