"""DolphinScheduler's ``$[...]`` as references to Stoker's dates.

There a date is counted from when a run is due, here from its cycle time: one interval before. So each gets
the schedule's step in addition: of a daily schedule, ``$[yyyyMMdd-1]`` is ``${yyyyMMdd}``.
"""

from __future__ import annotations

import re

from stoker_tui.importing.quartz import Step

_FUNCTION = re.compile(r"([a-z_]+)\((.*)\)", re.DOTALL)
_LETTER = "yyyy|MM|dd|HH|mm|ss"
_SPELLED = re.compile(
    rf"(?P<date>(?:{_LETTER})(?:[-/_.T :]*(?:{_LETTER}))*)|'(?P<quoted>[^'A-Za-z]*|T)'|[^A-Za-z'$]"
)
_AMOUNT = re.compile(r"(?P<days>[0-9]{1,6}(?:\*[0-9]{1,6})*)(?P<parts>(?:/[0-9]{1,6})*)")
_MONTHS = re.compile(r"(?P<sign>[+-]?)(?P<count>[0-9]{1,6}(?:\*[0-9]{1,6})*)")
_MINUTES_A_DAY = 24 * 60


def reference(expression: str, step: Step) -> str | None:
    """Give the text that stands for what is between ``$[`` and ``]``; None where nothing here does.

    ``step`` is how far a run is due after its cycle time.
    """
    if match := _FUNCTION.fullmatch(expression.strip()):
        name, (spelling, *more) = match[1], [part.strip() for part in match[2].split(",")]
        return _of_function(name, spelling, more, step)
    at = max(expression.rfind("+"), -1) if "+" in expression else expression.rfind("-")
    if at >= 0 and expression[at + 1 : at + 2].isdecimal():
        minutes = _minutes(expression[at + 1 :])
        if minutes is None:
            return None
        return _spelled(expression[:at], _shifts(step, -minutes if expression[at] == "-" else minutes))
    return _spelled(expression, _shifts(step, 0))


def biz_date(spelling: str, step: Step, days: int) -> str:
    """Give the reference to a date that is ``days`` from when the run is due."""
    return f"${{{spelling}{_shifts(step, days * _MINUTES_A_DAY)}}}"


def _of_function(name: str, spelling: str, more: list[str], step: Step) -> str | None:
    match name, more:
        case "add_months", [months]:
            count = _months(months)
            return None if count is None else _spelled(spelling, _shifts(step, 0) + _shift(count, "M"))
        case "this_day", []:
            return _spelled(spelling, _shifts(step, 0))
        case "last_day", []:
            return _spelled(spelling, _shifts(step, -_MINUTES_A_DAY))
        case "month_first_day", ([] | [_]) if "dd" in spelling:
            count = _months(more[0]) if more else 0
            first = spelling.replace("dd", "01")
            return None if count is None else _spelled(first, _shifts(step, 0) + _shift(count, "M"))
        case _:
            return None


def _spelled(spelling: str, shifts: str) -> str | None:
    """Give a date in Java's spelling; what is no letter of it stands for itself."""
    parts, end = [], 0
    for match in _SPELLED.finditer(spelling):
        if match.start() != end:
            return None
        parts.append(
            f"${{{match['date']}{shifts}}}" if match["date"] else match["quoted"] or match[0].strip("'")
        )
        end = match.end()
    return "".join(parts) if end == len(spelling) and "${" in "".join(parts) else None


def _shifts(step: Step, minutes: int) -> str:
    """Give the offset of a date that is ``minutes`` from when the run is due."""
    if step.unit == "m":
        return _of_minutes(step.size + minutes)
    return _shift(step.size, step.unit) + _of_minutes(minutes)


def _of_minutes(minutes: int) -> str:
    for unit, size in (("d", _MINUTES_A_DAY), ("h", 60)):
        if minutes % size == 0:
            return _shift(minutes // size, unit)
    return _shift(minutes, "m")


def _shift(count: int, unit: str) -> str:
    return f"{count:+}{unit}" if count else ""


def _minutes(amount: str) -> int | None:
    """Give the minutes of an amount of days, such as ``7*2`` or ``3/24/60``.

    They are counted in whole ones at each step, as there.
    """
    match = _AMOUNT.fullmatch(amount.strip())
    if not match:
        return None
    minutes = _MINUTES_A_DAY * _product(match["days"])
    for part in match["parts"].split("/")[1:]:
        if int(part) == 0:
            return None
        minutes //= int(part)
    return minutes if minutes < 10**8 else None


def _months(amount: str) -> int | None:
    match = _MONTHS.fullmatch(amount)
    if not match or (count := _product(match["count"])) >= 10**6:
        return None
    return -count if match["sign"] == "-" else count


def _product(factors: str) -> int:
    product = 1
    for factor in factors.split("*"):
        product *= int(factor)
    return product
