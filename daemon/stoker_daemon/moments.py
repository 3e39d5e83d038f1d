"""Moments and ranges of them, as people write them in filters. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from stoker_daemon.scheduling.cycles import parse_cycle

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

INSTANT = timedelta(microseconds=1)
"""The least by which moments differ."""


def parse_when(text: str, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
    """Give the first and last instant (UTC) of what is written: a date is its whole day in ``zone``, a time
    or how long ago (``90m``, ``2h``, ``3d``) one instant.

    Raises:
        ValueError: it is none of these.
    """
    if match := _AGO.fullmatch(text):
        try:
            instant = now - timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
        except OverflowError:
            raise ValueError(f"{text} is before all calendars") from None
        return instant, instant
    return parse_span(text, zone)


def parse_range(text: str, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Give the first and last instant (UTC) of ``A..B``, ``A..``, ``..B`` or a single date or time.

    Raises:
        ValueError: an end of it is no date or time, or it ends before it begins.
    """
    first, dots, last = text.partition("..")
    if not dots:
        return parse_span(text, zone)
    if not first and not last:
        raise ValueError("write a range as 2026-11-01..2026-11-21, or with one of its ends left out")
    start = parse_span(first, zone)[0] if first else None
    end = parse_span(last, zone)[1] if last else None
    if start and end and end < start:
        raise ValueError(f"{first} is after {last}; write the earlier one first")
    return start, end


def parse_span(text: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Give the first and last instant (UTC) of a date, which is its whole day in ``zone``, or of a time.

    Raises:
        ValueError: it is neither.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        instant = parse_cycle(text, zone)
        return instant, instant
    try:
        return _midnight(day, zone), _midnight(day + timedelta(days=1), zone) - INSTANT
    except OverflowError:
        raise ValueError(f"{text} lies at the end of all calendars") from None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Give when a day begins: where the clock jumps over midnight, the instant at which it jumps."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
