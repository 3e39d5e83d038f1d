"""By when a scheduled run is to have started or ended, as a workflow says it. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from stoker_shared.schedules import TIME_OF_DAY
from stoker_shared.text import quoted

_AFTER = re.compile(r"([1-9][0-9]{0,5})([mh])")
_UNITS = {"m": "minutes", "h": "hours"}

MOST = timedelta(days=366)
"""How long after its tick a run may be late at the most."""


def deadline_problem(text: str) -> str | None:
    """Give why this is no moment to be late at, with what would be right; None where it is one."""
    if TIME_OF_DAY.fullmatch(text):
        return None
    length = _length(text)
    if length is None:
        return (
            f"{quoted(text, 20)} is not a moment to be late at; write how long after the tick, "
            "as 90m or 2h, or a time of day, as 06:00"
        )
    return None if length <= MOST else f"{text} is more than {MOST.days} days after the tick"


def deadline(text: str, tick: datetime, zone: ZoneInfo) -> datetime:
    """Give the moment (UTC): so long after the tick, or the first such local time after it.

    Raises:
        ValueError: it is no moment to be late at (`deadline_problem`).
    """
    if match := TIME_OF_DAY.fullmatch(text):
        return _next_local(time(int(match[1]), int(match[2])), tick, zone)
    length = _length(text)
    if length is None:
        raise ValueError(deadline_problem(text))
    return tick + length


def _length(text: str) -> timedelta | None:
    match = _AFTER.fullmatch(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


def _next_local(at: time, tick: datetime, zone: ZoneInfo) -> datetime:
    """Give the first moment after the tick with that local time.

    Where the clock jumps over it, that is as much later as it jumps.
    """
    day = tick.astimezone(zone).date()
    found: list[datetime] = []
    for days in range(3):
        first, second = (
            datetime.combine(day + timedelta(days), at.replace(fold=fold), zone).astimezone(UTC)
            for fold in (0, 1)
        )
        # In a gap the second is the earlier one.
        found += [first, max(first, second)]
    return min(moment for moment in found if moment > tick)
