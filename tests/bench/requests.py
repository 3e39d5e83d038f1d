"""Requests a second, beside the same server giving a constant."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from statistics import median

from tests.bench import homes, measure
from tests.bench.client import Client, together
from tests.bench.size import Row, Size
from tests.harness import StokerDaemon, wait_for

_CLIENTS = (1, 8)
_DEFINITION = b'{"workflow": "w%d", "nodes": [{"name": "n", "job": "true.sh"}]}'
_numbers = count(1)

_BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def constant(_): return Response(b"{}", media_type="application/json")
app = Starlette(routes=[Route("/", constant)])
quiet = {"access_log": False, "log_level": "critical"}
uvicorn.run(app, uds=sys.argv[1], http="h11", ws="none", lifespan="off", **quiet)
"""


def rows(place: Path, size: Size) -> list[Row]:
    """Measure questions and changes with one client and with several, in turns with the bare server."""
    few, many = homes.with_workflows(place, 0), homes.with_workflows(place, size.workflows[-1])
    with StokerDaemon(few) as daemon, StokerDaemon(many) as full, _BareServer(place / "bare") as bare:
        work: dict[str, tuple[Path, Callable[[Client, int], Awaitable[object]]]] = {
            "bare server": (bare.socket, _get("/")),
            "status": (daemon.socket, _get("/v1/status")),
            "100 workflows": (full.socket, _get("/v1/workspaces/default/workflows")),
            "one workflow": (full.socket, _get("/v1/workspaces/default/workflows/workflow-00001")),
            "save a draft": (daemon.socket, _save),
        }
        return [row for clients in _CLIENTS for row in _rows(clients, work, size)]


def _rows(
    clients: int, work: dict[str, tuple[Path, Callable[[Client, int], Awaitable[object]]]], size: Size
) -> list[Row]:
    rates: dict[str, list[float]] = {name: [] for name in work}
    each = max(size.requests // size.repeat, 1)
    for _ in range(size.repeat):
        for name, (socket, ask) in work.items():
            seconds = measure.took(lambda s=socket, a=ask: asyncio.run(together(s, clients, range(each), a)))
            rates[name].append(each / seconds)
    base = median(rates["bare server"])
    return [
        {
            "clients": clients,
            "request": name,
            "a_second": round(median(rates[name])),
            "cost": round(base / median(rates[name]), 2),
        }
        for name in work
    ]


def _get(path: str) -> Callable[[Client, int], Awaitable[object]]:
    return lambda client, _: client.ask("GET", path)


async def _save(client: Client, _: int) -> None:
    number = next(_numbers)
    path = f"/v1/workspaces/default/workflows/w{number}"
    await client.ask("PUT", path, _DEFINITION % number, {"If-None-Match": "*"})


class _BareServer:
    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def __enter__(self) -> _BareServer:
        self._process = subprocess.Popen([sys.executable, "-c", _BARE, self.socket])
        wait_for(self.socket.exists, "the bare server listens")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
