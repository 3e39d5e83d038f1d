"""Cron expressions of five fields, as cron itself reads them. Pure.

Other readers take more than that, and take some of it otherwise: ``5-5`` is every hour to one, ``R`` another
hour each time. What is not written as below is refused, with what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from stoker_shared.text import counted, quoted


class CronFields(NamedTuple):
    """The values of each field; of the days of the week, 0 is Sunday.

    A day must be in both fields of days where ``both_days``, else in one of them at least.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    both_days: bool


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_WEEKDAY = _Field("day of the week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat"))
"""Sunday is 0 and 7."""

_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _WEEKDAY,
)

_VALUE = "[0-9]{1,2}|[a-z]{3}"
_ITEM = re.compile(rf"(?:\*|(?P<low>{_VALUE})(?:-(?P<high>{_VALUE}))?)(?:/(?P<step>[0-9]{{1,3}}))?")


def parse_cron(expression: str) -> CronFields:
    """Give the values of an expression's fields.

    Raises:
        ValueError: it has faults (`cron_faults`).
    """
    if faults := cron_faults(expression):
        raise ValueError("; ".join(faults))
    return _parsed(expression.lower().split())


def cron_faults(expression: str) -> list[str]:
    """Give what is wrong with an expression, each with what would be right."""
    fields = expression.lower().split()
    if len(fields) != len(_FIELDS):
        return [_not_five(fields)]
    faults: list[str] = []
    for field, text in zip(_FIELDS, fields, strict=True):
        try:
            _values(field, text)
        except ValueError as error:
            faults.append(f"{quoted(text, 20)} can't be its {field.name}: {error}")
    return faults or list(_never(_parsed(fields)))


def _not_five(fields: list[str]) -> str:
    names = ", ".join(field.name for field in _FIELDS)
    fault = f"it has {counted(len(fields), 'field')}, and a cron expression has five: {names}"
    if len(fields) == len(_FIELDS) + 1:
        fault += f"; without seconds it is {quoted(' '.join(fields[1:]), 60)}"
    return fault


def _parsed(fields: list[str]) -> CronFields:
    minutes, hours, days, months, weekdays = (
        _values(field, text) for field, text in zip(_FIELDS, fields, strict=True)
    )
    both_days = fields[2].startswith("*") or fields[4].startswith("*")
    return CronFields(minutes, hours, days, months, frozenset(day % 7 for day in weekdays), both_days)


def _values(field: _Field, text: str) -> frozenset[int]:
    return frozenset(value for item in text.split(",") for value in _item(field, item))


def _item(field: _Field, item: str) -> range:
    """Give the values of one item of a field's list: ``*``, ``*/5``, ``3``, ``3-7`` or ``3-7/2``."""
    match = _ITEM.fullmatch(item)
    if not match:
        raise ValueError("write *, */2, 1, 1-5 or 1-5/2, or several of these with commas between")
    step = int(match["step"] or 1)
    if not step:
        raise ValueError("a step is at least 1")
    if not match["low"]:
        return range(field.low, min(field.high, 6) + 1 if field is _WEEKDAY else field.high + 1, step)
    low = _value(field, match["low"])
    if not match["high"]:
        if match["step"]:
            raise ValueError(f"a step needs a range; write {low}-{field.high}/{step}")
        return range(low, low + 1)
    high = _value(field, match["high"])
    if field is _WEEKDAY and low > high == 0:
        high = 7
    if low > high:
        raise ValueError(f"a range goes upwards; write {low}-{field.high},{field.low}-{high}")
    return range(low, high + 1, step)


def _value(field: _Field, text: str) -> int:
    if text in field.names:
        return field.names.index(text) + field.low
    if not text.isdigit() or not field.low <= int(text) <= field.high:
        names = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
        raise ValueError(f"it goes from {field.low} to {field.high}{names}")
    return int(text)


def _never(cron: CronFields) -> Iterator[str]:
    """Give the fault of one whose day never comes. Each date that there is falls on each day of the week."""
    longest = max(_LENGTHS[month - 1] for month in cron.months)
    if cron.both_days and min(cron.days) > longest:
        yield f"it never comes: no month of it has a day {min(cron.days)}, the latest is day {longest}"
