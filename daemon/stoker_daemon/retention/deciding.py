"""What goes, by age, count and size. Pure.

A group is the finished runs of one workflow that succeeded, or those that did not, in the order in which they
ended. Its oldest go; what still has to be known of them, a backfill's question above all, is kept elsewhere.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from heapq import merge
from typing import NamedTuple

from stoker_daemon.config import Config
from stoker_daemon.projection.keeping import Ended
from stoker_daemon.projection.selection import microseconds
from stoker_shared.model import Keep

KEPT_ANYWAY = 10
"""Runs of each group that stay however old they are: a workflow's last ones are always there to be seen."""

LIVE_SHARE = 0.5
"""Of the log's oldest segments, the part that may have to be written again so that they can go."""


class Limits(NamedTuple):
    """How long, and how many, runs of a group are kept (0: without limit), and how many in any case."""

    days: int
    runs: int
    anyway: int = KEPT_ANYWAY


class Leaving(NamedTuple):
    """Runs that go, and those of which only the output does; ``is_all``: none behind them goes."""

    removed: list[Ended]
    cleared: list[Ended]
    is_all: bool


class Part(NamedTuple):
    """A segment of the log: its records, its bytes, and those that would have to be written again."""

    first: int
    end: int
    size: int
    weight: int


def limits(config: Config, keep: Keep | None, *, failed: bool) -> Limits:
    """Give what holds for a group; ``keep`` is what its workflow says, None where that was deleted."""
    own = (keep.failed_days if failed else keep.days) if keep else None
    usual = config.keep_failed_days if failed else config.keep_days
    runs = config.keep_runs if keep is None or keep.runs is None else keep.runs
    anyway = min(KEPT_ANYWAY, runs or KEPT_ANYWAY) if keep else 0
    return Limits(usual if own is None else own, runs, anyway)


def leaving(page: Sequence[Ended], left: int, kept: Limits, now: datetime) -> Leaving:
    """Tell what goes of a page of a group, the oldest first; ``left`` runs of the group begin with it."""
    young = microseconds(now - timedelta(days=kept.days)) if kept.days else None
    removed, cleared = [], []
    for place, run in enumerate(page):
        rank = left - place
        is_old = young is not None and run.ended < young
        is_surplus = 0 < kept.runs < rank
        if not (is_old or is_surplus):
            return Leaving(removed, cleared, is_all=True)
        if rank > kept.anyway:
            removed.append(run)
        elif run.has_output:
            cleared.append(run)
    return Leaving(removed, cleared, is_all=not page)


def overflowing(total: int, limit: int, oldest: Iterable[Ended]) -> Iterator[Ended]:
    """Give the runs whose output goes so that no more than ``limit`` bytes stay of ``total``."""
    for run in oldest:
        if total <= limit:
            return
        total -= run.size
        yield run


def by_due(config: Config, succeeded: Iterable[Ended], failed: Iterable[Ended]) -> Iterator[Ended]:
    """Give runs in the order in which age would let them go: those that failed stay longer."""
    patience = microseconds_of(config.keep_failed_days) - microseconds_of(config.keep_days)
    pairs = merge(
        ((run.ended, run) for run in succeeded),
        ((run.ended + max(patience, 0), run) for run in failed),
    )
    return (run for _, run in pairs)


def microseconds_of(days: int) -> int:
    """Give how long that many days are; none is without limit."""
    return (days or 1_000_000) * 86_400_000_000


def dispensable(parts: Sequence[Part]) -> int:
    """Give how many of the log's segments, the oldest first, are worth to be let go."""
    size = weight = best = 0
    for count, part in enumerate(parts, 1):
        size, weight = size + part.size, weight + part.weight
        if weight <= size * LIVE_SHARE:
            best = count
    return best


def part_of(parts: Sequence[Part], seq: int) -> int | None:
    """Give the place of the part that has a record, if one has."""
    place = bisect_right(parts, seq, key=lambda part: part.first) - 1
    return place if place >= 0 and seq < parts[place].end else None
