"""The client and a daemon that is gone before it answers: a fake, to be gone at the right time."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stoker_shared import api
from stoker_tui.client import Client, NotStoker, Unreachable
from tests.harness import PATIENCE

BODY = b'{"version":7,"digest":"00","at":"2026-11-22T01:00:00Z","by":"ann"}'
ANSWER = b"HTTP/1.1 201 Created\r\nStoker-API: 1\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


@contextmanager
def answering(path: Path, *answers: bytes) -> Iterator[list[bytes]]:
    """Take as many requests, one a connection, answer each with those bytes, and give what was asked."""
    requests: list[bytes] = []

    def serve() -> None:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            listening.listen()
            listening.settimeout(PATIENCE)
            ready.set()
            for answer in answers:
                connection, _ = listening.accept()
                with connection:
                    requests.append(connection.recv(65536))
                    connection.sendall(answer)

    ready = threading.Event()
    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait()
    yield requests
    thread.join()


def keys(requests: list[bytes]) -> list[bytes]:
    return [match[1] for match in re.finditer(rb"(?i)idempotency-key: (\w+)", b"".join(requests))]


def test_a_change_whose_answer_was_lost_is_asked_for_again_under_the_same_key(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with answering(path, b"", b"HTTP/1.1 201", ANSWER) as requests:
        assert Client(path).publish_workflow("flow", "").version == 7

    assert len(requests) == len(keys(requests)) == 3
    assert len(set(keys(requests))) == 1


def test_a_file_whose_content_is_stored_already_costs_one_look(tmp_path: Path) -> None:
    (tmp_path / "job.jar").write_bytes(b"content")
    with answering(
        tmp_path / "s", b"HTTP/1.1 200 OK\r\nStoker-API: 1\r\nContent-Length: 7\r\n\r\n"
    ) as requests:
        digest = Client(tmp_path / "s").send(tmp_path / "job.jar")

    assert [request.split(b" HTTP")[0] for request in requests] == [f"HEAD /v1/objects/{digest}".encode()]


def test_where_nobody_listens_that_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="no stokerd answers") as raised:
        Client(tmp_path / "s").start_run(api.StartRun(workflow="flow"))

    assert not raised.value.sent


@pytest.mark.parametrize(
    ("spoken", "told"),
    [
        (b"2", "it speaks version 2 of the interface, and this client 1; the client is the older one"),
        (b"0", "it speaks version 0 of the interface, and this client 1; the daemon is the older one"),
    ],
)
def test_a_daemon_of_another_version_of_the_interface_is_told(
    tmp_path: Path, spoken: bytes, told: str
) -> None:
    other = ANSWER.replace(b"Stoker-API: 1", b"Stoker-API: " + spoken)
    with answering(tmp_path / "s", other), pytest.raises(NotStoker, match=told):
        Client(tmp_path / "s").status()
