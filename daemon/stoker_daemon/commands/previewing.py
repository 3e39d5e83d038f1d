"""What a backfill would do, were it made now: by the code that makes its runs, with nothing kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from stoker_daemon.commands.backfills import Asked
from stoker_daemon.moments import INSTANT
from stoker_daemon.preparing.variables import Facts, Scope
from stoker_daemon.projection import Intervals, Projection, Range, microseconds
from stoker_daemon.scheduling.backfill import Interval, PastRun, all_to_come, needs_run
from stoker_shared import events as ev
from stoker_shared.api.backfills import BackfillPreview, IntervalView
from stoker_shared.apply import apply
from stoker_shared.state import Backfill, State
from stoker_shared.variables import DATES

AT_A_TIME = 5000
"""Intervals whose runs are counted at once."""

_Runs = Mapping[datetime, Sequence[PastRun]]


async def preview(asked: Asked, projection: Projection, limit: int, now: datetime) -> BackfillPreview:
    """Give what a backfill would make, and its first intervals."""
    event = asked.event
    total, waiting = event.total, await asyncio.to_thread(_count_waiting, asked, now)
    made = total if needs_run(event.intervals, ()) else 0
    waiting_made = waiting if made else 0
    for start, end in _spans(event):
        runs = await _past_runs(projection, event, start, end)
        more, more_waiting = await asyncio.to_thread(_difference, asked, runs, now)
        made += more
        waiting_made += more_waiting
    items = await asyncio.to_thread(
        lambda: list(islice(all_to_come(_imagined(asked, now), asked.ticks), limit))
    )
    runs = {}
    if items:
        cycles = [interval.cycle for interval in items]
        runs = await _past_runs(projection, event, min(cycles), max(cycles))
    return BackfillPreview(
        workflow=event.name,
        version=asked.version,
        time_zone=event.time_zone,
        total=total,
        made=made,
        waiting=waiting_made,
        items=[_shown(asked, interval, runs.get(interval.cycle, ())) for interval in items],
        own_queue=[node.name for node in asked.spec.nodes if node.queue],
    )


def _imagined(asked: Asked, now: datetime) -> Backfill:
    """Give the backfill as it would stand once it was made."""
    imagined = State()
    apply(imagined, ev.Record(1, now, "", asked.event))
    return imagined.backfills[asked.event.backfill]


def _count_waiting(asked: Asked, now: datetime) -> int:
    """Count the intervals that have not ended: those from the last tick before now on."""
    since = asked.ticks.before(now + INSTANT)
    return asked.ticks.count(max(since or now, asked.event.first) - INSTANT, asked.event.last)


def _spans(event: ev.BackfillCreated) -> Iterator[tuple[datetime, datetime]]:
    """Give the range in parts of about `AT_A_TIME` intervals."""
    parts = -(-event.total // AT_A_TIME)
    length = (event.last - event.first) / parts
    for part in range(parts):
        start = event.first + part * length
        yield start, event.last if part == parts - 1 else start + length - INSTANT


async def _past_runs(
    projection: Projection, event: ev.BackfillCreated, start: datetime, end: datetime
) -> _Runs:
    within = Range(microseconds(start), microseconds(end) + 1)
    return await projection.past_runs(Intervals(event.workspace, event.workflow, within))


def _difference(asked: Asked, runs: _Runs, now: datetime) -> tuple[int, int]:
    """Tell by how many what is made, and what waits, differs from what it would be without any runs."""
    without = needs_run(asked.event.intervals, ())
    other = [cycle for cycle, past in runs.items() if needs_run(asked.event.intervals, past) != without]
    if not other:
        return 0, 0
    cycles = set(asked.ticks.between(min(other) - INSTANT, max(other)))
    other = [cycle for cycle in other if cycle in cycles]
    waiting = sum((asked.ticks.after(cycle) or now) > now for cycle in other)
    sign = -1 if without else 1
    return sign * len(other), sign * waiting


def _shown(asked: Asked, interval: Interval, runs: Sequence[PastRun]) -> IntervalView:
    zone = asked.ticks.zone
    facts = Facts(
        interval.cycle.astimezone(zone), asked.event.name, "", 0, 0, interval.ends_at.astimezone(zone)
    )
    values = Scope(facts, {}).values
    last = runs[-1] if runs else None
    return IntervalView(
        cycle=interval.cycle,
        local=facts.cycle.isoformat(timespec="seconds"),
        ends_at=interval.ends_at,
        made=needs_run(asked.event.intervals, runs),
        run=last.run if last else 0,
        state=last.state if last else None,
        variables={name: values[name] for name in (*DATES, "scheduled_at")},
    )
