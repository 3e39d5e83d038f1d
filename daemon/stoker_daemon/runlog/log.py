"""The run log as the daemon holds it: opened, repaired, appended to, turned over, waited for."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from stoker_daemon.runlog import segments
from stoker_daemon.runlog.writer import LogWriter, write_segment
from stoker_shared.codec import encode_item
from stoker_shared.events import FORMAT, Record
from stoker_shared.state import SHAPE, State

SEGMENT_BYTES = 8 * 1024 * 1024
"""Bytes of events from which a segment is left for the next one. They bound what a start has to replay."""

logger = logging.getLogger(__name__)


class RunLog:
    """An open run log. ``durable`` is the seq up to which everything is on disk."""

    def __init__(self, directory: Path, header: segments.Header, path: Path, size: int, durable: int) -> None:
        self.directory = directory
        self.id = header.log
        self.durable = durable
        self._machine = header.machine
        self._path, self._size = path, size
        self._turned = False
        self._writer: LogWriter | None = None
        self._pulse = asyncio.Event()

    def start(self, on_durable: Callable[[int], None], on_failure: Callable[[Exception], None]) -> None:
        """Begin to write. Both callbacks come in the running loop's thread."""
        loop = asyncio.get_running_loop()

        def reached(seq: int) -> None:
            self.durable = seq
            pulse, self._pulse = self._pulse, asyncio.Event()
            pulse.set()
            on_durable(seq)

        self._writer = LogWriter(
            self._path,
            self._size,
            lambda seq: loop.call_soon_threadsafe(reached, seq),
            lambda error: loop.call_soon_threadsafe(on_failure, error),
        )

    def append(self, records: list[Record], state: State, *, urgent: bool = True) -> None:
        """Hand in the records that brought ``state`` where it is; turn the segment when it is time."""
        writer = self._started()
        writer.append(records, urgent=urgent)
        if writer.size < SEGMENT_BYTES:
            self._turned = False
        elif not self._turned:
            self._turned = True
            self._turn(writer, state, records[-1].at)

    async def wait_durable(self, seq: int) -> None:
        """Wait until everything up to ``seq`` is on disk."""
        while self.durable < seq:
            await self._pulse.wait()

    def close(self) -> None:
        """Write what is pending, and end."""
        self._started().close()

    def _turn(self, writer: LogWriter, state: State, at: datetime) -> None:
        header, opening = _opening(self.id, self._machine, state, at)
        writer.rotate(segments.path_for(self.directory, header.first), opening)

    def _started(self) -> LogWriter:
        if self._writer is None:
            raise RuntimeError("the run log has not been started")
        return self._writer


def open_log(directory: Path, machine: str, at: datetime) -> tuple[RunLog, State]:
    """Open the log in a directory, or begin one. A torn end is copied aside and cut.

    Raises:
        LogError: the log is damaged elsewhere, or newer than this version.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    loaded = segments.load(directory)
    for tail in loaded.torn:
        copy = segments.set_aside(tail)
        logger.warning("cut the torn end of %s at byte %d (copy: %s)", tail.path, tail.offset, copy.name)
    if loaded.header is None or loaded.path is None:
        return _begin(directory, machine, at), State()
    log = RunLog(directory, loaded.header, loaded.path, loaded.size, loaded.state.seq)
    return log, loaded.state


def _begin(directory: Path, machine: str, at: datetime) -> RunLog:
    path = segments.path_for(directory, 1)
    header, opening = _opening(uuid.uuid4().hex, machine, State(), at)
    write_segment(path, opening)
    return RunLog(directory, header, path, len(opening), 0)


def _opening(log_id: str, machine: str, state: State, at: datetime) -> tuple[segments.Header, bytes]:
    items = [encode_item(item) for item in state.items()]
    header = segments.Header(FORMAT, log_id, machine, state.seq + 1, len(items), at, SHAPE)
    return header, encode_item(header) + b"".join(items)
