"""Reading the log while it grows: its own lines, in order, without a gap, only what is on disk.

A follower reads the files, so that a slow one costs the daemon nothing but its place.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

from stoker_daemon.runlog.segments import Header, first_of, paths
from stoker_shared.codec import decode_item

CHUNK = 256 * 1024
"""Bytes read at once."""


class NotKept(LookupError):
    """A position that is older than what is kept, or beyond the end; ``oldest`` is the first that is not."""

    def __init__(self, seq: int, oldest: int, durable: int) -> None:
        super().__init__(f"the log is kept from position {oldest} to {durable}, and {seq} is not in it")
        self.oldest = oldest


def oldest(directory: Path) -> int:
    """Give the oldest position that the log can be read from: its first event comes after it."""
    kept = paths(directory)
    return first_of(kept[0]) - 1 if kept else 0


class Follower:
    """The log's lines after ``seq``; each `read` goes on where the one before ended."""

    def __init__(self, directory: Path, seq: int, durable: int) -> None:
        """Find the place.

        Raises:
            NotKept: there is nothing to go on from at ``seq``.
        """
        self.seq = seq
        self._directory = directory
        self._rest = b""
        segments = [path for path in paths(directory) if first_of(path) <= seq + 1]
        if not segments or seq > durable:
            raise NotKept(seq, oldest(directory), durable)
        try:
            self._file = self._open(segments[-1])
        except FileNotFoundError:  # It was removed at this moment.
            raise NotKept(seq, oldest(directory), durable) from None
        for _ in range(seq + 1 - first_of(segments[-1])):
            self._file.readline()

    def read(self, durable: int) -> bytes:
        """Give whole lines up to the seq ``durable``, about `CHUNK` bytes of them, or nothing at the end.

        Raises:
            NotKept: what comes next is not kept any more.
        """
        while self.seq < durable:
            chunk = self._file.read(CHUNK)
            lines = (self._rest + chunk).split(b"\n")
            self._rest = lines.pop()
            if lines:
                return self._take(lines, durable)
            if not chunk and not self._turn():
                if (begin := oldest(self._directory)) > self.seq:
                    raise NotKept(self.seq, begin, durable)
                break
        return b""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _take(self, lines: list[bytes], durable: int) -> bytes:
        count = min(len(lines), durable - self.seq)
        self.seq += count
        kept_back = [*lines[count:], self._rest]
        self._rest = b"\n".join(kept_back)
        return b"".join(line + b"\n" for line in lines[:count])

    def _turn(self) -> bool:
        """Go on in the next segment, if there is one. A line kept back is not of this one then."""
        following = [path for path in paths(self._directory) if first_of(path) == self.seq + 1]
        if not following or self._rest:
            return False
        try:
            opened = self._open(following[0])
        except FileNotFoundError:  # It was removed at this moment.
            return False
        self._file.close()
        self._file = opened
        return True

    def _open(self, path: Path) -> IO[bytes]:
        file = path.open("rb")
        header: Header = decode_item(file.readline()[:-1], Header)
        for _ in range(header.items):
            file.readline()
        return file
