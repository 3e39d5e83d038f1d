"""Times as people read them: how long ago, in how long, how long it took. Pure; the clock is handed in."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


def ago(at: datetime | None, now: datetime) -> str:
    """Say when something was: ``now``, ``3m ago``."""
    if at is None:
        return ""
    seconds = (now - at).total_seconds()
    return "now" if seconds < 1 else f"{_rough(seconds)} ago"


def ahead(at: datetime | None, now: datetime) -> str:
    """Say when something will be: ``in 2h``; what is overdue is ``now``."""
    if at is None:
        return ""
    seconds = (at - now).total_seconds()
    return "now" if seconds < 1 else f"in {_rough(seconds)}"


def lasted(since: datetime | None, until: datetime | None, now: datetime) -> str:
    """Say how long something took, or has taken by now."""
    return took(((until or now) - since).total_seconds()) if since else ""


def took(seconds: float | None) -> str:
    """Say a length of time to the second: ``12s``, ``4m12s``, ``3h07m``, ``2d04h``."""
    if seconds is None:
        return ""
    whole = max(int(seconds), 0)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def local(at: datetime | None, zone: str, *, seconds: bool = False) -> str:
    """Give a moment in a zone: ``2026-11-21 01:00``."""
    if at is None:
        return ""
    try:
        moment = at.astimezone(ZoneInfo(zone))
    except (KeyError, ValueError, OSError):
        moment = at
    return moment.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def _rough(seconds: float) -> str:
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{int(seconds)}s"
