"""A text and what it is read from, together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from stoker_tui.logs.searching import LONGEST_FOUND, PART, Found, Pattern
from stoker_tui.logs.source import Piece, Source
from stoker_tui.logs.text import BLOCK, Text


def _nobody(_: int) -> None:
    """Where nobody asks how far it has come."""


async def load(source: Source, text: Text, number: int) -> None:
    """Read a block of a text. Where the stream has become shorter, so does the text."""
    start, end = number * BLOCK, min((number + 1) * BLOCK, text.size)
    pieces = [piece async for piece in _pieces(source, start, end)]
    if not pieces or pieces[-1].end < end:
        text.grow(min(pieces[-1].end if pieces else start, text.size))
    elif pieces[0].data is None:
        # To go up over it in one step, however large it is.
        pieces[0] = pieces[0]._replace(start=await source.gone_since(start))
    text.put(number, pieces)


async def find_after(
    source: Source, pattern: Pattern, start: int, size: int, at: Callable[[int], None] = _nobody
) -> Found | None:
    """Give the first place that begins at a position or after it, and ends before the size.

    ``at`` is told how far it has come.
    """
    while start < size:
        at(start)
        piece = await source.read(start, min(start + PART, size))
        if found := pattern.first(piece.data or b""):
            return found.after(start)
        if piece.end <= start:
            break
        goes_on = piece.data is not None and piece.end < size and len(piece.data) > LONGEST_FOUND
        start = piece.end - (LONGEST_FOUND if goes_on else 0)
    return None


async def find_before(
    source: Source, pattern: Pattern, end: int, size: int, at: Callable[[int], None] = _nobody
) -> Found | None:
    """Give the last place that begins before a position. ``at`` is told how far it has come."""
    while end > 0:
        at(end)
        first = max(end - PART, 0)
        pieces = [piece async for piece in _pieces(source, first, min(end + LONGEST_FOUND, size))]
        spans = [span.after(piece.start) for piece in pieces for span in pattern.spans(piece.data or b"")]
        if before := [span for span in spans if span.start < end]:
            return before[-1]
        gone = bool(pieces) and pieces[0].data is None
        end = await source.gone_since(first) if gone else first
    return None


async def _pieces(source: Source, start: int, end: int) -> AsyncIterator[Piece]:
    """Read from a position to another, or as far as there is anything."""
    while start < end:
        piece = await source.read(start, end)
        if piece.end <= start:
            return
        yield piece
        start = piece.end
