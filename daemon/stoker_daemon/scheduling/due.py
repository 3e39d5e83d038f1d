"""Which ticks of a workflow are due, and what becomes of each. Pure.

A tick is missed when it is more than a minute old when it is noticed: the daemon was down, the host asleep,
the clock set forward, the disk full. What becomes of missed ones is for the catch-up policy to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import zip_longest
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.moments import INSTANT
from stoker_daemon.timetable import bounds, timetable
from stoker_daemon.timetable.local import LocalTicks
from stoker_shared.model import CatchUpPolicy
from stoker_shared.state import Workflow

ON_TIME = timedelta(seconds=60)
"""How old a tick may be when it is noticed, and is on time."""

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)

_timetable = lru_cache(maxsize=1024)(timetable)


class Make(msgspec.Struct, frozen=True):
    """The tick gets its run, about the interval that begins at ``cycle``; its local times are in ``zone``."""

    tick: datetime
    cycle: datetime
    zone: ZoneInfo


class Drop(msgspec.Struct, frozen=True):
    """The next ``count`` ticks, from ``first`` to ``last``, were missed and get no runs."""

    first: datetime
    last: datetime
    count: int


class Stretch(NamedTuple):
    """A part of a workflow's time in which one timetable ticks: later than ``after``, and up to ``until``."""

    ticks: LocalTicks
    after: datetime
    until: datetime

    @property
    def first(self) -> datetime | None:
        """The first tick in it."""
        tick = self.ticks.after(self.after)
        return tick if tick and tick <= self.until else None

    @property
    def last(self) -> datetime | None:
        """The last tick in it."""
        tick = self.ticks.before(self.until + INSTANT)
        return tick if tick and tick > self.after else None

    def up_to(self, until: datetime) -> Stretch:
        """Give the part of it up to a moment."""
        return self._replace(until=min(self.until, until))

    def later_than(self, after: datetime) -> Stretch:
        """Give the part of it that is later than a moment."""
        return self._replace(after=max(self.after, after))


def ahead_of(workflow: Workflow, host: ZoneInfo) -> list[Stretch]:
    """Give what a workflow has to tick yet: nothing of it is accounted for. ``host`` is the host's zone.

    Raises:
        BoundsError: a schedule that another host took can't be used on this one.
    """
    found: list[Stretch] = []
    for era, later in zip_longest(workflow.eras, workflow.eras[1:]):
        if era.schedule:
            start, end = bounds(era.schedule, host)
            until = min(later.since if later else _END_OF_TIME, end or _END_OF_TIME)
            after = max(era.since, workflow.ticked or era.since)
            stretch = Stretch(_timetable(era.schedule, host), after, until)
            if start and start > stretch.after:
                stretch = stretch.later_than(start - INSTANT)
            found.append(stretch)
    return found


def next_tick(stretches: list[Stretch]) -> datetime | None:
    """Give the next tick, whether it is due or to come; None where there is none."""
    return next((tick for stretch in stretches if (tick := stretch.first)), None)


def coming(stretches: list[Stretch]) -> Iterator[Make]:
    """Give the runs that stretches of time are to have, in their order."""
    for ticks, after, until in stretches:
        for tick in ticks.between(after, until):
            yield Make(tick, ticks.before(tick) or tick, ticks.zone)


def due(stretches: list[Stretch], noticed: datetime, policy: CatchUpPolicy) -> Iterator[Make | Drop]:
    """Give what becomes of the ticks up to the moment at which they were noticed, in their order."""
    stretches = [stretch.up_to(noticed) for stretch in stretches]
    if policy is not CatchUpPolicy.ALL:
        given_up = _given_up(stretches, noticed, policy)
        if drop := _drop([stretch.up_to(given_up) for stretch in stretches]):
            yield drop
        stretches = [stretch.later_than(given_up) for stretch in stretches]
    yield from coming(stretches)


def _given_up(stretches: list[Stretch], noticed: datetime, policy: CatchUpPolicy) -> datetime:
    """Give the moment up to which ticks are dropped: all that were missed, or all but the latest of them."""
    missed = noticed - ON_TIME - INSTANT
    if policy is CatchUpPolicy.LATEST:
        latest = [tick for stretch in stretches if (tick := stretch.up_to(missed).last)]
        return latest[-1] - INSTANT if latest else missed
    return missed


def _drop(stretches: list[Stretch]) -> Drop | None:
    missed = [stretch for stretch in stretches if stretch.first]
    first, last = next_tick(missed), missed[-1].last if missed else None
    if first is None or last is None:
        return None
    return Drop(first, last, sum(ticks.count(after, until) for ticks, after, until in missed))
