"""When a zone's offset changes, in whole seconds since 1970. Pure.

No zone has changed its offset twice within four days, nor ever by more than a day. So it is enough to look
at a zone once a day, and what happens at a change depends on the offset before it and the one after it alone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from stoker_daemon.timetable.seconds import instant, second_after

DAY = 86_400
FIRST = second_after(datetime(1, 1, 2, tzinfo=UTC)) - 1
LAST = second_after(datetime(9999, 12, 31, tzinfo=UTC)) - 2
"""The first and the last second that have a local time in every zone."""

BLOCK = 64 * DAY
"""The seconds that are looked at, and remembered, together."""


class Change(NamedTuple):
    """From the instant ``at`` on the offset is ``after``; until then it was ``before``."""

    at: int
    before: int
    after: int


class Stretch(NamedTuple):
    """Seconds from ``start`` to before ``end``, with one offset throughout; ``before`` is that before it."""

    start: int
    end: int
    offset: int
    before: int


@lru_cache(maxsize=8192)
def stretches(zone: ZoneInfo, block: int) -> tuple[Stretch, ...]:
    """Give the stretches of the block with that number, from ``block * BLOCK`` on, and of the day before."""
    begin, end = block * BLOCK - DAY, (block + 1) * BLOCK
    offset = _offset(zone, begin - 1)
    starts = [Change(begin, offset, offset), *_changes(zone, begin - 1, end - 1)]
    ends = [*(change.at for change in starts[1:]), end]
    return tuple(
        Stretch(change.at, end, change.after, change.before)
        for change, end in zip(starts, ends, strict=True)
        if change.at < end
    )


def _changes(zone: ZoneInfo, begin: int, end: int) -> list[Change]:
    """Give the changes later than ``begin`` and not later than ``end``."""
    looks = range(begin, end + 1, DAY)
    offsets = [_offset(zone, look) for look in looks]
    return [
        Change(_at(zone, look, before), before, after)
        for look, before, after in zip(looks, offsets, offsets[1:], strict=False)
        if before != after
    ]


def _at(zone: ZoneInfo, low: int, before: int) -> int:
    """Give the first second after ``low``, within a day, at which the offset is not the one before."""
    high = low + DAY
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return high


def _offset(zone: ZoneInfo, second: int) -> int:
    # No zone changes at the edges of the calendar, where there is no local time to ask for.
    moment = instant(min(max(second, FIRST), LAST))
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    return round(offset.total_seconds())
