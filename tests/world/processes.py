"""The host's processes, which outlive the daemon, and the hands with which it launches, ends and finds them.

The hands do what the real executor does with real ones: each attempt has a keeper that claims it, and
writes down how the job ended. A keeper can come late, or be killed before it has written anything.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from stoker_daemon.attempts.directory import AttemptKey
from stoker_daemon.attempts.executor import Order
from stoker_daemon.attempts.processes import Identity
from stoker_shared.events import Reason

if TYPE_CHECKING:
    from stoker_daemon.engine import Engine

GRACE = 10.0
"""Seconds from TERM to KILL."""


class Process:
    """One attempt as the host knows it: its keeper, its job, and what is written in its directory.

    ``status`` is what it will exit with, or did; ``written`` what its keeper wrote of that. One that is
    ``deaf`` does not heed TERM.
    """

    def __init__(self, key: AttemptKey, pid: int, boot: str) -> None:
        self.key = key
        self.identity = Identity(pid, pid, boot)
        self.alive = True
        self.claimed = False
        self.has_keeper = True
        self.deaf = False
        self.status = 0
        self.written: int | None = None


class Machine:
    """The host. ``at`` has something happen after some seconds; ``on_spawn`` hears of every new process.

    While it is ``calm`` nothing but jobs that fail goes wrong.
    """

    def __init__(
        self,
        chance: Random,
        at: Callable[[float, Callable[[], None]], None],
        on_spawn: Callable[[Process], None],
    ) -> None:
        self.boots = 1
        self.processes: dict[AttemptKey, Process] = {}
        self.alive: dict[tuple[int, int], Process] = {}
        self.hands: Hands | None = None
        self.faults = 0
        self.calm = False
        self._pids = 100
        self._chance = chance
        self._at = at
        self._on_spawn = on_spawn

    @property
    def boot_id(self) -> str:
        return f"boot {self.boots}"

    def spawn(self, key: AttemptKey) -> Process:
        """Begin a process; how it will end is decided now."""
        self._pids += 1
        process = Process(key, self._pids, self.boot_id)
        self._on_spawn(process)
        self.processes[key] = process
        self.alive[key.run, key.number] = process
        kind = self._chance.random()
        if kind > 0.9:
            process.status = self._chance.choice([1, 2, 137, 139])
        process.deaf = self._chance.random() < 0.1
        seconds = self._chance.choice([0.0, 0.001, 0.1, 1.0, 5.0, 30.0])
        trouble = 1.0 if self.calm else self._chance.random()
        if trouble < 0.06:
            self.faults += 1
        if trouble < 0.02:
            self._at(1.0, lambda: self._claim(process, seconds))
            return process
        if hangs := trouble < 0.04:
            process.deaf = self._chance.random() < 0.5
        self._claim(process, None if hangs else seconds)
        if 0.04 <= trouble < 0.06:
            self._at(seconds * self._chance.random(), lambda: self._lose_keeper(process))
        return process

    def give_up(self, key: AttemptKey) -> None:
        """Claim an attempt for good, so that a keeper that comes late does not begin its job."""
        if process := self.processes.get(key):
            self._vanish(process)

    def signal(self, process: Process) -> None:
        """Send TERM, and KILL after a while if the daemon is still there.

        A keeper is spared, and claims its attempt meanwhile.
        """
        process.claimed = True
        if process.deaf:
            hands = self.hands
            self._at(GRACE, lambda: self._end(process, 137) if self.hands is hands else None)
        else:
            self._at(0.01, lambda: self._end(process, 143))

    def reboot(self) -> None:
        """End everything. What was written last may be lost."""
        self.boots += 1
        for process in self.alive.values():
            process.alive = False
        self.alive.clear()
        for process in self.processes.values():
            if process.written is not None and self._chance.random() < 0.2:
                process.written = None

    def forget(self, is_known: Callable[[AttemptKey], bool]) -> None:
        """Forget what became of attempts that nobody will ask for again."""
        self.processes = {key: one for key, one in self.processes.items() if one.alive or is_known(key)}

    def _claim(self, process: Process, seconds: float | None) -> None:
        """Have the keeper claim its attempt and begin the job, unless the daemon gave it up before."""
        if not process.alive:
            return
        process.claimed = True
        if seconds is not None:
            self._at(seconds, lambda: self._end(process, process.status))

    def _end(self, process: Process, status: int) -> None:
        if process.alive:
            process.status = status
            if process.has_keeper:
                process.written = status
            self._vanish(process)

    def _lose_keeper(self, process: Process) -> None:
        if process.alive:
            process.has_keeper = False

    def _vanish(self, process: Process) -> None:
        process.alive = False
        del self.alive[process.key.run, process.key.number]
        if self.hands:
            self.hands.gone(process)


class Hands:
    """The hands of one life of the daemon; its crash takes them off the machine."""

    def __init__(self, machine: Machine, chance: Random, room: Callable[[], int]) -> None:
        self.boot_id = machine.boot_id
        self.engine: Engine
        self._machine = machine
        self._chance = chance
        self._room = room
        self._watched: set[AttemptKey] = set()
        self._ending: set[AttemptKey] = set()

    def make_ready(self, order: Order) -> None:
        if self._room() < 4096:
            raise OSError(errno.ENOSPC, "No space left on device")

    def launch(self, order: Order) -> None:
        if self._chance.random() < 0.002:
            self._machine.faults += 1
            self.engine.attempt_ended(order.key, None, Reason.REFUSED, "Argument list too long")
            return
        process = self._machine.spawn(order.key)
        self.engine.attempt_started(order.key, process.identity)
        self._watch(process)

    def end(self, key: AttemptKey) -> None:
        if key in self._watched and key not in self._ending:
            self._ending.add(key)
            self._machine.signal(self._machine.processes[key])

    def recover(self, key: AttemptKey, tag: str, boot_id: str, start_time: int | None) -> None:
        process = self._machine.processes.get(key)
        if boot_id != self.boot_id and (process is None or process.written is None):
            self.engine.attempt_ended(key, None, Reason.LOST, "the machine was restarted while it ran")
        elif process is None or not process.claimed:
            self._machine.give_up(key)
            self.engine.attempt_ended(key, None, Reason.NEVER_BEGAN, "")
        elif process.written == 0:
            self.engine.attempt_ended(key, process.written, Reason.EXIT, "")
        elif process.written is not None:
            # What did not succeed is reported once it is sure that nothing of it is alive.
            ended = partial(self.engine.attempt_ended, key, process.written, Reason.EXIT, "")
            asyncio.get_running_loop().call_later(self._chance.random(), ended)
        else:
            self.engine.attempt_adopted(key, process.identity)
            self._watch(process)

    def gone(self, process: Process) -> None:
        """Hear that nothing of an attempt is alive any more."""
        key = process.key
        if key not in self._watched:
            return
        self._watched.discard(key)
        self._ending.discard(key)
        if process.written is None:
            self.engine.attempt_ended(key, None, Reason.LOST, "its keeper was killed")
        else:
            self.engine.attempt_ended(key, process.written, Reason.EXIT, "")

    def _watch(self, process: Process) -> None:
        self._watched.add(process.key)
        if not process.alive:
            self.gone(process)
