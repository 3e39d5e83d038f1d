"""How much an attempt's output may take on disk, and what is cut out of its middle beyond that.

The limit is one for both streams together: where one is alone it may take all, where both are large each
takes half. Of each the head is kept and the newest tail. What was cut stands in the file ``cuts`` beside
them, for the NULs of a hole can't be told from a job's own. It is written before the hole is made, so that
what is read and is not in it afterwards was still there.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from stoker_daemon.attempts.directory import OUTPUT
from stoker_daemon.output.holes import BLOCK, punch

Pair = tuple[int, int]
"""One number for each of `OUTPUT`."""

_CUTS = "cuts"


class Cut(msgspec.Struct, frozen=True, array_like=True):
    """The part of a stream that is not kept, from ``start`` to before ``end``; none where they are equal."""

    start: int = 0
    end: int = 0


Cuts = tuple[Cut, Cut]
NOTHING: Cuts = (Cut(), Cut())


def next_cuts(sizes: Pair, cuts: Cuts, limit: int) -> Cuts:
    """Give what shall be cut of streams of these sizes, in steps of about an eighth of the limit."""
    kept = [size - (cut.end - cut.start) for size, cut in zip(sizes, cuts, strict=True)]
    shares = [limit - min(others, limit // 2) for others in reversed(kept)]
    first, second = (
        _next_cut(size, cut, share, limit) if mine > share else cut
        for size, cut, share, mine in zip(sizes, cuts, shares, kept, strict=True)
    )
    return first, second


def _next_cut(size: int, cut: Cut, share: int, limit: int) -> Cut:
    head, step = limit // 8, limit // 8
    start = cut.start if cut.end else head // BLOCK * BLOCK
    tail = share - step - start
    return Cut(start, max((size - tail) // BLOCK * BLOCK, cut.end))


def read_cuts(directory: Path) -> Cuts:
    """Give what was cut out of an attempt's streams. A job may have written over it; then nobody knows."""
    try:
        kept = msgspec.json.decode((directory / _CUTS).read_bytes(), type=dict[str, Cut])
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError, UnicodeDecodeError):
        return NOTHING
    first, second = (kept.get(name, Cut()) for name in OUTPUT)
    return first, second


def keep_within(directory: Path, sizes: Pair, limit: int) -> Cuts:
    """Cut an attempt's streams of these sizes where they take more than the limit. Raises OSError."""
    cuts = read_cuts(directory)
    wanted = next_cuts(sizes, cuts, limit)
    if wanted != cuts:
        _write(directory, wanted)
        for name, cut in zip(OUTPUT, wanted, strict=True):
            if cut.end:
                # Whole, not only what is new: a daemon may have been killed before the last one was made.
                punch(directory / name, cut.start, cut.end)
    return wanted


def _write(directory: Path, cuts: Cuts) -> None:
    beside = directory / f"{_CUTS}.new"
    with beside.open("wb") as file:
        file.write(msgspec.json.encode(dict(zip(OUTPUT, cuts, strict=True))))
        file.flush()
        os.fdatasync(file.fileno())
    beside.rename(directory / _CUTS)
