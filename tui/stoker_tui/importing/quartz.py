"""Quartz's cron expressions as Stoker's schedules, where the two mean the same ticks.

Quartz has seconds before and years after the five fields that cron has, counts the days of the week from
Sunday as 1, and knows days that no list can name (``L``, ``W``, ``#``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

from stoker_shared.model import Cron, Days, Hours, Minutes, Schedule
from stoker_shared.text import quoted

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class Step(NamedTuple):
    """How far a tick is from the one before: so many ``M`` or ``y``, or minutes (``m``)."""

    size: int
    unit: str


DAY = Step(24 * 60, "m")


class Translation(NamedTuple):
    """A schedule; the step between its ticks, None where that is not always the same; what differs."""

    schedule: Schedule
    step: Step | None
    note: str = ""


class _Field(NamedTuple):
    name: str
    first: int
    last: int
    names: Mapping[str, int]


_SECOND, _MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY = (
    _Field("second", 0, 59, {}),
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of the month", 1, 31, {}),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("day of the week", 1, 7, {name: number for number, name in enumerate(_WEEKDAYS, 1)}),
)

_PART = re.compile(r"(?P<from>\*|\w+)(?:-(?P<to>\w+))?(?:/(?P<step>[0-9]{1,4}))?")


class _Ticks(NamedTuple):
    """The values of the five fields; a day of the week is 0 for Sunday."""

    minutes: list[int]
    hours: list[int]
    days: list[int]
    months: list[int]
    weekdays: list[int]


def translate(expression: str, time_zone: str | None, start: str | None, end: str | None) -> Translation:
    """Give the schedule of a Quartz expression.

    Raises:
        ValueError: it is none, or one that no schedule here is the same as; the message says why.
    """
    fields = expression.upper().split()
    if not 6 <= len(fields) <= 7:
        raise ValueError(f"{quoted(expression, 60)} has {len(fields)} fields, and Quartz's have 6 or 7")
    if len(fields) == 7 and fields[6] != "*":
        raise ValueError(f"it names years ({quoted(fields[6], 30)}), and no schedule here does")
    seconds = _values(fields[0], _SECOND)
    if len(seconds) > 1:
        raise ValueError("it has ticks within a minute, and no schedule here does")
    ticks = _Ticks(
        _values(fields[1], _MINUTE),
        _values(fields[2], _HOUR),
        _values(fields[3], _DAY),
        _values(fields[4], _MONTH),
        [day - 1 for day in _values(fields[5], _WEEKDAY)],
    )
    if len(ticks.days) < 31 and len(ticks.weekdays) < 7:
        raise ValueError("it names days of the month and of the week, which Quartz itself refuses")
    make = _schedule(ticks)
    note = f"its ticks are {seconds[0]} s after the minute there, and on it here" if seconds[0] else ""
    return Translation(make(time_zone, start, end), _step(ticks), note)


def _values(text: str, field: _Field) -> list[int]:
    """Give the values that a field names, in order."""
    if text in ("*", "?"):
        return list(range(field.first, field.last + 1))
    return sorted({value for part in text.split(",") for value in _of_part(part, field)})


def _of_part(text: str, field: _Field) -> list[int]:
    match = _PART.fullmatch(text)
    if not match:
        raise ValueError(
            f"{quoted(text, 30)} as {field.name} is nothing that a list of numbers is the same as"
        )
    step = int(match["step"] or 1)
    if not 1 <= step <= field.last:
        raise ValueError(f"{quoted(text, 30)}: a step of the {field.name} is from 1 to {field.last}")
    if match["from"] == "*":
        first, last = field.first, field.last
    else:
        first = _number(match["from"], field)
        last = field.last if match["step"] else first
    if match["to"]:
        last = _number(match["to"], field)
    size = field.last - field.first + 1
    # A range may go past the end, as in FRI-MON.
    over = size if last < first else 0
    return [(value - field.first) % size + field.first for value in range(first, last + over + 1, step)]


def _number(text: str, field: _Field) -> int:
    if text in field.names:
        return field.names[text]
    if not (text.isascii() and text.isdecimal() and len(text) <= 4):
        raise ValueError(
            f"{quoted(text, 30)} as {field.name} is nothing that a list of numbers is the same as"
        )
    if not field.first <= int(text) <= field.last:
        raise ValueError(f"{text} as {field.name} is not from {field.first} to {field.last}")
    return int(text)


_Make = Callable[[str | None, str | None, str | None], Schedule]


def _schedule(ticks: _Ticks) -> _Make:
    """Give what makes the plainest schedule with these ticks."""
    minutes, hours = ticks.minutes, ticks.hours
    if _every_day(ticks):
        first, last = f"{hours[0]:02}:{minutes[0]:02}", f"{hours[-1]:02}:{minutes[-1]:02}"
        if len(minutes) == len(hours) == 1:
            return lambda zone, start, end: Days(at=first, time_zone=zone, start=start, end=end)
        if len(minutes) == 1 and (every := _distance(hours)):
            return lambda zone, start, end: Hours(
                every=every, start_of_day=first, end_of_day=last, time_zone=zone, start=start, end=end
            )
        if every := _distance([60 * hour + minute for hour in hours for minute in minutes]):
            return lambda zone, start, end: Minutes(
                every=every, start_of_day=first, end_of_day=last, time_zone=zone, start=start, end=end
            )
    expression = " ".join(
        [
            _written(minutes, 0, 59),
            _written(hours, 0, 23),
            _written(ticks.days, 1, 31),
            _written(ticks.months, 1, 12),
            _written(ticks.weekdays, 0, 6),
        ]
    )
    return lambda zone, start, end: Cron(expression=expression, time_zone=zone, start=start, end=end)


def _every_day(ticks: _Ticks) -> bool:
    return len(ticks.days) == 31 and len(ticks.months) == 12 and len(ticks.weekdays) == 7


def _step(ticks: _Ticks) -> Step | None:
    """Give the distance of every tick from the one before, where it is always the same."""
    of_a_day = [60 * hour + minute for hour in ticks.hours for minute in ticks.minutes]
    if _every_day(ticks):
        around = [*of_a_day, of_a_day[0] + 24 * 60]
        return Step(every, "m") if (every := _distance(around)) else None
    if len(of_a_day) > 1:
        return None
    if len(ticks.weekdays) == 1 and len(ticks.months) == 12:
        return Step(7 * 24 * 60, "m")
    if ticks.days[0] <= 28 and len(ticks.days) == 1:
        if len(ticks.months) == 12:
            return Step(1, "M")
        return Step(1, "y") if len(ticks.months) == 1 else None
    return None


def _distance(values: list[int]) -> int | None:
    """Give the distance between neighbours, where it is always the same and there is one."""
    distances = {after - before for before, after in pairwise(values)}
    return distances.pop() if len(distances) == 1 else None


def _written(values: list[int], first: int, last: int) -> str:
    """Write the values of a field as cron has them."""
    if len(values) == last - first + 1:
        return "*"
    every = _distance(values)
    if every and every > 1 and len(values) > 2 and values[-1] + every > last:
        return f"*/{every}" if values[0] == first else f"{values[0]}-{last}/{every}"
    return ",".join(f"{low}" if low == high else f"{low}-{high}" for low, high in _runs(values))


def _runs(values: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for value in values:
        if runs and value == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], value)
        else:
            runs.append((value, value))
    return runs
