"""The local times that a schedule wants, in both directions. Pure, and no zone in it.

They are seconds from the midnight of 1970-01-01, as clocks show them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import msgspec

from stoker_daemon.timetable.days import Days
from stoker_daemon.timetable.seconds import DAY


class Wanted(msgspec.Struct, frozen=True):
    """Times of day, in seconds and in their order, on each of some days."""

    days: Days
    times: Sequence[int]

    def first(self, low: int) -> int | None:
        """Give the first that is not before ``low``; None where the calendar ends before it."""
        today = low // DAY
        day = self.days.first(today)
        if day == today and low - today * DAY > self.times[-1]:
            day = self.days.first(today + 1)
        if day is None:
            return None
        return day * DAY + self.times[bisect_left(self.times, low - day * DAY)]

    def last(self, high: int) -> int | None:
        """Give the last that is before ``high``; None where the calendar begins after it."""
        today = high // DAY
        day = self.days.last(today)
        if day == today and high - today * DAY <= self.times[0]:
            day = self.days.last(today - 1)
        if day is None:
            return None
        return day * DAY + self.times[bisect_left(self.times, high - day * DAY) - 1]

    def between(self, low: int, high: int) -> Iterator[int]:
        """Give those from ``low`` on to before ``high``."""
        day = self.days.first(low // DAY)
        while day is not None and (midnight := day * DAY) < high:
            for time in self._within(low - midnight, high - midnight):
                yield midnight + time
            day = self.days.first(day + 1)

    def backwards(self, low: int, high: int) -> Iterator[int]:
        """Give those from ``low`` on to before ``high``, the last first."""
        day = self.days.last((high - 1) // DAY)
        while day is not None and (midnight := day * DAY) + DAY > low:
            for time in reversed(self._within(low - midnight, high - midnight)):
                yield midnight + time
            day = self.days.last(day - 1)

    def count(self, low: int, high: int) -> int:
        """Count those from ``low`` on to before ``high``."""
        if low >= high:
            return 0
        (first, early), (last, late) = divmod(low, DAY), divmod(high, DAY)
        whole = self.days.count(first, last) * len(self.times)
        return whole + self._before(last, late) - self._before(first, early)

    def _before(self, day: int, time: int) -> int:
        """Count those of a day before a time of it."""
        return bisect_left(self.times, time) if time and self.days.first(day) == day else 0

    def _within(self, low: int, high: int) -> Sequence[int]:
        return self.times[bisect_left(self.times, low) : bisect_left(self.times, high)]
