"""One of an attempt's streams as it is read: positions, what is at each, and what is not there any more.

A position in ``stdout`` and ``stderr`` is the offset in the file, cut or not. In ``both`` it is the number of
bytes of the two that come before.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from stoker_daemon.attempts.directory import OUTPUT
from stoker_daemon.output import files
from stoker_daemon.output.cuts import NOTHING, Cut, Pair, read_cuts
from stoker_daemon.output.turns import Turns
from stoker_shared.api import Stream

CHUNK = 256 * 1024
"""Bytes read at once."""


class Stretch(msgspec.Struct, frozen=True):
    """Positions from ``start`` to before ``end``, all to be read or all ``gone``."""

    start: int
    end: int
    gone: bool


class _Piece(msgspec.Struct, frozen=True):
    """What is at a position: bytes of one stream from an offset on, to be read or gone."""

    stream: int
    offset: int
    length: int
    gone: bool


class View:
    """A stream that jobs write, or both, as of the last `look`; ``size`` is where it ends."""

    def __init__(self, directory: Path, stream: Stream) -> None:
        self.size = 0
        self._directory = directory
        self._only = None if stream is Stream.BOTH else OUTPUT.index(stream.value)
        self._turns = Turns()
        self._sizes = (0, 0)
        self._cuts = NOTHING

    def look(self, shown: Pair | None) -> None:
        """See what there is now. ``shown``: how far the order of both goes, while that is not all."""
        self._look_at_files()
        if self._only is not None:
            self.size = self._sizes[self._only]
            return
        files.read_marks(self._directory, self._turns)
        total = self._turns.total(self._sizes)
        self.size = min(sum(shown), total) if shown else total

    def stretches(self, start: int, end: int) -> Iterator[Stretch]:
        """Give what positions hold, in turn."""
        end = min(end, self.size)
        begin, gone = start, False
        while start < end:
            piece = self._piece(start)
            if piece.gone != gone and begin < start:
                yield Stretch(begin, start, gone)
                begin = start
            gone = piece.gone
            start = min(start + piece.length, end)
        if begin < start:
            yield Stretch(begin, start, gone)

    def lacks_something(self) -> bool:
        """Tell whether anything of it is gone."""
        return any(stretch.gone for stretch in self.stretches(0, self.size))

    def read(self, start: int, end: int) -> bytes | int:
        """Give some bytes from ``start`` on, or how many from there on are gone; nothing at ``end``."""
        end = min(end, self.size)
        if start < end and self._piece(start).gone:
            return next(self.stretches(start, end)).end - start
        pieces = self._pieces(start, min(end, start + CHUNK))
        data = b"".join(
            files.read_at(self._directory / OUTPUT[piece.stream], piece.offset, piece.length)
            for piece in pieces
        )
        # A cut is written down before it is made: what is in none after it was read was still there.
        cuts = read_cuts(self._directory)
        cut = any(_overlap(cuts[piece.stream], piece) for piece in pieces)
        if not cut and len(data) == sum(piece.length for piece in pieces):
            return data
        self._look_at_files()
        return self.read(start, end)

    def read_whole(self, start: int, end: int) -> bytes | None:
        """Give all bytes from ``start`` to before ``end``; None where some of them are gone by now."""
        data = bytearray()
        while read := self.read(start + len(data), end):
            if isinstance(read, int):
                return None
            data += read
        return bytes(data)

    def _look_at_files(self) -> None:
        self._sizes = files.sizes(self._directory)
        self._cuts = read_cuts(self._directory)

    def _pieces(self, start: int, end: int) -> list[_Piece]:
        """Give the pieces from ``start`` on up to what is gone."""
        pieces = []
        while start < end and not (piece := self._piece(start)).gone:
            pieces.append(msgspec.structs.replace(piece, length=min(piece.length, end - start)))
            start += piece.length
        return pieces

    def _piece(self, position: int) -> _Piece:
        stream, offset, length = self._place(position)
        cut = self._cuts[stream]
        # What a job made away with by truncating its own output is gone as well.
        there = self._sizes[stream] - offset
        if there <= 0:
            return _Piece(stream, offset, length, gone=True)
        length = min(length, there)
        if cut.start <= offset < cut.end:
            return _Piece(stream, offset, min(length, cut.end - offset), gone=True)
        if offset < cut.start:
            length = min(length, cut.start - offset)
        return _Piece(stream, offset, length, gone=False)

    def _place(self, position: int) -> tuple[int, int, int]:
        if self._only is None:
            return self._turns.place(position, self._sizes)
        return self._only, position, self.size - position


def _overlap(cut: Cut, piece: _Piece) -> bool:
    return piece.offset < cut.end and cut.start < piece.offset + piece.length
