"""What the service manager hands over, and what it is told."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stoker_daemon.service.manager import Manager
from tests.harness import PATIENCE

TAKE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
from stoker_daemon.service.manager import Manager, WrongSocket
os.environ["LISTEN_PID"] = str(os.getpid())
try:
    manager = Manager.of(os.environ, os.getpid())
except WrongSocket as error:
    print(error)
else:
    print(manager.listening.getsockname(), manager.listening.get_inheritable())
"""


@pytest.fixture
def told(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        yield manager


def test_it_is_told_where_it_wants_to_be(told: socket.socket):
    Manager(told.getsockname()).tell("READY=1", "STATUS=well")

    assert told.recv(1000) == b"READY=1\nSTATUS=well"


def test_it_is_told_when_a_reload_began_by_the_clock_that_both_have(told: socket.socket):
    Manager(told.getsockname()).tell_reloading()

    reloading, at = told.recv(1000).decode().split("\n")
    assert reloading == "RELOADING=1"
    assert at.removeprefix("MONOTONIC_USEC=").isdigit()


def test_an_abstract_address_is_one():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0stoker test {os.getpid()}")
        manager.settimeout(PATIENCE)
        Manager(f"@stoker test {os.getpid()}").tell("READY=1")

        assert manager.recv(1000) == b"READY=1"


def test_one_that_is_gone_is_no_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    Manager(str(tmp_path / "gone")).tell("READY=1", "STATUS=well")

    assert "could not be told READY=1" in caplog.text


def test_without_one_there_is_nobody_to_tell_and_nothing_handed_over():
    manager = Manager.of({}, 7)
    manager.tell("READY=1")

    assert (manager.listening, manager.watchdog) == (None, None)


def test_no_job_gets_what_is_between_the_two():
    environment = {
        "PATH": "/bin",
        "NOTIFY_SOCKET": "/run/n",
        "WATCHDOG_USEC": "3000000",
        "WATCHDOG_PID": "7",
        "LISTEN_PID": "8",
        "LISTEN_FDS": "1",
        "JOURNAL_STREAM": "8:9",
        "INVOCATION_ID": "x",
    }
    manager = Manager.of(environment, 7)

    assert environment == {"PATH": "/bin"}
    assert (manager.watchdog, manager.listening) == (3.0, None)


def test_a_watchdog_of_another_process_is_none():
    assert Manager.of({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"}, 7).watchdog is None


@pytest.mark.parametrize(
    ("count", "listens", "kind", "said"),
    [
        (1, True, socket.SOCK_STREAM, "{path} False"),
        (1, False, socket.SOCK_STREAM, "needs ListenStream=/... and Accept=no"),
        (1, False, socket.SOCK_DGRAM, "needs ListenStream=/... and Accept=no"),
        (2, True, socket.SOCK_STREAM, "2 sockets were handed over, and stokerd listens on one"),
    ],
)
def test_what_is_handed_over_is_listened_on_if_it_can_be(
    tmp_path: Path, count: int, listens: bool, kind: socket.SocketKind, said: str
):
    with socket.socket(socket.AF_UNIX, kind) as handed:
        handed.bind(str(tmp_path / "s"))
        if listens:
            handed.listen()
        done = subprocess.run(
            [sys.executable, "-c", TAKE, str(handed.fileno())],
            env={**os.environ, "LISTEN_FDS": str(count)},
            pass_fds=[handed.fileno()],
            capture_output=True,
            text=True,
            check=True,
        )

    assert said.format(path=tmp_path / "s") in done.stdout
