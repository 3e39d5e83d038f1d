from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stoker_daemon.timetable import BoundsError, Timetable, bounds, stepping, timetable
from stoker_daemon.timetable.notes import tick_views
from stoker_shared.api.scheduling import ClockChange
from stoker_shared.model import Cron, Days, GapPolicy, Hours, Minutes, RepeatPolicy, Schedule

BERLIN = ZoneInfo("Europe/Berlin")
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def local(table: Timetable, start: str, end: str) -> list[str]:
    """Give the ticks from one time, exclusive, to another as clocks show them: ``21 02:30+0100``."""
    ticks = table.between(at(start), at(end))
    return [f"{tick.astimezone(table.zone):%d %H:%M%z}" for tick in ticks]


def following(table: Timetable, after: str, count: int) -> list[str]:
    ticks = table.between(at(after), LAST)
    return [f"{tick.astimezone(table.zone):%F %H:%M}" for tick in islice(ticks, count)]


class TestASchedule:
    def test_of_days_has_a_tick_each_day(self):
        assert following(timetable(Days(at="01:00"), BERLIN), "2026-12-30T12:00Z", 3) == [
            "2026-12-31 01:00",
            "2027-01-01 01:00",
            "2027-01-02 01:00",
        ]

    def test_of_hours_counts_from_the_beginning_of_its_window(self):
        schedule = Hours(every=3, start_of_day="08:30", end_of_day="20:00")

        assert following(timetable(schedule, BERLIN), "2026-06-01T00:00+02:00", 5) == [
            "2026-06-01 08:30",
            "2026-06-01 11:30",
            "2026-06-01 14:30",
            "2026-06-01 17:30",
            "2026-06-02 08:30",
        ]

    def test_has_ticks_on_both_ends_of_its_window(self):
        schedule = Hours(every=2, start_of_day="08:00", end_of_day="20:00")
        table = timetable(schedule, BERLIN)

        assert table.before(at("2026-06-02T08:00+02:00")) == at("2026-06-01T20:00+02:00")
        assert table.after(at("2026-06-01T20:00+02:00")) == at("2026-06-02T08:00+02:00")

    def test_of_minutes_begins_anew_each_day(self):
        table = timetable(Minutes(every=7), BERLIN)

        assert table.before(at("2026-06-02T00:00+02:00")) == at("2026-06-01T23:55+02:00")
        assert table.count(at("2026-06-01T00:00+02:00"), at("2026-06-02T00:00+02:00")) == 1440 // 7 + 1

    def test_of_cron_may_come_once_in_many_years(self):
        # Of */29 a day must be the 1st or the 30th, and of Monday too.
        leap = timetable(Cron(expression="0 0 29 2 *"), BERLIN)
        monday = timetable(Cron(expression="0 0 */28 2 mon"), BERLIN)

        assert following(leap, "2026-01-01T00:00Z", 2) == ["2028-02-29 00:00", "2032-02-29 00:00"]
        assert leap.before(at("2028-01-01T00:00Z")) == at("2024-02-29T00:00+01:00")
        mondays = [tick.astimezone(BERLIN) for tick in monday.between(at("2001-01-01T00:00Z"), LAST)]
        assert [f"{tick:%F}" for tick in mondays if tick.day == 29][:2] == ["2016-02-29", "2044-02-29"]

    def test_with_a_zone_is_in_it_whatever_the_hosts(self):
        tokyo = timetable(Days(at="01:00", time_zone="Asia/Tokyo"), BERLIN)

        assert tokyo.after(at("2026-06-01T00:00Z")) == at("2026-06-02T01:00+09:00")

    def test_in_a_zone_that_the_host_does_not_know_has_no_ticks(self):
        with pytest.raises(BoundsError, match="there is no time zone 'Mars/Base' on this host"):
            timetable(Days(at="01:00", time_zone="Mars/Base"), BERLIN)

    def test_reaches_before_its_start_and_beyond_its_end(self):
        table = timetable(Days(at="01:00", start="2026-06-01", end="2026-06-02"), BERLIN)

        assert table.before(at("2026-05-31T12:00Z")) == at("2026-05-31T01:00+02:00")
        assert table.after(at("2026-06-10T00:00Z")) == at("2026-06-11T01:00+02:00")

    @pytest.mark.parametrize(
        "schedule",
        [
            Days(at="00:00"),
            Minutes(every=1, start_of_day="23:00"),
            Cron(expression="0 0 * * mon"),
            Cron(expression="0 0 29 2 *"),
        ],
    )
    @pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"])
    def test_has_no_ticks_where_the_calendar_ends(self, schedule: Schedule, zone: str):
        table = timetable(schedule, ZoneInfo(zone))
        first, last = table.after(FIRST), table.before(LAST)

        assert first and last
        assert table.before(first) is None
        assert table.after(last) is None
        assert table.after(LAST) is None
        assert table.before(FIRST) is None
        for tick in (first, last):
            assert tick.astimezone(table.zone).astimezone(UTC) == tick
        assert next(table.between(FIRST, LAST)) == first
        assert next(table.backwards(FIRST, LAST)) == last
        for start, end in ((FIRST, at("0009-01-01T00:00Z")), (at("9990-01-01T00:00Z"), LAST)):
            assert table.count(start, end) == sum(1 for _ in table.between(start, end))

    def test_counts_ticks_to_the_instant(self):
        table = timetable(Days(at="01:00"), BERLIN)
        tick = at("2026-06-01T01:00+02:00")

        assert table.count(tick, tick) == 0
        assert table.count(tick - INSTANT, tick) == 1
        assert table.count(tick - INSTANT, tick - INSTANT) == 0
        assert table.count(tick, tick - timedelta(days=3)) == 0
        assert list(table.between(tick, tick - timedelta(days=3))) == []
        assert list(table.backwards(tick, tick - timedelta(days=3))) == []
        assert table.after(tick - INSTANT) == tick
        assert table.before(tick + INSTANT) == tick

    def test_of_every_minute_of_a_year_is_told(self):
        year = at("2026-01-01T00:00Z"), at("2027-01-01T00:00Z")
        table = timetable(Minutes(every=1), BERLIN)

        assert table.count(*year) == 525_600
        assert sum(1 for _ in table.between(*year)) == 525_600


class TestWhereTheClockIsSetForward:
    FROM, TO = "2026-03-29T01:00+01:00", "2026-03-29T04:00+02:00"

    def test_a_tick_comes_at_the_first_instant_after_it(self):
        assert local(timetable(Days(at="02:30"), BERLIN), self.FROM, self.TO) == ["29 03:00+0200"]

    def test_ticks_that_fall_together_are_one(self):
        assert local(timetable(Minutes(every=30), BERLIN), self.FROM, self.TO) == [
            "29 01:30+0100",
            "29 03:00+0200",
            "29 03:30+0200",
            "29 04:00+0200",
        ]

    def test_a_tick_may_be_left_out(self):
        schedule = Days(at="02:30", gap=GapPolicy.SKIP)

        assert local(timetable(schedule, BERLIN), "2026-03-28T00:00Z", "2026-03-30T12:00Z") == [
            "28 02:30+0100",
            "30 02:30+0200",
        ]

    def test_a_day_without_a_midnight_begins_with_its_tick(self):
        table = timetable(Days(at="00:00"), ZoneInfo("America/Sao_Paulo"))

        assert local(table, "2018-11-03T12:00Z", "2018-11-05T12:00Z") == ["04 01:00-0200", "05 00:00-0200"]

    @pytest.mark.parametrize("gap", GapPolicy)
    def test_a_date_that_does_not_exist_has_no_ticks(self, gap: GapPolicy):
        daily = timetable(Days(at="00:00", gap=gap), ZoneInfo("Pacific/Apia"))
        often = timetable(Hours(every=8, gap=gap), ZoneInfo("Pacific/Apia"))

        assert local(daily, "2011-12-29T12:00Z", "2011-12-31T12:00Z") == ["31 00:00+1400", "01 00:00+1400"]
        assert local(often, "2011-12-30T00:00Z", "2011-12-30T12:00Z") == ["29 16:00-1000", "31 00:00+1400"]


class TestWhereTheClockIsSetBack:
    FROM, TO = "2026-10-25T01:30+02:00", "2026-10-25T03:00+01:00"

    def test_a_tick_of_days_or_cron_comes_the_first_time(self):
        for schedule in (Days(at="02:30"), Cron(expression="30 2 * * *")):
            assert local(timetable(schedule, BERLIN), self.FROM, self.TO) == ["25 02:30+0200"]

    def test_ticks_of_hours_and_minutes_come_both_times(self):
        for schedule in (Hours(every=1), Minutes(every=60)):
            assert local(timetable(schedule, BERLIN), self.FROM, self.TO) == [
                "25 02:00+0200",
                "25 02:00+0100",
                "25 03:00+0100",
            ]

    @pytest.mark.parametrize(
        ("repeat", "expected"),
        [
            (RepeatPolicy.FIRST, ["25 02:30+0200"]),
            (RepeatPolicy.BOTH, ["25 02:30+0200", "25 02:30+0100"]),
        ],
    )
    def test_it_is_as_the_schedule_says(self, repeat: RepeatPolicy, expected: list[str]):
        for schedule in (
            Days(at="02:30", overlap=repeat),
            Hours(every=24, start_of_day="02:30", overlap=repeat),
        ):
            assert local(timetable(schedule, BERLIN), self.FROM, self.TO) == expected

    def test_days_may_come_alternately(self):
        # At 00:01 the clock went back to 23:01 of the day before.
        table = timetable(Minutes(every=1439, overlap=RepeatPolicy.BOTH), ZoneInfo("America/St_Johns"))

        assert local(table, "2006-10-28T12:00Z", "2006-10-30T12:00Z") == [
            "28 23:59-0230",
            "29 00:00-0230",
            "28 23:59-0330",
            "29 00:00-0330",
            "29 23:59-0330",
            "30 00:00-0330",
        ]


class TestSteps:
    def test_of_minutes_and_hours_are_of_elapsed_time(self):
        table = stepping(at("2026-03-28T12:00Z"), "6h", BERLIN)

        assert local(table, "2026-03-28T12:00Z", "2026-03-29T12:00Z") == [
            "28 19:00+0100",
            "29 01:00+0100",
            "29 08:00+0200",
            "29 14:00+0200",
        ]

    def test_of_days_and_weeks_keep_the_time_of_day(self):
        daily = stepping(at("2026-03-28T12:00+01:00"), "1d", BERLIN)
        weekly = stepping(at("2026-03-28T12:00+01:00"), "2w", BERLIN)

        assert local(daily, "2026-03-27T12:00+01:00", "2026-03-29T12:00+02:00") == [
            "28 12:00+0100",
            "29 12:00+0200",
        ]
        assert following(weekly, "2026-03-01T00:00Z", 3) == [
            "2026-03-14 12:00",
            "2026-03-28 12:00",
            "2026-04-11 12:00",
        ]

    def test_of_months_take_the_last_day_of_one_that_is_too_short(self):
        table = stepping(at("2026-01-31T06:00+01:00"), "1M", BERLIN)

        assert following(table, "2025-12-01T00:00Z", 5) == [
            "2025-12-31 06:00",
            "2026-01-31 06:00",
            "2026-02-28 06:00",
            "2026-03-31 06:00",
            "2026-04-30 06:00",
        ]

    @given(
        st.datetimes(datetime(3, 1, 1), datetime(9990, 1, 1), timezones=st.just(UTC)),
        st.sampled_from(["1m", "15m", "7h", "1d", "3d", "2w", "1M", "5M", "12M", "999999d", "999999M"]),
        st.timedeltas(timedelta(days=-400), timedelta(days=400)),
    )
    @example(datetime(2000, 2, 29, tzinfo=UTC), "12M", timedelta(days=300))
    def test_have_their_first_as_a_tick_and_go_both_ways_alike(
        self, first: datetime, every: str, away: timedelta
    ):
        first = first.replace(microsecond=0)
        if first.astimezone(BERLIN).fold:
            return
        table = stepping(first, every, BERLIN)
        assert table.after(first - INSTANT) == first
        assert table.before(first + INSTANT) == first

        start, end = sorted((first + away, first + 2 * away))
        end = min(end, start + timedelta(days=3)) if every.endswith("m") else end
        ticks = list(table.between(start, end))

        assert all(before < after for before, after in pairwise(ticks))
        assert all(start < tick <= end for tick in ticks)
        assert list(table.backwards(start, end)) == ticks[::-1]
        assert table.count(start, end) == len(ticks)
        assert [table.after(tick) for tick in ticks[:-1]] == ticks[1:]
        assert [table.before(tick) for tick in ticks[1:]] == ticks[:-1]

    @pytest.mark.parametrize("every", ["", "0d", "1", "d", "-1d", "1.5h", "1y", "1D", "1000000000m", "1h30m"])
    def test_of_another_length_are_refused_with_what_would_be_right(self, every: str):
        with pytest.raises(ValueError, match="is not a length; write 15m, 6h, 1d, 1w or 1M"):
            stepping(at("2026-01-01T00:00Z"), every, BERLIN)

    def test_of_the_calendar_can_not_begin_with_the_second_of_two_equal_times(self):
        with pytest.raises(ValueError, match=r"is the second 02:30 of its day; begin with the first"):
            stepping(at("2026-10-25T02:30+01:00"), "1d", BERLIN)

    @pytest.mark.parametrize("every", ["1m", "9999d", "999999M"])
    def test_end_with_the_calendar(self, every: str):
        table = stepping(at("2026-01-01T00:00Z"), every, ZoneInfo("Pacific/Kiritimati"))

        assert table.after(LAST) is None
        assert table.before(FIRST) is None
        last = table.before(LAST)
        assert last
        assert table.after(last) is None


class TestBounds:
    def test_are_none_unless_set(self):
        assert bounds(Days(at="01:00"), BERLIN) == (None, None)

    def test_that_are_dates_are_whole_days_of_the_schedules_zone(self):
        start, end = bounds(
            Days(at="01:00", start="2026-06-01", end="2026-06-01", time_zone="Asia/Tokyo"), BERLIN
        )

        assert start == at("2026-06-01T00:00+09:00")
        assert end == at("2026-06-02T00:00+09:00") - INSTANT

    def test_that_are_times_are_local_or_with_an_offset(self):
        schedule = Days(at="01:00", start="2026-06-01T12:00", end="2026-06-01T12:00-04:00")

        assert bounds(schedule, BERLIN) == (at("2026-06-01T10:00Z"), at("2026-06-01T16:00Z"))

    @pytest.mark.parametrize(
        ("start", "end", "field", "words"),
        [
            ("2026-03-29T02:30", None, "start", "does not exist in Europe/Berlin"),
            (None, "2026-10-25T02:30", "end", "comes twice in Europe/Berlin"),
            ("2026-06-01T12:00", "2026-06-01T06:00-04:00", "end", "must be later than the start"),
            ("2026-06-02", "2026-06-01", "end", "must be later than the start"),
        ],
    )
    def test_that_make_no_sense_are_named(self, start: str | None, end: str | None, field: str, words: str):
        with pytest.raises(BoundsError, match=words) as raised:
            bounds(Days(at="01:00", start=start, end=end), BERLIN)

        assert raised.value.field == field

    def test_at_the_edge_of_the_calendar_can_be_calculated_with(self):
        start, end = bounds(Days(at="01:00", start="0001-01-01", end="9999-12-30"), ZoneInfo("UTC"))

        assert start and end
        assert start - timedelta(days=1) < end + timedelta(days=1)


class TestShownTicks:
    def shown(self, schedule: Schedule, after: str, limit: int = 3, until: str | None = None) -> list[str]:
        views = tick_views(timetable(schedule, BERLIN), at(after), at(until) if until else None, limit)
        return [f"{view.local[8:16]} {view.change or '-'} {view.note}".rstrip(" ") for view in views]

    def test_have_local_time_utc_and_cycle_time(self):
        (view,) = tick_views(timetable(Days(at="01:00"), BERLIN), at("2026-03-29T12:00Z"), None, 1)

        assert view.local == "2026-03-30T01:00:00+02:00"
        assert view.utc == at("2026-03-29T23:00Z")
        assert view.cycle_time == at("2026-03-29T00:00Z")
        assert view.cycle_local == "2026-03-29T01:00:00+01:00"
        assert (view.change, view.note) == (None, "")

    def test_say_what_a_gap_shifts(self):
        assert self.shown(Days(at="02:30"), "2026-03-28T12:00Z", 2) == [
            "29T03:00 shifted 02:30 does not exist on 2026-03-29: the clock goes from 02:00 to 03:00",
            "30T02:30 -",
        ]
        assert self.shown(Minutes(every=15), "2026-03-29T00:45Z", 2) == [
            "29T03:00 shifted 4 times, 02:00 to 02:45, do not exist on 2026-03-29: "
            "the clock goes from 02:00 to 03:00",
            "29T03:15 -",
        ]

    def test_have_those_that_a_gap_skips_where_they_would_be(self):
        schedule = Days(at="02:30", gap=GapPolicy.SKIP)
        skipped, following = tick_views(timetable(schedule, BERLIN), at("2026-03-28T12:00Z"), None, 2)

        assert skipped.change is ClockChange.SKIPPED
        assert (skipped.local, skipped.cycle_time) == ("2026-03-29T02:30:00+01:00", None)
        assert skipped.utc == at("2026-03-29T01:30Z")
        assert skipped.note == "02:30 does not exist on 2026-03-29: the clock goes from 02:00 to 03:00"
        assert following.cycle_local == "2026-03-28T02:30:00+01:00"

    def test_have_what_one_change_skips_as_one(self):
        schedule = Minutes(every=15, gap=GapPolicy.SKIP)

        assert self.shown(schedule, "2026-03-29T00:30Z") == [
            "29T01:45 -",
            "29T02:00 skipped 4 times, 02:00 to 02:45, do not exist on 2026-03-29: "
            "the clock goes from 02:00 to 03:00",
            "29T03:00 -",
        ]

    def test_have_what_is_skipped_up_to_their_end(self):
        schedule = Days(at="02:30", gap=GapPolicy.SKIP)

        assert len(self.shown(schedule, "2026-03-28T12:00Z", until="2026-03-29T12:00Z")) == 1
        assert len(self.shown(schedule, "2026-03-28T12:00Z", until="2026-03-29T00:30Z")) == 0

    def test_say_that_a_date_does_not_exist(self):
        apia = Days(at="01:00", time_zone="Pacific/Apia")

        assert self.shown(apia, "2011-12-29T12:00Z", 2) == [
            "30T01:00 skipped 01:00 does not exist on 2011-12-30: "
            "the clock goes from 2011-12-30 00:00 to 2011-12-31 00:00",
            "31T01:00 -",
        ]

    def test_say_what_comes_twice(self):
        assert self.shown(Days(at="02:30"), "2026-10-24T12:00Z", 2) == [
            "25T02:30 first 02:30 comes twice on 2026-10-25, and is a tick the first time only",
            "26T02:30 -",
        ]
        assert self.shown(Hours(every=1), "2026-10-24T23:30Z") == [
            "25T02:00 repeated 02:00 comes twice on 2026-10-25: this is the first",
            "25T02:00 repeated 02:00 comes twice on 2026-10-25: this is the second",
            "25T03:00 -",
        ]

    def test_are_none_where_the_calendar_ends(self):
        assert tick_views(timetable(Days(at="01:00"), BERLIN), LAST, None, 3) == []
