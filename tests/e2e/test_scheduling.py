"""Schedules at work: a real daemon that is down, killed and started again while runs are due."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.clock import beginning_at
from tests.harness import StokerDaemon, wait_for

NINE = datetime(2026, 11, 22, 9, 0, 30, tzinfo=UTC)
FLOWS = "/v1/workspaces/default/workflows"
MINUTES = {"type": "minutes", "every": 5, "time_zone": "Europe/Berlin"}
NODES = [{"name": "a", "job": "a.sh"}]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Callable[[datetime], StokerDaemon]]:
    """Give the daemon, started with a clock that begins at a moment."""
    daemon = StokerDaemon(tmp_path)

    def start(moment: datetime) -> StokerDaemon:
        daemon.inside = beginning_at(moment)
        daemon.start()
        return daemon

    yield start
    daemon.stop_active_runs()
    daemon.kill()
    daemon.http.close()


def told(daemon: StokerDaemon, *arguments: str) -> str:
    done = daemon.run_stoker(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def refused(daemon: StokerDaemon, *arguments: str) -> str:
    done = daemon.run_stoker(*arguments)
    assert (done.returncode, done.stdout) == (4, "")
    return done.stderr


def scheduled_at(daemon: StokerDaemon, name: str) -> list[str]:
    """Give when the runs of a workflow were due, UTC."""
    runs = daemon.http.get("/v1/workspaces/default/runs", params={"workflow": name}).json()["items"]
    return sorted(run["scheduled_at"][11:16] for run in runs)


def test_what_was_due_while_the_daemon_was_down_is_made_up_for_as_each_policy_says(
    at: Callable[[datetime], StokerDaemon],
):
    daemon = at(NINE)
    daemon.publish_job("a.sh", "echo $STOKER_DS\n")
    for policy in ("all", "latest", "none"):
        daemon.publish_workflow(policy, NODES, schedule=MINUTES, catch_up=policy, not_done_by="10m")
        told(daemon, "workflow", "on", policy)
    daemon.kill()

    daemon = at(NINE + timedelta(minutes=17))
    for policy, count in (("all", 3), ("latest", 1)):
        wait_for(lambda: len(scheduled_at(daemon, policy)) == count, f"what {policy} missed is made")  # noqa: B023
    wait_for(lambda: daemon.http.get(f"{FLOWS}/none/scheduling").json().get("skipped"), "none drops them")
    daemon.kill()
    daemon = at(NINE + timedelta(minutes=18))

    assert scheduled_at(daemon, "all") == ["09:05", "09:10", "09:15"]
    assert scheduled_at(daemon, "latest") == ["09:15"]
    assert scheduled_at(daemon, "none") == []
    [run] = [run for run in daemon.runs() if run["name"] == "latest"]
    assert (run["trigger"], run["by"], run["cycle"]) == ("schedule", "stoker", "2026-11-22T09:10:00Z")
    first = next(run for run in daemon.runs() if run["scheduled_at"] == "2026-11-22T09:05:00Z")
    shown = told(daemon, "show", str(first["id"]))
    assert "due 2026-11-22 10:05:00 Europe/Berlin" in shown
    assert "to end by 2026-11-22 10:15:00, and did not: it is late" in shown
    assert "2 from 2026-11-22" in told(daemon, "workflow", "on", "latest")
    skipped = daemon.http.get(f"{FLOWS}/none/scheduling").json()["skipped"]
    assert (skipped["first"], skipped["last"], skipped["count"], skipped["reason"]) == (
        "2026-11-22T09:05:00Z",
        "2026-11-22T09:15:00Z",
        3,
        "catch_up",
    )
    daemon.finished(first["id"])
    assert "run.late" in told(daemon, "events")
    assert "ok  run log" in daemon.check_log()


def test_the_switch_says_what_is_due_and_what_keeps_it_from_being_on(
    at: Callable[[datetime], StokerDaemon],
):
    daemon = at(NINE)
    daemon.publish_job("a.sh", "exit\n")
    daemon.publish_workflow("flow", NODES)
    assert "version 1 of 'flow' has no schedule" in refused(daemon, "workflow", "on", "flow")
    daemon.publish_workflow("flow", NODES, schedule=MINUTES)

    on = "flow is on: every 5m Berlin; its next run is due 2026-11-22 10:05:00+01:00 Europe/Berlin\n"
    assert told(daemon, "workflow", "on", "flow") == on
    seq = daemon.http.get("/v1/status").json()["seq"]
    assert told(daemon, "workflow", "on", "flow") == on
    assert daemon.http.get("/v1/status").json()["seq"] == seq
    row = json.loads(told(daemon, "workflow", "list", "--json"))
    assert (row["scheduling"], row["next_at"]) == (True, "2026-11-22T09:05:00Z")
    assert "every 5m Berlin  on" in told(daemon, "workflow", "list")
    status = daemon.http.get("/v1/status").json()
    assert status["next_runs"] == [{"workspace": "default", "workflow": "flow", "at": "2026-11-22T09:05:00Z"}]
    assert told(daemon, "status").splitlines()[-1].endswith("  flow")

    assert told(daemon, "workflow", "off", "flow") == "flow is off: no runs are made by its schedule\n"
    assert "next_runs" not in daemon.http.get("/v1/status").json()
    assert told(daemon, "workflow", "list").split()[-1] == "-"


def test_next_shows_when_runs_are_due_in_local_time_and_utc_with_their_cycle_times(daemon: StokerDaemon):
    daemon.publish_job("a.sh", "exit\n")
    daily = {"type": "days", "at": "02:30", "time_zone": "Europe/Berlin"}
    daemon.publish_workflow("flow", NODES, schedule=daily)

    asked = ("workflow", "next", "flow", "-n", "2", "--after", "2027-03-27T12:00")
    head, first, second = told(daemon, *asked).splitlines()
    assert head.split() == ["LOCAL", "UTC", "CYCLE", "TIME", "NOTE"]
    assert first.startswith(
        "2027-03-28 03:00:00+02:00  2027-03-28 01:00:00  2027-03-27 02:30:00+01:00  02:30 does not exist"
    )
    assert second.split()[:2] == ["2027-03-29", "02:30:00+02:00"]
    ticks: list[dict[str, Any]] = [json.loads(line) for line in told(daemon, *asked, "--json").splitlines()]
    assert (ticks[0]["utc"], ticks[0]["cycle_time"]) == ("2027-03-28T01:00:00Z", "2027-03-27T01:30:00Z")
    assert "02:30 does not exist" in ticks[0]["note"]
    assert (ticks[1]["local"], ticks[1]["note"]) == ("2027-03-29T02:30:00+02:00", "")

    wrong = daemon.run_stoker("workflow", "next", "flow", "--draft", "--version", "1")
    assert (wrong.returncode, wrong.stderr) == (2, "stoker: give --draft or --version, not both\n")
    daemon.publish_workflow("manual", NODES)
    assert "has no schedule" in refused(daemon, "workflow", "next", "manual")
