"""Room set aside for the run log: what runs can be recorded to its end when the disk is full."""

from __future__ import annotations

import os
from pathlib import Path

from stoker_daemon.volumes import free_bytes, is_no_room

RESERVE_BYTES = 16 * 1024 * 1024

STEP_BYTES = 1024 * 1024
"""Bytes given back at a time: enough for a line, and no more for whatever else fills the disk."""


class Reserve:
    """A file whose blocks are given back when the log needs them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self) -> bool:
        """See to it that the reserve is there; tell whether it is. Raises OSError, not for want of room."""
        return self._is_whole() or self.take_again()

    def take_again(self) -> bool:
        """Make the reserve whole where as much is free besides; tell whether it did.

        For a moment it takes twice its size, so that what gets going again does not stop at once. It does not
        even try where that is more than is free: others would be out of room for that moment.
        """
        had = self._allocated()
        if free_bytes(self._path.parent) < 2 * RESERVE_BYTES - had:
            return False
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        size = had
        try:
            os.posix_fallocate(descriptor, 0, 2 * RESERVE_BYTES)
            size = RESERVE_BYTES
        except OSError as error:
            if not is_no_room(error):
                raise
        finally:
            os.ftruncate(descriptor, size)
            os.close(descriptor)
        return size == RESERVE_BYTES

    def give(self) -> bool:
        """Give a part of the reserve back to the file system; tell whether there was any left."""
        had = self._allocated()
        if had:
            os.truncate(self._path, max(had - STEP_BYTES, 0))
        return had > 0

    def _is_whole(self) -> bool:
        return self._allocated() >= RESERVE_BYTES

    def _allocated(self) -> int:
        """Give how many bytes it has, all of them in blocks of its own."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return 0
        return min(found.st_size, found.st_blocks * 512)
