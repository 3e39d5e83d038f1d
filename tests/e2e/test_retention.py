"""What is kept no longer goes, as the person who looks after a daemon sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from threading import Timer

import httpx
import pytest

from tests.harness import StokerDaemon, wait_for

SCRIPT = "echo wrote this\n"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    """A daemon that keeps two runs, whose disk is less free than it should be."""
    settings = {"STOKER_KEEP_RUNS": "2", "STOKER_LOW_SPACE": str(10**18)}
    with StokerDaemon(tmp_path_factory.mktemp("retention"), settings) as daemon:
        daemon.publish_job("a.sh", SCRIPT)
        daemon.publish_workflow("usual", [{"name": "a", "job": "a.sh"}])
        daemon.publish_workflow("kept", [{"name": "a", "job": "a.sh"}], keep={"runs": 0})
        for name in ("usual", "kept"):
            for _ in range(4):
                daemon.finished(daemon.start_run(name))
        yield daemon


def stoker(daemon: StokerDaemon, *arguments: str) -> str:
    done = daemon.run_stoker(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def told(daemon: StokerDaemon) -> list[dict[str, object]]:
    return [json.loads(line) for line in stoker(daemon, "events").splitlines()]


def test_a_dry_run_tells_what_would_go_and_a_run_by_hand_does_it(daemon: StokerDaemon):
    foretold = json.loads(stoker(daemon, "prune", "--dry-run", "--json"))
    assert len(daemon.runs()) == 8
    assert foretold["runs"] == 2
    assert foretold["output_bytes"] > 0
    assert "nothing was changed" in stoker(daemon, "prune", "--dry-run")

    assert json.loads(stoker(daemon, "prune", "--json")) == foretold

    assert {row["id"] for row in daemon.runs()} == {3, 4, 5, 6, 7, 8}
    answer = daemon.http.get("/v1/runs/1")
    assert (answer.status_code, answer.json()["detail"]) == (404, "run #1 is not kept any more")
    (removed,) = [event for event in told(daemon) if event["type"] == "runs.removed"]
    assert removed["runs"] == [1, 2]
    assert removed["by"] == daemon.http.get("/v1/runs/3").json()["row"]["by"]


def test_a_disk_that_gets_full_is_told_of(daemon: StokerDaemon):
    wait_for(lambda: any(event["type"] == "space.low" for event in told(daemon)), "it is recorded")

    assert daemon.http.get("/v1/status").json()["space"]["low"] is True
    assert "free: LOW, below" in stoker(daemon, "status")


def test_of_a_run_whose_output_went_it_is_told(tmp_path: Path):
    with StokerDaemon(tmp_path, {"STOKER_KEEP_BYTES": "1"}) as daemon:
        daemon.publish_job("a.sh", "echo wrote this; exit 3")
        daemon.publish_workflow("w", [{"name": "a", "job": "a.sh"}])
        daemon.finished(daemon.start_run("w"))
        stoker(daemon, "prune")

        assert "exit status 3; what it wrote is not kept any more" in stoker(daemon, "show", "1")
        answer = daemon.http.get("/v1/runs/1/nodes/a/attempts/1/logs/stdout")
        assert (answer.status_code, answer.json()["type"]) == (410, "output-gone")

        daemon.http.post("/v1/runs/1/rerun", json={}).raise_for_status()
        daemon.finished(1)
        assert daemon.output(1, "a", attempt=2) == "wrote this\n"


def test_what_a_workflow_keeps_is_checked(daemon: StokerDaemon):
    spec = {"workflow": "kept", "nodes": [], "keep": {"days": -1, "runs": "many"}}

    answer = daemon.http.put("/v1/workspaces/default/workflows/kept", json=spec, headers={"If-Match": '"1"'})

    assert answer.status_code in (400, 422)
    assert "/keep/" in answer.text


def test_a_daemon_killed_while_it_lets_go_goes_on_with_it(tmp_path: Path):
    """SIGKILL at three moments; then all is as if it had never been killed, and the log is whole."""
    chance = Random(11)
    with StokerDaemon(tmp_path, {"STOKER_KEEP_RUNS": "3"}) as daemon:
        daemon.publish_job("a.sh", SCRIPT)
        daemon.publish_workflow("w", [{"name": "a", "job": "a.sh"}])
        for _ in range(3):
            for _ in range(6):
                daemon.finished(daemon.start_run("w"))
            killer = Timer(chance.uniform(0, 0.1), daemon.kill)
            killer.start()
            with suppress(httpx.TransportError):
                daemon.http.post("/v1/retention")
            killer.join()
            daemon.start()
        daemon.http.post("/v1/retention").raise_for_status()

        assert [row["id"] for row in daemon.runs()] == [18, 17, 16]
        left = {path.name for path in (daemon.data / "logs").iterdir()} - {".removed"}
        assert left == {"16", "17", "18"}
        assert not list((daemon.data / "logs/.removed").iterdir())
        assert "whole:" in daemon.check_log()
