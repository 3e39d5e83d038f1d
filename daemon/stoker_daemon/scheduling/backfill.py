"""What a backfill makes runs for, and what it comes to. Pure.

Its intervals are never kept: they are walked over anew from where it stands. What is known of the runs for
them is handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import takewhile
from math import ceil
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.moments import INSTANT
from stoker_daemon.timetable import Timetable, stepping, timetable
from stoker_shared import events as ev
from stoker_shared.model import RUN_ENDS, BackfillState, Intervals, RunState
from stoker_shared.state import Backfill
from stoker_shared.text import counted

Decision = ev.BackfillPaused | ev.BackfillFinished


class Interval(NamedTuple):
    """From one tick, its cycle time, to the next."""

    cycle: datetime
    ends_at: datetime


class PastRun(NamedTuple):
    """A run for an interval, other than debug; ``own``: made by the backfill that asks."""

    run: int
    state: RunState
    own: bool = False


class Candidate(NamedTuple):
    """An interval that a backfill comes to, and whether it gets a run: in place of ``retry_of``, if any."""

    interval: Interval
    made: bool
    retry_of: int = 0


def decide(backfill: Backfill) -> list[Decision]:
    """Give what follows by itself: its end, also while it is paused, or that it pauses after failures."""
    if backfill.has_ended:
        return []
    if not backfill.is_left:
        end = BackfillState.FAILED if backfill.failed else BackfillState.SUCCEEDED
        return [] if backfill.active else [ev.BackfillFinished(backfill.id, end)]
    if backfill.state is BackfillState.RUNNING and 0 < backfill.stop_after <= backfill.failures:
        return [ev.BackfillPaused(backfill.id, f"{counted(backfill.failures, 'run')} failed")]
    return []


def timetable_of(backfill: Backfill | ev.BackfillCreated) -> Timetable:
    """Give the ticks that a backfill's intervals lie between."""
    zone = ZoneInfo(backfill.time_zone)
    if backfill.schedule:
        return _scheduled(backfill.schedule, zone)
    return stepping(backfill.first, backfill.every, zone)


_scheduled = lru_cache(maxsize=128)(timetable)


def all_to_come(backfill: Backfill, ticks: Timetable) -> Iterator[Interval]:
    """Give the intervals that it has not come to, in the order in which it would if all were due."""
    yield from _backwards(ticks, backfill.first, backfill.back)
    yield from _forwards(ticks, backfill.ahead, backfill.last)


def due(backfill: Backfill, ticks: Timetable, now: datetime) -> Iterator[Interval]:
    """Give the intervals that it comes to next and that have ended; those it retries, while it does."""
    if backfill.retried is not None:
        yield from _forwards(ticks, backfill.retried, min(backfill.ahead, backfill.last))
        return
    ahead = _forwards(ticks, backfill.ahead, backfill.last)
    yield from takewhile(lambda interval: interval.ends_at <= now, ahead)
    yield from _backwards(ticks, backfill.first, backfill.back)


def next_end(backfill: Backfill, ticks: Timetable, now: datetime) -> datetime | None:
    """Give when the first of its intervals that are still to end does; None where all have ended."""
    cycle = ticks.after(max(backfill.ahead, (ticks.before(now + INSTANT) or now) - INSTANT))
    return ticks.after(cycle) if cycle and cycle <= backfill.last else None


def waits_until(backfill: Backfill, ticks: Timetable, now: datetime) -> datetime | None:
    """Give when its next interval ends, where it waits for that."""
    if backfill.state is not BackfillState.RUNNING or backfill.retried is not None:
        return None
    if backfill.first < backfill.back:
        return None
    cycle = ticks.after(backfill.ahead)
    end = ticks.after(cycle) if cycle and cycle <= backfill.last else None
    return end if end and end > now else None


def judged(backfill: Backfill, interval: Interval, runs: Sequence[PastRun]) -> Candidate:
    """Tell whether an interval that it comes to gets a run, from the runs there are for it, oldest first."""
    if backfill.retried is None:
        return Candidate(interval, needs_run(backfill.intervals, runs))
    retry_of = _to_retry(runs)
    return Candidate(interval, retry_of > 0, retry_of)


def needs_run(intervals: Intervals, runs: Sequence[PastRun]) -> bool:
    """Tell whether an interval is among those asked for, from the runs there are for it, oldest first."""
    match intervals:
        case Intervals.ALL:
            return True
        case Intervals.MISSING:
            return not any(_is_good(run) for run in runs)
        case Intervals.FAILED:
            return bool(runs) and _has_failed(runs[-1])


def take(
    backfill: Backfill, waiting: deque[Candidate], doubted: Container[datetime]
) -> list[ev.BackfillPassed | Candidate]:
    """Take what it comes to while there is room: runs, and what it passes before them.

    It stops at what is ``doubted``: what was known of that cycle time may not be so any more.
    """
    room = backfill.parallel - len(backfill.active)
    again = backfill.retried is not None
    taken: list[ev.BackfillPassed | Candidate] = []
    while waiting and room > 0 and waiting[0].interval.cycle not in doubted:
        candidate = waiting.popleft()
        if candidate.made:
            taken.append(candidate)
            room -= 1
        else:
            taken.append(ev.BackfillPassed(backfill.id, candidate.interval.cycle, 1, again))
    return list(_merged(taken, backfill.split))


def rest(backfill: Backfill) -> list[ev.BackfillPassed]:
    """Give what brings it to the end of a range in which there are no more intervals.

    That ends a retry; otherwise the time zone's rules have changed since the intervals were counted.
    """
    if backfill.retried is not None:
        return [ev.BackfillPassed(backfill.id, backfill.ahead, 0, again=True)]
    ends = []
    if backfill.ahead < backfill.last:
        ends.append(backfill.last)
    if backfill.first < backfill.back:
        ends.append(backfill.first)
    missed = max(backfill.total - backfill.seen, 0)
    return [ev.BackfillPassed(backfill.id, end, 0 if place else missed) for place, end in enumerate(ends)]


def seconds_left(backfill: Backfill, usual: float | None, wait: float) -> float | None:
    """Estimate when all is done, from what a run usually takes and how long the last interval is to ``wait``
    for; None where that can't be known. Of what is to come as many need a run as did before.
    """
    if usual is None or backfill.state is not BackfillState.RUNNING:
        return None
    share = 1 - backfill.passed / backfill.seen if backfill.seen else 1
    runs = max(backfill.total - backfill.seen, 0) * share + len(backfill.active)
    rounds = ceil(runs / backfill.parallel)
    return round(max(rounds * usual, wait + usual if wait else 0), 3)


def _merged(
    taken: list[ev.BackfillPassed | Candidate], split: datetime
) -> Iterator[ev.BackfillPassed | Candidate]:
    """Give the same with one event for intervals on one side of the split that are passed in a row."""
    before: ev.BackfillPassed | None = None
    for one in taken:
        if isinstance(one, Candidate):
            if before:
                yield before
            before = None
            yield one
        elif before and (before.cycle > split) == (one.cycle > split):
            before = msgspec.structs.replace(one, count=before.count + one.count)
        else:
            if before:
                yield before
            before = one
    if before:
        yield before


def _forwards(ticks: Timetable, after: datetime, until: datetime) -> Iterator[Interval]:
    """Give the intervals that begin later than ``after`` and not later than ``until``."""
    cycle: datetime | None = None
    for tick in ticks.between(after, until):
        if cycle:
            yield Interval(cycle, tick)
        cycle = tick
    if cycle and (end := ticks.after(cycle)):
        yield Interval(cycle, end)


def _backwards(ticks: Timetable, first: datetime, before: datetime) -> Iterator[Interval]:
    """Give the intervals that begin earlier than ``before`` and not earlier than ``first``, newest first."""
    end: datetime | None = None
    for cycle in ticks.backwards(first - INSTANT, before - INSTANT):
        if end := end or ticks.after(cycle):
            yield Interval(cycle, end)
        end = cycle


def _to_retry(runs: Sequence[PastRun]) -> int:
    """Give the backfill's own run that is to be retried; 0 where a later one is active or succeeded."""
    own = [place for place, run in enumerate(runs) if run.own]
    if not own or not _has_failed(runs[own[-1]]) or any(map(_is_good, runs[own[-1] + 1 :])):
        return 0
    return runs[own[-1]].run


def _is_good(run: PastRun) -> bool:
    """Tell whether a run succeeded or still may."""
    return run.state is RunState.SUCCEEDED or run.state not in RUN_ENDS


def _has_failed(run: PastRun) -> bool:
    return not _is_good(run)
