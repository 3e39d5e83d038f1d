"""What the service manager is told of an engine: how it stands, in words, and that it makes progress.

The watchdog is fed only when a turn has passed through the engine and all before it is on disk. So an event
loop, an engine or a writer of the run log that hangs is ended, and the next daemon takes up its work.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable

from stoker_daemon.beside import first_of
from stoker_daemon.engine import Engine, Turn
from stoker_daemon.runlog.writer import Room
from stoker_daemon.service.manager import Manager
from stoker_shared.state import State
from stoker_shared.text import clean_line, counted

STATUS_SECONDS = 1.0
"""How long changes are gathered before they are told."""

_NAMED = 3
"""How many nodes are named that go on running."""


logger = logging.getLogger(__name__)


class Report:
    """Tells ``manager`` of ``engine`` from `start` on.

    At SIGHUP it has the configuration read anew: ``reload`` gives what is wrong with it.
    """

    def __init__(self, manager: Manager, engine: Engine, reload: Callable[[], str]) -> None:
        self._manager = manager
        self._engine = engine
        self._reload = reload
        self._problem = ""
        self._told = ""
        self._timer: asyncio.TimerHandle | None = None
        self._feeding: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Tell that the daemon is ready."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hang_up)
        self._engine.listeners.append(self._hear)
        self._tell("READY=1")
        if self._manager.watchdog:
            self._feeding = asyncio.create_task(self._feed(self._manager.watchdog / 2))

    def close(self, *, stopping: bool) -> None:
        """Tell nothing more; where the daemon is ``stopping``, tell that, and what goes on running."""
        if self._timer:
            self._timer.cancel()
        if self._feeding:
            self._feeding.cancel()
        going = going_on(self._engine.state)
        logger.info("stopping; %s", going)
        if stopping:
            self._manager.tell("STOPPING=1", f"STATUS=stopping; {going}")

    def _hang_up(self) -> None:
        self._manager.tell_reloading()
        self._problem = self._reload()
        self._tell("READY=1")

    def _hear(self, _: Turn) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(STATUS_SECONDS, self._tell_status)

    def _tell_status(self) -> None:
        self._timer = None
        if self._status() != self._told:
            self._tell()

    def _tell(self, *facts: str) -> None:
        self._told = self._status()
        self._manager.tell(*facts, f"STATUS={self._told}")

    def _status(self) -> str:
        held = self._engine.held()
        problems = [held.problem.detail if held else "", self._problem]
        return in_words(self._engine.state, list(filter(None, problems)))

    async def _feed(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await progress(self._engine)
            self._manager.tell("WATCHDOG=1")
            self._tell_status()


async def progress(engine: Engine) -> None:
    """Wait until a turn has passed and all before it is on disk.

    Where the disk has no room the writer waits by design, and a new daemon would wait as well.
    """
    passed = asyncio.Event()
    engine.post(lambda turn: turn.effects.append(passed.set))
    while not (passed.is_set() or engine.log.room is Room.NONE):
        await first_of(passed.wait(), seconds=1)


def in_words(state: State, problems: list[str]) -> str:
    """Say in one line how the daemon stands."""
    running = sum(len(run.active) for run in state.runs.values())
    counts = f"{counted(len(state.runs), 'active run')}, {counted(running, 'node')} running"
    draining = ["draining"] if state.draining else []
    return clean_line("; ".join([*problems, *draining, counts]))


def going_on(state: State) -> str:
    """Say in words what runs and goes on without the daemon."""
    names = [
        f"#{run.id}/{clean_line(node.name)}"
        for run in state.runs.values()
        for node in map(run.numbered, run.active)
    ]
    if not names:
        return "nothing runs"
    more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return f"{', '.join([*names[:_NAMED], *more])} run on without the daemon, and the next start finds them"
