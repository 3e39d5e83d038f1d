"""The ticks of intervals that no schedule has, each as long as the other. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from stoker_daemon.timetable.days import EveryDays, EveryMonths, day_number
from stoker_daemon.timetable.elapsed import ElapsedTicks
from stoker_daemon.timetable.local import LocalTicks, Policies
from stoker_daemon.timetable.seconds import HOUR, MINUTE
from stoker_daemon.timetable.wanted import Wanted
from stoker_shared.model import GapPolicy, RepeatPolicy
from stoker_shared.text import quoted

_EVERY = re.compile(r"([0-9]{1,6})([mhdwM])")


def stepping(first: datetime, every: str, zone: ZoneInfo) -> LocalTicks | ElapsedTicks:
    """Give the tick ``first``, and before and after it one each ``every``.

    That is ``15m`` or ``6h`` of elapsed time, or ``1d``, ``1w`` or ``1M`` of the calendar in ``zone``: at the
    same time of day, and in a month that has no such day on its last one.

    Raises:
        ValueError: ``every`` is not such a length, or 0; or ``first`` can't be such a tick.
    """
    match = _EVERY.fullmatch(every)
    if not match or not int(match[1]):
        raise ValueError(f"{quoted(every, 20)} is not a length; write 15m, 6h, 1d, 1w or 1M")
    number, unit = int(match[1]), match[2]
    if unit in "mh":
        return ElapsedTicks(first, number * timedelta(seconds=HOUR if unit == "h" else MINUTE), zone)
    local = first.astimezone(zone)
    if local.microsecond:
        raise ValueError(f"{local.isoformat()} is not a whole second")
    if local.fold:
        raise ValueError(f"{local.isoformat()} is the second {local:%H:%M} of its day; begin with the first")
    day = day_number(local)
    days = EveryMonths(day, number) if unit == "M" else EveryDays(day, number * (7 if unit == "w" else 1))
    second = local.hour * HOUR + local.minute * MINUTE + local.second
    return LocalTicks(Wanted(days, (second,)), zone, Policies(GapPolicy.SHIFT, RepeatPolicy.FIRST))
