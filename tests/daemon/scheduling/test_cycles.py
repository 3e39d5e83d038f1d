from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stoker_daemon.scheduling.cycles import parse_cycle

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "Europe/Berlin",
    "UTC",
    "Asia/Kathmandu",  # 5:30 to 5:45 in 1986
    "America/St_Johns",  # half an hour; at 00:01 for some years, by two hours in 1988
    "Australia/Lord_Howe",  # changes by half an hour
    "Pacific/Apia",  # left out 2011-12-30
    "Pacific/Kwajalein",  # left out a day in 1993
    "America/Juneau",  # had 1867-10-18 twice
    "Africa/Casablanca",  # four changes in some years
    "Europe/Dublin",  # its standard time is in summer
    "Africa/Monrovia",  # an offset of 44 minutes and 30 seconds until 1972
    "Europe/Moscow",
]
zones = st.sampled_from([ZoneInfo(name) for name in ZONES])

RANGE = (datetime(1860, 1, 1, tzinfo=UTC), datetime(2045, 1, 1, tzinfo=UTC))


@cache
def changes(zone: ZoneInfo) -> list[datetime]:
    """Give the instants at which the zone's offset changes, found by looking at every half day."""

    def offset(moment: datetime) -> timedelta | None:
        return moment.astimezone(zone).utcoffset()

    found = []
    moment, step = RANGE[0], timedelta(hours=12)
    while moment < RANGE[1]:
        before, after = moment, moment + step
        if offset(before) != offset(after):
            while after - before > timedelta(seconds=1):
                middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
                before, after = (middle, after) if offset(middle) == offset(before) else (before, middle)
            found.append(after)
        moment += step
    return found


@cache
def offsets(zone: ZoneInfo) -> set[timedelta]:
    """Give all offsets that the zone ever has."""
    moments = [*RANGE, *changes(zone)]
    return {offset for moment in moments if (offset := moment.astimezone(zone).utcoffset()) is not None}


def instants(local: datetime, zone: ZoneInfo) -> set[datetime]:
    """Give the instants at which clocks in the zone show that local time, by trying every offset."""
    tried = {(local - offset).replace(tzinfo=UTC) for offset in offsets(zone)}
    return {moment for moment in tried if moment.astimezone(zone).replace(tzinfo=None) == local}


@st.composite
def times_about_changes(draw: st.DrawFn) -> tuple[datetime, ZoneInfo]:
    """A local time within a day or so of a change of the zone's offset, mostly within a few hours."""
    zone = draw(zones.filter(changes))
    change = draw(st.sampled_from(changes(zone))).replace(tzinfo=None)
    near = draw(st.integers(-5400, 5400) | st.sampled_from([-86_400, -3600, -1, 0, 1, 3600, 86_400]))
    return change + draw(st.sampled_from(sorted(offsets(zone)))) + timedelta(seconds=near), zone


class TestACycleTime:
    @pytest.mark.parametrize(
        ("text", "instant"),
        [
            ("2026-11-21", "2026-11-20T23:00Z"),
            ("2026-07-01", "2026-06-30T22:00Z"),
            ("2026-11-21T01:00", "2026-11-21T00:00Z"),
            ("2026-11-21 01:00", "2026-11-21T00:00Z"),
            ("2026-11-21T01:00:30.5", "2026-11-21T00:00:30.5Z"),
            ("2026-11-21T01:00Z", "2026-11-21T01:00Z"),
            ("2026-11-21T01:00+05:30", "2026-11-20T19:30Z"),
        ],
    )
    def test_is_a_date_a_local_time_or_a_time_with_its_offset(self, text: str, instant: str):
        cycle = parse_cycle(text, BERLIN)

        assert cycle == datetime.fromisoformat(instant)
        assert cycle.tzinfo is UTC

    @pytest.mark.parametrize(
        "text",
        ["", "yesterday", "2026-13-01", "2026-02-30", "21.11.2026", "01:00", "\ud800", "2026-11-21T25:00"],
    )
    def test_is_nothing_else(self, text: str):
        with pytest.raises(ValueError, match="is not a time; write it as 2026-11-21"):
            parse_cycle(text, BERLIN)

    def test_that_comes_twice_needs_its_offset(self):
        with pytest.raises(ValueError, match="comes twice in Europe/Berlin") as refused:
            parse_cycle("2026-10-25T02:30", BERLIN)

        assert "2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00" in str(refused.value)
        assert parse_cycle("2026-10-25T02:30+02:00", BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
        assert parse_cycle("2026-10-25T02:30+01:00", BERLIN) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)

    def test_that_the_clock_jumps_over_does_not_exist(self):
        with pytest.raises(ValueError, match="does not exist in Europe/Berlin"):
            parse_cycle("2026-03-29T02:30", BERLIN)

    def test_at_the_edges_of_a_clock_change_is_one_instant(self):
        for text in ("2026-03-29T01:59", "2026-03-29T03:00", "2026-10-25T01:59", "2026-10-25T03:00"):
            assert parse_cycle(text, BERLIN).astimezone(BERLIN).strftime("%FT%H:%M") == text

    def test_on_a_date_that_a_zone_left_out_does_not_exist(self):
        with pytest.raises(ValueError, match="does not exist in Pacific/Apia"):
            parse_cycle("2011-12-30", ZoneInfo("Pacific/Apia"))

    def test_of_a_day_that_begins_later_has_no_midnight(self):
        with pytest.raises(ValueError, match="does not exist"):
            parse_cycle("2018-11-04", ZoneInfo("America/Sao_Paulo"))

    @pytest.mark.parametrize("text", ["0001-01-01", "0001-01-01T00:00+05:00", "9999-12-31T23:59-05:00"])
    def test_outside_all_calendars_is_refused(self, text: str):
        with pytest.raises(ValueError, match="outside the years 1 to 9999"):
            parse_cycle(text, BERLIN)

    # The first look at a zone finds its changes, which takes longer than a test may.
    @given(times_about_changes() | st.tuples(st.datetimes(datetime(1900, 1, 1), datetime(2040, 1, 1)), zones))
    @example((datetime(2026, 10, 25, 2, 30), BERLIN))
    @example((datetime(2026, 4, 5, 1, 45), ZoneInfo("Australia/Lord_Howe")))
    @example((datetime(2011, 12, 30, 12), ZoneInfo("Pacific/Apia")))
    @example((datetime(1867, 10, 18, 15, 30), ZoneInfo("America/Juneau")))
    @example((datetime(1988, 10, 30, 0, 0), ZoneInfo("America/St_Johns")))
    @example((datetime(2026, 10, 25, 1, 30), ZoneInfo("Europe/Dublin")))
    def test_is_accepted_where_clocks_show_it_once_and_refused_where_never_or_twice(
        self, wanted: tuple[datetime, ZoneInfo]
    ):
        local, zone = wanted
        found = instants(local, zone)
        if len(found) == 1:
            cycle = parse_cycle(local.isoformat(), zone)
            assert {cycle} == found
            assert cycle.astimezone(zone).replace(tzinfo=None) == local
            return
        with pytest.raises(ValueError) as refused:
            parse_cycle(local.isoformat(), zone)
        said = str(refused.value)
        if not found:
            assert f"{local} does not exist in {zone.key}" in said
        else:
            named = said.rpartition("add its offset: ")[2].split(" or ")
            assert [parse_cycle(text, zone) for text in named] == sorted(found)

    @given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)), st.integers(-1439, 1439), zones)
    @example(datetime(9999, 12, 31, 23, 30), 0, BERLIN)
    @example(datetime(1, 1, 1, 0, 30), 0, ZoneInfo("America/St_Johns"))
    def test_that_is_accepted_has_a_local_time(self, local: datetime, minutes: int, zone: ZoneInfo):
        moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
        try:
            cycle = parse_cycle(moment.isoformat(), zone)
        except ValueError as error:
            assert "outside the years 1 to 9999" in str(error)
            assert local.year in (1, 9999)
        else:
            assert cycle.astimezone(zone).astimezone(UTC) == moment

    @given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.integers(-23 * 60, 23 * 60), zones)
    def test_with_an_offset_is_the_same_in_every_zone(self, local: datetime, minutes: int, zone: ZoneInfo):
        moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))

        assert parse_cycle(moment.isoformat(), zone) == moment

    @given(
        st.text(max_size=30)
        | st.text(alphabet="0123456789-+:.TZW \0\x1b\n\ud800\u202e", max_size=40)
        | st.tuples(st.sampled_from(["2026-11-21", "2026-10-25", ""]), st.characters(), st.just("02:30")).map(
            "".join
        )
    )
    @example("2026-10-25\x1b02:30")
    @example("2026-11-21T02:30+99:99")
    @example("2" * 1_000_000)
    def test_of_any_text_is_an_instant_or_a_value_error(self, text: str):
        try:
            assert parse_cycle(text, BERLIN).tzinfo is UTC
        except ValueError as error:
            assert str(error).isprintable()
            assert len(str(error)) < 300
            assert repr(text[:10])[1:-1] in str(error) or "Europe/Berlin" in str(error)
