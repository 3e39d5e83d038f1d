"""What a monitoring check is told of the daemon: how bad it is, and why. Pure."""

from __future__ import annotations

from enum import IntEnum

from stoker_shared.api import Status
from stoker_shared.text import clean_line
from stoker_tui.cli.tables import byte_size


class Level(IntEnum):
    """How bad it is, as the exit status of a monitoring plugin (Nagios and all that follow it)."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


def full_in_words(seconds: float) -> str:
    """Say when a disk is full that fills steadily."""
    hours = round(seconds / 3600)
    about = (
        "in less than an hour"
        if hours < 1
        else "in about an hour"
        if hours == 1
        else f"in about {hours} hours"
    )
    return f"full {about}, as it fills since an hour"


def verdict(status: Status) -> tuple[Level, str]:
    """Tell how bad it is, and in one line why, the worst first."""
    held = [f"held: {status.held}"] if status.held else []
    warnings: list[str] = []
    if (space := status.space) and space.low:
        warnings.append(f"only {byte_size(space.free)} free, below {byte_size(space.low_below)}")
    if space and space.full_in is not None:
        warnings.append(f"the disk is {full_in_words(space.full_in)}")
    if status.lost_notifications:
        warnings.append(f"{status.lost_notifications:,} notifications given up")
    if status.notify_trouble:
        warnings.append(status.notify_trouble)
    if status.access_trouble:
        warnings.append(f"[access] names {status.access_trouble}")
    if drained := status.draining:
        warnings.append(f"draining, as {drained.by} asked")
    level = Level.CRITICAL if held else Level.WARNING if warnings else Level.OK
    counts = f"{status.active_runs} active runs, {status.active_nodes} active nodes"
    return level, clean_line("; ".join([*held, *warnings]) or counts)
