"""The daemon as a service of a real systemd: installed, restarted, killed, upgraded, hung, removed.

One machine is booted for all of it, and the tests follow each other on it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from stoker_shared import __version__
from tests.e2e.systemd import CODE, Machine
from tests.harness import STOKERD, StokerDaemon, client_of, wait_for

pytestmark = pytest.mark.systemd

SOCKET = "/run/stoker/stokerd.sock"
GATE = "/srv/gate"
"""A file that lets jobs end."""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    if why := machine.why_not():
        pytest.skip(why)
    try:
        machine.boot()
        yield machine
    finally:
        machine.shut_down()


def stokerd(machine: Machine, *arguments: str, check: bool = True) -> str:
    return machine.run(str(STOKERD), *arguments, check=check, PYTHONPATH=str(CODE))


@pytest.fixture(scope="module")
def daemon(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> StokerDaemon:
    """The daemon of the machine, installed but not started."""
    machine.run("useradd", "--system", "--user-group", "--home-dir", "/var/lib/stoker", "stoker")
    machine.path("/etc/stoker").mkdir()
    machine.path("/etc/stoker/environment").write_text(f"PYTHONPATH={CODE}\n")
    assert f"clients find it by STOKER_SOCKET={SOCKET}" in stokerd(machine, "install", "--system")
    daemon = StokerDaemon(tmp_path_factory.mktemp("daemon"))
    daemon.http = client_of(machine.path(SOCKET))
    return daemon


@pytest.fixture(scope="module")
def run(machine: Machine, daemon: StokerDaemon) -> int:
    """A run with a job that goes on over all that happens to the daemon, and ends with status 7."""
    machine.run("systemctl", "start", "stokerd.socket")
    assert machine.show("stokerd.service", "ActiveState") == "inactive"
    assert daemon.http.get("/v1/status").json()["version"] == __version__
    assert machine.show("stokerd.service", "ActiveState") == "active"
    daemon.set_queue("root_queue", environment="production", limit=100)
    daemon.publish_job("hold.sh", f"id -un; until [ -e {GATE} ]; do sleep 0.05; done; exit 7")
    daemon.publish_workflow("held", [{"name": "a", "job": "hold.sh"}])
    run = daemon.start_run("held")
    wait_for(lambda: daemon.output(run, "a") == "stoker\n", "the job runs, as the daemon's user")
    return run


def pid(machine: Machine) -> str:
    return machine.show("stokerd.service", "MainPID")


def status(machine: Machine, wanted: str) -> None:
    wait_for(lambda: machine.show("stokerd.service", "StatusText") == wanted, f"the status is {wanted!r}")


@contextmanager
def adopted_anew(machine: Machine, daemon: StokerDaemon, run: int) -> Iterator[str]:
    """Have another daemon come, and see it take up the job."""
    before, job = pid(machine), daemon.node(run, "a")["attempts"][0]
    yield before
    wait_for(lambda: pid(machine) not in (before, "0"), "another daemon runs")

    def adopted() -> bool:
        attempt = daemon.node(run, "a")["attempts"][0]
        return attempt.get("adopted_at", "") > job.get("adopted_at", "") and attempt["pid"] == job["pid"]

    wait_for(adopted, "it has found the job")
    status(machine, "1 active run, 1 node running")


def test_requests_wait_for_the_end_of_a_restart(machine: Machine, daemon: StokerDaemon, run: int):
    stop, seen = threading.Event(), set()

    def ask() -> None:
        while not stop.is_set():
            with client_of(machine.path(SOCKET)) as client:
                seen.add(client.get("/v1/status").raise_for_status().json()["pid"])

    failures: list[BaseException] = []
    threading.excepthook = lambda failed: failures.append(failed.exc_value or RuntimeError())
    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    wait_for(lambda: seen or failures, "requests are answered")
    with adopted_anew(machine, daemon, run):
        machine.run("systemctl", "restart", "stokerd")
    wait_for(lambda: len(seen) > 1 or failures, "the other daemon answers them")
    stop.set()
    for asker in askers:
        asker.join(60)
    threading.excepthook = threading.__excepthook__

    assert failures == []
    assert len(seen) == 2


def test_a_daemon_that_is_killed_is_started_again(machine: Machine, daemon: StokerDaemon, run: int):
    with adopted_anew(machine, daemon, run) as killed:
        machine.run("kill", "-KILL", killed)

    assert machine.show("stokerd.service", "NRestarts") == "1"


def test_another_version_takes_over_at_a_restart(machine: Machine, daemon: StokerDaemon, run: int):
    code = machine.path(CODE / "stoker_shared/__init__.py")
    with adopted_anew(machine, daemon, run):
        code.write_text(code.read_text().replace(__version__, "99.0"))
        machine.run("systemctl", "restart", "stokerd")

    assert daemon.http.get("/v1/status").json()["version"] == "99.0"


def test_a_daemon_that_hangs_is_ended_by_the_watchdog(machine: Machine, daemon: StokerDaemon, run: int):
    dropin = machine.path("/run/systemd/system/stokerd.service.d")
    dropin.mkdir(parents=True)
    (dropin / "watchdog.conf").write_text("[Service]\nWatchdogSec=3\n")
    machine.run("systemctl", "daemon-reload")
    with adopted_anew(machine, daemon, run):
        machine.run("systemctl", "restart", "stokerd")
    with adopted_anew(machine, daemon, run) as hung:
        machine.run("kill", "-STOP", hung)

    assert "watchdog" in machine.run("journalctl", "--unit=stokerd", "--no-pager").lower()


def test_a_reload_takes_up_the_configuration_or_says_that_it_is_faulty(
    machine: Machine, daemon: StokerDaemon, run: int
):
    file, before = machine.path("/etc/stoker/stokerd.toml"), pid(machine)
    written = file.read_text()
    file.write_text(f"{written}\nstop_grace = 'long'\n")
    machine.run("systemctl", "reload", "stokerd")
    status(machine, "the changed configuration is faulty, and not in force; 1 active run, 1 node running")
    assert "stop_grace is 'long', and must be a number" in machine.run(
        "journalctl", "--unit=stokerd", "--no-pager"
    )
    file.write_text(f"{written}\nstop_grace = 0.2\n")
    machine.run("systemctl", "reload", "stokerd")
    status(machine, "1 active run, 1 node running")
    file.write_text(written)

    assert pid(machine) == before


def test_a_job_ends_with_its_true_status_after_all_of_that(machine: Machine, daemon: StokerDaemon, run: int):
    machine.path(GATE).touch()
    (node,) = daemon.finished(run)["nodes"]

    assert [attempt["exit_status"] for attempt in node["attempts"]] == [7]
    status(machine, "0 active runs, 0 nodes running")
    machine.path(GATE).unlink()


def test_nothing_but_data_is_left_when_it_is_removed_and_its_jobs_go_on(
    machine: Machine, daemon: StokerDaemon
):
    run = daemon.start_run("held")
    wait_for(lambda: daemon.node(run, "a").get("attempts", [{}])[0].get("pid"), "the job runs")
    job = daemon.node(run, "a")["attempts"][0]["pid"]
    (machine.path("/etc/stoker/environment")).unlink()
    said = stokerd(machine, "uninstall", "--system")

    assert "the data stay in /var/lib/stoker" in said
    left = machine.run("find", "/etc", "/run", "/usr/lib/systemd", "-name", "*stoker*").split()
    assert left == ["/run/systemd/system/stokerd.service.d"]
    assert machine.run("cat", f"/proc/{job}/comm").strip() == "sh"
    assert machine.path("/var/lib/stoker/runlog").is_dir()
    with pytest.raises(httpx.TransportError):
        daemon.http.get("/v1/status")
