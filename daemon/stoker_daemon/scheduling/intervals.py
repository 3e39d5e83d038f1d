"""Which interval a run is about that a person starts without saying so. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from stoker_daemon.moments import INSTANT, parse_span
from stoker_daemon.timetable import timetable
from stoker_shared.model import Schedule


def default_cycle(schedule: Schedule | None, host: ZoneInfo, now: datetime) -> datetime:
    """Give the cycle time of a manual run; ``host`` is the zone of a schedule that names none.

    That is yesterday's interval where the workflow runs once a day, whether it is over yet or not; else the
    last one that is complete; and now minus one day where it has no schedule.

    Raises:
        ValueError: the schedule has faults.
    """
    a_day_ago = now - timedelta(days=1)
    if schedule is None:
        return a_day_ago
    ticks = timetable(schedule, host)
    if ticks.is_daily:
        today, _ = parse_span(f"{now.astimezone(ticks.zone):%F}", ticks.zone)
        return ticks.before(today) or a_day_ago
    due = ticks.before(now + INSTANT)
    return (due and ticks.before(due)) or a_day_ago
