"""Output in memory, in place of a daemon's."""

from __future__ import annotations

import asyncio

from stoker_tui.logs.source import Piece


class Memory:
    """Bytes that may grow, with parts that are gone."""

    def __init__(self, data: bytes = b"", gone: list[tuple[int, int]] | None = None) -> None:
        self.data = data
        self.gone = gone or []
        self.read_bytes = 0
        self.ended = False
        self._more = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.data += data
        self._more.set()

    def end(self) -> None:
        self.ended = True
        self._more.set()

    async def size(self) -> int:
        return len(self.data)

    async def read(self, start: int, end: int) -> Piece:
        for first, last in self.gone:
            if first <= start < last:
                return Piece(start, last, None)
            if start < first < end:
                end = first
        data = self.data[start:end]
        self.read_bytes += len(data)
        return Piece(start, start + len(data), data)

    async def gone_since(self, position: int) -> int:
        return next((first for first, last in self.gone if first <= position < last), position)

    async def grown(self, size: int) -> bool:
        while len(self.data) <= size and not self.ended:
            self._more.clear()
            await self._more.wait()
        return len(self.data) > size
