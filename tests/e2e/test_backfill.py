"""Backfills over HTTP, by a real daemon: previewed, made, refused, carried on over a SIGKILL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.harness import StokerDaemon, wait_for

SPACE = "/v1/workspaces/default"
BACKFILLS = f"{SPACE}/backfills"
WEEK = {"workflow": "daily", "from": "2020-01-01", "to": "2020-01-07"}
SLOW = {"workflow": "slow", "from": "2020-01-01", "to": "2020-01-09", "every": "1d"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    with StokerDaemon(tmp_path_factory.mktemp("backfill")) as running:
        running.publish_job("but_the_third.sh", 'test $STOKER_DS != 2020-01-03 || test -n "$STOKER_WELL"')
        running.publish_job("slow.sh", "sleep 600")
        schedule = {"type": "days", "at": "01:00", "time_zone": "Europe/Berlin"}
        node = {"name": "a", "job": "but_the_third.sh"}
        running.publish_workflow("daily", [node], schedule=schedule)
        running.publish_workflow("manual", [{**node, "queue": "root_queue"}])
        running.publish_workflow("slow", [{"name": "a", "job": "slow.sh"}])
        yield running


def post(
    daemon: StokerDaemon, url: str, body: dict[str, Any] | None = None, **headers: str
) -> httpx.Response:
    return daemon.http.post(url, json=body or {}, headers=headers)


def create(daemon: StokerDaemon, **fields: Any) -> int:
    made = post(daemon, BACKFILLS, {**WEEK, **fields})
    assert made.status_code == 201, made.text
    return made.json()["id"]


def preview(daemon: StokerDaemon, **fields: Any) -> dict[str, Any]:
    answer = post(daemon, f"{BACKFILLS}/preview", {**WEEK, **fields})
    assert answer.is_success, answer.text
    return answer.json()


def backfill(daemon: StokerDaemon, number: int) -> dict[str, Any]:
    return daemon.http.get(f"/v1/backfills/{number}").raise_for_status().json()


def done(daemon: StokerDaemon, number: int) -> dict[str, Any]:
    """Wait until a backfill makes no more runs, and give it."""

    def look() -> dict[str, Any] | None:
        held = backfill(daemon, number)
        return held if held["state"] not in ("running", "paused") and not held["active"] else None

    return wait_for(look, f"B{number} ends")


def runs_of(daemon: StokerDaemon, number: int) -> list[dict[str, Any]]:
    """Give a backfill's runs, the oldest first."""
    found = daemon.http.get(f"{SPACE}/runs", params={"backfill": number}).raise_for_status().json()
    return found["items"][::-1]


def test_a_week_is_previewed_run_retried_and_then_there_is_nothing_left_to_do(daemon: StokerDaemon):
    before = preview(daemon, only="missing")
    assert (before["total"], before["made"], before["waiting"]) == (7, 7, 0)

    number = create(daemon, only="missing", remarks="late data")
    first = done(daemon, number)
    assert (first["state"], first["succeeded"], first["failed"], first["seen"]) == ("failed", 6, 1, 7)
    runs = runs_of(daemon, number)
    assert [run["cycle"] for run in runs] == [f"2020-01-0{day}T00:00:00Z" for day in range(1, 8)]
    assert [run["scheduled_at"] for run in runs] == [f"2020-01-0{day}T00:00:00Z" for day in range(2, 9)]
    assert {(run["trigger"], run["remarks"]) for run in runs} == {("backfill", "late data")}

    assert preview(daemon, only="failed")["made"] == preview(daemon, only="missing")["made"] == 1
    third = preview(daemon)["items"][2]
    assert (third["made"], third["run"], third["state"]) == (True, runs[2]["id"], "failed")

    daemon.http.put(f"{SPACE}/variables/well", json={"value": "yes"}).raise_for_status()
    retried = post(daemon, f"/v1/backfills/{number}/retry")
    assert retried.json()["state"] == "running", retried.text
    assert done(daemon, number)["state"] == "succeeded"
    assert len(runs_of(daemon, number)) == 8

    assert preview(daemon, only="failed")["made"] == preview(daemon, only="missing")["made"] == 0
    again = done(daemon, create(daemon, only="missing"))
    assert (again["state"], again["passed"]) == ("succeeded", 7)


def test_a_preview_shows_each_interval_with_its_variables_and_makes_nothing(daemon: StokerDaemon):
    seen = len(daemon.runs())
    assert preview(daemon, workflow="manual", every="1d")["own_queue"] == ["a"]
    berlin = preview(daemon, **{"from": "2020-03-28", "to": "2020-03-29"})["items"]
    assert [(item["local"], item["ends_at"]) for item in berlin] == [
        ("2020-03-28T01:00:00+01:00", "2020-03-29T00:00:00Z"),
        ("2020-03-29T01:00:00+01:00", "2020-03-29T23:00:00Z"),
    ]
    variables = berlin[1]["variables"]
    assert (variables["ds"], variables["ts_nodash"]) == ("2020-03-29", "20200329010000")
    assert variables["scheduled_at"] == "2020-03-30T01:00:00+02:00"
    assert len(preview(daemon, order="newest")["items"]) == 7
    assert len(daemon.runs()) == seen


def test_a_hundred_thousand_intervals_are_previewed_and_accepted_at_once(daemon: StokerDaemon):
    many = {
        "workflow": "slow",
        "from": "2015-01-01T00:00Z",
        "to": "2026-01-01T23:00Z",
        "every": "1h",
        "order": "newest",
    }
    shown = preview(daemon, **many, only="missing")
    assert shown["total"] == shown["made"] == 96_456
    assert len(shown["items"]) == 100

    number = create(daemon, **many, parallel=2)
    wait_for(lambda: len(backfill(daemon, number)["active"]) == 2, "two runs are active")
    held = backfill(daemon, number)
    assert (held["total"], held["seen"]) == (96_456, 2)

    cancelled = post(daemon, f"/v1/backfills/{number}/cancel", {"running": True})
    assert cancelled.status_code == 202
    assert done(daemon, number)["state"] == "cancelled"
    assert {run["state"] for run in runs_of(daemon, number)} == {"stopped"}


def test_a_backfill_goes_on_after_a_kill_and_after_a_pause(daemon: StokerDaemon):
    number = create(daemon, **SLOW)
    (first,) = wait_for(lambda: backfill(daemon, number)["active"], "it has a run")
    daemon.kill()
    daemon.start()
    assert backfill(daemon, number)["active"] == [first]

    assert post(daemon, f"/v1/backfills/{number}/pause").json()["state"] == "paused"
    refused = post(daemon, f"/v1/backfills/{number}/pause")
    assert refused.status_code == 409
    assert refused.json()["detail"] == f"backfill B{number} can't be paused: it is paused"
    post(daemon, f"/v1/runs/{first}/stop").raise_for_status()
    wait_for(lambda: not backfill(daemon, number)["active"], "its run has ended")
    assert len(runs_of(daemon, number)) == 1

    assert post(daemon, f"/v1/backfills/{number}/resume").json()["state"] == "running"
    wait_for(lambda: backfill(daemon, number)["active"] == [first + 1], "it has its next run")
    post(daemon, f"/v1/backfills/{number}/cancel", {"running": True}).raise_for_status()
    held = done(daemon, number)
    assert [deed["what"] for deed in held["deeds"]] == [
        "paused it",
        "resumed it",
        "cancelled it, with what runs",
    ]


def test_a_backfill_that_is_asked_for_twice_under_one_key_is_made_once(daemon: StokerDaemon):
    answers = [
        post(daemon, BACKFILLS, {**WEEK, "only": "failed"}, **{"Idempotency-Key": "k"}) for _ in range(2)
    ]

    assert answers[0].status_code == answers[1].status_code == 201
    assert answers[0].json()["id"] == answers[1].json()["id"]
    done(daemon, answers[0].json()["id"])


def test_backfills_are_listed_newest_first_and_by_workflow_and_state(daemon: StokerDaemon):
    numbers = [create(daemon, only="failed"), create(daemon, only="failed")]
    for number in numbers:
        done(daemon, number)

    def listed(**query: Any) -> tuple[list[int], str | None]:
        page = daemon.http.get(BACKFILLS, params=query).raise_for_status().json()
        return [held["id"] for held in page["items"]], page.get("next")

    assert listed(limit=2) == (numbers[::-1], str(numbers[0]))
    assert listed(limit=1, cursor=numbers[1]) == ([numbers[0]], str(numbers[0]))
    assert set(numbers) <= set(listed(workflow="daily", state="succeeded")[0])
    assert listed(workflow="manual") == listed(state="running") == ([], None)


@pytest.mark.parametrize(
    ("fields", "pointer", "said"),
    [
        ({"from": "2020-02-30"}, "/from", "'2020-02-30' is not a time; write it as 2026-11-21"),
        ({"to": "2019-01-01"}, "/to", "'2019-01-01' is before '2020-01-01'; write the earlier one first"),
        (
            {"from": "2020-10-25T02:30", "to": "2020-10-26"},
            "/from",
            "twice in Europe/Berlin; add its offset: 2020-10-25T02:30:00+02:00 or 2020-10-25T02:30:00+01:00",
        ),
        (
            {"from": "2020-01-01T02:00", "to": "2020-01-01T03:00"},
            "/from",
            "the schedule is days 01:00 Berlin, and the nearest begin at 2020-01-01T01:00+0100 and "
            "2020-01-02T01:00+0100",
        ),
        ({"every": "1d"}, "/every", "workflow 'daily' has a schedule (days 01:00 Berlin), which says it"),
        ({"workflow": "manual"}, "/every", "has no schedule; say how long an interval is, such as 1d"),
        ({"workflow": "manual", "every": "0m"}, "/every", "is not a length; write 15m, 6h, 1d, 1w or 1M"),
        (
            {"workflow": "manual", "every": "1m", "from": "1800-01-01"},
            "/to",
            "and a backfill has at most 10,000,000; make several",
        ),
        ({"queue": "root_quue"}, "/queue", "there is no queue 'root_quue'; did you mean 'root_queue'?"),
        ({"queue": "dev_queue"}, "/queue", "dev_queue is for development; runs need a queue for production"),
        ({"variables": {"ds": "x"}}, "/variables/ds", "'ds' is built in and cannot be set"),
        ({"notify": ["me"]}, "/notify/0", "is not an e-mail address"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would_be_right(
    daemon: StokerDaemon, fields: dict[str, Any], pointer: str, said: str
):
    for url in (BACKFILLS, f"{BACKFILLS}/preview"):
        refused = post(daemon, url, {**WEEK, **fields})

        assert refused.status_code == 422, refused.text
        (fault,) = refused.json()["errors"]
        assert fault["pointer"] == pointer
        assert said in fault["detail"]


def test_what_is_not_there_is_refused_by_name(daemon: StokerDaemon):
    assert "did you mean 'daily'?" in post(daemon, BACKFILLS, {**WEEK, "workflow": "dayly"}).json()["detail"]
    assert "has no version 7" in post(daemon, BACKFILLS, {**WEEK, "version": 7}).json()["detail"]
    assert daemon.http.get("/v1/backfills/999").json()["detail"] == "there is no backfill B999"


def test_a_workflow_that_fits_in_no_queue_is_refused(daemon: StokerDaemon):
    daemon.set_queue("tiny", environment="production", limit=1)
    daemon.publish_job("large.py", "pass")
    daemon.publish_workflow("large", [{"name": "a", "job": "large.py", "config": {"driver_cores": 8}}])

    refused = post(daemon, BACKFILLS, {**SLOW, "workflow": "large", "queue": "tiny"})

    assert refused.status_code == 422
    assert "node 'a' needs 8 CU, and queue tiny has only 1" in refused.text
