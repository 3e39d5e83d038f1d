"""Moments and whole seconds since 1970. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MINUTE, HOUR, DAY = 60, 3600, 86_400

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def instant(second: int) -> datetime:
    """Give the instant (UTC) of a second."""
    return EPOCH + timedelta(0, second)


def second_after(moment: datetime) -> int:
    """Give the first second later than a moment."""
    return (moment - EPOCH) // _SECOND + 1


def second_before(moment: datetime) -> int:
    """Give the last second earlier than a moment."""
    return -((EPOCH - moment) // _SECOND) - 1
