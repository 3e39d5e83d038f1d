"""A disk that is really full: the data directory on a small tmpfs in a mount namespace of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import StokerDaemon, wait_for

MIB = 1024 * 1024
WAIT_FOR_GATE = 'while [ ! -e "$GATE" ]; do sleep 0.02; done\n'


class SmallDisk:
    """A namespace with a tmpfs mounted at ``directory``, for as long as the process that holds it lives."""

    def __init__(self, directory: Path, size: str) -> None:
        directory.mkdir()
        mount = f'mount -t tmpfs -o size={size} tmpfs "$1" && echo mounted && exec sleep infinity'
        self._holder = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh", directory],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout and self._holder.stderr
        if self._holder.stdout.readline() != "mounted\n":
            pytest.skip(f"a tmpfs can't be mounted in a namespace here: {self._holder.stderr.read().strip()}")
        target = str(self._holder.pid)
        self.inside = ["nsenter", "--user", "--mount", "--preserve-credentials", "--target", target]
        self.root = Path(f"/proc/{target}/root")
        self.ballast = self.seen(directory / "ballast")

    def seen(self, path: Path) -> Path:
        """Give how a path in the namespace is reached from here."""
        return self.root / path.relative_to("/")

    def fill(self) -> None:
        """Leave no byte free."""
        with self.ballast.open("ab") as ballast, pytest.raises(OSError, match="No space left"):
            while True:
                os.write(ballast.fileno(), bytes(MIB))

    def make_room(self) -> None:
        self.ballast.unlink(missing_ok=True)

    def free(self) -> None:
        self._holder.kill()
        self._holder.wait()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path / "data", "96m")
    yield disk
    disk.free()


@pytest.fixture
def daemon(tmp_path: Path, disk: SmallDisk) -> Iterator[StokerDaemon]:
    daemon = StokerDaemon(tmp_path, {"GATE": str(tmp_path / "gate")})
    daemon.inside = disk.inside
    with daemon:
        yield daemon
        disk.make_room()
        wait_for(lambda: held(daemon) == "", "there is room to end in")


def held(daemon: StokerDaemon) -> str:
    return daemon.http.get("/v1/status").raise_for_status().json().get("held", "")


def running(daemon: StokerDaemon, run: int, node: str) -> None:
    wait_for(lambda: "pid" in (daemon.node(run, node).get("attempts") or [{}])[0], f"{node} runs")


def begun(daemon: StokerDaemon) -> int:
    """Start a run of three nodes; the first waits for its gate."""
    daemon.publish_job("first.sh", WAIT_FOR_GATE + "exit 7")
    daemon.publish_job("other.sh", WAIT_FOR_GATE)
    daemon.publish_job("next.sh", "echo done")
    nodes = [
        {"name": "first", "job": "first.sh"},
        {"name": "other", "job": "other.sh"},
        {"name": "next", "job": "next.sh", "upstream": ["other"]},
    ]
    daemon.publish_workflow("flow", nodes, parallelism=2)
    run = daemon.start_run("flow")
    running(daemon, run, "first")
    running(daemon, run, "other")
    return run


def test_on_a_full_disk_changes_are_refused_ends_are_recorded_and_it_goes_on_by_itself(
    daemon: StokerDaemon, disk: SmallDisk, tmp_path: Path
):
    run = begun(daemon)
    digest = daemon.http.get("/v1/workspaces/default/jobs/next.sh").json()["latest"]["digest"]

    def is_full() -> bool:
        """Tell whether there is no room for one more event, however little was left for it."""
        disk.fill()
        asked = daemon.http.post("/v1/workspaces/default/jobs/next.sh/publish", json={"digest": digest})
        return asked.status_code == 507

    wait_for(is_full, "there is no room for an event")

    refused = daemon.http.put("/v1/objects/" + "0" * 64, content=bytes(100_000))
    assert (refused.status_code, refused.json()["type"]) == (507, "no-space")
    assert "no room left in" in refused.json()["detail"]
    names = {path.name for path in disk.seen(daemon.data / "objects").iterdir()}
    assert all(len(name) == 64 for name in names)

    (tmp_path / "gate").touch()
    wait_for(lambda: "ended_at" in daemon.node(run, "first"), "the job's end is recorded")
    wait_for(lambda: "ended_at" in daemon.node(run, "other"), "the other's too")
    assert daemon.node(run, "first")["attempts"][0]["exit_status"] == 7
    assert daemon.node(run, "other")["state"] == "succeeded"
    wait_for(lambda: held(daemon), "it says that it is held")
    assert daemon.run(run)["row"]["state"] == "running"

    for answer in (
        daemon.http.post("/v1/workspaces/default/runs", json={"workflow": "flow"}),
        daemon.http.post("/v1/workspaces/default/workflows/flow/publish", json={}),
    ):
        assert (answer.status_code, answer.json()["type"]) == (507, "no-space")
    shown = daemon.run_stoker("status")
    assert f"held       there is no room left in {daemon.data}/runlog" in shown.stdout
    started = daemon.run_stoker("run", "flow")
    assert started.returncode == 4
    assert "there is no room left" in started.stderr

    disk.make_room()
    ended = daemon.finished(run)
    assert daemon.node(run, "next")["state"] == "succeeded"
    assert ended["row"]["state"] == "failed"
    assert held(daemon) == ""
    assert "held" not in daemon.run_stoker("status").stdout
    assert daemon.run_stoker("run", "flow").stdout.strip() == f"#{run + 1}"
    assert "there is room again" in daemon.journal.read_text()
    daemon.finished(run + 1)

    daemon.check_log()
    before = daemon.runs(), daemon.run(run)
    daemon.kill()
    daemon.start()
    assert (daemon.runs(), daemon.run(run)) == before


def test_a_daemon_that_starts_on_a_full_disk_is_held_finds_its_jobs_and_goes_on_when_there_is_room(
    daemon: StokerDaemon, disk: SmallDisk, tmp_path: Path
):
    run = begun(daemon)
    daemon.kill()
    disk.seen(daemon.data / "runlog" / "reserve").unlink()
    for database in disk.seen(daemon.data).glob("stoker.db*"):
        database.unlink()
    disk.fill()
    (tmp_path / "gate").touch()

    daemon.start()
    assert "no room left" in held(daemon)
    assert daemon.http.post("/v1/workspaces/default/runs", json={"workflow": "flow"}).status_code == 507

    disk.make_room()
    wait_for(lambda: held(daemon) == "", "there is room again")
    assert daemon.finished(run)["row"]["state"] == "failed"
    first, other, behind = (daemon.node(run, name) for name in ("first", "other", "next"))
    assert (first["attempts"][0]["exit_status"], len(first["attempts"])) == (7, 1)
    assert (other["state"], behind["state"]) == ("succeeded", "succeeded")
    daemon.check_log()


def test_what_was_accepted_while_the_disk_filled_is_there_after_a_kill(daemon: StokerDaemon, disk: SmallDisk):
    daemon.publish_job("first.sh", "exit 0")
    digest = daemon.http.get("/v1/workspaces/default/jobs/first.sh").json()["latest"]["digest"]
    disk.fill()
    accepted = 1
    remarks = "r" * 20_000
    while (
        answer := daemon.http.post(
            "/v1/workspaces/default/jobs/first.sh/publish", json={"digest": digest, "remarks": remarks}
        )
    ).is_success:
        accepted += 1
    assert answer.json()["type"] == "no-space"
    daemon.kill()
    daemon.start()

    versions = daemon.http.get("/v1/workspaces/default/jobs/first.sh/versions").json()["items"]
    assert [version["version"] for version in versions] == list(range(1, accepted + 1))
    daemon.check_log()
    disk.make_room()
    wait_for(lambda: held(daemon) == "", "there is room again")
    daemon.publish_job("first.sh", "exit 0")
