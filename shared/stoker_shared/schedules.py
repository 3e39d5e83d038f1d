"""What the definition of a schedule must be by itself, and how it is said in a few words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from zoneinfo import available_timezones

from stoker_shared.cron import cron_faults
from stoker_shared.model import Cron, Days, Hours, Minutes, Schedule
from stoker_shared.text import nearest, quoted

TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_MOST = {"hours": 24, "minutes": 1440}


def schedule_faults(schedule: Schedule) -> Iterator[tuple[str, str]]:
    """Give the fields that are wrong, each with what would be right."""
    if schedule.time_zone is not None and schedule.time_zone not in _zones():
        yield "time_zone", _no_such_zone(schedule.time_zone)
    yield from _range_faults(schedule.start, schedule.end)
    match schedule:
        case Days(at=at):
            yield from _time_faults("at", at)
        case Cron(expression=expression):
            yield from (("expression", problem) for problem in cron_faults(expression))
        case Hours() | Minutes():
            yield from _window_faults(schedule)


def in_words(schedule: Schedule | None) -> str:
    """Say when runs are due: ``days 01:00 Berlin``, ``every 15m 06:00-22:00``, ``manual``."""
    match schedule:
        case None:
            return "manual"
        case Days(at=at):
            words = f"days {at}"
        case Cron(expression=expression):
            words = f"cron {expression}"
        case Hours() | Minutes():
            unit = "h" if isinstance(schedule, Hours) else "m"
            window = f" {schedule.start_of_day}-{schedule.end_of_day}" if _has_window(schedule) else ""
            words = f"every {schedule.every}{unit}{window}"
    return f"{words} {place_of(schedule.time_zone or '')}".rstrip()


def place_of(zone: str) -> str:
    """Give the place that a time zone is named after: ``Berlin``."""
    return zone.rpartition("/")[2].replace("_", " ")


def _has_window(schedule: Hours | Minutes) -> bool:
    return (schedule.start_of_day, schedule.end_of_day) != ("00:00", "23:59")


def _window_faults(schedule: Hours | Minutes) -> Iterator[tuple[str, str]]:
    unit = "hours" if isinstance(schedule, Hours) else "minutes"
    if not 1 <= schedule.every <= _MOST[unit]:
        yield "every", f"must be from 1 to {_MOST[unit]} {unit}"
    wrong = [
        *_time_faults("from", schedule.start_of_day),
        *_time_faults("to", schedule.end_of_day),
    ]
    yield from wrong
    if not wrong and schedule.start_of_day > schedule.end_of_day:
        yield (
            "to",
            f"{schedule.end_of_day} is before {schedule.start_of_day}; a window does not go past midnight",
        )


def _time_faults(field: str, text: str) -> Iterator[tuple[str, str]]:
    if not TIME_OF_DAY.fullmatch(text):
        yield field, f"{quoted(text, 20)} is not a time of day; write HH:MM, from 00:00 to 23:59"


def _range_faults(start: str | None, end: str | None) -> Iterator[tuple[str, str]]:
    moments: list[datetime] = []
    for field, text in (("start", start), ("end", end)):
        if text is None:
            continue
        try:
            moments.append(datetime.fromisoformat(text))
        except ValueError:
            yield (
                field,
                f"{quoted(text, 40)} is not a time; write 2026-11-21, 2026-11-21T01:00 or with +01:00",
            )
    if end and len(moments) == 2 and _is_empty(*moments, whole_day=_is_date(end)):
        yield "end", "must be later than the start"


def _is_empty(start: datetime, end: datetime, *, whole_day: bool) -> bool:
    """Tell whether there is nothing between the two; a local time can't be compared with one that is not."""
    if whole_day:
        return start.date() > end.date()
    return (start.tzinfo is None) == (end.tzinfo is None) and start >= end


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _no_such_zone(name: str) -> str:
    guess = nearest(name, _zones())
    hint = f"did you mean {guess!r}?" if guess else "write one such as 'Europe/Berlin'"
    return f"there is no time zone {quoted(name, 60)}; {hint}"


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
