"""Published content and frozen plans: files named by the SHA-256 of what is in them, never changed."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from stoker_daemon.problems import disk_refusals, no_space
from stoker_daemon.runlog.segments import sync_directory
from stoker_daemon.volumes import free_bytes


class WrongDigest(ValueError):
    """Content does not have the digest it was sent under."""


_ASIDE = ".new-"
"""What the names of files begin with that are not objects yet."""


class Objects:
    """The store in one directory. What `put` and `receive` have returned from is on disk.

    Both raise `Refused` where there is no room, or the disk fails; nothing is left behind then.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._claiming = threading.Lock()
        self._recent = lru_cache(maxsize=256)(lambda digest: self.path(digest).read_bytes())

    def clean(self) -> None:
        """Remove what a daemon that was killed had not stored whole."""
        for left in self._directory.glob(f"{_ASIDE}*"):
            left.unlink()

    def path(self, digest: str) -> Path:
        """Give where an object is, or would be."""
        return self._directory / digest

    def __contains__(self, digest: str) -> bool:
        return self.path(digest).exists()

    def claim(self, digest: str) -> bool:
        """Tell whether an object is there; if so it stays for a while, though nothing may name it yet."""
        with self._claiming:
            try:
                os.utime(self.path(digest))
            except FileNotFoundError:
                return False
            return True

    def unclaimed(self, since: float) -> Iterator[str]:
        """Give the objects that were neither stored nor claimed ``since`` a moment (seconds since 1970)."""
        with os.scandir(self._directory) as entries:
            for entry in entries:
                if not entry.name.startswith(_ASIDE) and entry.stat().st_mtime < since:
                    yield entry.name

    def remove(self, digest: str, since: float) -> int | None:
        """Remove an object, and give the bytes it took; None where it was stored or claimed ``since``."""
        path = self.path(digest)
        with self._claiming:
            found = path.stat()
            if found.st_mtime >= since:
                return None
            path.unlink()
        return found.st_blocks * 512 if found.st_nlink == 1 else 0

    def size(self, digest: str) -> int:
        """Give an object's size in bytes."""
        return self.path(digest).stat().st_size

    def read(self, digest: str) -> bytes:
        """Give an object's content. For definitions, plans and SQL; large content is used by its path."""
        return self._recent(digest)

    def put(self, content: bytes) -> str:
        """Store content and give its digest; costs one look where it is stored already."""
        return self.put_all([content])[0]

    def put_all(self, contents: Iterable[bytes]) -> list[str]:
        """Store contents and give their digests. All that is new costs one sync of the directory."""
        digests, new = [], False
        for content in contents:
            digest = sha256(content).hexdigest()
            digests.append(digest)
            if not self.claim(digest):
                with self._aside() as file:
                    file.write(content)
                    self._keep(file, digest)
                new = True
        if new:
            with disk_refusals(self._directory):
                sync_directory(self._directory)
        return digests

    async def receive(self, digest: str, chunks: AsyncIterator[bytes], announced: int = 0) -> int:
        """Store content as it arrives, and give its size in bytes. Content that is there costs no room.

        ``announced`` is the size that is known beforehand: what has no room is refused before it is sent.

        Raises:
            WrongDigest: it is not what ``digest`` says; nothing was stored.
        """
        if self.claim(digest):
            return await _checked(digest, chunks, lambda _: None)
        if announced > free_bytes(self._directory):
            raise no_space(self._directory)
        with self._aside() as file:
            size = await _checked(digest, chunks, file.write)
            await asyncio.to_thread(self._keep, file, digest)
            await asyncio.to_thread(sync_directory, self._directory)
        return size

    @contextmanager
    def _aside(self) -> Iterator[IO[bytes]]:
        with (
            disk_refusals(self._directory),
            NamedTemporaryFile(dir=self._directory, prefix=_ASIDE, delete=False) as file,
        ):
            try:
                yield file
            finally:
                Path(file.name).unlink(missing_ok=True)

    def _keep(self, file: IO[bytes], digest: str) -> None:
        file.flush()
        os.fchmod(file.fileno(), 0o400)
        os.fsync(file.fileno())
        Path(file.name).rename(self.path(digest))


async def _checked(digest: str, chunks: AsyncIterator[bytes], take: Callable[[bytes], object]) -> int:
    """Hand on what arrives, and give its size; raises `WrongDigest` at its end."""
    actual, size = sha256(), 0
    async for chunk in chunks:
        actual.update(chunk)
        take(chunk)
        size += len(chunk)
    if actual.hexdigest() != digest:
        raise WrongDigest(f"the content's SHA-256 is {actual.hexdigest()}, not {digest}")
    return size
