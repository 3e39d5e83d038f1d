"""Ticks of one distance in elapsed time, whatever clocks do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.moments import INSTANT
from stoker_daemon.timetable.offsets import FIRST, LAST
from stoker_daemon.timetable.seconds import instant

_EARLIEST, _LATEST = instant(FIRST), instant(LAST)


class ElapsedTicks(msgspec.Struct, frozen=True):
    """``first``, and before and after it a tick each ``step``: a `stoker_daemon.timetable.Timetable`."""

    first: datetime
    step: timedelta
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime | None:
        """Give the first tick later than a moment."""
        return self._tick(self._number(moment) + 1)

    def before(self, moment: datetime) -> datetime | None:
        """Give the last tick earlier than a moment."""
        return self._tick(self._number(max(moment, _EARLIEST) - INSTANT))

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Give the ticks later than ``start`` and not later than ``end``."""
        return self._ticks(range(self._number(start) + 1, self._number(end) + 1))

    def backwards(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Give the same ticks, the last first."""
        return self._ticks(range(self._number(end), self._number(start), -1))

    def count(self, start: datetime, end: datetime) -> int:
        """Count the same ticks."""
        return max(0, self._number(end) - self._number(start))

    def _number(self, moment: datetime) -> int:
        """Give the number, counted from the first, of the last tick that is not later than a moment."""
        return (min(max(moment, _EARLIEST - INSTANT), _LATEST) - self.first) // self.step

    def _tick(self, number: int) -> datetime | None:
        """Give the tick of a number; None outside the calendar."""
        try:
            tick = self.first + number * self.step
        except OverflowError:
            return None
        return tick if _EARLIEST <= tick <= _LATEST else None

    def _ticks(self, numbers: range) -> Iterator[datetime]:
        return (self.first + number * self.step for number in numbers)
