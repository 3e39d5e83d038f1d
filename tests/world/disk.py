"""A simulated disk: what the kernel shows of each file, what of it is on the platter, and what is lost.

A process that is killed loses nothing that it wrote. When the power fails, what no sync covered is kept, lost
or torn, byte by byte: a part of a write may be there without the part before it. So are names, without a sync
of their directory. A sync that fails leaves what it was to write in memory, never on the disk, as Linux does.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from random import Random

DIRECTORY = "/world/runlog"
SEGMENT = ".jsonl"


class Killed(BaseException):
    """The daemon is killed at this moment, within a call to the kernel."""


class File:
    """One file: ``content`` as the kernel shows it, ``durable`` as a failure of the power would leave it."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.durable = bytearray()
        self.dirty: list[tuple[int, int]] = []
        self.reserved = 0

    def write(self, offset: int, data: bytes) -> None:
        """Put data there."""
        if offset > len(self.content):
            self.content.extend(bytes(offset - len(self.content)))
        self.content[offset : offset + len(data)] = data
        self.dirty.append((offset, offset + len(data)))

    def truncate(self, size: int) -> None:
        """Cut it off."""
        del self.content[size:]
        self.dirty = [(start, min(end, size)) for start, end in self.dirty if start < size]

    def sync(self) -> None:
        """Bring what was written to the platter."""
        for start, end in self.dirty:
            self._settle(start, self.content[start:end])
        self.dirty.clear()
        del self.durable[len(self.content) :]

    def sync_in_vain(self, chance: Random) -> None:
        """Bring some of it to the platter; the rest never comes there, though it is shown."""
        for start, end in self.dirty:
            if chance.random() < 0.5:
                self._settle(start, self.content[start:end])
        self.dirty.clear()

    def lose_power(self, chance: Random) -> None:
        """Become what the platter has."""
        for start, end in self.dirty:
            for first, data in _torn(start, bytes(self.content[start:end]), chance):
                self._settle(first, data)
        if chance.random() < 0.5:
            del self.durable[len(self.content) :]
        self.dirty.clear()
        self.content = bytearray(self.durable)

    def _settle(self, offset: int, data: bytes | bytearray) -> None:
        if offset > len(self.durable):
            self.durable.extend(bytes(offset - len(self.durable)))
        self.durable[offset : offset + len(data)] = data


def _torn(offset: int, data: bytes, chance: Random) -> list[tuple[int, bytes]]:
    """Give what of a write came to the platter: all, nothing, the beginning, or all but a hole in it."""
    kind = chance.random()
    if kind < 0.25:
        return [(offset, data)]
    if kind < 0.5:
        return []
    start = chance.randint(0, len(data))
    if kind < 0.75:
        return [(offset, data[:start])]
    end = chance.randint(start, len(data))
    return [(offset, data[:start]), (offset + end, data[end:])]


class Disk:
    """One directory of files, with ``room`` bytes left, and the faults that come over it.

    ``fuse`` is after how many more calls the daemon is killed, ``names_fuse`` whether it is at the next sync
    of names, before it or after it; ``broken`` is how likely a call fails with EIO.
    ``on_sync`` is called whenever something came to the platter; ``newest_durable`` is the segment that would
    be the newest if the power failed now.
    """

    def __init__(self, chance: Random, on_sync: Callable[[], None]) -> None:
        self.names: dict[str, File] = {}
        self.durable_names: dict[str, File] = {}
        self.newest_durable: File | None = None
        self.unsynced_names: list[tuple[str, File | None]] = []
        self.room = 10**9
        self.fuse: int | None = None
        self.names_fuse = False
        self.broken = 0.0
        self.alive = True
        self.faults = 0
        self._chance = chance
        self._on_sync = on_sync

    # What the kernel does for a process.

    def call(self) -> None:
        """Begin a call that changes something; it may be the last one, or fail."""
        if not self.alive:
            raise Killed
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                raise self.kill()
        if self.broken and self._chance.random() < self.broken:
            self.faults += 1
            raise OSError(errno.EIO, "Input/output error")

    def kill(self) -> Killed:
        """End the process that is calling, and give what to raise."""
        self.alive, self.fuse, self.names_fuse = False, None, False
        return Killed()

    def find(self, name: str) -> File:
        """Give the file of that name."""
        try:
            return self.names[name]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name) from None

    def create(self, name: str) -> File:
        """Make an empty file."""
        self.call()
        file = File()
        self._name(name, file)
        return file

    def remove(self, name: str) -> None:
        """Take a name away."""
        self.call()
        self.room += len(self.find(name).content) + self.names[name].reserved
        self._name(name, None)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, of which another file may be deprived."""
        self.call()
        file = self.find(old)
        self._name(old, None)
        self._name(new, file)

    def write(self, file: File, offset: int, data: bytes) -> int:
        """Write what there is room for, or a part of it; give how many bytes."""
        if self.fuse == 0:
            file.write(offset, data[: self._chance.randint(0, len(data))])
        self.call()
        grown = max(offset + len(data) - len(file.content), 0)
        fits = len(data) - max(grown - self.room, 0)
        if fits <= 0 < len(data):
            self.faults += 1
            raise OSError(errno.ENOSPC, "No space left on device")
        before = len(file.content)
        file.write(offset, data[:fits])
        self.room -= len(file.content) - before
        return fits

    def truncate(self, file: File, size: int) -> None:
        """Cut a file off."""
        self.call()
        self.room += max(len(file.content) - size, 0)
        file.truncate(size)

    def reserve(self, file: File, size: int) -> None:
        """Set blocks aside for a file, and give those back that are beyond them."""
        self.call()
        if size - file.reserved > self.room:
            self.faults += 1
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= size - file.reserved
        file.reserved = size

    def sync(self, file: File) -> None:
        """Bring a file's content to the platter."""
        try:
            self.call()
        except OSError:
            file.sync_in_vain(self._chance)
            raise
        file.sync()
        self._on_sync()

    def sync_names(self) -> None:
        """Bring the names to the platter."""
        self.call()
        killed = self.kill() if self.names_fuse else None
        if killed and self._chance.random() < 0.5:
            raise killed
        self.durable_names = dict(self.names)
        self._find_newest()
        self.unsynced_names.clear()
        self._on_sync()
        if killed:
            raise killed

    # What befalls it.

    def lose_power(self) -> None:
        """Forget what was not synced, or some of it."""
        in_order = self._chance.random() < 0.7
        kept = self._chance.randint(0, len(self.unsynced_names))
        for index, (name, file) in enumerate(self.unsynced_names):
            if index < kept if in_order else self._chance.random() < 0.5:
                _put(self.durable_names, name, file)
        self._find_newest()
        self.names = dict(self.durable_names)
        self.unsynced_names.clear()
        for file in self.names.values():
            file.lose_power(self._chance)

    def forget(self, name: str) -> None:
        """Take a file away for good, as an archive would."""
        del self.names[name]
        self.durable_names.pop(name, None)
        self._find_newest()

    def _find_newest(self) -> None:
        segments = [name for name in self.durable_names if name.endswith(SEGMENT)]
        self.newest_durable = self.durable_names[max(segments)] if segments else None

    def _name(self, name: str, file: File | None) -> None:
        _put(self.names, name, file)
        self.unsynced_names.append((name, file))


def _put(names: dict[str, File], name: str, file: File | None) -> None:
    if file is None:
        names.pop(name, None)
    else:
        names[name] = file
