from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stoker_daemon.cycles import default_cycle, parse_cycle

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "UTC"]
zones = st.sampled_from([ZoneInfo(name) for name in ZONES])


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

    @given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), zones)
    @example(datetime(2026, 10, 25, 2, 30), BERLIN)
    @example(datetime(2026, 4, 5, 1, 45), ZoneInfo("Australia/Lord_Howe"))
    def test_that_is_accepted_is_the_one_instant_with_that_local_time(self, local: datetime, zone: ZoneInfo):
        instants = {
            moment
            for fold in (0, 1)
            if (moment := local.replace(tzinfo=zone, fold=fold).astimezone(UTC))
            .astimezone(zone)
            .replace(tzinfo=None)
            == local
        }
        try:
            assert {parse_cycle(local.isoformat(), zone)} == instants
        except ValueError:
            assert len(instants) != 1

    @given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.integers(-23 * 60, 23 * 60), zones)
    def test_with_an_offset_is_the_same_in_every_zone(self, local: datetime, minutes: int, zone: ZoneInfo):
        moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))

        assert parse_cycle(moment.isoformat(), zone) == moment

    @given(st.text(max_size=30))
    def test_of_any_text_is_an_instant_or_a_value_error(self, text: str):
        try:
            assert parse_cycle(text, BERLIN).tzinfo is UTC
        except ValueError as error:
            assert repr(text) in str(error) or "Europe/Berlin" in str(error)


def test_a_manual_run_is_about_now_minus_one_day():
    assert default_cycle(datetime(2026, 3, 30, 1, 0, tzinfo=UTC)) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
