"""When runs are due: the ticks of a schedule, in both directions. Pure.

A tick is the end of an interval; the interval's cycle time is the tick before. So `Timetable.before` gives
the cycle time of a tick, and `Timetable.after` the tick of a cycle time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from stoker_daemon.moments import parse_range
from stoker_daemon.timetable.days import CronDays, EveryDays, EveryMonths, day_number
from stoker_daemon.timetable.elapsed import ElapsedTicks
from stoker_daemon.timetable.local import LocalTicks, Policies
from stoker_daemon.timetable.wanted import Wanted
from stoker_shared.cron import CronFields, parse_cron
from stoker_shared.model import Cron, Days, GapPolicy, Hours, Minutes, RepeatPolicy, Schedule
from stoker_shared.text import quoted

_EVERY = re.compile(r"([0-9]{1,6})([mhdwM])")
_MINUTE, _HOUR = 60, 3600


class Timetable(Protocol):
    """Ticks as instants (UTC), strictly increasing, without end on either side of the calendar's years.

    The first day of the calendar and its last one have none: not every zone has a local time for each instant
    of them.
    """

    @property
    def zone(self) -> ZoneInfo:
        """The zone that its local times are in."""
        ...

    def after(self, moment: datetime) -> datetime | None:
        """Give the first tick later than a moment; None where the calendar ends before it."""
        ...

    def before(self, moment: datetime) -> datetime | None:
        """Give the last tick earlier than a moment; None where the calendar begins after it."""
        ...

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Give the ticks later than ``start`` and not later than ``end``, in their order."""
        ...

    def backwards(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Give the ticks later than ``start`` and not later than ``end``, the last first."""
        ...

    def count(self, start: datetime, end: datetime) -> int:
        """Count the ticks later than ``start`` and not later than ``end``."""
        ...


def zone_of(schedule: Schedule, host: ZoneInfo) -> ZoneInfo:
    """Give the zone of a schedule; ``host`` is that of one that names none."""
    return ZoneInfo(schedule.time_zone) if schedule.time_zone else host


def timetable(schedule: Schedule, host: ZoneInfo) -> LocalTicks:
    """Give the ticks of a schedule; ``host`` is the zone of one that names none.

    Its start and end are not considered: they bound what the scheduler starts by itself (`bounds`).

    Raises:
        ValueError: it has faults (`stoker_shared.schedules`).
    """
    repeat = schedule.overlap or (
        RepeatPolicy.BOTH if isinstance(schedule, Hours | Minutes) else RepeatPolicy.FIRST
    )
    return LocalTicks(_wanted(schedule), zone_of(schedule, host), Policies(schedule.gap, repeat))


def _wanted(schedule: Schedule) -> Wanted:
    match schedule:
        case Days(at=at):
            return Wanted(EveryDays(), (_seconds(at),))
        case Hours() | Minutes():
            step = schedule.every * (_HOUR if isinstance(schedule, Hours) else _MINUTE)
            return Wanted(
                EveryDays(), range(_seconds(schedule.start_of_day), _seconds(schedule.end_of_day) + 1, step)
            )
        case Cron(expression=expression):
            fields = parse_cron(expression)
            days = CronDays(fields.days, fields.months, fields.weekdays, fields.both_days)
            return Wanted(EveryDays() if days.is_every_day else days, _times(fields))


def _seconds(at: str) -> int:
    moment = time.fromisoformat(at)
    return moment.hour * _HOUR + moment.minute * _MINUTE


@lru_cache(maxsize=256)
def _times(fields: CronFields) -> Sequence[int]:
    return tuple(
        hour * _HOUR + minute * _MINUTE for hour in sorted(fields.hours) for minute in sorted(fields.minutes)
    )


def stepping(first: datetime, every: str, zone: ZoneInfo) -> Timetable:
    """Give the tick ``first``, and before and after it one each ``every``.

    That is ``15m`` or ``6h`` of elapsed time, or ``1d``, ``1w`` or ``1M`` of the calendar in ``zone``: the
    same time of day, and in a month that has no such day its last one.

    Raises:
        ValueError: ``every`` is not such a length, or 0; or ``first`` can't be such a tick.
    """
    match = _EVERY.fullmatch(every)
    if not match or not int(match[1]):
        raise ValueError(f"{quoted(every, 20)} is not a length; write 15m, 6h, 1d, 1w or 1M")
    number, unit = int(match[1]), match[2]
    if unit in "mh":
        return ElapsedTicks(first, number * timedelta(seconds=_HOUR if unit == "h" else _MINUTE), zone)
    local = first.astimezone(zone)
    if local.microsecond:
        raise ValueError(f"{local.isoformat()} is not a whole second")
    if local.fold:
        raise ValueError(f"{local.isoformat()} is the second {local:%H:%M} of its day; begin with the first")
    day = day_number(local)
    days = EveryMonths(day, number) if unit == "M" else EveryDays(day, number * (7 if unit == "w" else 1))
    second = local.hour * _HOUR + local.minute * _MINUTE + local.second
    return LocalTicks(Wanted(days, (second,)), zone, Policies(GapPolicy.SHIFT, RepeatPolicy.FIRST))


def bounds(schedule: Schedule, host: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Give the first and the last instant at which the scheduler starts runs by itself, where they are set.

    A bare date is its whole day in the schedule's zone.

    Raises:
        ValueError: one of them is no time, or one that the zone has twice or not at all.
    """
    zone = zone_of(schedule, host)
    start = parse_range(schedule.start, zone)[0] if schedule.start else None
    end = parse_range(schedule.end, zone)[1] if schedule.end else None
    return start, end
