"""Which days a schedule wants, in both directions. Pure, and no zone in it: days as calendars have them.

Days are counted from 1970-01-01.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Protocol

import msgspec

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH


def day_number(day: date) -> int:
    """Give the number of a day."""
    return day.toordinal() - _EPOCH


class Days(Protocol):
    """Days of the calendar. None: it ends before there is another."""

    def first(self, day: int) -> int | None:
        """Give the first of them that is not before a day."""
        ...

    def last(self, day: int) -> int | None:
        """Give the last of them that is not after a day."""
        ...

    def count(self, start: int, end: int) -> int:
        """Count them from ``start`` on to before ``end``."""
        ...


class EveryDays(msgspec.Struct, frozen=True):
    """A day, and one each ``step`` days before and after it."""

    anchor: int = 0
    step: int = 1

    def first(self, day: int) -> int | None:
        """Give the first that is not before a day."""
        return day + (self.anchor - day) % self.step

    def last(self, day: int) -> int | None:
        """Give the last that is not after a day."""
        return day - (day - self.anchor) % self.step

    def count(self, start: int, end: int) -> int:
        """Count those from ``start`` on to before ``end``."""
        return (end - 1 - self.anchor) // self.step - (start - 1 - self.anchor) // self.step


class EveryMonths(msgspec.Struct, frozen=True):
    """A day, and one each ``step`` months before and after it: the last of a month that is too short."""

    anchor: int
    step: int

    def first(self, day: int) -> int | None:
        """Give the first that is not before a day."""
        return self._day(self._number(day - 1) + 1) if day <= _LAST else None

    def last(self, day: int) -> int | None:
        """Give the last that is not after a day."""
        return self._day(self._number(day)) if day >= _FIRST else None

    def count(self, start: int, end: int) -> int:
        """Count those from ``start`` on to before ``end``."""
        return self._number(end - 1) - self._number(start - 1)

    def _number(self, day: int) -> int:
        """Give the number, counted from the anchor, of the last of them that is not after a day."""
        number = (_month(day) - _month(self.anchor)) // self.step
        found = self._day(number)
        return number if found is None or found <= day else number - 1

    def _day(self, number: int) -> int | None:
        year, month = divmod(_month(self.anchor) + number * self.step, 12)
        if not date.min.year <= year <= date.max.year:
            return None
        longest = monthrange(year, month + 1)[1]
        return date(year, month + 1, min(_date(self.anchor).day, longest)).toordinal() - _EPOCH


class CronDays(msgspec.Struct, frozen=True):
    """The days of a cron expression; of the days of the week, 0 is Sunday."""

    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    both: bool
    """Whether a day must be in both ``days`` and ``weekdays``, or in one of them."""

    @property
    def is_every_day(self) -> bool:
        """Whether that is all days."""
        all_days = len(self.days) == 31, len(self.weekdays) == 7
        return len(self.months) == 12 and (all(all_days) if self.both else any(all_days))

    def first(self, day: int) -> int | None:
        """Give the first that is not before a day."""
        if day > _LAST:
            return None
        for year in range(_date(day).year, date.max.year + 1):
            found = _days_of(self, year)
            if found and found[-1] >= day:
                return found[bisect_left(found, day)]
        return None

    def last(self, day: int) -> int | None:
        """Give the last that is not after a day."""
        if day < _FIRST:
            return None
        for year in range(_date(day).year, 0, -1):
            found = _days_of(self, year)
            if found and found[0] <= day:
                return found[bisect_right(found, day) - 1]
        return None

    def count(self, start: int, end: int) -> int:
        """Count those from ``start`` on to before ``end``."""
        return sum(
            bisect_left(found, end) - bisect_left(found, start)
            for year in range(_date(start).year, _date(end - 1).year + 1)
            if (found := _days_of(self, year))
        )


@lru_cache(maxsize=1024)
def _days_of(wanted: CronDays, year: int) -> tuple[int, ...]:
    return tuple(_walk(wanted, year))


def _walk(wanted: CronDays, year: int) -> Iterator[int]:
    for month in sorted(wanted.months):
        monday, length = monthrange(year, month)
        before = date(year, month, 1).toordinal() - _EPOCH - 1
        for day in range(1, length + 1):
            in_days, in_weekdays = day in wanted.days, (monday + day) % 7 in wanted.weekdays
            if (in_days and in_weekdays) if wanted.both else (in_days or in_weekdays):
                yield before + day


def _date(day: int) -> date:
    return date.fromordinal(min(max(day, _FIRST), _LAST) + _EPOCH)


def _month(day: int) -> int:
    found = _date(day)
    return found.year * 12 + found.month - 1
