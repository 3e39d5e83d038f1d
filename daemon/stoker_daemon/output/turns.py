"""Both streams in one order: by turns.

Nobody knows in which order a job wrote to two files. So their sizes are sampled while they grow, and where
the other stream grows the turn is its. The file ``marks`` beside them has one line a turn that has ended, the
number of bytes that were shown in it: stdout's, stderr's, stdout's, and so on. What is shown once keeps its
place, which is its position: the bytes of both streams before it.
"""

from __future__ import annotations

from bisect import bisect_right

import msgspec

from stoker_daemon.output.cuts import Pair

_SPACING_SECONDS, _SPACING_BYTES = 0.25, 64 * 1024
"""Turns become longer as the file of marks grows: twice this with each that many bytes, so that a megabyte of
marks lasts longer than any job."""


_LONGEST_MARK = 18
"""Digits: no file system has larger files."""


class Turn(msgspec.Struct, frozen=True):
    """How far the order of an attempt's streams goes.

    ``stream`` has the turn, from its offset ``start`` on, since ``since`` (a clock's seconds). Of both is
    ``shown`` what has its place, and ``seen`` is their size at the last look. ``marks`` counts the bytes of
    the file of marks.
    """

    stream: int = 0
    start: int = 0
    shown: Pair = (0, 0)
    seen: Pair = (0, 0)
    since: float = 0.0
    marks: int = 0


def advance(turn: Turn, sizes: Pair, line_ends: Pair, now: float) -> tuple[Turn, bytes]:
    """Go on at a sample. Gives the mark to write down, if any, before anything of the new turn is shown.

    ``line_ends`` are where the last whole lines end. The part of a line after it waits for one sample.
    """
    ready = [_ready(*each) for each in zip(turn.shown, turn.seen, sizes, line_ends, strict=True)]
    mine, other = turn.stream, 1 - turn.stream
    shown = list(turn.shown)
    shown[mine] = ready[mine]
    spacing = _SPACING_SECONDS * (2 ** (turn.marks // _SPACING_BYTES) - 1)
    if ready[other] == shown[other] or now - turn.since < spacing:
        return msgspec.structs.replace(turn, shown=_pair(shown), seen=sizes), b""
    mark = b"%d\n" % (shown[mine] - turn.start)
    start, shown[other] = shown[other], ready[other]
    return Turn(other, start, _pair(shown), sizes, now, turn.marks + len(mark)), mark


def _ready(shown: int, seen: int, size: int, line_end: int) -> int:
    if line_end > shown or seen <= shown:
        return max(line_end, shown)
    return max(size, shown)


def _pair(numbers: list[int]) -> Pair:
    return numbers[0], numbers[1]


def closing(turn: Turn, sizes: Pair) -> bytes:
    """Give the marks that end the order at these sizes, for what processes that were left behind may add.

    None are needed where only one stream was written.
    """
    if 0 in sizes:
        return b""
    mine, other = turn.stream, 1 - turn.stream
    rest = (sizes[mine] - turn.start, sizes[other] - turn.shown[other])
    return b"".join(b"%d\n" % max(length, 0) for length in rest)


class Turns:
    """The turns that have ended, as they are read from the file of marks."""

    def __init__(self) -> None:
        self.read = 0
        self._offsets: list[int] = []
        self._ends: list[int] = []
        self._at = [0, 0]

    def add(self, marks: bytes) -> None:
        """Take in what was read on from the file; a line that is not whole yet counts when it is."""
        for line in marks.split(b"\n")[:-1]:
            if not (line.isdigit() and len(line) <= _LONGEST_MARK):
                # What a crash of the machine left, or the job. No daemon wrote on behind the former.
                return
            stream = len(self._ends) % 2
            self._offsets.append(self._at[stream])
            self._at[stream] += int(line)
            self._ends.append(self._end + int(line))
            self.read += len(line) + 1

    def place(self, position: int, sizes: Pair) -> tuple[int, int, int]:
        """Give what is at a position: which stream, its offset, and how many bytes of it follow there.

        After the last mark come the stream whose turn it is, to its end, and then the other.
        """
        index = bisect_right(self._ends, position)
        if index < len(self._ends):
            length = self._ends[index] - position
            turn_end = self._offsets[index] + self._ends[index] - (self._ends[index - 1] if index else 0)
            return index % 2, turn_end - length, length
        mine = index % 2
        rest = position - self._end
        remaining = [max(size - at, 0) for size, at in zip(sizes, self._at, strict=True)]
        if rest >= remaining[mine]:
            rest -= remaining[mine]
            mine = 1 - mine
        return mine, self._at[mine] + rest, remaining[mine] - rest

    def total(self, sizes: Pair) -> int:
        """Give how many positions there are."""
        return sum(max(size, at) for size, at in zip(sizes, self._at, strict=True))

    def going_on(self, sizes: Pair) -> Turn:
        """Give the turn that a restarted daemon goes on from: its stream may have been shown to its end."""
        stream = len(self._ends) % 2
        shown = list(self._at)
        shown[stream] = max(sizes[stream], shown[stream])
        return Turn(stream, self._at[stream], _pair(shown), sizes, marks=self.read)

    @property
    def _end(self) -> int:
        return self._ends[-1] if self._ends else 0
