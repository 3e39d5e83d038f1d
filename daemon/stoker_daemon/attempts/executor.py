"""Attempts as processes: launched, watched, ended, and found again after a restart of the daemon.

Each attempt has a keeper (``keeper.sh``) that leads a session of its own, runs the command and writes down
the exit status. The daemon waits on the keeper's pidfd, so that a child and an adopted process are the same
to it. An attempt that is stopped, or that did not succeed, is reported only when nothing of it is alive.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Container, Coroutine
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from stoker_daemon import descriptors
from stoker_daemon.attempts import processes
from stoker_daemon.attempts.directory import AttemptDirectory, AttemptKey
from stoker_daemon.attempts.groups import Groups, Used
from stoker_daemon.attempts.processes import Identity
from stoker_daemon.launchers.task import Launch
from stoker_shared.events import Reason

KEEPER = Path(__file__).parents[1] / "keeper.sh"
"""In its place in every version: a daemon that runs on while it is upgraded launches by the new one's."""

GROUP = "STOKER_KEEPER_GROUP"
"""The environment variable that tells a keeper which control group its job is to be in; no job gets it."""

_KEEPER_KILLED = "its keeper was killed before it could write down the exit status"

_SHORT = (errno.EAGAIN, errno.ENOMEM, errno.ENFILE, errno.EMFILE)
"""What a launch fails with where a host has no room for a process at the moment."""

_EXEC_SECONDS = 0.005
"""More than an exec takes from the old environment to the new."""


class Order(msgspec.Struct, frozen=True):
    """What to launch: the attempt, its tag, its command, and the published files it is given.

    ``sources`` are their places in the attempt's directory, each with the object that it is.
    """

    key: AttemptKey
    tag: str
    launch: Launch
    sources: tuple[tuple[str, Path], ...] = ()


class Listener(Protocol):
    """Who is told what became of attempts."""

    def attempt_started(self, key: AttemptKey, process: Identity) -> None:
        """Its keeper exists."""

    def attempt_adopted(self, key: AttemptKey, process: Identity) -> None:
        """Its keeper was found alive and is watched again."""

    def attempt_ended(
        self, key: AttemptKey, exit_status: int | None, reason: Reason, detail: str, used: Used
    ) -> None:
        """It ended: by itself (``exit``), unknown how (``lost``), before it began, or it was refused."""

    def watching_failed(self, error: BaseException) -> None:
        """An attempt is out of sight for a fault of ours; a restart finds it again."""


class _Running:
    """One attempt being watched. ``keeper`` is None where none has claimed it yet."""

    def __init__(self, key: AttemptKey, tag: str) -> None:
        self.key = key
        self.tag = tag
        self.keeper: Identity | None = None
        self.ending: asyncio.Task[None] | None = None


class Executor:
    """Launches attempts and tells ``listener`` what became of them; ``grace``: seconds from TERM to KILL.

    Attempts have control groups of their own where ``groups`` has any.
    """

    def __init__(self, logs: Path, grace: float, groups: Groups | None = None) -> None:
        self.boot_id = processes.boot_id()
        self.listener: Listener
        self._environment = dict(os.environ)
        self._groups = groups or Groups()
        self._logs = logs
        self.grace = grace
        self._running: dict[AttemptKey, _Running] = {}
        self._watched: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def make_ready(self, order: Order) -> None:
        """Lay out an attempt's directory, while its intent is on its way to disk. Raises OSError."""
        directory = AttemptDirectory(self._logs, order.key)
        directory.make()
        if directory.is_claimed():
            # Run numbers begin again with a new log; believing what an older one's job left would be a lie.
            raise FileExistsError(f"{directory.path} is of another run log; move {self._logs} out of the way")
        directory.write(order.launch.files)
        for place, content in order.sources:
            directory.link(place, content)
        self._groups.make(order.tag, order.key)

    def launch(self, order: Order) -> None:
        """Launch an attempt whose intent is on disk."""
        try:
            pid = _spawn(
                order,
                AttemptDirectory(self._logs, order.key),
                self._environment,
                self._groups.of(order.tag),
            )
        except (OSError, ValueError) as error:
            # A ValueError: an argument with a NUL, or a variable's name that none can have.
            reason = (
                Reason.NEVER_BEGAN if isinstance(error, OSError) and error.errno in _SHORT else Reason.REFUSED
            )
            self._report(_Running(order.key, order.tag), None, reason, f"could not be launched: {error}")
            return
        keeper = processes.identify(pid, self.boot_id) or Identity(pid, 0, self.boot_id)
        self.listener.attempt_started(order.key, keeper)
        self._watch(_Running(order.key, order.tag), keeper)

    def end(self, key: AttemptKey) -> None:
        """Begin to end every process of an attempt; `Listener.attempt_ended` tells when all are gone."""
        running = self._running.get(key)
        if running and not running.ending:
            running.ending = self._go(self._clear(running))

    def recover(self, key: AttemptKey, tag: str, boot_id: str, start_time: int | None) -> None:
        """Find out what became of an attempt that an earlier daemon meant to launch, and go on from there.

        ``start_time`` is its keeper's, where the earlier daemon came to know it.
        """
        running = _Running(key, tag)
        self._running[key] = running
        self._recover(running, boot_id, start_time or 0)

    def sweep(self, active: Container[str]) -> None:
        """Remove what earlier daemons left of attempts other than the ``active`` ones, by their tags."""
        self._groups.sweep(active)

    def close(self) -> None:
        """Stop watching. What runs goes on."""
        for task in self._tasks:
            task.cancel()
        for descriptor in list(self._watched):
            self._stop_watching(descriptor)

    def _recover(self, running: _Running, boot_id: str, start_time: int) -> None:
        directory = AttemptDirectory(self._logs, running.key)
        if boot_id != self.boot_id and directory.exit_status() is None:
            self._go(self._conclude(running, None, "the machine was restarted while it ran"))
        elif pid := directory.keeper_or_none_ever():
            keeper = processes.find(pid, running.tag, self.boot_id)
            self._find_again(running, keeper or Identity(pid, start_time, boot_id), directory)
        else:
            detail = "the daemon ended before it was launched"
            self._report(running, None, Reason.NEVER_BEGAN, detail)

    def _find_again(self, running: _Running, keeper: Identity, directory: AttemptDirectory) -> None:
        running.keeper = keeper
        if (status := directory.exit_status()) is not None:
            # It may be a child of this very process, of the time before the log was opened again.
            if (descriptor := processes.open_pidfd(keeper)) is not None:
                _reap(descriptor)
                os.close(descriptor)
            self._ended(running, status)
        else:
            self.listener.attempt_adopted(running.key, keeper)
            self._watch(running, keeper)

    def _watch(self, running: _Running, keeper: Identity) -> None:
        self._running[running.key] = running
        running.keeper = keeper
        descriptor = processes.open_pidfd(keeper)
        if descriptor is None:
            self._keeper_ended(running, None)
        else:
            self._watched.add(descriptor)
            loop = asyncio.get_running_loop()
            loop.add_reader(descriptor, self._pidfd_ready, running, descriptor)

    def _pidfd_ready(self, running: _Running, descriptor: int) -> None:
        code = _reap(descriptor)
        self._stop_watching(descriptor)
        self._keeper_ended(running, code)

    def _stop_watching(self, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        self._watched.discard(descriptor)

    def _keeper_ended(self, running: _Running, code: int | None) -> None:
        status = self._exit_status(running, code)
        if status is None and not running.ending:
            self._go(self._outlive(running))
        else:
            self._ended(running, status)

    async def _outlive(self, running: _Running) -> None:
        """Wait for the end of a job whose keeper was killed: it may do its work, but its status is lost."""
        while await self._alive(running):
            await asyncio.sleep(1)
        self._ended(running, self._exit_status(running, None))

    def _ended(self, running: _Running, status: int | None) -> None:
        if status == 0 and not running.ending:
            self._report(running, 0, Reason.EXIT, "")
        else:
            self._go(self._conclude(running, status))

    async def _conclude(self, running: _Running, status: int | None, lost: str = _KEEPER_KILLED) -> None:
        """Report an attempt whose keeper has ended, once nothing of it lives; as ``lost`` without status."""
        await (running.ending or self._clear(running))
        if status is None:
            self._report(running, None, Reason.LOST, lost)
        else:
            self._report(running, status, Reason.EXIT, "")

    def _exit_status(self, running: _Running, code: int | None) -> int | None:
        """Give what the keeper wrote; where it could not write, what it ended with as our child."""
        directory = AttemptDirectory(self._logs, running.key)
        written = directory.exit_status()
        if written is not None or code is None:
            return written
        return code if running.keeper and directory.keeper() == running.keeper.pid else None

    async def _clear(self, running: _Running) -> None:
        """End every process of the attempt, and return when none is left.

        The keeper is spared: it is deaf to TERM, and ends when its job does. What a dying job still starts is
        seen in the next round.
        """
        deadline = asyncio.get_running_loop().time() + self.grace
        in_group = partial(self._groups.members, running.tag)
        asked: set[int] = set()
        pause = 0.005
        while pids := await self._alive(running):
            overdue = asyncio.get_running_loop().time() > deadline
            if overdue:
                self._groups.kill(running.tag)
            keeper = {running.keeper.pid} if running.keeper else set()
            targets = set(pids) - keeper or (set(pids) if overdue else set())
            for pid in targets if overdue else targets - asked:
                number = signal.SIGKILL if overdue else signal.SIGTERM
                processes.send(pid, number, running.keeper, running.tag, in_group)
            asked |= targets
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.25)

    async def _alive(self, running: _Running) -> list[int]:
        """Give the live processes of an attempt; that there are none is believed at the second look only.

        While it execs, a process that has left the session shows no environment.
        """
        pids = await asyncio.to_thread(self._members, running)
        if not pids:
            await asyncio.sleep(_EXEC_SECONDS)
            pids = await asyncio.to_thread(self._members, running)
        return pids

    def _members(self, running: _Running) -> list[int]:
        known = processes.members(running.keeper, running.tag)
        return list({*known, *self._groups.members(running.tag)})

    def _report(self, running: _Running, status: int | None, reason: Reason, detail: str) -> None:
        self._running.pop(running.key, None)
        used = self._groups.used(running.tag)
        self._groups.remove(running.tag)
        self.listener.attempt_ended(running.key, status, reason, detail, used)

    def _go(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.listener.watching_failed(error)


def _spawn(order: Order, directory: AttemptDirectory, environment: dict[str, str], group: Path | None) -> int:
    entering = {GROUP: str(group)} if group else {}
    output = os.O_WRONLY | os.O_APPEND
    return os.posix_spawn(
        "/bin/sh",
        ["/bin/sh", str(KEEPER), str(directory.path), str(descriptors.BEGAN_WITH), *order.launch.argv],
        {**environment, **order.launch.env, **entering, processes.TAG: order.tag},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(directory.stream("stdout")), output, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(directory.stream("stderr")), output, 0),
        ],
        setsid=True,
        # Python ignores SIGPIPE, and an ignored signal stays ignored over exec.
        setsigdef=[signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
        setsigmask=[],
    )


def _reap(descriptor: int) -> int | None:
    """Take the exit code of a child by its pidfd; None of a killed one, and of another's child.

    By its pid, which may be given again, it might be another child.
    """
    try:
        ended = os.waitid(os.P_PIDFD, descriptor, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return None
    return ended.si_status if ended and ended.si_code == os.CLD_EXITED else None
