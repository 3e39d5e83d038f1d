"""Ticks as they are shown: in local time, with what a clock change does to them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from stoker_daemon.timetable.local import LocalTicks, existing
from stoker_daemon.timetable.offsets import LAST, Change, changes
from stoker_daemon.timetable.seconds import DAY, instant, second_after
from stoker_shared.api.scheduling import ClockChange, TickView
from stoker_shared.model import GapPolicy, RepeatPolicy


def tick_views(ticks: LocalTicks, after: datetime, until: datetime | None, limit: int) -> list[TickView]:
    """Show the first ticks later than ``after`` and, where that is given, not later than ``until``.

    Those that a clock change skips are shown too, where they would come: those of one change as one.
    """
    views: list[TickView] = []
    cycle: datetime | None = None
    last = after
    for tick in ticks.between(after, until or instant(LAST)):
        views += _skipped(ticks, last, tick)
        views.append(_view(ticks, tick, cycle or ticks.before(tick)))
        cycle = last = tick
        if len(views) >= limit:
            return views[:limit]
    if until:
        views += _skipped(ticks, last, until)
    return views[:limit]


def _view(ticks: LocalTicks, tick: datetime, cycle: datetime | None) -> TickView:
    change, note = _change_of(ticks, second_after(tick) - 1)
    return TickView(
        local=tick.astimezone(ticks.zone).isoformat(),
        utc=tick,
        cycle_time=cycle,
        cycle_local=cycle.astimezone(ticks.zone).isoformat() if cycle else "",
        change=change,
        note=note,
    )


def _change_of(ticks: LocalTicks, tick: int) -> tuple[ClockChange | None, str]:
    for change in changes(ticks.zone, tick - DAY, tick + DAY):
        if change.before < change.after:
            if change.at == tick and ticks.policies.gap is GapPolicy.SHIFT:
                over = existing(change.at + change.before, change.at + change.after)
                if lost := [
                    local for times in over for local in ticks.wanted.between(times.start, times.stop)
                ]:
                    return ClockChange.SHIFTED, _missing(lost, change)
        elif (twice := _twice(tick, change)) is not None:
            words = f"{_time(twice)} comes twice on {_date(twice)}"
            if ticks.policies.repeat is RepeatPolicy.FIRST:
                return ClockChange.FIRST, f"{words}, and is a tick the first time only"
            return ClockChange.REPEATED, f"{words}: this is the {'first' if tick < change.at else 'second'}"
    return None, ""


def _twice(tick: int, change: Change) -> int | None:
    """Give the local time of a tick, where it comes before a change and after it."""
    local = tick + (change.before if tick < change.at else change.after)
    return local if change.at + change.after <= local < change.at + change.before else None


def _skipped(ticks: LocalTicks, start: datetime, end: datetime) -> Iterator[TickView]:
    """Show what changes skip between a tick, or the beginning, and the next one, or the end."""
    if not ticks.wanted.count(_local(start, ticks.zone) + 1, _local(end, ticks.zone)):
        return
    for change in changes(ticks.zone, second_after(start) - 1, second_after(end) - 1):
        gap = range(change.at + change.before, change.at + change.after)
        come = existing(gap.start, gap.stop) if ticks.policies.gap is GapPolicy.SHIFT else ()
        lost = [
            local
            for local in ticks.wanted.between(gap.start, gap.stop)
            if not any(local in times for times in come)
        ]
        if lost:
            before = timezone(timedelta(seconds=change.before))
            utc = instant(lost[0] - change.before)
            yield TickView(
                local=utc.astimezone(before).isoformat(),
                utc=utc,
                change=ClockChange.SKIPPED,
                note=_missing(lost, change),
            )


def _local(moment: datetime, zone: ZoneInfo) -> int:
    return second_after(moment.astimezone(zone).replace(tzinfo=UTC)) - 1


def _missing(lost: list[int], change: Change) -> str:
    """Say that local times do not exist, and why."""
    first, last = change.at + change.before, change.at + change.after
    if last - first >= DAY:
        why = f"the clock goes from {_date(first)} {_time(first)} to {_date(last)} {_time(last)}"
    else:
        why = f"the clock goes from {_time(first)} to {_time(last)}"
    times = (
        f"{_time(lost[0])} does"
        if len(lost) == 1
        else f"{len(lost)} times, {_time(lost[0])} to {_time(lost[-1])}, do"
    )
    return f"{times} not exist on {_date(lost[0])}: {why}"


def _time(local: int) -> str:
    return f"{instant(local):%H:%M}"


def _date(local: int) -> str:
    return f"{instant(local):%F}"
