"""From when to when the scheduler starts runs of a schedule by itself. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stoker_daemon.moments import parse_span
from stoker_daemon.timetable.offsets import FIRST
from stoker_daemon.timetable.seconds import instant
from stoker_shared.model import Schedule
from stoker_shared.text import quoted


class BoundsError(ValueError):
    """A ``field`` of a schedule, its start, end or zone, that can't be used in it, and why."""

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"its {field}: {problem}")


def zone_of(schedule: Schedule, host: ZoneInfo) -> ZoneInfo:
    """Give the zone of a schedule; ``host`` is that of one that names none.

    Raises:
        BoundsError: this host does not know it.
    """
    if not schedule.time_zone:
        return host
    try:
        return ZoneInfo(schedule.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problem = f"there is no time zone {quoted(schedule.time_zone, 60)} on this host"
        raise BoundsError("time_zone", problem) from None


def bounds(schedule: Schedule, host: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Give the first and the last instant at which the scheduler starts runs by itself, where they are set.

    A bare date is its whole day in the schedule's zone.

    Raises:
        BoundsError: one of them is no time, or one that the zone has twice or not at all, or the end is not
            later than the start.
    """
    zone = zone_of(schedule, host)
    start, end = _span("start", schedule.start, zone), _span("end", schedule.end, zone)
    if start and end and end[1] <= start[0]:
        raise BoundsError("end", "must be later than the start")
    # Before the first instant of all timetables there is nothing to start.
    return start and max(start[0], instant(FIRST)), end and end[1]


def _span(field: str, text: str | None, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    try:
        return None if text is None else parse_span(text, zone)
    except ValueError as error:
        raise BoundsError(field, str(error)) from error
