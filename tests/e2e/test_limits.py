"""Where a host's limits are met, what runs goes on and what waits says why."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import PATIENCE, StokerDaemon, wait_for

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

    idle[-1].settimeout(PATIENCE)
    assert idle[-1].recv(1) == b""
    assert cramped.finished(run)["row"]["state"] == "succeeded"
    for client in idle:
        client.close()
    assert "Too many open files" not in cramped.journal.read_text()
    assert cramped.run_stoker("show", str(run)).returncode == 0


MESSES = {
    "all of it": 'rm -rf "$PWD/.."',
    "a file in its place": 'd=$(cd .. && pwd); cd /; rm -rf "$d"; echo x > "$d"',
    "cuts": "echo '{\"stdout\": 7' > ../cuts",
    "marks": "head -c 9000 /dev/zero | tr '\\0' 9 > ../marks; echo >> ../marks; echo x >&2",
    "keeper": "head -c 9000 /dev/zero | tr '\\0' 9 > ../keeper; echo >> ../keeper",
    "a directory as keeper": "rm ../keeper; mkdir ../keeper",
}


def test_a_job_that_makes_a_mess_of_its_own_directory_harms_only_itself(tmp_path: Path):
    with StokerDaemon(tmp_path, {"STOKER_OUTPUT_LIMIT": "1048576"}) as daemon:
        _make_messes(daemon)


def _make_messes(daemon: StokerDaemon) -> None:
    for name, script in MESSES.items():
        daemon.publish_job(f"{name}.sh", f"echo begun; {script}; head -c 3000000 /dev/zero; sleep 0.6")
    daemon.publish_workflow("messes", [{"name": name, "job": f"{name}.sh"} for name in MESSES])
    pid = daemon.http.get("/v1/status").json()["pid"]
    run = daemon.start_run("messes")

    assert daemon.finished(run)["row"]["state"] in ("failed", "succeeded")
    for name in MESSES:
        for stream in ("stdout", "stderr", "both"):
            answered = daemon.http.get(f"/v1/runs/{run}/nodes/{name}/attempts/1/logs/{stream}")
            assert answered.status_code < 500, answered.text
        assert daemon.http.get(f"/v1/runs/{run}/nodes/{name}/failure").status_code < 500
    daemon.publish_job("good.sh", "echo good")
    daemon.publish_workflow("good", [{"name": "good", "job": "good.sh"}])
    assert daemon.finished(daemon.start_run("good"))["row"]["state"] == "succeeded"
    assert daemon.http.get("/v1/status").json()["pid"] == pid
    assert "level=critical" not in daemon.journal.read_text()
