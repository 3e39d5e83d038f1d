"""The ticks of schedules. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from functools import lru_cache
from zoneinfo import ZoneInfo

from stoker_daemon.timetable.bounds import zone_of
from stoker_daemon.timetable.days import CronDays, EveryDays
from stoker_daemon.timetable.local import LocalTicks, Policies
from stoker_daemon.timetable.seconds import HOUR, MINUTE
from stoker_daemon.timetable.wanted import Wanted
from stoker_shared.cron import CronFields, parse_cron
from stoker_shared.model import Cron, Days, Hours, Minutes, RepeatPolicy, Schedule


def timetable(schedule: Schedule, host: ZoneInfo) -> LocalTicks:
    """Give the ticks of a schedule; ``host`` is the zone of one that names none.

    Its start and end are not considered: they bound what the scheduler starts by itself (`bounds`).

    Raises:
        ValueError: it has faults (`stoker_shared.schedules`).
    """
    usual = RepeatPolicy.BOTH if isinstance(schedule, Hours | Minutes) else RepeatPolicy.FIRST
    policies = Policies(schedule.gap, schedule.overlap or usual)
    return LocalTicks(_wanted(schedule), zone_of(schedule, host), policies)


def _wanted(schedule: Schedule) -> Wanted:
    match schedule:
        case Days(at=at):
            return Wanted(EveryDays(), (_seconds(at),))
        case Hours(every=every):
            return Wanted(EveryDays(), _window(schedule, every * HOUR))
        case Minutes(every=every):
            return Wanted(EveryDays(), _window(schedule, every * MINUTE))
        case Cron(expression=expression):
            fields = parse_cron(expression)
            days = CronDays(fields.days, fields.months, fields.weekdays, fields.both_days)
            return Wanted(EveryDays() if days.is_every_day else days, _times(fields))


def _window(schedule: Hours | Minutes, step: int) -> range:
    return range(_seconds(schedule.start_of_day), _seconds(schedule.end_of_day) + 1, step)


def _seconds(at: str) -> int:
    moment = time.fromisoformat(at)
    return moment.hour * HOUR + moment.minute * MINUTE


@lru_cache(maxsize=256)
def _times(fields: CronFields) -> Sequence[int]:
    return tuple(
        hour * HOUR + minute * MINUTE for hour in sorted(fields.hours) for minute in sorted(fields.minutes)
    )
