"""The daemon in this process, on a disk that fails when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from stoker_daemon import app
from stoker_daemon.config import Config, ConfigError, Configured
from stoker_daemon.http import events
from stoker_daemon.projection import Projection
from stoker_daemon.reloading import Settings
from stoker_daemon.service.manager import Manager
from tests.harness import PATIENCE


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
    def __init__(self, home: Path, manager: Manager | None = None) -> None:
        self.config = Config(data=home / "data", socket=home / "s", stop_grace=0.5)
        self.settings = Settings(self.config, self.read)
        self.wanted: Config | None = self.config
        self.http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(self.config.socket), retries=0),
            base_url="http://stokerd",
            timeout=PATIENCE,
        )
        self.running = asyncio.ensure_future(app.run(self.settings, manager or Manager()))

    def read(self) -> Configured:
        if self.wanted is None:
            raise ConfigError("stop_grace is 'x', and must be a number")
        return Configured(self.wanted, Path("stokerd.toml"), True, {})

    async def wait_for(self, condition: Callable[[], Awaitable[Any]]) -> Any:
        async with asyncio.timeout(PATIENCE):
            while True:
                assert not self.running.done(), self.running
                with contextlib.suppress(httpx.TransportError):
                    if found := await condition():
                        return found
                await asyncio.sleep(0.01)

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

    async def is_launched(self, number: int) -> bool:
        """Tell whether a run's one node has its process."""
        attempts = (await self.run(number))["nodes"][0].get("attempts", [])
        return bool(attempts) and "pid" in attempts[0]

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

    await daemon.wait_for(partial(daemon.is_launched, run))
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
            "/v1/workspaces/default/jobs/lost.sh/publish",
            json={"digest": digest},
            headers={"Connection": "close"},  # the next may come while this one is being closed
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


async def test_content_that_somebody_asked_for_is_not_let_go_before_it_can_be_named(daemon: Daemon):
    digest = sha256(b"exit 0").hexdigest()
    stored = await daemon.http.put(f"/v1/objects/{digest}", content=b"exit 0")
    path = daemon.config.data / "objects" / digest
    os.utime(path, (0, 0))

    found = await daemon.http.head(f"/v1/objects/{digest}")

    assert (stored.status_code, found.status_code) == (201, 200)
    assert path.stat().st_mtime > 0


async def test_the_answer_of_who_follows_events_begins_at_once_where_nothing_happens(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 10 * PATIENCE)
    seq = (await daemon.status())["seq"]

    async with daemon.http.stream("GET", "/v1/events", params={"after": seq}) as stream:
        assert stream.status_code == 200


async def test_a_sighup_during_the_start_does_not_end_it_and_is_heeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    opened = Projection.open

    async def open_slowly(*arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.05)
        await opened(*arguments)

    monkeypatch.setattr(Projection, "open", open_slowly)
    daemon = Daemon(tmp_path)
    daemon.wanted = msgspec.structs.replace(daemon.config, stop_grace=0.1)

    await daemon.wait_for(daemon.status)

    async def heeded() -> bool:
        return daemon.settings.config.stop_grace == 0.1

    await daemon.wait_for(heeded)
    await daemon.http.aclose()
    os.kill(os.getpid(), signal.SIGTERM)
    await daemon.running
    signal.signal(signal.SIGHUP, before)


async def test_what_can_change_while_it_runs_does_at_sighup_and_a_faulty_configuration_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(PATIENCE)

        async def hear(what: str) -> str:
            while what not in (heard := (await asyncio.to_thread(told.recv, 1000)).decode()):
                pass
            return heard

        daemon = Daemon(tmp_path, Manager(told.getsockname()))
        assert await hear("READY=1") == "READY=1\nSTATUS=0 active runs, 0 nodes running"
        (
            await daemon.publish("a.sh", f"until [ -e {tmp_path}/gate ]; do sleep 0.02; done")
        ).raise_for_status()

        daemon.wanted = msgspec.structs.replace(daemon.config, stop_grace=0.1, data=tmp_path / "other")
        os.kill(os.getpid(), signal.SIGHUP)
        assert (await hear("RELOADING=1")).startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert "STATUS=only a restart takes up data; 0 active" in await hear("READY=1")
        assert daemon.settings.config == msgspec.structs.replace(daemon.config, stop_grace=0.1)

        daemon.wanted = None
        os.kill(os.getpid(), signal.SIGHUP)
        assert "STATUS=the changed configuration is faulty, and not in force; " in await hear("READY=1")
        assert "the configuration stays as it was: stop_grace is 'x'" in caplog.text
        assert daemon.settings.config.stop_grace == 0.1

        run = await daemon.start("a.sh")

        await daemon.wait_for(partial(daemon.is_launched, run))
        await hear("1 active run, 1 node running")
        await daemon.http.aclose()
        os.kill(os.getpid(), signal.SIGTERM)
        stopping = await hear("STOPPING=1")
        going = f"stopping; #{run}/a run on without the daemon, and the next start finds them"
        assert stopping == f"STOPPING=1\nSTATUS={going}"
        await daemon.running
        (tmp_path / "gate").touch()
        assert going in caplog.text
