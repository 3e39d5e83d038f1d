"""Watching what active attempts write: samples of the sizes, for the order of both streams and for the limit.

One task looks at all active attempts, four times a second while something grows and once a second while
nothing does. There is none while no attempt is active.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from stoker_daemon.attempts.directory import OUTPUT, AttemptDirectory, AttemptKey
from stoker_daemon.attempts.executor import Listener
from stoker_daemon.attempts.groups import UNKNOWN, Used
from stoker_daemon.attempts.processes import Identity
from stoker_daemon.beside import first_of
from stoker_daemon.journal import about
from stoker_daemon.output import files
from stoker_daemon.output.cuts import Pair, keep_within
from stoker_daemon.output.holes import CANNOT_CUT, can_punch
from stoker_daemon.output.turns import Turn, Turns, advance, closing
from stoker_shared.events import Reason

BUSY_SECONDS, QUIET_SECONDS = 0.25, 1.0
"""From one look to the next: where something has grown, and where nothing has."""

logger = logging.getLogger(__name__)


class Watcher:
    """Listens to the executor before ``listener`` does; ``limit``: bytes an attempt's output may take."""

    def __init__(self, logs: Path, limit: int, listener: Listener) -> None:
        self._logs = logs
        self.limit = limit
        self._listener = listener
        self._turns: dict[AttemptKey, Turn] = {}
        self._ended_large: set[AttemptKey] = set()
        self._begun = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._can_cut: bool | None = None
        self._warned: set[AttemptKey] = set()

    def shown(self, key: AttemptKey) -> Pair | None:
        """Give how much of each stream has its place in the order of both; None: it is not active."""
        turn = self._turns.get(key)
        return turn and turn.shown

    def is_settled(self, key: AttemptKey) -> bool:
        """Tell whether nothing is cut out of an attempt's output any more."""
        return key not in self._turns and key not in self._ended_large

    def close(self) -> None:
        """Stop watching."""
        if self._task:
            self._task.cancel()

    # What the executor tells (executor.Listener).

    def attempt_started(self, key: AttemptKey, process: Identity) -> None:
        """Watch it from its beginning."""
        self._turns[key] = Turn()
        self._see_to_it()
        self._listener.attempt_started(key, process)

    def attempt_adopted(self, key: AttemptKey, process: Identity) -> None:
        """Watch it on."""
        self._turns[key] = self._going_on(key)
        self._see_to_it()
        self._listener.attempt_adopted(key, process)

    def attempt_ended(
        self, key: AttemptKey, exit_status: int | None, reason: Reason, detail: str, used: Used = UNKNOWN
    ) -> None:
        """Close the order of its streams before anybody hears of the end."""
        turn = self._turns.pop(key, None)
        directory = self._directory(key)
        sizes = files.sizes(directory)
        if all(sizes):
            with self._warning(key):
                files.append_marks(directory, closing(turn or self._going_on(key), sizes))
        if sum(sizes) > self.limit:
            self._ended_large.add(key)
            self._see_to_it()
        self._warned.discard(key)
        self._listener.attempt_ended(key, exit_status, reason, detail, used)

    def watching_failed(self, error: BaseException) -> None:
        """Pass it on."""
        self._listener.watching_failed(error)

    # Looking.

    def _see_to_it(self) -> None:
        self._begun.set()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._watch())
            self._task.add_done_callback(self._done)

    async def _watch(self) -> None:
        while self._turns or self._ended_large:
            await asyncio.sleep(BUSY_SECONDS)
            self._begun.clear()
            if not await self._look():
                await first_of(self._begun.wait(), seconds=QUIET_SECONDS - BUSY_SECONDS)

    async def _look(self) -> bool:
        """Look at every active attempt once; tell whether there was anything new."""
        ended = self._ended_large.copy()
        samples = await asyncio.to_thread(self._samples, dict(self._turns), ended)
        self._ended_large -= ended
        now = asyncio.get_running_loop().time()
        for key, sample in samples.items():
            # What has ended meanwhile has its order closed, and nothing may be added to it.
            if key in self._turns:
                self._go_on(key, *sample, now)
        return bool(samples)

    def _samples(
        self, turns: dict[AttemptKey, Turn], ended: set[AttemptKey]
    ) -> dict[AttemptKey, tuple[Pair, Pair]]:
        """Give size and last line's end of the streams of each attempt that has something new."""
        samples = {}
        for key, turn in turns.items():
            with self._warning(key):
                directory = self._directory(key)
                sizes = files.sizes(directory)
                if sizes != turn.seen:
                    self._keep_within(directory, sizes)
                if sizes != turn.seen or sizes != turn.shown:
                    samples[key] = sizes, _line_ends(directory, turn, sizes)
        for key in ended:
            with self._warning(key):
                self._keep_within(self._directory(key), files.sizes(self._directory(key)))
        return samples

    def _go_on(self, key: AttemptKey, sizes: Pair, line_ends: Pair, now: float) -> None:
        turn, mark = advance(self._turns[key], sizes, line_ends, now)
        with self._warning(key):
            if mark:
                files.append_marks(self._directory(key), mark)
            self._turns[key] = turn

    def _keep_within(self, directory: Path, sizes: Pair) -> None:
        if sum(sizes) <= self.limit:
            return
        if self._can_cut is None:
            self._can_cut = can_punch(self._logs)
            if not self._can_cut:
                logger.warning("%s: %s", self._logs, CANNOT_CUT)
        if self._can_cut:
            keep_within(directory, sizes, self.limit)

    def _going_on(self, key: AttemptKey) -> Turn:
        directory = self._directory(key)
        turns = Turns()
        files.read_marks(directory, turns)
        return turns.going_on(files.sizes(directory))

    def _directory(self, key: AttemptKey) -> Path:
        return AttemptDirectory(self._logs, key).path

    @contextlib.contextmanager
    def _warning(self, key: AttemptKey) -> Iterator[None]:
        """Say once of an attempt that the disk did not do it; the next look tries again."""
        try:
            yield
        except OSError as error:
            if key not in self._warned:
                self._warned.add(key)
                logger.warning("its output can't be looked after: %s", error, extra=about(key))

    def _done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._listener.watching_failed(error)


def _line_ends(directory: Path, turn: Turn, sizes: Pair) -> Pair:
    first, second = (
        files.line_end(directory / name, shown, size)
        for name, shown, size in zip(OUTPUT, turn.shown, sizes, strict=True)
    )
    return first, second
