"""An executor on a directory of its own, and what it told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import uuid
from pathlib import Path

from stoker_daemon.attempts import processes
from stoker_daemon.attempts.directory import AttemptDirectory, AttemptKey
from stoker_daemon.attempts.executor import KEEPER, Executor, Order
from stoker_daemon.attempts.groups import Used
from stoker_daemon.attempts.processes import Identity, boot_id, members
from stoker_daemon.launchers.task import Launch
from stoker_shared.events import Reason
from tests.harness import PATIENCE, wait_for

KEY = AttemptKey(run=12, number=3, node="ingest", attempt=1)

BOOT = boot_id()

PATIENT = 600.0
"""A grace that no test waits for: what ends within a test has ended by TERM."""

SHORT = 0.3


class Told:
    """What a listener was told of one attempt, and what of it was alive when it was told the end."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.started: list[Identity] = []
        self.adopted: list[Identity] = []
        self.ends: list[tuple[int | None, Reason, str]] = []
        self.left_alive: list[int] = []
        self.over = asyncio.Event()

    def attempt_started(self, key: AttemptKey, process: Identity) -> None:
        self.started.append(process)

    def attempt_adopted(self, key: AttemptKey, process: Identity) -> None:
        self.adopted.append(process)

    def attempt_ended(
        self, key: AttemptKey, exit_status: int | None, reason: Reason, detail: str, used: Used
    ) -> None:
        assert key == KEY
        self.ends.append((exit_status, reason, detail))
        self.left_alive = members(next(iter(self.started + self.adopted), None), self.tag)
        self.over.set()

    def watching_failed(self, error: BaseException) -> None:
        raise error


class Bench:
    """One attempt under one executor after another, with what they were told."""

    def __init__(self, directory: Path) -> None:
        self.logs = directory / "logs"
        self.logs.mkdir()
        self.scratch = directory / "scratch"
        self.scratch.mkdir()
        self.tag = uuid.uuid4().hex
        self.executors: list[Executor] = []
        self.directory = AttemptDirectory(self.logs, KEY)

    def executor(self, grace: float = PATIENT) -> tuple[Executor, Told]:
        executor = Executor(self.logs, grace)
        executor.listener = told = Told(self.tag)
        self.executors.append(executor)
        return executor, told

    def order(self, script: str, **env: str) -> Order:
        env = {"scratch": str(self.scratch), **env}
        return Order(KEY, self.tag, Launch(argv=("/bin/sh", "-c", script), env=env))

    def launched(self, script: str, grace: float = PATIENT) -> tuple[Executor, Told]:
        return self.carried_out(self.order(script), grace)

    def carried_out(self, order: Order, grace: float = PATIENT) -> tuple[Executor, Told]:
        executor, told = self.executor(grace)
        executor.make_ready(order)
        executor.launch(order)
        return executor, told

    async def ended(self, told: Told) -> tuple[int | None, Reason]:
        await asyncio.wait_for(told.over.wait(), PATIENCE)
        ((status, reason, _),) = told.ends
        return status, reason

    async def result(self, script: str, **env: str) -> tuple[int | None, Reason]:
        return await self.ended(self.carried_out(self.order(script, **env))[1])

    def keeper_of_another_daemon(self, script: str) -> None:
        """Start a keeper that is nobody's child any more."""
        self.directory.make()
        subprocess.run(
            ["setsid", "--fork", "/bin/sh", KEEPER, self.directory.path, "100", "/bin/sh", "-c", script],
            env={**os.environ, processes.TAG: self.tag, "scratch": str(self.scratch)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def recovered(self, boot: str = BOOT, start_time: int | None = None) -> tuple[Executor, Told]:
        executor, told = self.executor()
        executor.recover(KEY, self.tag, boot, start_time)
        return executor, told

    async def said(self, name: str) -> str:
        """What the job wrote to a file of that name, once it has."""
        path = self.scratch / name

        def look() -> str | None:
            text = path.read_text() if path.exists() else ""
            return text if text.endswith("\n") else None

        return (await asyncio.to_thread(wait_for, look, f"the job writes {name}")).strip()

    def allow(self, name: str) -> None:
        (self.scratch / name).touch()

    def output(self, stream: str = "stdout") -> str:
        return self.directory.stream(stream).read_text()

    async def keeper(self) -> int:
        return await asyncio.to_thread(wait_for, self.directory.keeper, "it is claimed")

    def clean(self) -> None:
        for executor in self.executors:
            executor.close()
        while left := members(None, self.tag):
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


WAIT = "until test -e $scratch/go; do sleep 0.01; done"
"""A job's way to wait until it is allowed to go on."""
