"""`stokerd drain`: nothing is started any more, and what runs is waited for."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.harness import STOKERD, StokerDaemon, wait_for

GATE = 'until [ -e "$GATE" ]; do sleep 0.02; done\n'


def test_a_drained_daemon_lets_end_what_runs_and_starts_the_rest_when_that_is_undone(tmp_path: Path):
    gate = tmp_path / "gate"
    with StokerDaemon(tmp_path) as daemon:
        daemon.publish_job("hold.sh", GATE, {"env": {"GATE": str(gate)}})
        nodes = [{"name": "a", "job": "hold.sh"}, {"name": "b", "job": "hold.sh", "upstream": ["a"]}]
        daemon.publish_workflow("two", nodes)
        run = daemon.start_run("two")
        wait_for(lambda: daemon.node(run, "a")["state"] == "running", "the first node runs")

        left = daemon.run_stokerd("drain", "--no-wait")
        assert (left.returncode, left.stderr) == (0, "")
        assert (
            left.stdout.splitlines()[-1] == "still active: 1 node; jobs go on also if the daemon is stopped"
        )
        shown = daemon.run_stoker("status").stdout
        assert "draining   no node is started since " in shown
        with subprocess.Popen(
            [STOKERD, "drain"], env=daemon.environment, stdout=subprocess.PIPE, text=True
        ) as waiting:
            assert waiting.stdout
            waiting.stdout.readline()
            assert waiting.stdout.readline() == "waiting for 1 node of 1 active runs\n"
            gate.touch()
            assert waiting.stdout.read() == "drained: nothing runs\n"

        daemon.kill()
        daemon.start()
        by = daemon.http.get("/v1/status").json()["draining"]["by"]
        assert daemon.node(run, "b")["waiting"] == f"the daemon is draining, as {by} asked"
        assert daemon.run_stokerd("drain", "--undo").stdout == "nodes are started again\n"
        assert daemon.finished(run)["row"]["state"] == "succeeded"
        assert "draining" not in daemon.http.get("/v1/status").json()
    gone = daemon.run_stokerd("drain")
    assert gone.returncode == 3
    assert f"no daemon answers at {daemon.socket}" in gone.stderr
