"""Lines of a stream that is never whole in memory: blocks of it, and what to read where one is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from stoker_tui.logs.source import Piece

BLOCK = 64 * 1024
"""Bytes that are read at once. Block n begins at n times this."""

LONGEST_LINE = BLOCK // 4
"""A longer line is broken where a multiple of this has as many bytes without a line's end before it: which
can be told without looking further back."""

MOST_BLOCKS = 128
"""Blocks that are kept."""


class Missing(Exception):
    """A block has to be read first."""

    def __init__(self, block: int) -> None:
        super().__init__(f"block {block} is not read yet")
        self.block = block


class Line(NamedTuple):
    """A line, or, without data, a part that is gone. ``end`` is where the next begins."""

    start: int
    end: int
    data: bytes | None


class _Block(NamedTuple):
    """Bytes of a block as far as there were any when it was read; what is gone reads as line ends."""

    data: bytes
    whole: bool


class Text:
    """Lines by the positions where they begin. What asks for a block that is not there raises `Missing`."""

    def __init__(self) -> None:
        self.size = 0
        """Where the stream ended when last looked at."""
        self._blocks: dict[int, _Block] = {}
        self._gone: list[tuple[int, int]] = []

    # What is known.

    def grow(self, size: int) -> None:
        """Take note of where the stream ends now."""
        if size < self.size:
            self._blocks.clear()
        self.size = size

    def put(self, number: int, pieces: Sequence[Piece]) -> None:
        """Keep a block: what is in it from its beginning to its end, or the stream's."""
        first, last = number * BLOCK, min((number + 1) * BLOCK, self.size)
        data = b""
        for piece in pieces:
            if piece.data is None:
                self._lacks(piece.start, piece.end)
                data += b"\n" * (min(piece.end, last) - max(piece.start, first))
            else:
                data += piece.data
        self._blocks.pop(number, None)
        self._blocks[number] = _Block(data, len(data) == BLOCK)
        while len(self._blocks) > MOST_BLOCKS:
            del self._blocks[next(iter(self._blocks))]

    def _lacks(self, start: int, end: int) -> None:
        joined = [gap for gap in self._gone if gap[1] >= start and gap[0] <= end]
        start = min([start, *(gap[0] for gap in joined)])
        end = max([end, *(gap[1] for gap in joined)])
        self._gone = sorted([*(gap for gap in self._gone if gap not in joined), (start, end)])

    # Lines.

    def line_at(self, start: int) -> Line:
        """Give the line that begins there, which is before the end."""
        gap = self._gap_at(start)
        if gap:
            return Line(start, min(gap[1], self.size), None)
        end = self._next(start)
        return Line(start, end, self.slice(start, end))

    def start_of(self, position: int) -> int:
        """Give where the line begins that a position, which is before the end, is in."""
        self._block(position // BLOCK)
        if gap := self._gap_at(position):
            return gap[0]
        floor = max((end for _, end in self._gone if end <= position), default=0)
        mark = position - position % LONGEST_LINE
        found = self._last_end(max(mark, floor), position)
        if found >= 0:
            return found + 1
        if mark <= floor:
            return floor
        found = self._last_end(max(mark - LONGEST_LINE, floor), mark)
        if found >= 0:
            return found + 1
        return mark if floor <= mark - LONGEST_LINE else floor

    def slice(self, start: int, end: int) -> bytes:
        """Give the bytes between two positions; what is gone reads as line ends."""
        parts = []
        for number in range(start // BLOCK, -(-end // BLOCK)):
            data = self._block(number).data
            parts.append(data[max(start - number * BLOCK, 0) : end - number * BLOCK])
        return b"".join(parts)

    def _next(self, start: int) -> int:
        broken = start - start % LONGEST_LINE + (2 if start % LONGEST_LINE else 1) * LONGEST_LINE
        limit = min(broken, self.size)
        for number in range(start // BLOCK, -(-limit // BLOCK)):
            data = self._block(number).data
            gap = next(
                (gap[0] for gap in self._gone if start < gap[0] < min(limit, (number + 1) * BLOCK)), limit
            )
            at = data.find(b"\n", max(start - number * BLOCK, 0), gap - number * BLOCK)
            if at >= 0:
                return number * BLOCK + at + 1
            if gap < limit:
                return gap
        return limit

    def _last_end(self, start: int, end: int) -> int:
        """Give where the last line end between two positions is, and -1 where there is none."""
        for number in range((end - 1) // BLOCK, start // BLOCK - 1, -1):
            base = number * BLOCK
            at = self._block(number).data.rfind(b"\n", max(start - base, 0), end - base)
            if at >= 0:
                return base + at
        return -1

    def _gap_at(self, position: int) -> tuple[int, int] | None:
        return next((gap for gap in self._gone if gap[0] <= position < gap[1]), None)

    def _block(self, number: int) -> _Block:
        block = self._blocks.get(number)
        if block is None or (not block.whole and number * BLOCK + len(block.data) < self.size):
            raise Missing(number)
        return block
