"""Nothing is lost and nothing runs twice, whenever the daemon or a keeper is killed."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.clock import beginning_at
from tests.e2e.chaos import chaos
from tests.harness import StokerDaemon, wait_for

WAIT_FOR_GATE = 'while [ ! -e "$GATE" ]; do sleep 0.02; done\n'
"""A job's way to wait until a test lets it go on."""

KILLS = 20
NODES = 40


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that jobs wait for."""
    return tmp_path / "gate"


def start(
    daemon: StokerDaemon, scripts: Mapping[str, str], env: Mapping[str, object], **fields: object
) -> int:
    """Start a run with one node for each script, all at once."""
    for name, script in scripts.items():
        config = {"env": {key: str(value) for key, value in env.items()}}
        daemon.publish_job(f"{name}.sh", script, config)
    nodes = [{"name": name, "job": f"{name}.sh"} for name in scripts]
    daemon.publish_workflow("flow", nodes, parallelism=len(nodes), **fields)
    return daemon.start_run("flow")


def running_attempt(daemon: StokerDaemon, run: int, node: str) -> dict[str, Any]:
    """Wait until a node's job runs, and give its attempt."""

    def look() -> dict[str, Any] | None:
        attempts = daemon.node(run, node).get("attempts", [])
        begun = attempts and attempts[-1]["state"] == "running" and daemon.output(run, node, len(attempts))
        return attempts[-1] if begun else None

    return wait_for(look, f"the job of {node} runs")


def end(daemon: StokerDaemon, run: int, node: str) -> dict[str, Any]:
    """Wait for the run's end and give the newest attempt of a node."""
    daemon.finished(run)
    return daemon.node(run, node)["attempts"][-1]


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"


def test_every_job_of_a_run_runs_exactly_once_however_often_the_daemon_is_killed(tmp_path: Path):
    seed = random.SystemRandom().randrange(10**9)
    print(f"python -m tests.e2e.chaos --nodes {NODES} --kills {KILLS} --seed {seed}")

    outcome = chaos(tmp_path, NODES, KILLS, seed)

    assert (outcome.lost, outcome.doubled) == (0, 0)
    assert outcome.succeeded == outcome.runs
    assert outcome.nodes == outcome.runs * NODES


def test_a_job_that_ended_in_time_while_the_daemon_was_down_succeeded_even_past_its_deadline(
    daemon: StokerDaemon, gate: Path
):
    daemon.publish_job("job.sh", f"echo begun; {WAIT_FOR_GATE}", {"env": {"GATE": str(gate)}, "timeout": 600})
    daemon.publish_workflow("flow", [{"name": "job", "job": "job.sh"}])
    run = daemon.start_run("flow")
    pid = running_attempt(daemon, run, "job")["pid"]
    daemon.kill()
    gate.touch()
    wait_for(lambda: not is_alive(pid), "the job ends")
    daemon.inside = beginning_at(datetime.now(UTC) + timedelta(hours=1))
    daemon.start()
    ended = end(daemon, run, "job")
    assert (ended["exit_status"], ended["reason"]) == (0, "exit")
    assert daemon.node(run, "job")["state"] == "succeeded"


@pytest.mark.parametrize("with_keeper", [True, False], ids=["", "and the keeper is killed too"])
def test_a_stop_that_the_daemon_was_killed_over_is_completed_by_the_next_one(
    daemon: StokerDaemon, gate: Path, with_keeper: bool
):
    job = f"trap '' TERM; echo $$; {WAIT_FOR_GATE}"
    run = start(daemon, {"job": job, "other": job}, {"GATE": gate}, retries=1)
    keeper = running_attempt(daemon, run, "job")["pid"]
    pid = int(daemon.output(run, "job"))
    assert daemon.http.post(f"/v1/runs/{run}/nodes/job/stop").json()["nodes"][0]["stopping"] == "stop"
    daemon.kill()
    if not with_keeper:
        os.kill(keeper, signal.SIGKILL)
    assert is_alive(pid)
    daemon.environment["STOKER_STOP_GRACE"] = "0.2"
    daemon.start()
    wait_for(lambda: "ended_at" in daemon.node(run, "job"), "the node ends")
    assert not is_alive(pid)
    node = daemon.node(run, "job")
    assert (node["state"], node["reason"], len(node["attempts"])) == ("stopped", "stop", 1)


ASKED = "asked to end"
LOST_ONCE = f"""
[ "$STOKER_ATTEMPT" = 1 ] || exit 0
trap 'echo {ASKED}' TERM
echo $$
{WAIT_FOR_GATE}
"""


def test_a_job_whose_keeper_is_killed_is_lost_only_when_it_is_gone_and_then_retried(
    daemon: StokerDaemon, gate: Path
):
    run = start(daemon, {"job": LOST_ONCE}, {"GATE": gate}, retries=1)
    keeper = running_attempt(daemon, run, "job")["pid"]
    pid = int(daemon.output(run, "job"))
    os.kill(keeper, signal.SIGKILL)
    wait_for(lambda: not is_alive(keeper), "the keeper is gone")
    assert is_alive(pid)
    node = daemon.node(run, "job")
    assert (node["state"], [attempt["state"] for attempt in node["attempts"]]) == ("running", ["running"])
    gate.touch()
    assert daemon.finished(run)["row"]["state"] == "succeeded"
    lost, again = daemon.node(run, "job")["attempts"]
    assert (lost["reason"], lost.get("exit_status"), again["exit_status"]) == ("lost", None, 0)
    assert "keeper" in lost["detail"]
    assert ASKED not in daemon.output(run, "job")


def test_a_job_whose_keeper_died_with_the_daemon_is_lost_only_when_it_is_gone(
    daemon: StokerDaemon, gate: Path
):
    run = start(daemon, {"job": LOST_ONCE}, {"GATE": gate})
    keeper = running_attempt(daemon, run, "job")["pid"]
    pid = int(daemon.output(run, "job"))
    daemon.kill()
    os.kill(keeper, signal.SIGKILL)
    daemon.start()
    assert is_alive(pid)
    assert daemon.node(run, "job")["attempts"][0]["state"] == "running"
    gate.touch()
    assert daemon.finished(run)["row"]["state"] == "failed"
    assert [attempt["reason"] for attempt in daemon.node(run, "job")["attempts"]] == ["lost"]


def test_a_node_stopped_while_its_keeper_is_gone_is_stopped_and_not_retried(daemon: StokerDaemon, gate: Path):
    run = start(daemon, {"job": LOST_ONCE}, {"GATE": gate}, retries=1)
    os.kill(running_attempt(daemon, run, "job")["pid"], signal.SIGKILL)
    daemon.http.post(f"/v1/runs/{run}/nodes/job/stop").raise_for_status()
    wait_for(lambda: ASKED in daemon.output(run, "job"), "the daemon asks the job to end")
    gate.touch()
    assert daemon.finished(run)["row"]["state"] == "stopped"
    assert daemon.node(run, "job")["state"] == "stopped"
    assert len(daemon.node(run, "job")["attempts"]) == 1
