"""Ticks at local times of a zone, whatever its clocks do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.timetable.days import EveryDays
from stoker_daemon.timetable.offsets import BLOCK, FIRST, LAST, stretches
from stoker_daemon.timetable.seconds import DAY, instant, second_after, second_before
from stoker_daemon.timetable.wanted import Wanted
from stoker_shared.model import GapPolicy, RepeatPolicy


class Policies(NamedTuple):
    """What becomes of local times that do not exist, and of those that come twice."""

    gap: GapPolicy
    repeat: RepeatPolicy


class Piece(NamedTuple):
    """Seconds from ``start`` to before ``end`` with one offset, in which what is wanted is a tick.

    ``landing`` are the local times up to that of ``start`` that the clock jumps over: is any of them wanted,
    ``start`` is a tick.
    """

    start: int
    end: int
    offset: int
    landing: tuple[range, ...]


class LocalTicks(msgspec.Struct, frozen=True):
    """The ticks at the local times that are wanted: a `stoker_daemon.timetable.Timetable`."""

    wanted: Wanted
    zone: ZoneInfo
    policies: Policies

    @property
    def is_daily(self) -> bool:
        """Whether it is one tick a day."""
        return self.wanted.days == EveryDays() and len(self.wanted.times) == 1

    def after(self, moment: datetime) -> datetime | None:
        """Give the first tick later than a moment."""
        return next(map(instant, self._forwards(second_after(moment), LAST + 1)), None)

    def before(self, moment: datetime) -> datetime | None:
        """Give the last tick earlier than a moment."""
        return next(map(instant, self._backwards(FIRST, second_before(moment) + 1)), None)

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Give the ticks later than ``start`` and not later than ``end``."""
        return map(instant, self._forwards(second_after(start), second_after(end)))

    def backwards(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Give the same ticks, the last first."""
        return map(instant, self._backwards(second_after(start), second_after(end)))

    def count(self, start: datetime, end: datetime) -> int:
        """Count the same ticks."""
        low, high = max(second_after(start), FIRST), min(second_after(end), LAST + 1)
        return sum(
            self._count(piece, max(low, piece.start), min(high, piece.end))
            for block in range(low // BLOCK, -(-high // BLOCK))
            for piece in pieces(self.zone, self.policies, block)
        )

    def _forwards(self, low: int, high: int) -> Iterator[int]:
        """Give the ticks from ``low`` on to before ``high``."""
        low, high = max(low, FIRST), min(high, LAST + 1)
        block = low // BLOCK
        while (begin := block * BLOCK) < high:
            for piece in pieces(self.zone, self.policies, block):
                start, end = max(low, piece.start), min(high, piece.end)
                if self._lands(piece, start, end):
                    yield piece.start
                for local in self.wanted.between(start + piece.offset, end + piece.offset):
                    yield local - piece.offset
            # What is wanted next may be years away. No offset is as much as a day.
            wanted = self.wanted.first(begin + BLOCK - DAY)
            if wanted is None:
                return
            block = max(block + 1, (wanted - DAY) // BLOCK)

    def _backwards(self, low: int, high: int) -> Iterator[int]:
        """Give the ticks from ``low`` on to before ``high``, the last first."""
        low, high = max(low, FIRST), min(high, LAST + 1)
        block = (high - 1) // BLOCK
        while (begin := block * BLOCK) + BLOCK > low:
            for piece in reversed(pieces(self.zone, self.policies, block)):
                start, end = max(low, piece.start), min(high, piece.end)
                for local in self.wanted.backwards(start + piece.offset, end + piece.offset):
                    yield local - piece.offset
                if self._lands(piece, start, end):
                    yield piece.start
            wanted = self.wanted.last(begin + DAY)
            if wanted is None:
                return
            block = min(block - 1, (wanted + DAY) // BLOCK)

    def _count(self, piece: Piece, start: int, end: int) -> int:
        return self._lands(piece, start, end) + self.wanted.count(start + piece.offset, end + piece.offset)

    def _lands(self, piece: Piece, start: int, end: int) -> bool:
        """Tell whether what the clock jumps over makes the start of a piece a tick that else is none."""
        if not piece.landing or not start <= piece.start < end:
            return False
        local = piece.start + piece.offset
        return self.wanted.count(local, local + 1) == 0 and any(
            self.wanted.count(gap.start, gap.stop) for gap in piece.landing
        )


@lru_cache(maxsize=8192)
def pieces(zone: ZoneInfo, policies: Policies, block: int) -> tuple[Piece, ...]:
    """Give the pieces of a block, in their order."""
    return tuple(_pieces(zone, policies, block))


def _pieces(zone: ZoneInfo, policies: Policies, block: int) -> Iterator[Piece]:
    begin = block * BLOCK
    for stretch in stretches(zone, block):
        start = stretch.start
        landing: tuple[range, ...] = ()
        if stretch.offset < stretch.before and policies.repeat is RepeatPolicy.FIRST:
            start += stretch.before - stretch.offset
        elif stretch.offset > stretch.before and policies.gap is GapPolicy.SHIFT and start >= begin:
            landing = existing(start + stretch.before, start + stretch.offset)
        if max(start, begin) < stretch.end:
            yield Piece(max(start, begin), stretch.end, stretch.offset, landing)


def existing(low: int, high: int) -> tuple[range, ...]:
    """Give the local times of a gap, from ``low`` to before ``high``, without dates that it has all of."""
    first, last = -(-low // DAY) * DAY, high // DAY * DAY
    if first >= last:
        return (range(low, high),)
    return tuple(times for times in (range(low, first), range(last, high)) if times)
