"""`stokerd drain`: has the daemon that runs start no node any more, and waits until none runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec

from stoker_shared import routes
from stoker_shared.api import API_VERSION, Problem, SetDraining, Status
from stoker_shared.text import counted

LOOK_SECONDS = 0.5
"""From one look at what still runs to the next."""


class Unreachable(Exception):
    """No daemon answers."""


class NotDone(Exception):
    """The daemon refused it; the message says why."""


def drain(socket: Path, *, wait: bool) -> Iterator[str]:
    """Drain the daemon, giving what is to be told meanwhile.

    Raises:
        Unreachable: no daemon answers at the socket.
        NotDone: the daemon refused it.
    """
    with _client(socket) as client:
        status = _asked(client, "PUT", routes.DRAINING, SetDraining(on=True))
        yield "draining: no node is started, until `stokerd drain --undo`; what is due waits"
        while status.active_nodes and wait and status.draining:
            yield f"waiting for {counted(status.active_nodes, 'node')} of {status.active_runs} active runs"
            status = _changed(client, status)
        if not status.draining:
            raise NotDone("somebody has ended the draining meanwhile")
        if status.active_nodes:
            nodes = counted(status.active_nodes, "node")
            yield f"still active: {nodes}; jobs go on also if the daemon is stopped"
        else:
            yield "drained: nothing runs"


def undo(socket: Path) -> str:
    """Have the daemon start nodes again, and give what is to be told. Raises as `drain` does."""
    with _client(socket) as client:
        _asked(client, "PUT", routes.DRAINING, SetDraining(on=False))
    return "nodes are started again"


def _changed(client: httpx.Client, known: Status) -> Status:
    """Wait until something else runs than is known."""
    while True:
        time.sleep(LOOK_SECONDS)
        status = _asked(client, "GET", routes.STATUS)
        if (status.active_nodes, status.draining) != (known.active_nodes, known.draining):
            return status


def _client(socket: Path) -> httpx.Client:
    return httpx.Client(
        transport=httpx.HTTPTransport(uds=str(socket)),
        base_url="http://stokerd",
        headers={"Stoker-API": API_VERSION},
        timeout=60,
    )


def _asked(client: httpx.Client, method: str, path: str, body: msgspec.Struct | None = None) -> Status:
    try:
        answer = client.request(method, path, content=msgspec.json.encode(body) if body else None)
    except httpx.TransportError as error:
        raise Unreachable(str(error)) from error
    if answer.is_error:
        raise NotDone(msgspec.json.decode(answer.content, type=Problem).detail)
    return msgspec.json.decode(answer.content, type=Status)
