"""The run log as the daemon holds it: opened, repaired, appended to, turned over, waited for."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from stoker_daemon.figures import SHORT, Histogram
from stoker_daemon.runlog import segments
from stoker_daemon.runlog.reserve import Reserve
from stoker_daemon.runlog.writer import LogWriter, Room, write_segment
from stoker_daemon.volumes import is_no_room
from stoker_shared.codec import SEAL_BYTES, encode_items, seal_lines
from stoker_shared.events import FORMAT, Record
from stoker_shared.state import SHAPE, State

SEGMENT_BYTES = 2 * 1024 * 1024
"""Bytes of events from which a segment is left for the next one. They bound what a start has to replay.

A segment with a larger opening takes as many as that has, so that openings are at most half of the log.
"""

RESERVE = "reserve"
"""Name of the file beside the segments that keeps room for them."""

_T = TypeVar("_T")
logger = logging.getLogger(__name__)


class ForeignMachine(segments.LogError):
    """The log is another machine's."""

    def __init__(self, directory: Path, theirs: str, ours: str) -> None:
        super().__init__(
            f"{directory} was written by the machine {theirs}, and this is {ours or 'one without an id'} "
            "(/etc/machine-id). Two daemons on one run log would ruin it. If the other does not use it any "
            "more, start once with `stokerd --take-over`, and it is this machine's."
        )


class RunLog:
    """An open run log. ``durable`` is the seq up to which everything is on disk; ``room`` is what it has."""

    def __init__(
        self,
        directory: Path,
        header: segments.Header,
        path: Path,
        size: int,
        durable: int,
        opening: int = 0,
    ) -> None:
        self.directory = directory
        self.id = header.log
        self.durable = durable
        self.room = Room.ENOUGH
        self._machine = header.machine
        self._path, self._size = path, size
        self._turn_at = opening + max(SEGMENT_BYTES, opening)
        self._turned = False
        self._writer: LogWriter | None = None
        self._pulse = asyncio.Event()

    def start(
        self,
        on_durable: Callable[[int], None],
        on_failure: Callable[[Exception], None],
        on_room: Callable[[Room], None] = lambda _: None,
    ) -> None:
        """Begin to write. The callbacks come in the running loop's thread."""
        loop = asyncio.get_running_loop()
        self._on_room = on_room

        def reached(seq: int) -> None:
            self.durable = seq
            self._beat()
            on_durable(seq)

        self._writer = LogWriter(
            self._path,
            self._size,
            Reserve(self.directory / RESERVE),
            lambda seq: loop.call_soon_threadsafe(reached, seq),
            lambda room: loop.call_soon_threadsafe(self._has_room, room),
            lambda error: loop.call_soon_threadsafe(on_failure, error),
        )
        self._has_room(self._writer.room)

    def append(self, records: list[Record], state: State, *, urgent: bool = True) -> None:
        """Hand in the records that brought ``state`` where it is; turn the segment when it is time."""
        writer = self._started()
        writer.append(records, urgent=urgent)
        if writer.size < self._turn_at:
            self._turned = False
        elif not self._turned:
            self._turned = True
            self._turn(writer, state, records[-1].at)

    @property
    def syncs(self) -> Histogram:
        """What each sync took so far; none of a log that is only read."""
        return self._writer.syncs if self._writer else Histogram(SHORT)

    def hold(self) -> None:
        """Say that the disk is full, where something else than the log has met it."""
        if self.room is Room.ENOUGH:
            self._has_room(Room.RESERVE)
        self._started().hold()

    async def wait_durable(self, seq: int) -> None:
        """Wait until everything up to ``seq`` is on disk."""
        while self.durable < seq:
            await self.news()

    def news(self) -> Coroutine[Any, Any, object]:
        """Give what to await until, from now on, something comes to disk, or there is less or more room."""
        return self._pulse.wait()

    def close(self) -> segments.Tail:
        """Write what is pending, and end; gives the place from which on nothing was acknowledged."""
        if self._writer is None:
            return segments.Tail(self._path, self._size, "")
        self._writer.close()
        return segments.Tail(self._writer.path, self._writer.end, "")

    def _has_room(self, room: Room) -> None:
        if room is not self.room:
            self.room = room
            self._turned = False
            self._beat()
            self._on_room(room)

    def _beat(self) -> None:
        pulse, self._pulse = self._pulse, asyncio.Event()
        pulse.set()

    def _turn(self, writer: LogWriter, state: State, at: datetime) -> None:
        header, lines = _opening(self.id, self._machine, state, at)
        self._turn_at = max(SEGMENT_BYTES, len(lines) + (header.items + 1) * SEAL_BYTES)
        writer.rotate(segments.path_for(self.directory, header.first), lines)

    def _started(self) -> LogWriter:
        if self._writer is None:
            raise RuntimeError("the run log has not been started")
        return self._writer


def open_log(directory: Path, machine: str, at: datetime, *, take_over: bool = False) -> tuple[RunLog, State]:
    """Open the log in a directory, or begin one. A torn end is copied aside and cut; the rest is certain.

    Raises:
        LogError: the log is damaged elsewhere, or newer than this version, or another machine's and it is
            not to be taken over.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    loaded = segments.load(directory)
    if loaded.header and loaded.header.machine not in ("", machine) and not take_over:
        raise ForeignMachine(directory, loaded.header.machine, machine)
    for tail in loaded.torn:
        copy = _finding_room(directory, partial(segments.set_aside, tail))
        logger.warning("cut the torn end of %s at byte %d (copy: %s)", tail.path, tail.offset, copy.name)
    if loaded.header is None or loaded.path is None:
        return _begin(directory, uuid.uuid4().hex, machine, State(), at), State()
    if loaded.header.machine != machine:
        return _begin(directory, loaded.header.log, machine, loaded.state, at), loaded.state
    size, durable = loaded.size, loaded.state.seq
    _finding_room(directory, partial(segments.make_certain, loaded.path, loaded.group, size))
    return RunLog(directory, loaded.header, loaded.path, size, durable, loaded.opening), loaded.state


def read_log(directory: Path, end: segments.Tail) -> tuple[RunLog, State]:
    """Read the log up to ``end``, beyond which nothing was acknowledged, and change nothing.

    Raises:
        LogError: the log is damaged.
    """
    loaded = segments.load(directory, end)
    if loaded.header is None or loaded.path is None:
        raise segments.LogError(f"{directory}: there is no run log any more")
    return RunLog(directory, loaded.header, loaded.path, loaded.size, loaded.state.seq), loaded.state


def _finding_room(directory: Path, repair: Callable[[], _T]) -> _T:
    """Repair what a crash left. A full disk tears ends too: the room for it comes from the reserve."""
    reserve = Reserve(directory / RESERVE)
    while True:
        try:
            return repair()
        except OSError as error:
            if not (is_no_room(error) and reserve.give()):
                raise


def _begin(directory: Path, log_id: str, machine: str, state: State, at: datetime) -> RunLog:
    """Begin a segment: the first, or the first of this machine."""
    header, lines = _opening(log_id, machine, state, at)
    opening = seal_lines(lines)
    path = segments.path_for(directory, header.first)
    write_segment(path, opening)
    return RunLog(directory, header, path, len(opening), state.seq, len(opening))


def _opening(log_id: str, machine: str, state: State, at: datetime) -> tuple[segments.Header, bytes]:
    """Give a segment's header, and the lines that open it, not sealed: the state may go on at once."""
    items = list(state.items())
    header = segments.Header(FORMAT, log_id, machine, state.seq + 1, len(items), at, SHAPE)
    return header, encode_items([header, *items])
