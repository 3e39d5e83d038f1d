"""When a zone's offset changes, in whole seconds since 1970. Pure.

No zone has changed its offset twice within three days, nor ever by more than a day. So it is enough to look
at a zone every other day, and what happens at a change depends on the offsets before and after it alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from stoker_daemon.timetable.seconds import DAY, instant, second_after

FIRST = second_after(datetime(1, 1, 2, tzinfo=UTC)) - 1
LAST = second_after(datetime(9999, 12, 31, tzinfo=UTC)) - 2
"""The first and the last second that have a local time in every zone."""

_EPOCH = date(1970, 1, 1).toordinal()
_LOOK = 2 * DAY

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


def changes(zone: ZoneInfo, low: int, high: int) -> Iterator[Change]:
    """Give the changes of a zone later than ``low`` and not later than ``high``."""
    for block in range(low // BLOCK, high // BLOCK + 1):
        for stretch in stretches(zone, block):
            if (
                low < stretch.start <= high
                and stretch.start >= block * BLOCK
                and stretch.offset != stretch.before
            ):
                yield Change(stretch.start, stretch.before, stretch.offset)


@lru_cache(maxsize=8192)
def stretches(zone: ZoneInfo, block: int) -> tuple[Stretch, ...]:
    """Give the stretches of the block with that number, from ``block * BLOCK`` on, and of two days before."""
    begin, end = block * BLOCK - _LOOK, (block + 1) * BLOCK
    offset = _offset(zone, begin - 1)
    starts = [Change(begin, offset, offset)]
    if not _is_constant(zone, begin, end):
        starts += _look(zone, begin - 1, end - 1)
    ends = [*(change.at for change in starts[1:]), end]
    return tuple(
        Stretch(change.at, end, change.after, change.before)
        for change, end in zip(starts, ends, strict=True)
        if change.at < end
    )


def _is_constant(zone: ZoneInfo, begin: int, end: int) -> bool:
    """Tell whether a zone has no change from two days before to two days after: quickly, by local times."""
    first, last = begin // DAY - 2 + _EPOCH, end // DAY + 2 + _EPOCH
    days = range(max(first, date.min.toordinal()), min(last, date.max.toordinal()) + 1, 2)
    offsets = list(map(zone.utcoffset, map(datetime.fromordinal, days)))
    return offsets.count(offsets[0]) == len(offsets)


def _look(zone: ZoneInfo, begin: int, end: int) -> list[Change]:
    """Give the changes later than ``begin`` and not later than ``end``."""
    looks = range(begin, end + 1, _LOOK)
    offsets = [_offset(zone, look) for look in looks]
    return [
        Change(_at(zone, look, before), before, after)
        for look, before, after in zip(looks, offsets, offsets[1:], strict=False)
        if before != after
    ]


def _at(zone: ZoneInfo, low: int, before: int) -> int:
    """Give the first second after ``low``, within a look, at which the offset is not the one before."""
    high = low + _LOOK
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return high


def _offset(zone: ZoneInfo, second: int) -> int:
    # No zone changes at the edges of the calendar, where there is no local time to ask for.
    moment = instant(min(max(second, FIRST), LAST))
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    return offset.days * DAY + offset.seconds
