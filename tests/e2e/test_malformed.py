"""Whatever comes over the socket, the daemon stays up, says nothing of itself, and serves the others."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness import PATIENCE, StokerDaemon

DRAFT = b"PUT /v1/workspaces/default/workflows/w HTTP/1.1\r\nhost: x\r\nif-none-match: *\r\n"
START = b"POST /v1/workspaces/default/runs HTTP/1.1\r\nhost: x\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
NESTED = b"[" * 100_000

REQUESTS = {
    "nothing": b"",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\xfc\x03\x03",
    "half a line": b"GET /v1/sta",
    "half a head": b"GET /v1/status HTTP/1.1\r\nhost: x\r\nacc",
    "half an object": b"PUT /v1/objects/%b HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx" % (b"0" * 64),
    "half a body": START + b'content-length: 100\r\n\r\n{"workflow"',
    "a head without end": b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000,
    "a huge header": b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 1_000_000 + b"\r\n\r\n",
    "a huge path": b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    "two lengths": START + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}",
    "a length that is none": START + b"content-length: -1\r\n\r\n{}",
    "a length without end": START + b"content-length: " + b"9" * 5000 + b"\r\n\r\n{}",
    "length and chunks": START + b"content-length: 2\r\n" + CHUNKED + b"2\r\n{}\r\n0\r\n\r\n",
    "a chunk of no size": START + CHUNKED + b"x\r\n{}\r\n0\r\n\r\n",
    "a chunk of a negative size": START + CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "a chunk larger than all": START + CHUNKED + b"f" * 17 + b"\r\n{}\r\n0\r\n\r\n",
    "a chunk that is shorter": START + CHUNKED + b"5\r\n{}\r\n0\r\n\r\n",
    "an unknown coding": START + b"transfer-encoding: gzip\r\n\r\n{}",
    "another version": b"GET /v1/status HTTP/7.3\r\nhost: x\r\n\r\n",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an upgrade": b"GET /v1/status HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    "bytes in a path": b"GET /v1/workspaces/%ff%00%1b/jobs HTTP/1.1\r\nhost: x\r\n\r\n",
    "bytes in a query": b"GET /v1/workspaces/default/runs?cursor=%ff&state=%00 HTTP/1.1\r\nhost: x\r\n\r\n",
    "a number without end": b"GET /v1/runs/" + b"9" * 5000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    "no UTF-8": START + b"content-length: 4\r\n\r\n\xff\xfe{}",
    "deep nesting": DRAFT + b"content-length: %d\r\n\r\n%b" % (len(NESTED), NESTED),
    "a deeply nested value": START + b'content-length: %d\r\n\r\n{"x":%b' % (len(NESTED) + 5, NESTED),
    "a fault behind another": b"GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n\x00\x00\x00",
}

PIECES = [
    *(
        b"GET ",
        b"PUT ",
        b"POST ",
        b"/v1/status",
        b"/v1/events?after=",
        b"/v1/runs/",
        b"?tail=",
        b" HTTP/1.1\r\n",
    ),
    *(b"host: x\r\n", b"content-length: ", b"range: bytes=", b"if-match: ", b"idempotency-key: ", CHUNKED),
    *(
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\0",
        b"-1",
        b"9" * 30,
        b'"',
        b"*",
        b"{}",
        b"5\r\n{}\r\n",
        b"0\r\n\r\n",
        b"%ff",
    ),
]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    with StokerDaemon(tmp_path_factory.mktemp("malformed")) as running:
        yield running


def answer(daemon: StokerDaemon, request: bytes) -> bytes:
    """Send bytes and no more, and give the beginning of what is answered until the daemon hangs up."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(daemon.socket))
        try:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            return client.recv(65536)
        except (BrokenPipeError, ConnectionResetError):
            return b""


def assert_serves(daemon: StokerDaemon, known: int) -> None:
    """Look what the journal has beyond what is ``known``: its size before."""
    assert daemon.http.get("/v1/status").json()["pid"] == daemon.pid
    said = daemon.journal.read_text()[known:]
    assert not re.search("Traceback|level=(error|critical)", said), said


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS.keys())
def test_a_request_that_is_none_is_refused_and_nobody_else_notices(daemon: StokerDaemon, request_: bytes):
    known = daemon.journal.stat().st_size
    answered = answer(daemon, request_)

    assert not answered.startswith(b"HTTP/1.1 5")
    assert b"Traceback" not in answered
    assert_serves(daemon, known)


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=20).map(b"".join))
def test_any_bytes_are_answered_or_not_and_nobody_else_notices(daemon: StokerDaemon, sent: bytes):
    known = daemon.journal.stat().st_size
    answered = answer(daemon, sent)

    assert answered == b"" or answered.startswith(b"HTTP/1.1 ")
    assert not answered.startswith(b"HTTP/1.1 5")
    assert_serves(daemon, known)
