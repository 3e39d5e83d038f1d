"""Ticks compared with those that clocks show, watched from minute to minute, by the rules as written."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise, product
from zoneinfo import ZoneInfo, available_timezones

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stoker_daemon.timetable import Timetable, timetable
from stoker_shared.model import Cron, Days, GapPolicy, Hours, Minutes, RepeatPolicy, Schedule

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)

ZONES = [
    "Africa/Casablanca",  # four changes in some years
    "Africa/Monrovia",  # an offset of 44 minutes and 30 seconds until 1972
    "America/Caracas",  # half an hour, twice
    "America/Havana",  # at midnight
    "America/Noronha",  # a summer of a week
    "America/Sao_Paulo",  # no midnight on the day of the change
    "America/St_Johns",  # at 00:01 for some years, by two hours in 1988
    "Antarctica/Casey",
    "Antarctica/Troll",  # by two hours
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",  # 5:30 to 5:45 in 1986
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Lord_Howe",  # by half an hour
    "Europe/Dublin",  # its standard time is in summer
    "Europe/Moscow",
    "Pacific/Apia",  # left out 2011-12-30
    "Pacific/Kiritimati",
    "Pacific/Kwajalein",  # left out a day in 1993
]

Wanted = Callable[[date], Collection[int]]
"""The minutes of a day that a schedule wants."""


def window(every: int, start: int, end: int) -> Wanted:
    """Every so many minutes from one minute of the day to another."""
    return lambda _: range(start, end + 1, every)


OFTEN = frozenset(minute for minute in range(1440) if minute % 60 in (59, 0, 1))

SCHEDULES: list[tuple[Schedule, Wanted]] = [
    (Days(at="00:00"), window(1440, 0, 0)),
    (Minutes(every=1), window(1, 0, 1439)),
    (Days(at="02:30"), window(1440, 150, 150)),
    (Minutes(every=25), window(25, 0, 1439)),
    (Hours(every=1), window(60, 0, 1439)),
    (Cron(expression="*/20 0-3 * * *"), window(20, 0, 239)),
    (Days(at="23:59"), window(1440, 1439, 1439)),
    (Hours(every=2, start_of_day="00:30", end_of_day="22:30"), window(120, 30, 1350)),
    (
        Cron(expression="59,0,1 * 1-15 * sun"),
        lambda day: OFTEN if day.day <= 15 or day.weekday() == 6 else (),
    ),
    (Days(at="01:15"), window(1440, 75, 75)),
    (Minutes(every=7, start_of_day="01:50", end_of_day="03:05"), window(7, 110, 185)),
    (Days(at="03:00"), window(1440, 180, 180)),
    (
        Cron(expression="0 */6 */2 * mon-fri"),
        lambda day: range(0, 1440, 360) if day.day % 2 == 1 and day.weekday() < 5 else (),
    ),
]
POLICIES = list(product(GapPolicy, (None, *RepeatPolicy)))


class Watched:
    """What the clocks of a zone show for some days, and the ticks there by the rules.

    Instants and local times are whole seconds since 1970. The ticks are right from a day after the beginning
    to a day before the end; between, if no change is near those.
    """

    def __init__(self, zone: ZoneInfo, start: datetime, days: int) -> None:
        self.zone = zone
        self.shown: dict[int, list[int]] = {}
        """Each local time, in whole minutes, with its instants."""
        self.gaps: list[tuple[int, int]] = []
        """The instant at which the clock jumps forward, and the first local time that it jumps over."""
        begin = (start - EPOCH) // SECOND
        offset = self._offset(begin - 1)
        for hour in range(begin, begin + days * 86_400, 3600):
            before, offset, end = offset, self._offset(hour + 3599), hour + 3600
            # No clock is changed twice within an hour.
            change = end if before == offset else changed(zone, hour - 1, end)
            self._show(hour, change, before)
            self._show(change, end, offset)
            if before < offset:
                self.gaps.append((change, change + before))
        self.days = {local // 86_400 for local in self.shown}

    def ticks(self, wanted: Wanted, gap: GapPolicy, repeat: RepeatPolicy) -> list[datetime]:
        times = {day: wanted(EPOCH.date() + day * DAY) for day in self.days}
        found: set[int] = set()
        for local in (day * 86_400 + minute * 60 for day, minutes in times.items() for minute in minutes):
            instants = self.shown.get(local, [])
            found.update(instants if repeat is RepeatPolicy.BOTH else instants[:1])
        for landing, first in self.gaps:
            over = range(first + -first % 60, landing + self._offset(landing), 60)
            if gap is GapPolicy.SHIFT and any(
                local // 60 % 1440 in times.get(local // 86_400, ()) for local in over
            ):
                found.add(landing)
        return [EPOCH + second * SECOND for second in sorted(found)]

    def _show(self, start: int, end: int, offset: int) -> None:
        """Note the whole minutes that are shown from one instant to before another."""
        for instant in range(start + -(start + offset) % 60, end, 60):
            self.shown.setdefault(instant + offset, []).append(instant)

    def _offset(self, instant: int) -> int:
        return offset_at(self.zone, instant)


@cache
def changes(name: str) -> list[datetime]:
    """Give when a zone's offset changes from 1970 to 2037, found by looking at every half day."""
    zone = ZoneInfo(name)
    found: list[datetime] = []
    half_days = range(0, (datetime(2038, 1, 1, tzinfo=UTC) - EPOCH) // SECOND, 43_200)
    for (before, offset), (after, other) in pairwise((at, offset_at(zone, at)) for at in half_days):
        if offset != other:
            found.append(EPOCH + changed(zone, before, after) * SECOND)
    return found


def changed(zone: ZoneInfo, before: int, after: int) -> int:
    """Give the first instant with another offset than ``before``; ``after`` has one."""
    old = offset_at(zone, before)
    return before + bisect_left(range(before, after), True, key=lambda at: offset_at(zone, at) != old)


def offset_at(zone: ZoneInfo, instant: int) -> int:
    offset = datetime.fromtimestamp(instant, zone).utcoffset()
    assert offset is not None
    return offset // SECOND


def check(table: Timetable, ticks: list[datetime], start: datetime, end: datetime) -> None:
    """Compare a timetable with the ticks that there are later than ``start`` and not later than ``end``."""
    assert list(table.between(start, end)) == ticks
    assert list(table.backwards(start, end)) == ticks[::-1]
    assert table.count(start, end) == len(ticks)
    for n in range(1, len(ticks), 1 + len(ticks) // 20):
        assert table.before(ticks[n]) == ticks[n - 1]
        assert table.after(ticks[n - 1]) == ticks[n]
    if ticks:
        assert table.after(start) == ticks[0]
        assert table.before(end + SECOND) == ticks[-1]


@pytest.mark.parametrize("name", ZONES)
def test_ticks_round_a_clock_change_are_those_that_clocks_show(name: str) -> None:
    zone, pick = ZoneInfo(name), 0
    for change in changes(name):
        start = (change - 1.5 * DAY).replace(second=0)
        watched = Watched(zone, start, 3)
        for _ in range(2):
            # All of them in their turn: the numbers of both have no common divisor.
            schedule, wanted = SCHEDULES[pick % len(SCHEDULES)]
            gap, repeat = POLICIES[pick % len(POLICIES)]
            pick += 1
            schedule = msgspec.structs.replace(schedule, gap=gap, overlap=repeat)
            usual = RepeatPolicy.BOTH if isinstance(schedule, Hours | Minutes) else RepeatPolicy.FIRST
            ticks = watched.ticks(wanted, gap, repeat or usual)
            check(timetable(schedule, zone), ticks, start - SECOND, start + 3 * DAY - SECOND)


@st.composite
def crons(draw: st.DrawFn) -> tuple[Schedule, Wanted]:
    """A cron expression with what it wants."""
    minutes = draw(st.sets(st.integers(0, 59), min_size=1, max_size=4))
    hours = draw(st.sets(st.integers(0, 23), min_size=1, max_size=6))
    days = draw(st.none() | st.sets(st.integers(1, 31), min_size=1))
    weekdays = draw(st.none() | st.sets(st.integers(0, 6), min_size=1))
    fields = [
        "*" if values is None else ",".join(map(str, sorted(values)))
        for values in (minutes, hours, days, None, weekdays)
    ]

    times = {hour * 60 + minute for hour in hours for minute in minutes}

    def wanted(day: date) -> Collection[int]:
        in_days = days is None or day.day in days
        in_weekdays = weekdays is None or day.isoweekday() % 7 in weekdays
        is_day = in_days or in_weekdays if days and weekdays else in_days and in_weekdays
        return times if is_day else ()

    return Cron(expression=" ".join(fields)), wanted


@st.composite
def windows(draw: st.DrawFn) -> tuple[Schedule, Wanted]:
    """A schedule of days, hours or minutes with what it wants."""
    start, end = sorted(draw(st.tuples(st.integers(0, 1439), st.integers(0, 1439))))
    first, last = (f"{minute // 60:02}:{minute % 60:02}" for minute in (start, end))
    kind = draw(st.sampled_from([Days, Hours, Minutes]))
    if kind is Days:
        return Days(at=first), window(1440, start, start)
    if kind is Hours:
        hours = draw(st.integers(1, 24))
        return Hours(every=hours, start_of_day=first, end_of_day=last), window(hours * 60, start, end)
    every = draw(st.integers(1, 1440))
    return Minutes(every=every, start_of_day=first, end_of_day=last), window(every, start, end)


@settings(max_examples=100)
@given(
    windows() | crons(),
    st.sampled_from(GapPolicy),
    st.sampled_from(RepeatPolicy),
    st.sampled_from(sorted(available_timezones())),
    st.dates(date(1850, 1, 1), date(2150, 1, 1)),
)
@example(
    (Minutes(every=1), window(1, 0, 1439)),
    GapPolicy.SHIFT,
    RepeatPolicy.FIRST,
    "Asia/Manila",
    date(1844, 12, 31),
)
@example(
    (Minutes(every=1), window(1, 0, 1439)),
    GapPolicy.SHIFT,
    RepeatPolicy.FIRST,
    "America/Juneau",
    date(1867, 10, 18),
)
@example(
    (Minutes(every=1), window(1, 0, 1439)),
    GapPolicy.SHIFT,
    RepeatPolicy.BOTH,
    "Europe/Amsterdam",
    date(1937, 7, 1),
)
def test_ticks_on_any_day_of_any_zone_are_those_that_clocks_show(
    found: tuple[Schedule, Wanted], gap: GapPolicy, repeat: RepeatPolicy, name: str, day: date
) -> None:
    schedule, wanted = found
    start = datetime.combine(day, time(), UTC) - DAY
    ticks = Watched(ZoneInfo(name), start - DAY, 5).ticks(wanted, gap, repeat)
    table = timetable(msgspec.structs.replace(schedule, gap=gap, overlap=repeat), ZoneInfo(name))

    check(
        table,
        [tick for tick in ticks if start <= tick < start + 3 * DAY],
        start - SECOND,
        start + 3 * DAY - SECOND,
    )


@given(
    windows() | crons(),
    st.sampled_from(GapPolicy),
    st.sampled_from(RepeatPolicy),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(UTC)),
)
def test_ticks_are_in_order_and_both_ways_the_same(
    found: tuple[Schedule, Wanted], gap: GapPolicy, repeat: RepeatPolicy, name: str, moment: datetime
) -> None:
    table = timetable(msgspec.structs.replace(found[0], gap=gap, overlap=repeat), ZoneInfo(name))

    ticks = [moment]
    while len(ticks) < 20 and (tick := table.after(ticks[-1])):
        assert tick > ticks[-1]
        ticks.append(tick)

    assert list(table.between(moment, ticks[-1])) == ticks[1:]
    assert list(table.backwards(moment, ticks[-1])) == ticks[:0:-1]
    assert table.count(moment, ticks[-1]) == len(ticks) - 1
    assert [table.before(tick) for tick in ticks[2:]] == ticks[1:-1]
    assert [table.after(tick) for tick in ticks[1:-1]] == ticks[2:]
