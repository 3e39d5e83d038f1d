"""Where a host's limits are met, what runs goes on and what waits says why."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import StokerDaemon, wait_for

HOLD = 'ulimit -S -n; while [ ! -e "$GATE" ]; do sleep 0.1; done\n'

SOFT, HARD = 100, 128


@pytest.fixture
def cramped(tmp_path: Path) -> Iterator[StokerDaemon]:
    """A daemon that may have few files open."""
    daemon = StokerDaemon(tmp_path)
    daemon.inside = ["/bin/sh", "-c", f'ulimit -S -n {SOFT}; ulimit -H -n {HARD}; exec "$@"', "sh"]
    with daemon:
        yield daemon


def test_no_more_nodes_run_than_can_be_watched_and_the_others_wait_and_say_why(
    cramped: StokerDaemon, tmp_path: Path
):
    gate = tmp_path / "gate"
    cramped.publish_job("hold.sh", HOLD, {"env": {"GATE": str(gate)}})
    names = [f"n{number:02}" for number in range(HARD // 2 + 3)]
    cramped.publish_workflow("wide", [{"name": name, "job": "hold.sh"} for name in names])
    run = cramped.start_run("wide")

    def states() -> list[str]:
        return [node["state"] for node in cramped.run(run)["nodes"]]

    wait_for(lambda: states().count("running") == HARD // 2, "as many run as can be watched")
    assert cramped.node(run, names[-1])["waiting"] == (
        "64 nodes are active, and stokerd may not have more files open (ulimit -n)"
    )
    cramped.kill()
    cramped.start()
    wait_for(lambda: states().count("running") == HARD // 2, "all are found again")
    gate.touch()
    assert cramped.finished(run)["row"]["state"] == "succeeded"
    # What a job may have open is not more than before the daemon took all it could get for itself.
    assert {cramped.output(run, name) for name in names} == {f"{SOFT}\n"}


def test_clients_beyond_their_share_are_not_taken_and_take_nothing_from_what_runs(cramped: StokerDaemon):
    cramped.publish_job("true.sh", "")
    cramped.publish_workflow("wide", [{"name": f"n{number}", "job": "true.sh"} for number in range(40)])
    idle = [socket.socket(socket.AF_UNIX) for _ in range(HARD)]
    run = cramped.start_run("wide")
    for client in idle:
        client.connect(str(cramped.socket))

    idle[-1].settimeout(30)
    assert idle[-1].recv(1) == b""
    assert cramped.finished(run)["row"]["state"] == "succeeded"
    for client in idle:
        client.close()
    assert "Too many open files" not in cramped.journal.read_text()
    assert cramped.run_stoker("show", str(run)).returncode == 0
