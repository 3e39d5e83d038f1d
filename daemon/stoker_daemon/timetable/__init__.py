"""When runs are due: the ticks of a schedule, in both directions. Pure.

A tick is the end of an interval; the interval's cycle time is the tick before. So `Timetable.before` gives
the cycle time of a tick, and `Timetable.after` the tick of a cycle time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from stoker_shared.model import Schedule


class Timetable(Protocol):
    """Ticks as instants (UTC), strictly increasing, without end on either side of the calendar's years."""

    zone: ZoneInfo
    """The zone that its local times are in."""

    def after(self, moment: datetime) -> datetime | None:
        """Give the first tick later than a moment; None where the calendar ends before it."""
        ...

    def before(self, moment: datetime) -> datetime | None:
        """Give the last tick earlier than a moment; None where the calendar begins after it."""
        ...

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Give the ticks later than ``start`` and not later than ``end``, in their order."""
        ...

    def count(self, start: datetime, end: datetime) -> int:
        """Count the ticks later than ``start`` and not later than ``end``."""
        ...


def timetable(schedule: Schedule, host: ZoneInfo) -> Timetable:
    """Give the ticks of a schedule; ``host`` is the zone of one that names none.

    Its start and end are not considered: they bound what the scheduler starts by itself (`bounds`).
    """
    raise NotImplementedError


def stepping(first: datetime, every: str, zone: ZoneInfo) -> Timetable:
    """Give the tick ``first``, and before and after it one each ``every``.

    That is ``15m`` or ``6h`` of elapsed time, or ``1d``, ``1w`` or ``1M`` of the calendar in ``zone``.

    Raises:
        ValueError: ``every`` is not such a length, or 0.
    """
    raise NotImplementedError


def bounds(schedule: Schedule, host: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Give the first and the last instant at which the scheduler starts runs by itself, where they are set.

    A bare date is its whole day in the schedule's zone.
    """
    raise NotImplementedError
