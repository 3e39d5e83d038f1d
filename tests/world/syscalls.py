"""The kernel's calls on the simulated disk: what stands in the run log's modules for `os` and `Path`."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatch
from pathlib import PosixPath
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest.mock import patch

from stoker_daemon import app, volumes
from stoker_daemon.runlog import reserve, segments, writer
from tests.world.disk import DIRECTORY, Disk, File

_FIRST_DESCRIPTOR = 1_000_000
"""So that a simulated descriptor is never taken for a real one."""


class Kernel:
    """`os`, as far as the run log uses it, on a simulated disk; the rest is the real one's."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.opened: dict[int, File | None] = {}
        self._next = _FIRST_DESCRIPTOR

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Stand in for the real one where the run log asks for it."""
        SimulatedPath.kernel = self
        with ExitStack() as stack:
            for module in (writer, segments, reserve, volumes, app):
                stack.enter_context(patch.object(module, "os", self))
            yield

    def restart(self) -> None:
        """Let a new process begin: it has no descriptors."""
        self.opened.clear()
        self.disk.alive, self.disk.fuse, self.disk.names_fuse = True, None, False

    def open(self, path: SimulatedPath, flags: int, mode: int = 0o777) -> int:
        if str(path) == DIRECTORY:
            return self.descriptor(None)
        if flags & os.O_CREAT and path.name not in self.disk.names:
            self.disk.create(path.name)
        return self.descriptor(self.disk.find(path.name))

    def close(self, descriptor: int) -> None:
        self.opened.pop(descriptor, None)

    def write(self, descriptor: int, data: bytes) -> int:
        file = self._file(descriptor)
        return self.disk.write(file, len(file.content), bytes(data))

    def ftruncate(self, descriptor: int, size: int) -> None:
        file = self._file(descriptor)
        if file.reserved > size:
            self.disk.reserve(file, size)
        else:
            self.disk.truncate(file, size)

    def truncate(self, path: SimulatedPath, size: int) -> None:
        self.disk.reserve(self.disk.find(path.name), size)

    def posix_fallocate(self, descriptor: int, _: int, size: int) -> None:
        self.disk.reserve(self._file(descriptor), size)

    def fdatasync(self, descriptor: int) -> None:
        file = self.opened[descriptor]
        if file is None:
            self.disk.sync_names()
        else:
            self.disk.sync(file)

    fsync = fdatasync

    def statvfs(self, _: SimulatedPath) -> SimpleNamespace:
        return SimpleNamespace(f_bavail=max(self.disk.room, 0), f_frsize=1)

    def urandom(self, size: int) -> bytes:
        return bytes(size)

    def descriptor(self, file: File | None) -> int:
        """Give a descriptor of an open file, or of the directory."""
        self._next += 1
        self.opened[self._next] = file
        return self._next

    def _file(self, descriptor: int) -> File:
        file = self.opened[descriptor]
        assert file
        return file


class SimulatedPath(PosixPath):
    """A path on the simulated disk."""

    kernel: ClassVar[Kernel]

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """There is one directory, from the start."""

    def glob(self, pattern: str) -> Iterator[SimulatedPath]:  # type: ignore[override]
        return (self / name for name in list(self.kernel.disk.names) if fnmatch(name, pattern))

    def exists(self) -> bool:  # type: ignore[override]
        return self.name in self.kernel.disk.names

    def read_bytes(self) -> bytes:
        return bytes(self.kernel.disk.find(self.name).content)

    def stat(self) -> Any:  # type: ignore[override]
        file = self.kernel.disk.find(self.name)
        size = file.reserved or len(file.content)
        return SimpleNamespace(st_size=size, st_blocks=-(-size // 512))

    def unlink(self, missing_ok: bool = False) -> None:
        if not missing_ok or self.exists():
            self.kernel.disk.remove(self.name)

    def rename(self, target: SimulatedPath) -> SimulatedPath:  # type: ignore[override]
        self.kernel.disk.rename(self.name, target.name)
        return target

    def open(self, mode: str = "r") -> Any:  # type: ignore[override]
        disk = self.kernel.disk
        if mode == "xb" and self.exists():
            raise FileExistsError(self)
        file = disk.find(self.name) if mode in ("rb", "r+b") else disk.create(self.name)
        raw = _Raw(self.kernel, self.kernel.descriptor(file))
        return {"rb": io.BufferedReader, "r+b": io.BufferedRandom}.get(mode, io.BufferedWriter)(raw)


RUNLOG = SimulatedPath(DIRECTORY)


class _Raw(io.RawIOBase):
    """An open file, beneath Python's buffer."""

    def __init__(self, kernel: Kernel, descriptor: int) -> None:
        self._kernel = kernel
        self._descriptor = descriptor
        self._position = 0

    def fileno(self) -> int:
        return self._descriptor

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        start = {0: 0, 1: self._position, 2: len(self._file.content)}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        data = self._file.content[self._position : self._position + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def write(self, data: Any) -> int:
        count = self._kernel.disk.write(self._file, self._position, bytes(data))
        self._position += count
        return count

    def truncate(self, size: int | None = None) -> int:
        size = self._position if size is None else size
        self._kernel.disk.truncate(self._file, size)
        return size

    def close(self) -> None:
        super().close()
        self._kernel.close(self._descriptor)

    @property
    def _file(self) -> File:
        found = self._kernel.opened.get(self._descriptor)
        if found is None:
            raise OSError(errno.EBADF, "Bad file descriptor")
        return found
