"""The run log's one writer: groups of records, one write and one fdatasync each, in a thread of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from stoker_daemon.runlog.segments import sync_directory
from stoker_shared.codec import encode_record
from stoker_shared.events import Record

LAZY_SECONDS = 0.02
"""How long records that nobody waits for may wait for company."""


class Rotation:
    """The order to go on in a new segment at ``path`` that opens with ``opening``."""

    def __init__(self, path: Path, opening: bytes) -> None:
        self.path = path
        self.opening = opening


class LogWriter:
    """Appends to the newest segment. Everything handed in comes to disk in the order it was handed in.

    ``size`` is what the segment has grown to; the opening of one that it went on in does not count.

    ``on_durable`` is called from the writer's thread with the seq up to which all is on disk, ``on_failure``
    with the error when a write or sync failed. After a failure nothing more is written: what the kernel kept
    of the failed pages is unknown, so a sync is never tried again on them.
    """

    def __init__(
        self,
        path: Path,
        size: int,
        on_durable: Callable[[int], object],
        on_failure: Callable[[Exception], object],
    ) -> None:
        self.size = size
        self._on_durable = on_durable
        self._on_failure = on_failure
        self._descriptor = _open(path)
        self._pending: list[Record | Rotation] = []
        self._urgent = False
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="runlog", daemon=True)
        self._thread.start()

    def append(self, records: list[Record], *, urgent: bool = True) -> None:
        """Hand in records; those that are not ``urgent`` may wait up to `LAZY_SECONDS` for the next group."""
        with self._changed:
            self._pending += records
            self._urgent |= urgent
            self._changed.notify()

    def rotate(self, path: Path, opening: bytes) -> None:
        """Go on in a new segment; what was handed in before is synced to the old one first."""
        with self._changed:
            self._pending.append(Rotation(path, opening))
            self._urgent = True
            self._changed.notify()

    def close(self) -> None:
        """Write what is pending and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                self._write(batch)
        except Exception as error:
            self._on_failure(error)
        finally:
            os.close(self._descriptor)

    def _next_batch(self) -> list[Record | Rotation]:
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._closing)
            if not self._urgent:
                self._changed.wait_for(lambda: self._urgent or self._closing, LAZY_SECONDS)
            batch, self._pending, self._urgent = self._pending, [], False
            return batch

    def _write(self, batch: list[Record | Rotation]) -> None:
        group: list[Record] = []
        for entry in batch:
            if isinstance(entry, Rotation):
                self._write_group(group)
                self._switch(entry)
                group = []
            else:
                group.append(entry)
        self._write_group(group)

    def _write_group(self, group: list[Record]) -> None:
        if not group:
            return
        first = group[0].seq
        self._append(b"".join([encode_record(record, first) for record in group]))
        os.fdatasync(self._descriptor)
        self._on_durable(group[-1].seq)

    def _append(self, data: bytes) -> None:
        self.size += len(data)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def _switch(self, rotation: Rotation) -> None:
        write_segment(rotation.path, rotation.opening)
        descriptor = _open(rotation.path)
        os.close(self._descriptor)
        self._descriptor = descriptor
        self.size = 0


def write_segment(path: Path, opening: bytes) -> None:
    """Make a segment appear, whole and durable."""
    aside = path.with_name(f".{path.name}.new")
    with aside.open("wb") as segment:
        segment.write(opening)
        segment.flush()
        os.fsync(segment.fileno())
    aside.rename(path)
    sync_directory(path.parent)


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
