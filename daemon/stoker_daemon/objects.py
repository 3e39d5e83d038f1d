"""Published content and frozen plans: files named by the SHA-256 of what is in them, never changed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from stoker_daemon.runlog.segments import sync_directory


class WrongDigest(ValueError):
    """Content does not have the digest it was sent under."""


class Objects:
    """The store in one directory. What `put` and `receive` have returned from is on disk."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._recent = lru_cache(maxsize=256)(lambda digest: self.path(digest).read_bytes())

    def path(self, digest: str) -> Path:
        """Give where an object is, or would be."""
        return self._directory / digest

    def __contains__(self, digest: str) -> bool:
        return self.path(digest).exists()

    def size(self, digest: str) -> int:
        """Give an object's size in bytes."""
        return self.path(digest).stat().st_size

    def read(self, digest: str) -> bytes:
        """Give an object's content. For definitions, plans and SQL; large content is used by its path."""
        return self._recent(digest)

    def put(self, content: bytes) -> str:
        """Store content and give its digest; costs one look where it is stored already."""
        digest = sha256(content).hexdigest()
        if digest not in self:
            with self._aside() as file:
                file.write(content)
                self._keep(file, digest)
        return digest

    async def receive(self, digest: str, chunks: AsyncIterator[bytes]) -> int:
        """Store content as it arrives, and give its size in bytes.

        Raises:
            WrongDigest: it is not what ``digest`` says; nothing was stored.
        """
        actual, size = sha256(), 0
        with self._aside() as file:
            async for chunk in chunks:
                actual.update(chunk)
                file.write(chunk)
                size += len(chunk)
            if actual.hexdigest() != digest:
                raise WrongDigest(f"the content's SHA-256 is {actual.hexdigest()}, not {digest}")
            await asyncio.to_thread(self._keep, file, digest)
        return size

    @contextmanager
    def _aside(self) -> Iterator[IO[bytes]]:
        with NamedTemporaryFile(dir=self._directory, prefix=".new-", delete=False) as file:
            try:
                yield file
            finally:
                Path(file.name).unlink(missing_ok=True)

    def _keep(self, file: IO[bytes], digest: str) -> None:
        file.flush()
        os.fchmod(file.fileno(), 0o400)
        os.fsync(file.fileno())
        Path(file.name).rename(self.path(digest))
        sync_directory(self._directory)
