"""The log's lines about one run, a part at a time: where they begin is looked up, how far is bounded."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from stoker_daemon.runlog.following import Follower
from stoker_daemon.runlog.segments import Header, first_of, paths
from stoker_shared import events as ev
from stoker_shared.codec import decode_item, decode_record
from stoker_shared.state import Counters

MOST_READ = 32 * 1024 * 1024
"""Bytes of the log that are looked through for one part."""

MOST_GIVEN = 1024 * 1024
"""Bytes of lines from which on a part is full."""


class Part(NamedTuple):
    """Lines about a run, all that there are up to ``seq``; whether there may be ``more`` after that."""

    lines: list[bytes]
    seq: int
    more: bool


def read_run(
    directory: Path, run: int, after: int, *, limit: int, durable: int, ended_at: datetime | None
) -> Part:
    """Give lines about a run after a position, or the first that are kept where that is before the run.

    Where the run has ended, nothing is looked for after the event that says so.
    """
    start = min(max(after, _before(directory, run)), durable)
    follower = Follower(directory, start, durable)
    needle = b'"run":%d,' % run
    lines: list[bytes] = []
    given = read = 0
    try:
        while chunk := follower.read(durable):
            found = chunk.split(b"\n")[:-1]
            first = follower.seq - len(found) + 1
            for seq, line in enumerate(found, first):
                if needle not in line:
                    continue
                record, _ = decode_record(line)
                if getattr(record.event, "run", 0) != run:
                    continue
                lines.append(line)
                given += len(line)
                if isinstance(record.event, ev.RunFinished) and record.at == ended_at:
                    return Part(lines, seq, more=False)
                if len(lines) == limit or given >= MOST_GIVEN:
                    return Part(lines, seq, more=seq < durable)
            read += len(chunk)
            if read >= MOST_READ:
                return Part(lines, follower.seq, more=follower.seq < durable)
    finally:
        follower.close()
    return Part(lines, follower.seq, more=False)


def _before(directory: Path, run: int) -> int:
    """Give a position before the run was made: where a segment begins, else the oldest that is kept.

    What a segment opens with says how many runs there had been, whatever the clock said.
    """
    segments = paths(directory)
    later = bisect_left(segments, run, key=_runs_before)
    return first_of(segments[max(later - 1, 0)]) - 1


def _runs_before(path: Path) -> int:
    """Give the number of the last run that was made before a segment begins."""
    try:
        with path.open("rb") as segment:
            header: Header = decode_item(segment.readline()[:-1], Header)
            counters: Counters = (
                decode_item(segment.readline()[:-1], Counters) if header.items else Counters()
            )
    except FileNotFoundError:  # It was removed at this moment, being the oldest.
        return 0
    return counters.run
