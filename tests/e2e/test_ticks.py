"""Schedules over the socket: what is refused, when runs are due, what a manual run is about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.harness import StokerDaemon

FLOWS = "/v1/workspaces/default/workflows"
BERLIN = ZoneInfo("Europe/Berlin")
NIGHTLY = {"type": "days", "at": "02:30", "time_zone": "Europe/Berlin"}
NODES = [{"name": "ingest", "job": "ingest.sh"}]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    with StokerDaemon(tmp_path_factory.mktemp("ticks"), {"TZ": "America/New_York"}) as running:
        running.publish_job("ingest.sh", "true")
        running.publish_workflow("nightly", NODES, schedule=NIGHTLY)
        yield running


def draft(daemon: StokerDaemon, name: str, **fields: Any) -> httpx.Response:
    known = daemon.http.get(f"{FLOWS}/{name}")
    condition = {"If-Match": known.headers["etag"]} if known.is_success else {"If-None-Match": "*"}
    return daemon.http.put(
        f"{FLOWS}/{name}", json={"workflow": name, "nodes": NODES, **fields}, headers=condition
    )


def ticks(daemon: StokerDaemon, name: str, **query: Any) -> list[dict[str, Any]]:
    answer = daemon.http.get(f"{FLOWS}/{name}/ticks", params=query)
    assert answer.is_success, answer.text
    return answer.json()


def planned(daemon: StokerDaemon, name: str, **fields: Any) -> dict[str, Any]:
    answer = daemon.http.post(f"{FLOWS}/{name}/plan", json=fields)
    assert answer.is_success, answer.text
    return answer.json()


def test_ticks_are_shown_in_local_time_and_utc_with_cycle_times_and_clock_changes(
    daemon: StokerDaemon,
) -> None:
    first, shifted, last = ticks(daemon, "nightly", after="2026-03-28", limit=3)

    assert first == {
        "local": "2026-03-28T02:30:00+01:00",
        "utc": "2026-03-28T01:30:00Z",
        "cycle_time": "2026-03-27T01:30:00Z",
        "cycle_local": "2026-03-27T02:30:00+01:00",
    }
    assert shifted["local"] == "2026-03-29T03:00:00+02:00"
    assert shifted["change"] == "shifted"
    assert shifted["note"] == "02:30 does not exist on 2026-03-29: the clock goes from 02:00 to 03:00"
    assert last["cycle_local"] == "2026-03-29T03:00:00+02:00"


def test_ticks_are_those_from_now_on_unless_asked_otherwise(daemon: StokerDaemon) -> None:
    asked = datetime.now(UTC)
    shown = ticks(daemon, "nightly")

    assert len(shown) == 10
    assert asked < datetime.fromisoformat(shown[0]["utc"]) < datetime.now(UTC) + timedelta(days=1, hours=2)


def test_ticks_after_a_time_are_later_than_it(daemon: StokerDaemon) -> None:
    (tick,) = ticks(daemon, "nightly", after="2026-06-01T02:30", limit=1)

    assert tick["local"] == "2026-06-02T02:30:00+02:00"


def test_ticks_are_those_of_the_latest_version_or_of_the_one_that_is_asked_for(daemon: StokerDaemon) -> None:
    daemon.publish_workflow("moved", NODES, schedule={"type": "days", "at": "01:00"})
    daemon.publish_workflow("moved", NODES, schedule={"type": "days", "at": "02:00"})
    draft(daemon, "moved", schedule={"type": "days", "at": "03:00"})

    def at(**query: Any) -> str:
        return ticks(daemon, "moved", after="2026-06-01", limit=1, **query)[0]["local"]

    assert at() == "2026-06-01T02:00:00-04:00"
    assert at(version=1) == "2026-06-01T01:00:00-04:00"
    assert at(draft="true") == "2026-06-01T03:00:00-04:00"


def test_ticks_begin_with_the_schedules_start_and_end_with_its_end(daemon: StokerDaemon) -> None:
    bounded = {**NIGHTLY, "start": "2026-06-01", "end": "2026-06-03"}
    draft(daemon, "bounded", schedule=bounded)

    shown = [tick["local"][:10] for tick in ticks(daemon, "bounded", after="2026-01-01")]

    assert shown == ["2026-06-01", "2026-06-02", "2026-06-03"]
    assert ticks(daemon, "bounded", after="2026-06-04") == []


def test_ticks_that_can_not_be_told_are_refused_with_what_to_do(daemon: StokerDaemon) -> None:
    draft(daemon, "manual")

    def refused(name: str, **query: Any) -> tuple[int, str]:
        answer = daemon.http.get(f"{FLOWS}/{name}/ticks", params=query)
        return answer.status_code, answer.json()["detail"]

    assert refused("manual") == (
        409,
        "the draft of 'manual' has no schedule: give it one, or start runs by hand",
    )
    assert refused("nightly", version=7)[0] == 404
    assert refused("nightly", version=1, draft="true")[0] == 422
    for after in ("soon", "2026-03-29T02:30", "2026-01-01..2026-02-01", "0001-01-01"):
        status, why = refused("nightly", after=after)
        assert (status, why[:20]) == (422, "no ticks can be told")


@pytest.mark.parametrize(
    ("schedule", "field", "words"),
    [
        ({**NIGHTLY, "start": "2026-06-02", "end": "2026-06-01"}, "end", "must be later than the start"),
        (
            {**NIGHTLY, "start": "2026-06-01T12:00+02:00", "end": "2026-06-01T11:00"},
            "end",
            "must be later than the start",
        ),
        ({**NIGHTLY, "start": "2026-03-29T02:30"}, "start", "does not exist in Europe/Berlin"),
        (
            {**NIGHTLY, "end": "2026-10-25T02:30"},
            "end",
            "add its offset: 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00",
        ),
        ({"type": "days", "at": "01:00", "start": "2026-03-08T02:30"}, "start", "in America/New_York"),
        ({"type": "hours", "every": 0}, "every", "must be from 1 to 24 hours"),
        ({"type": "minutes", "every": 5, "from": "22:00", "to": "06:00"}, "to", "does not go past midnight"),
        ({**NIGHTLY, "time_zone": "Europe/Berln"}, "time_zone", "did you mean 'Europe/Berlin'?"),
        ({"type": "cron", "expression": "0 0 6 * * *"}, "expression", "without seconds it is '0 6 * * *'"),
        ({"type": "cron", "expression": "0 0 31 2 *"}, "expression", "the latest is day 29"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused_with_what_would(
    daemon: StokerDaemon, schedule: dict[str, Any], field: str, words: str
) -> None:
    answer = draft(daemon, "senseless", schedule=schedule)

    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == f"/schedule/{field}"
    assert words in fault["detail"]
    assert daemon.http.get(f"{FLOWS}/senseless").status_code == 404


def test_a_manual_run_is_about_an_interval_of_its_schedule_in_its_zone(daemon: StokerDaemon) -> None:
    asked = datetime.now(BERLIN)
    plan = planned(daemon, "nightly")
    answered = datetime.now(BERLIN)

    cycle = datetime.fromisoformat(plan["cycle"]).astimezone(BERLIN)
    assert cycle.date() in {moment.date() - timedelta(days=1) for moment in (asked, answered)}
    assert plan["time_zone"] == "Europe/Berlin"
    assert planned(daemon, "nightly", cycle="2026-06-01")["cycle"] == "2026-05-31T22:00:00Z"


def test_a_debug_run_is_about_an_interval_of_the_drafts_schedule(daemon: StokerDaemon) -> None:
    daemon.publish_workflow("edited", NODES)
    draft(daemon, "edited", schedule={"type": "cron", "expression": "0 0 1 1 *", "time_zone": "Asia/Tokyo"})

    asked = datetime.now(ZoneInfo("Asia/Tokyo"))
    plan = planned(daemon, "edited", debug=True)

    years = {asked.year, datetime.now(ZoneInfo("Asia/Tokyo")).year}
    assert plan["cycle"] in {f"{year - 2}-12-31T15:00:00Z" for year in years}
    assert plan["time_zone"] == "Asia/Tokyo"
    assert planned(daemon, "edited")["time_zone"] == "America/New_York"


def test_a_run_keeps_the_zone_of_its_schedule(daemon: StokerDaemon) -> None:
    number = daemon.start_run("nightly", cycle="2026-06-01T02:30")

    row = daemon.finished(number)["row"]

    assert (row["cycle"], row["time_zone"]) == ("2026-06-01T00:30:00Z", "Europe/Berlin")


def test_the_ticks_of_a_schedule_that_no_workflow_has_are_told(daemon: StokerDaemon) -> None:
    start = (datetime.now(BERLIN) + timedelta(days=3)).date().isoformat()
    body = {"schedule": {**NIGHTLY, "at": "12:30", "start": start}, "limit": 2}

    found = daemon.http.post("/v1/ticks/preview", json=body)

    assert found.is_success, found.text
    assert found.json()[0]["local"][:16] == f"{start}T12:30"
    assert len(found.json()) == 2


@pytest.mark.parametrize(
    ("schedule", "pointer"),
    [
        ({**NIGHTLY, "at": "2:30"}, "/schedule/at"),
        ({**NIGHTLY, "time_zone": "Europe/Berln"}, "/schedule/time_zone"),
        ({"type": "cron", "expression": "* * *"}, "/schedule/expression"),
        ({"type": "weeks"}, "/schedule/type"),
        ({**NIGHTLY, "start": "0001-01-01T00:00+23:00"}, "/schedule"),
    ],
)
def test_a_schedule_that_can_not_be_has_no_ticks_to_tell(
    daemon: StokerDaemon, schedule: dict[str, Any], pointer: str
) -> None:
    refused = daemon.http.post("/v1/ticks/preview", json={"schedule": schedule})

    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY, refused.text
    assert [fault["pointer"] for fault in refused.json()["errors"]] == [pointer]
