"""The daemon in this process, on a disk that fails when it is told to."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from stoker_daemon import app
from stoker_daemon.config import Config


class FailingDisk:
    """Syncs that work, until they fail for ever or until it is mended."""

    def __init__(self) -> None:
        self.fails = False
        self._fsync, self._fdatasync = os.fsync, os.fdatasync

    def fsync(self, descriptor: int) -> None:
        self._check()
        self._fsync(descriptor)

    def fdatasync(self, descriptor: int) -> None:
        self._check()
        self._fdatasync(descriptor)

    def _check(self) -> None:
        if self.fails:
            raise OSError(errno.EIO, "Input/output error")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FailingDisk:
    disk = FailingDisk()
    monkeypatch.setattr(os, "fsync", disk.fsync)
    monkeypatch.setattr(os, "fdatasync", disk.fdatasync)
    monkeypatch.setattr(app, "PROBE_SECONDS", 0.01)
    monkeypatch.setattr(app, "LONGEST_PROBE", 0.01)
    return disk


class Daemon:
    def __init__(self, home: Path) -> None:
        self.config = Config(data=home / "data", socket=home / "s", stop_grace=0.5)
        self.http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(self.config.socket), retries=0),
            base_url="http://stokerd",
            timeout=30,
        )
        self.running = asyncio.ensure_future(app.run(self.config))

    async def wait_for(self, condition: Callable[[], Awaitable[Any]]) -> Any:
        for _ in range(3000):
            assert not self.running.done(), self.running
            try:
                if found := await condition():
                    return found
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.01)
        raise TimeoutError

    async def status(self) -> dict[str, Any]:
        return (await self.http.get("/v1/status")).json()

    async def publish(self, path: str, content: str) -> httpx.Response:
        digest = sha256(content.encode()).hexdigest()
        sent = await self.http.put(f"/v1/objects/{digest}", content=content.encode())
        if not sent.is_success:
            return sent
        return await self.http.post(f"/v1/workspaces/default/jobs/{path}/publish", json={"digest": digest})

    async def start(self, path: str) -> int:
        url = "/v1/workspaces/default/workflows/flow"
        spec = {"workflow": "flow", "nodes": [{"name": "a", "job": path}]}
        (await self.http.put(url, json=spec, headers={"If-None-Match": "*"})).raise_for_status()
        (await self.http.post(f"{url}/publish", json={})).raise_for_status()
        started = await self.http.post("/v1/workspaces/default/runs", json={"workflow": "flow"})
        return started.raise_for_status().json()["row"]["id"]

    async def run(self, number: int) -> dict[str, Any]:
        return (await self.http.get(f"/v1/runs/{number}")).raise_for_status().json()

    async def jobs(self) -> list[str]:
        listed = await self.http.get("/v1/workspaces/default/jobs")
        return [job["path"] for job in listed.raise_for_status().json()["items"]]


@pytest.fixture
async def daemon(tmp_path: Path, disk: FailingDisk) -> AsyncIterator[Daemon]:
    daemon = Daemon(tmp_path)
    await daemon.wait_for(daemon.status)
    yield daemon
    await daemon.http.aclose()
    os.kill(os.getpid(), signal.SIGTERM)
    await daemon.running


async def test_on_a_disk_that_fails_the_daemon_is_there_to_be_read_and_takes_up_its_work_when_it_is_mended(
    daemon: Daemon, disk: FailingDisk, tmp_path: Path
):
    gate = tmp_path / "gate"
    (await daemon.publish("a.sh", f"while [ ! -e {gate} ]; do sleep 0.02; done; exit 7")).raise_for_status()
    run = await daemon.start("a.sh")

    async def launched() -> bool:
        return "pid" in (await daemon.run(run))["nodes"][0]["attempts"][0]

    await daemon.wait_for(launched)
    disk.fails = True
    broken = await daemon.http.post(f"/v1/runs/{run}/stop")
    assert broken.status_code == 503
    assert "look whether it was done" in broken.json()["detail"]

    async def read_only() -> bool:
        why = "since the disk failed ([Errno 5] Input/output error)"
        return why in (await daemon.status()).get("held", "")

    await daemon.wait_for(read_only)
    assert await daemon.jobs() == ["a.sh"]
    shown = await daemon.run(run)
    assert (shown["row"]["state"], shown.get("stopping")) == ("running", None)
    for refused in (await daemon.publish("b.sh", ""), await daemon.http.post(f"/v1/runs/{run}/stop")):
        assert (refused.status_code, refused.json()["type"]) == (503, "read-only")

    gate.touch()
    keeper = daemon.config.data / f"logs/{run}/1/1/keeper"

    async def ended() -> bool:
        return "exit 7" in keeper.read_text()

    await daemon.wait_for(ended)
    assert (await daemon.run(run))["row"]["state"] == "running"

    disk.fails = False

    async def finished() -> dict[str, Any] | None:
        shown = await daemon.run(run)
        return shown if "ended_at" in shown["row"] else None

    (node,) = (await daemon.wait_for(finished))["nodes"]
    assert [attempt["exit_status"] for attempt in node["attempts"]] == [7]
    assert "held" not in await daemon.status()
    (await daemon.publish("b.sh", "exit 0")).raise_for_status()
    assert await daemon.jobs() == ["a.sh", "b.sh"]


async def test_what_was_not_acknowledged_when_the_disk_failed_is_not_there_afterwards(
    daemon: Daemon, disk: FailingDisk
):
    (await daemon.publish("a.sh", "exit 0")).raise_for_status()
    digest = sha256(b"exit 0").hexdigest()
    disk.fails = True
    for _ in range(3):
        answer = await daemon.http.post(
            "/v1/workspaces/default/jobs/lost.sh/publish", json={"digest": digest}
        )
        assert answer.status_code == 503

    async def works() -> bool:
        return "held" not in await daemon.status()

    disk.fails = False
    await daemon.wait_for(works)
    (await daemon.publish("b.sh", "exit 0")).raise_for_status()
    assert await daemon.jobs() == ["a.sh", "b.sh"]


async def test_content_that_a_failing_disk_does_not_take_is_refused_and_leaves_nothing(
    daemon: Daemon, disk: FailingDisk
):
    disk.fails = True
    refused = await daemon.publish("a.sh", "exit 0")
    assert (refused.status_code, refused.json()["type"]) == (503, "read-only")
    assert list((daemon.config.data / "objects").iterdir()) == []
