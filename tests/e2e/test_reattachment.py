"""Jobs of every kind outlive their daemon, however it ends, and the next one tells how they ended."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import stoker_daemon
import stoker_shared
from stoker_shared import __version__
from stoker_shared.codec import seal
from tests.harness import StokerDaemon, is_gone, wait_for

GATE = 'until [ -e "$GATE" ]; do sleep 0.02; done\n'

JOBS = {
    "runs": f"echo begun; {GATE} exit 0",
    "ends meanwhile": 'echo begun; until [ -e "$DOWN" ]; do sleep 0.02; done; echo ended; exit 4',
    "is deaf": f"trap '' TERM INT HUP; echo begun; {GATE} exit 5",
    "forks": f"setsid sh -c '{GATE} echo forked' & echo begun; wait; exit 6",
    "writes": 'n=0; until [ -e "$GATE" ]; do n=$((n + 1)); echo $n; sleep 0.01; done; exit 7',
}


def kill(daemon: StokerDaemon) -> None:
    daemon.kill()


def terminate(daemon: StokerDaemon) -> None:
    assert daemon.terminate() == 0
    assert not daemon.socket.exists()


def upgrade(daemon: StokerDaemon) -> None:
    """End the daemon, and write another version over its code, whose log has events that this one lacks."""
    daemon.terminate()
    code = Path(daemon.environment["PYTHONPATH"].split(os.pathsep)[0])
    _write_over(code / "stoker_shared/__init__.py", lambda text: text.replace(__version__, "99.0"))
    _write_over(code / "stoker_daemon/keeper.sh", lambda text: "# Another version of it.\n" * 9 + text)
    newest = max((daemon.data / "runlog").glob("*.jsonl"))
    seq = newest.read_bytes().count(b'\n{"seq":') + 1
    with newest.open("ab") as log:
        event = b'"at":"2026-11-21T01:00:00Z","by":"stoker","type":"attempt.measured","bytes":7}'
        log.write(seal(b'{"seq":%d,"group":%d,%b' % (seq, seq, event)))


def _write_over(path: Path, change: Callable[[str], str]) -> None:
    text = path.read_text()
    path.write_text(change(text))


@pytest.fixture
def copied(tmp_path: Path) -> StokerDaemon:
    """A daemon that runs on a copy of the code."""
    code = tmp_path / "code"
    for package in (stoker_shared, stoker_daemon):
        shutil.copytree(Path(package.__path__[0]), code / package.__name__)
    return StokerDaemon(tmp_path, {"PYTHONPATH": str(code)})


@pytest.mark.parametrize("end", [kill, terminate, upgrade])
def test_every_kind_of_job_is_found_again_with_its_true_exit_status(
    copied: StokerDaemon, tmp_path: Path, end: Callable[[StokerDaemon], None]
):
    gates = {name: str(tmp_path / name.lower()) for name in ("GATE", "DOWN")}
    with copied as daemon:
        for name, script in JOBS.items():
            daemon.publish_job(f"{name}.sh", script, {"env": gates})
        daemon.publish_workflow("jobs", [{"name": name, "job": f"{name}.sh"} for name in JOBS])
        run = daemon.start_run("jobs")
        for name in JOBS:
            wait_for(lambda name=name: "pid" in daemon.node(run, name)["attempts"][0], "it is launched")
            wait_for(lambda name=name: daemon.output(run, name), "it writes")
        before = {node["name"]: node["attempts"][0] for node in daemon.run(run)["nodes"]}

        end(daemon)
        Path(gates["DOWN"]).touch()
        wait_for(lambda: is_gone(before["ends meanwhile"]["pid"]), "one job ends meanwhile")
        daemon.start()
        running = [name for name in JOBS if name != "ends meanwhile"]
        for name in running:
            wait_for(lambda name=name: "adopted_at" in daemon.node(run, name)["attempts"][0], "it is adopted")
        assert daemon.run(run)["row"]["state"] == "running"
        Path(gates["GATE"]).touch()
        daemon.finished(run)

        attempts = {node["name"]: node["attempts"] for node in daemon.run(run)["nodes"]}
        assert {name: [attempt["exit_status"] for attempt in own] for name, own in attempts.items()} == {
            "runs": [0],
            "ends meanwhile": [4],
            "is deaf": [5],
            "forks": [6],
            "writes": [7],
        }
        assert [attempts[name][0]["pid"] for name in JOBS] == [before[name]["pid"] for name in JOBS]
        assert [name for name in JOBS if "adopted_at" in attempts[name][0]] == running
        assert daemon.output(run, "ends meanwhile") == "begun\nended\n"
        assert sorted(daemon.output(run, "forks").split()) == ["begun", "forked"]
        written = [int(line) for line in daemon.output(run, "writes").split()]
        assert written == list(range(1, len(written) + 1))
        version = daemon.http.get("/v1/status").json()["version"]
        assert version == ("99.0" if end is upgrade else __version__)
        daemon.check_log()
