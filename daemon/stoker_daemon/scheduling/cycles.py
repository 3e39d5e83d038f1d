"""Cycle times from what people write. Pure but for the name of the host's zone, which is handed in."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from stoker_shared.text import quoted


def parse_cycle(text: str, zone: ZoneInfo) -> datetime:
    """Give the instant (UTC) of a cycle time: a date, a local time in ``zone``, or a time with its offset.

    A bare date is its midnight.

    Raises:
        ValueError: it is none of these, a local time that the zone has twice or not at all, or one that is
            before or after all calendars, in UTC or in the zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{quoted(text, 60)} is not a time; "
            "write it as 2026-11-21, 2026-11-21T01:00 or 2026-11-21T01:00+01:00"
        ) from None
    try:
        instant = _instant(moment, zone) if moment.tzinfo is None else moment.astimezone(UTC)
        # Whoever shows it, or takes a day or month from it, does so in the zone.
        instant.astimezone(zone)
        return instant
    except OverflowError:
        raise ValueError(f"{quoted(text, 60)} lies outside the years 1 to 9999") from None


def _instant(local: datetime, zone: ZoneInfo) -> datetime:
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        if _exists(first):
            both = f"{first.isoformat()} or {second.isoformat()}"
            raise ValueError(f"{local} comes twice in {zone.key}; add its offset: {both}")
        raise ValueError(f"{local} does not exist in {zone.key}, where the clock jumps over it")
    return first.astimezone(UTC)


def _exists(moment: datetime) -> bool:
    """Tell whether a local time survives the way to UTC and back; one in a gap does not (PEP 495)."""
    there_and_back = moment.astimezone(UTC).astimezone(moment.tzinfo)
    return there_and_back.replace(tzinfo=None) == moment.replace(tzinfo=None)
