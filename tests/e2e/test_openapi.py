"""The interface is what its OpenAPI document says: schemathesis asks a real daemon whatever the document
allows and much that it does not, and every answer must be one that the document has.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness import PATIENCE, StokerDaemon

pytestmark = pytest.mark.slow

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
ENDLESS = ("follow_events", "read_output")
"""Operations that stream; they have tests of their own, over the real socket."""

MEANING = """
[checks.positive_data_acceptance]
# What a schema allows may make no sense (422), or not now (409), or not on that revision (412, 428), or
# not be in what there is (416).
expected-statuses = ['2xx', 404, 409, 412, 416, 422, 428]

[checks.negative_data_rejection]
# A precondition that can't be read beside one that can: the other decides (412).
expected-statuses = [400, 404, 405, 409, 412, 415, 422, 428]

[parameters]
# It does not keep the quotes of the header's pattern.
"header.If-Match" = '"1"'
"""
KNOWN = """
"path.workspace" = "default"
"path.name" = "known"
"path.path" = "known.sh"
"path.run" = 1
"path.backfill" = 1
"path.node" = "a"
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    with StokerDaemon(tmp_path_factory.mktemp("openapi")) as running:
        running.publish_job("known.sh", "echo known")
        running.publish_workflow("known", [{"name": "a", "job": "known.sh"}])
        running.finished(running.start_run("known"))
        backfill = {"workflow": "known", "from": "2026-01-01", "to": "2026-01-02", "every": "1d"}
        running.http.post("/v1/workspaces/default/backfills", json=backfill).raise_for_status()
        yield running


@contextmanager
def on_loopback(socket: Path) -> Iterator[int]:
    """Give a port of this host behind which the daemon answers: schemathesis knows no Unix sockets."""

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(str(socket))
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
        except ConnectionError:
            pass  # either side may go at any moment
        finally:
            target.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(join, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


@pytest.mark.parametrize(
    ("given", "phases", "examples"),
    [("", "fuzzing", "6"), (KNOWN, "coverage,fuzzing", "3")],
    ids=["whatever the schemas allow", "of what is there, and all bounds"],
)
def test_every_answer_is_as_the_document_says_and_none_is_an_internal_error(
    daemon: StokerDaemon, tmp_path: Path, given: str, phases: str, examples: str
):
    (tmp_path / "schemathesis.toml").write_text(MEANING + given)
    excluded = [word for name in ENDLESS for word in ("--exclude-operation-id", name)]
    with on_loopback(daemon.socket) as port:
        tried = subprocess.run(
            [
                *(SCHEMATHESIS, "run", f"http://127.0.0.1:{port}/v1/openapi.json", *excluded),
                *("--phases", phases, "--checks", "all", "--max-examples", examples),
                *("--request-timeout", str(PATIENCE), "--suppress-health-check", "all"),
                *("--generation-deterministic", "--continue-on-failure", "--warnings", "off", "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert tried.returncode == 0, tried.stdout + tried.stderr
    journal = daemon.journal.read_text()
    assert "level=error" not in journal
    assert "level=critical" not in journal


def test_the_document_describes_the_streams_as_well(daemon: StokerDaemon):
    document = daemon.http.get("/v1/openapi.json").json()

    named = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}

    assert document["openapi"] == "3.1.0"
    assert set(ENDLESS) < named
