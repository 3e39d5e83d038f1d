"""The run log's one writer: groups of records, one write and one fdatasync each, in a thread of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator
from enum import Enum
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from stoker_daemon.figures import SHORT, Histogram
from stoker_daemon.runlog.reserve import Reserve
from stoker_daemon.runlog.segments import sync_directory
from stoker_daemon.volumes import is_no_room
from stoker_shared.codec import encode_record, seal_lines
from stoker_shared.events import Record

LAZY_SECONDS = 0.02
"""How long records that nobody waits for may wait for company."""

AGAIN_SECONDS = 1.0
"""How long a record for which there is no room waits before it is tried again."""

LOOK_SECONDS = 5.0
"""How long to wait before looking whether there is enough room again."""


class Room(Enum):
    """What the disk has for the log: enough; only the reserve; or nothing, so that records wait."""

    ENOUGH = "enough"
    RESERVE = "reserve"
    NONE = "none"


class Rotation:
    """The order to go on in a new segment at ``path`` that opens with ``lines``, which are to be sealed."""

    def __init__(self, path: Path, lines: bytes) -> None:
        self.path = path
        self.lines = lines


class Hold:
    """Word from elsewhere that the disk is full."""


_Entry = Record | Rotation | Hold


class Wait(NamedTuple):
    """What the writer waits for: that ``until`` holds, or ``seconds`` have passed (None: however many)."""

    until: Callable[[], object]
    seconds: float | None


Work = Generator[Wait, None, None]


class _Closed(Exception):
    """The writer was closed while there was no room for what is pending, which nobody was told of."""


class LogWriter:
    """Appends to the newest segment. Everything handed in comes to disk in the order it was handed in.

    ``path`` is that segment, ``end`` the offset up to which all of it is on disk; ``size`` is what it has
    grown to: the opening of one that it went on in does not count.

    ``on_durable`` is called from the writer's thread with the seq up to which all is on disk, ``on_room``
    when there is less or more room, ``on_failure`` with the error when a write or sync failed.

    A write for which there is no room is taken back and tried again, first in what ``reserve`` gives, then
    every `AGAIN_SECONDS`. After any other failure nothing more is written: what the kernel kept of the failed
    pages is unknown, so a sync is never tried again on them.
    """

    def __init__(
        self,
        path: Path,
        size: int,
        reserve: Reserve,
        on_durable: Callable[[int], object],
        on_room: Callable[[Room], object],
        on_failure: Callable[[Exception], object],
    ) -> None:
        self.path = path
        self.size = self.end = size
        self.syncs = Histogram(SHORT)
        """What each sync took."""
        self.room = Room.ENOUGH if reserve.take() else Room.RESERVE
        self._reserve = reserve
        self._on_durable = on_durable
        self._on_room = on_room
        self._on_failure = on_failure
        self._descriptor = _open(path)
        self._pending: list[_Entry] = []
        self._urgent = False
        self._closing = False
        self._look_at = monotonic() + LOOK_SECONDS
        self._changed = threading.Condition()
        self._begin()

    def append(self, records: list[Record], *, urgent: bool = True) -> None:
        """Hand in records; those that are not ``urgent`` may wait up to `LAZY_SECONDS` for the next group."""
        self._hand_in(records, urgent=urgent)

    def rotate(self, path: Path, lines: bytes) -> None:
        """Go on in a new segment, if there is room for it; what was handed in before is synced first."""
        self._hand_in([Rotation(path, lines)])

    def hold(self) -> None:
        """Say that there is no room; the writer tells when there is again."""
        self._hand_in([Hold()])

    def close(self) -> None:
        """Write what is pending, as far as there is room, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._join()

    def _begin(self) -> None:
        """Begin the work, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="runlog", daemon=True)
        self._thread.start()

    def _join(self) -> None:
        """Wait for the end of the work."""
        self._thread.join()

    def _run(self) -> None:
        for wait in self._work():
            with self._changed:
                self._changed.wait_for(wait.until, wait.seconds)

    def _hand_in(self, entries: list[Record] | list[Rotation] | list[Hold], *, urgent: bool = True) -> None:
        with self._changed:
            self._pending += entries
            self._urgent |= urgent
            self._changed.notify()

    def _work(self) -> Work:
        """Do all the work there is, giving what to wait for wherever there is none for now."""
        try:
            while not (self._closing and not self._pending):
                yield from self._await_work()
                yield from self._write(self._take())
                if self.room is not Room.ENOUGH and monotonic() >= self._look_at:
                    self._look_for_room()
        except _Closed:
            pass
        except Exception as error:
            self._on_failure(error)
        finally:
            os.close(self._descriptor)

    def _await_work(self) -> Work:
        """Wait until something was handed in, or it is time to look for room, or to end."""
        patience = None if self.room is Room.ENOUGH else max(self._look_at - monotonic(), 0)
        yield Wait(lambda: self._pending or self._closing, patience)
        if self._pending and not self._urgent:
            yield Wait(lambda: self._urgent or self._closing, LAZY_SECONDS)

    def _take(self) -> list[_Entry]:
        with self._changed:
            batch, self._pending, self._urgent = self._pending, [], False
            return batch

    def _write(self, batch: list[_Entry]) -> Work:
        group: list[Record] = []
        for entry in batch:
            if type(entry) is Record:
                group.append(entry)
                continue
            yield from self._write_group(group)
            group = []
            if isinstance(entry, Rotation):
                self._switch(entry)
            else:
                self._tell(Room.RESERVE)
        yield from self._write_group(group)

    def _write_group(self, group: list[Record]) -> Work:
        if not group:
            return
        first = group[0].seq
        data = b"".join([encode_record(record, first) for record in group])
        while not self._append(data):
            yield from self._find_room()
        if self.room is Room.NONE:
            self._tell(Room.RESERVE)
        began = monotonic()
        os.fdatasync(self._descriptor)
        self.syncs.observe(monotonic() - began)
        self.size += len(data)
        self.end += len(data)
        self._on_durable(group[-1].seq)

    def _append(self, data: bytes) -> bool:
        """Write at the end; False where there is no room, and then nothing of it is left."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            if not is_no_room(error):
                raise
            os.ftruncate(self._descriptor, self.end)
            return False
        return True

    def _find_room(self) -> Work:
        """Take some from the reserve; where there is none left, wait a moment."""
        if self._reserve.give():
            self._tell(Room.RESERVE)
            return
        self._tell(Room.NONE)
        yield Wait(lambda: self._closing, AGAIN_SECONDS)
        if self._closing:
            raise _Closed

    def _look_for_room(self) -> None:
        self._tell(Room.ENOUGH if self._reserve.take_again() else Room.RESERVE)

    def _tell(self, room: Room) -> None:
        self._look_at = monotonic() + LOOK_SECONDS
        if room is not self.room:
            self.room = room
            self._on_room(room)

    def _switch(self, rotation: Rotation) -> None:
        opening = seal_lines(rotation.lines)
        try:
            put_segment(rotation.path, opening)
        except OSError as error:
            if not is_no_room(error):
                raise
            self._tell(Room.RESERVE)
            return
        sync_directory(rotation.path.parent)
        descriptor = _open(rotation.path)
        os.close(self._descriptor)
        self._descriptor = descriptor
        self.path, self.end, self.size = rotation.path, len(opening), 0


def write_segment(path: Path, opening: bytes) -> None:
    """Make a segment appear, whole and durable."""
    put_segment(path, opening)
    sync_directory(path.parent)


def put_segment(path: Path, opening: bytes) -> None:
    """Make a segment appear whole. Where that fails there is nothing of it; its name is not durable yet."""
    aside = path.with_name(f".{path.name}.new")
    try:
        with aside.open("wb") as segment:
            segment.write(opening)
            segment.flush()
            os.fsync(segment.fileno())
        aside.rename(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
