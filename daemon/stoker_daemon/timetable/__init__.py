"""When runs are due: the ticks of a schedule, in both directions. Pure.

A tick is the end of an interval; the interval's cycle time is the tick before. So `Timetable.before` gives
the cycle time of a tick, and `Timetable.after` the tick of a cycle time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from stoker_daemon.timetable.bounds import BoundsError, bounds, zone_of
from stoker_daemon.timetable.schedules import timetable
from stoker_daemon.timetable.stepping import stepping

__all__ = ["BoundsError", "Timetable", "bounds", "stepping", "timetable", "zone_of"]


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
