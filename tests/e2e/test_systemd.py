"""The daemon as a service of a real systemd: installed, restarted, killed, upgraded, hung, removed.

One machine is booted for all of it, and the tests follow each other on it.
"""

from __future__ import annotations

import shutil
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
UNIT = "/sys/fs/cgroup/system.slice/stokerd.service"
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
    orphan = machine.path(f"{UNIT}/attempt-orphan")
    with adopted_anew(machine, daemon, run) as killed:
        orphan.mkdir()
        machine.run("kill", "-KILL", killed)
    assert not orphan.exists()

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
    (dropin / "watchdog.conf").write_text("[Service]\nWatchdogSec=10\n")
    machine.run("systemctl", "daemon-reload")
    with adopted_anew(machine, daemon, run):
        machine.run("systemctl", "restart", "stokerd")
    with adopted_anew(machine, daemon, run) as hung:
        machine.run("kill", "-STOP", hung)

    shutil.rmtree(dropin)
    machine.run("systemctl", "daemon-reload")
    assert "watchdog" in machine.run("journalctl", "--unit=stokerd", "--no-pager").lower()


def test_a_reload_takes_up_the_configuration_or_says_that_it_is_faulty(
    machine: Machine, daemon: StokerDaemon, run: int
):
    file, before = machine.path("/etc/stoker/stokerd.toml"), pid(machine)
    written = file.read_text()
    file.write_text(f"{written}\nstop_grace = 'long'\n")
    machine.run("systemctl", "reload", "stokerd")
    status(machine, "the changed configuration is faulty, and not in force; 1 active run, 1 node running")
    errors = machine.run("journalctl", "--unit=stokerd", "--priority=err", "--no-pager", "--output=cat")
    assert "stop_grace is 'long', and must be a number" in errors
    assert "level=info" not in errors
    file.write_text(f"{written}\nstop_grace = 0.1\n")
    machine.run("systemctl", "reload", "stokerd")
    status(machine, "1 active run, 1 node running")
    file.write_text(written)

    assert pid(machine) == before


def test_a_job_that_leaves_its_session_and_environment_does_not_leave_its_group(
    machine: Machine, daemon: StokerDaemon, run: int
):
    deaf = "trap '' TERM; echo $$; while :; do sleep 1; done"
    daemon.publish_job("escape.sh", f'env -i PATH="$PATH" setsid sh -c "{deaf.replace("$", chr(92) + "$")}"')
    daemon.publish_workflow("escape", [{"name": "a", "job": "escape.sh"}])
    escaping = daemon.start_run("escape")
    escaped = wait_for(lambda: daemon.output(escaping, "a").strip(), "it has escaped")
    assert "/attempt-" in machine.run("cat", f"/proc/{escaped}/cgroup")

    daemon.http.post(f"/v1/runs/{escaping}/stop").raise_for_status()

    assert daemon.finished(escaping)["row"]["state"] == "stopped"
    assert "No such file" in machine.run("cat", f"/proc/{escaped}/cgroup", check=False)


def test_a_job_ends_with_its_true_status_after_all_of_that(machine: Machine, daemon: StokerDaemon, run: int):
    machine.path(GATE).touch()
    (node,) = daemon.finished(run)["nodes"]

    (attempt,) = node["attempts"]
    assert attempt["exit_status"] == 7
    assert attempt["cpu_seconds"] > 0
    assert not list(machine.path(UNIT).glob("attempt-*"))
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
    assert machine.run("find", "/etc", "/run", "/usr/lib/systemd", "-name", "*stoker*") == ""
    assert machine.run("cat", f"/proc/{job}/comm").strip() == "sh"
    assert machine.path("/var/lib/stoker/runlog").is_dir()
    with pytest.raises(httpx.TransportError):
        daemon.http.get("/v1/status")


def test_a_user_has_a_daemon_of_their_own_whose_attempts_have_groups_too(
    machine: Machine, tmp_path_factory: pytest.TempPathFactory
):
    machine.run("useradd", "--create-home", "alice")
    refused = as_alice(machine, str(STOKERD), "install", check=False)
    assert "A user's systemd runs from login on" in refused
    lingering = machine.run("loginctl", "enable-linger", "alice", check=False)
    if lingering:
        pytest.skip(f"no logind here: {lingering}")
    home = f"/run/user/{machine.run('id', '-u', 'alice').strip()}"
    wait_for(machine.path(f"{home}/systemd/private").exists, "alice has a systemd")

    said = as_alice(machine, str(STOKERD), "install", "--start", XDG_RUNTIME_DIR=home)

    assert "lingering is on for alice: the daemon starts with the host" in said
    daemon = StokerDaemon(tmp_path_factory.mktemp("alice"))
    daemon.http = client_of(machine.path(f"{home}/stoker/stokerd.sock"))
    daemon.publish_job("who.sh", "id -un; grep ^0:: /proc/self/cgroup")
    daemon.publish_workflow("who", [{"name": "a", "job": "who.sh"}])
    run = daemon.start_run("who")
    (node,) = daemon.finished(run)["nodes"]
    assert node["attempts"][0]["cpu_seconds"] > 0
    name, group = daemon.output(run, "a").splitlines()
    assert name == "alice"
    assert "/app.slice/stokerd.service/attempt-" in group
    as_alice(machine, str(STOKERD), "uninstall", XDG_RUNTIME_DIR=home)
    left = machine.run("find", "/home/alice", home, "-name", "*stoker*").split()
    assert left[0] == "/home/alice/.local/share/stoker"
    assert not [path for path in left if not path.startswith(left[0])]


def as_alice(machine: Machine, *command: str, check: bool = True, **environment: str) -> str:
    known = {"HOME": "/home/alice", "PYTHONPATH": str(CODE), **environment}
    return machine.run("runuser", "-u", "alice", "--", *command, check=check, **known)
