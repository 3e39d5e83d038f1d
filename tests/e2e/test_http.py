"""The interface over the socket: refusals, who is asking, streams, and byte ranges."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from stoker_shared import __version__
from tests.harness import PATIENCE, StokerDaemon, wait_for

SPACE = "/v1/workspaces/default"
ME = pwd.getpwuid(os.geteuid()).pw_name

GATED = 'echo begun; while [ ! -e "$GATE" ]; do sleep 0.02; done; echo ended'
"""A job that waits until a test lets it go on."""

Events = Iterator[dict[str, Any]]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    """One daemon for the tests that leave it as it is."""
    with StokerDaemon(tmp_path_factory.mktemp("http")) as running:
        running.publish_job("known.sh", "printf 0123456789")
        running.publish_workflow("known", [{"name": "a", "job": "known.sh"}])
        save(running, "draft", [{"name": "a", "job": "missing.sh"}]).raise_for_status()
        save(running, "empty", []).raise_for_status()
        yield running


@pytest.fixture
def own_daemon(tmp_path: Path) -> Iterator[StokerDaemon]:
    """A daemon that a test may stop, with a workflow whose job waits for the test."""
    with StokerDaemon(tmp_path) as running:
        running.publish_job("job.sh", GATED, {"env": {"GATE": str(tmp_path / "gate")}})
        running.publish_workflow("flow", [{"name": "job", "job": "job.sh"}])
        yield running


def save(daemon: StokerDaemon, name: str, nodes: list[dict[str, Any]], **headers: str) -> httpx.Response:
    """Save a new draft."""
    condition = {"If-None-Match": "*"} | headers
    return daemon.http.put(
        f"{SPACE}/workflows/{quote(name, safe='')}",
        json={"workflow": name, "nodes": nodes},
        headers=condition,
    )


def seq(daemon: StokerDaemon) -> int:
    return daemon.http.get("/v1/status").json()["seq"]


def kept(daemon: StokerDaemon) -> list[object]:
    """Give all that a refused request must leave as it is."""
    lists = [daemon.http.get(f"{SPACE}/{kind}").json() for kind in ("jobs", "workflows", "runs")]
    return [seq(daemon), *lists]


# Refusals.


def refused(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Check that an answer is a problem whose texts are safe to print, and give it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "detail"} <= problem.keys()
    assert problem["status"] == status
    texts = [problem["detail"], *(text for fault in problem.get("errors", []) for text in fault.values())]
    assert all(text.isprintable() for text in texts), texts
    return problem


def spec(**fields: Any) -> dict[str, Any]:
    return {"json": {"workflow": "new", **fields}, "headers": {"If-None-Match": "*"}}


def known(**headers: str) -> dict[str, Any]:
    return {"json": {"workflow": "known"}, "headers": headers}


def nodes(**upstream: list[str]) -> list[dict[str, Any]]:
    return [{"name": name, "job": "known.sh", "upstream": above} for name, above in upstream.items()]


NEW, KNOWN = f"PUT {SPACE}/workflows/new", f"PUT {SPACE}/workflows/known"
PUBLISH_JOB, START = f"POST {SPACE}/jobs/new.sh/publish", f"POST {SPACE}/runs"
NO_OBJECT = {"json": {"digest": "0" * 64}}

REFUSALS: list[tuple[str, dict[str, Any], int, str]] = [
    # What can't be read.
    ("GET /v1/nothing", {}, 404, "GET '/v1/nothing': Not Found"),
    ("GET /v1/%1b%5b31mred", {}, 404, "Not Found"),
    ("DELETE /v1/status", {}, 405, "Method Not Allowed"),
    (NEW, {"content": b"{"}, 400, "the body is not JSON"),
    (NEW, {"content": b""}, 400, "the body is not JSON"),
    (NEW, {"content": b'{"workflow":"\xff"}'}, 400, "the body is not JSON"),
    (NEW, {"content": b'{"workflow":"\\ud800"}'}, 400, "the body is not JSON"),
    (NEW, {"content": b" " * (16 * 1024 * 1024 + 1)}, 413, "at most"),
    (NEW, spec(nodez=[]), 422, "/nodez: unknown field 'nodez'; did you mean 'nodes'?"),
    (NEW, spec(**{"\x1b[2J": 1}), 422, "unknown field '␛[2J'; known are workflow, nodes"),
    (NEW, spec(retries="2"), 422, "/retries: expected `int`, got `str`"),
    (START, {"json": {"workflow": "known", "cycel": ""}}, 422, "did you mean 'cycle'?"),
    ("GET /v1/runs/one", {}, 400, "run: expected `int`, got `str`"),
    (f"GET {SPACE}/runs?limit=0", {}, 400, "limit: expected `int` >= 1"),
    (f"GET {SPACE}/runs?state=done", {}, 400, "state: unknown value 'done'; known are pending, running"),
    (f"GET {SPACE}/workflows/known?version=²", {}, 400, "version: expected `int`, got `str`"),
    ("GET /v1/events?after=-1", {}, 400, "after: expected `int` >= 0"),
    # What is not there.
    ("GET /v1/runs/999999", {}, 404, "there is no run #999999"),
    (f"GET {SPACE}/jobs/knwon.sh", {}, 404, "there is no job 'knwon.sh' in 'default'; did you mean"),
    (f"GET {SPACE}/workflows/known?version=2", {}, 404, "'known' has no version 2; its latest is 1"),
    (START, {"json": {"workflow": "knwon"}}, 404, "there is no workflow 'knwon'"),
    (f"POST {SPACE}/workflows/new/publish", {"json": {}}, 404, "there is no workflow 'new'"),
    # Content and jobs.
    ("PUT /v1/objects/ABC", {"content": b"a"}, 400, "digest: expected `str` matching regex '^[0-9a-f]{64}$'"),
    (f"PUT /v1/objects/{'0' * 64}", {"content": b"a"}, 422, "the content's SHA-256 is ca978112ca1bb"),
    (PUBLISH_JOB, NO_OBJECT, 422, "is stored; send the content first"),
    (PUBLISH_JOB, {"json": {"digest": "../runlog"}}, 422, "/digest: expected `str` matching"),
    (
        f"POST {SPACE}/jobs/new.rb/publish",
        NO_OBJECT,
        422,
        "must end in one of .py, .sql, .jar, .ipynb, .sh, .submit",
    ),
    # Drafts.
    (KNOWN, known(), 428, "say which draft of 'known' this replaces"),
    (KNOWN, known(**{"If-Match": '"7"'}), 412, "the draft of 'known' is at revision 1, saved by"),
    (KNOWN, known(**{"If-None-Match": "*"}), 412, "is at revision 1"),
    (KNOWN, known(**{"If-Match": "W/\x7f"}), 400, "If-Match must be the ETag of a draft"),
    (NEW, {"json": {"workflow": "new"}, "headers": {"If-Match": '"1"'}}, 412, "no draft of 'new' any more"),
    (NEW, spec(workflow="other"), 422, "the definition is of 'other', not of 'new'"),
    (NEW, spec(nodes=nodes(a=["c"], b=["a"], c=["b"], d=[])), 422, "in a cycle: a -> b -> c -> a"),
    (NEW, spec(nodes=nodes(a=["a"])), 422, "in a cycle: a -> a"),
    (NEW, spec(nodes=nodes(load=[], report=["laod"])), 422, "there is no node 'laod'; did you mean 'load'?"),
    (NEW, spec(nodes=nodes(a=[]) * 2), 422, "2 nodes have the name 'a'"),
    (NEW, spec(retries=-1), 422, "/retries must be from 0 to 100"),
    (NEW, spec(variables={"ds": "x"}), 422, "/variables/ds 'ds' is built in and cannot be set"),
    (f"POST {SPACE}/workflows/draft/publish", {"json": {}}, 422, "/nodes/0/job job 'missing.sh' is not"),
    (f"POST {SPACE}/workflows/empty/publish", {"json": {}}, 422, "needs at least one node"),
    # Versions, and names.
    (f"GET {SPACE}/workflows/known?revision=7", {}, 404, "no draft 7 of 'known' is kept; there are 1 to 1"),
    (f"GET {SPACE}/workflows/known?version=1&revision=1", {}, 422, "not for both"),
    (f"GET {SPACE}/workflows/known/diff?from=2", {}, 404, "'known' has no version 2; its latest is 1"),
    (f"GET {SPACE}/workflows/known/diff?from=drift", {}, 400, "from: expected `str` matching"),
    (f"POST {SPACE}/workflows/known/rollback", {"json": {"version": 2}}, 404, "has no version 2"),
    (f"POST {SPACE}/workflows/draft/rollback", {"json": {"version": 1}}, 409, "has not been published"),
    (
        f"POST {SPACE}/workflows/known/clone",
        {"json": {"name": "a/b"}},
        422,
        "/name 'a/b' is not a valid name",
    ),
    (
        f"POST {SPACE}/workflows/known/clone",
        {"json": {"name": "draft"}},
        409,
        "a workflow 'draft' in 'default'",
    ),
    (f"POST {SPACE}/workflows/known/rename", {"json": {"name": "draft"}}, 409, "choose another name"),
    (f"POST {SPACE}/workflows/knwon/rename", {"json": {"name": "x"}}, 404, "did you mean 'known'?"),
    (f"DELETE {SPACE}/workflows/knwon", {}, 404, "did you mean 'known'?"),
    # Runs.
    (START, {"json": {"workflow": "draft"}}, 409, "'draft' has not been published; publish it first"),
    (START, {"json": {"workflow": "known", "cycle": "soon"}}, 422, "'soon' is not a time"),
    (START, {"json": {"workflow": "known", "variables": {"a b": ""}}}, 422, "'a b' is not a name"),
    ("POST /v1/runs/999999/stop", {}, 404, "there is no run #999999"),
]


@pytest.mark.parametrize(
    ("request_line", "content", "status", "words"),
    REFUSALS,
    ids=[f"{line.removeprefix(SPACE)} {status} {words}" for line, _, status, words in REFUSALS],
)
def test_what_is_refused_is_a_problem_that_says_why_and_changes_nothing(
    daemon: StokerDaemon, request_line: str, content: dict[str, Any], status: int, words: str
):
    before = kept(daemon)
    method, path = request_line.split(" ", 1)
    problem = refused(daemon.http.request(method, path, **content), status)
    said = [
        problem["detail"],
        *(f"{fault['pointer']} {fault['detail']}" for fault in problem.get("errors", [])),
    ]
    assert any(words in text for text in said), said
    assert kept(daemon) == before


def test_a_stale_write_is_answered_with_the_draft_there_is(daemon: StokerDaemon):
    problem = refused(daemon.http.put(f"{SPACE}/workflows/known", **known(**{"If-Match": '"7"'})), 412)

    assert problem["current"] == daemon.http.get(f"{SPACE}/workflows/known").json()
    assert "current" not in refused(save(daemon, "new", [], **{"If-Match": '"1"', "If-None-Match": ""}), 412)


def test_a_client_of_another_version_of_the_interface_is_told(daemon: StokerDaemon):
    problem = refused(daemon.http.get("/v1/status", headers={"Stoker-API": "9"}), 400)

    assert problem["type"] == "api-version"
    assert problem["detail"] == (
        "this stokerd speaks version 1 of its interface, the client '9'; the daemon is the older one: "
        "update and restart it, its jobs go on; or use the client of its release"
    )
    assert daemon.http.get("/v1/status", headers={"Stoker-API": "1"}).headers["stoker-api"] == "1"


def test_a_method_that_a_path_does_not_know_is_told_which_it_does(daemon: StokerDaemon):
    answer = daemon.http.patch(f"{SPACE}/workflows/known")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PUT, DELETE")


def test_every_answer_says_the_position_it_is_true_at_and_which_is_on_disk(daemon: StokerDaemon):
    lists = [f"{SPACE}/{kind}" for kind in ("jobs", "workflows", "runs", "jobs/known.sh", "workflows/known")]
    answers = [daemon.http.get(url) for url in ["/v1/status", *lists]]

    assert {int(answer.headers["stoker-seq"]) for answer in answers} == {seq(daemon)}


def test_a_list_is_given_in_pages_that_a_cursor_joins(daemon: StokerDaemon):
    for name in ("b", "c", "d", "e"):
        save(daemon, f"paged {name}", []).raise_for_status()
    whole = [row["name"] for row in daemon.http.get(f"{SPACE}/workflows").json()["items"]]

    pages: list[list[str]] = []
    query: dict[str, str] | None = {"limit": "2"}
    while query:
        page = daemon.http.get(f"{SPACE}/workflows", params=query).json()
        pages.append([row["name"] for row in page["items"]])
        query = {"limit": "2", "cursor": page["next"]} if "next" in page else None

    assert [name for names in pages for name in names] == whole == sorted(whole)
    assert all(len(names) == 2 for names in pages[:-1])


def test_figures_are_given_to_prometheus(daemon: StokerDaemon):
    daemon.finished(daemon.start_run("known"))

    answer = daemon.http.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = list(text_string_to_metric_families(answer.text))
    found = {
        (sample.name, *(value for key, value in sample.labels.items() if key != "le")): sample.value
        for family in families
        for sample in family.samples
    }
    assert found["stoker_build_info", __version__] == 1
    assert found["stoker_runs_finished_total", "succeeded", "manual"] >= 1
    assert found["stoker_attempts_finished_total", "succeeded"] >= 1
    assert found["stoker_events_total", "run.finished"] >= 1
    assert (
        found["stoker_queue_used_cu", "root_queue"] == found["stoker_queue_waiting_nodes", "root_queue"] == 0
    )
    assert found["stoker_queue_limit_cu", "root_queue"] == 1000
    assert found["stoker_active_runs", "paused", "schedule"] == 0
    assert found["stoker_node_wait_seconds_count", "root_queue"] >= 1
    assert found["stoker_log_sync_seconds_count",] >= 1
    assert found["stoker_http_request_duration_seconds_count", "GET", "answered", "/v1/runs/{run}"] >= 1
    assert found["stoker_draining",] == found["stoker_held",] == found["stoker_disk_low",] == 0
    assert found["stoker_process_resident_memory_bytes",] > 0
    assert found["stoker_process_open_fds",] > 0
    labels = {label for family in families for sample in family.samples for label in sample.labels}
    bounded = {"le", "method", "outcome", "queue", "route", "state", "trigger", "type", "version"}
    assert labels == bounded


def test_large_content_takes_no_memory(daemon: StokerDaemon):
    def peak() -> int:
        status = Path(f"/proc/{daemon.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])

    chunks = [bytes([number]) * 1_000_000 for number in range(200)]
    digest = sha256(b"".join(chunks)).hexdigest()
    before = peak()
    stored = daemon.http.put(f"/v1/objects/{digest}", content=iter(chunks))

    assert (stored.status_code, stored.json()["size"]) == (201, 200_000_000)
    assert peak() - before < 32_000  # KiB


def test_content_that_is_not_what_its_digest_says_is_not_stored(daemon: StokerDaemon):
    digest = "0" * 64
    refused(daemon.http.put(f"/v1/objects/{digest}", content=b"a" * 1_000_000), 422)
    refused(daemon.http.post(f"{SPACE}/jobs/new.sh/publish", json={"digest": digest}), 422)
    assert not [path for path in (daemon.data / "objects").iterdir() if path.stat().st_size == 1_000_000]


BAD_NAMES = ["../x", "..", "a/b", "\x1b[31mred", "\x9b2J", "a\u202eb", "n" * 65, " x", "e\u0301"]


@pytest.mark.parametrize("name", BAD_NAMES, ids=map(ascii, BAD_NAMES))
def test_a_name_that_could_do_harm_is_refused_wherever_it_is_given(daemon: StokerDaemon, name: str):
    before = kept(daemon)
    quoted = quote(name, safe="").replace(".", "%2E")
    refused(save(daemon, "new", [{"name": name, "job": "known.sh"}]), 422)
    assert save(daemon, name, []).status_code in (404, 422)
    for url in (f"{SPACE}/jobs/{quoted}/publish", f"/v1/workspaces/{quoted}/jobs/a.sh/publish"):
        answer = daemon.http.post(url, json={"digest": sha256(b"printf 0123456789").hexdigest()})
        refused(answer, answer.status_code)
        assert answer.status_code in (404, 422)
    refused(daemon.http.post(f"{SPACE}/runs", json={"workflow": name}), 404)
    refused(daemon.http.get(f"{SPACE}/workflows/{quoted}"), 404)
    refused(daemon.http.get(f"{SPACE}/jobs/{quoted}"), 404)
    assert kept(daemon) == before


# Who is asking.


def test_only_the_user_may_connect_and_the_kernel_says_who_it_is(daemon: StokerDaemon):
    assert daemon.socket.stat().st_mode & 0o777 == 0o600
    claimed = daemon.http.get(f"{SPACE}/jobs/known.sh", headers={"X-Forwarded-For": "alice"}).json()
    draft = daemon.http.get(f"{SPACE}/workflows/known").json()
    run = daemon.run(daemon.start_run("known"))
    assert (claimed["latest"]["by"], draft["row"]["saved_by"], run["row"]["by"]) == (ME, ME, ME)
    with events(daemon, 0) as stream:
        assert next(event["by"] for event in stream if event["type"] == "job.published") == ME


# Events.


@contextmanager
def events(daemon: StokerDaemon, after: int) -> Iterator[Events]:
    """Open the stream of events."""
    with daemon.http.stream("GET", "/v1/events", params={"after": after}) as stream:
        assert stream.status_code == 200
        assert stream.headers["content-type"] == "application/x-ndjson"
        yield (event for event in map(json.loads, lines(stream)) if event["type"] != "heartbeat")


def lines(stream: httpx.Response) -> Iterator[bytes]:
    rest = b""
    for chunk in stream.iter_raw():
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    assert rest == b""


def without_heartbeats(read: bytes) -> bytes:
    return b"".join(line for line in read.splitlines(keepends=True) if b'"heartbeat"' not in line)


def publish(daemon: StokerDaemon, count: int, remarks: str = "") -> None:
    """Make as many events."""
    digest = sha256(b"printf 0123456789").hexdigest()
    for _ in range(count):
        request = {"digest": digest, "remarks": remarks}
        daemon.http.post(f"{SPACE}/jobs/noise.sh/publish", json=request).raise_for_status()


def test_a_stream_of_events_is_resumed_without_a_gap(daemon: StokerDaemon):
    start = seq(daemon)
    with events(daemon, start) as stream:
        publish(daemon, 3)
        first = [event["seq"] for event in islice(stream, 3)]
    publish(daemon, 2)
    with events(daemon, first[-1]) as stream:
        then = [event["seq"] for event in islice(stream, 2)]
        publish(daemon, 2)
        live = [event["seq"] for event in islice(stream, 2)]
    assert first + then + live == list(range(start + 1, start + 8))


def test_the_events_are_the_lines_of_the_run_log(daemon: StokerDaemon):
    publish(daemon, 2, remarks="a line\u2028separator")
    end = seq(daemon)
    with daemon.http.stream("GET", "/v1/events") as stream:
        streamed = list(islice(lines(stream), end))
    log = b"".join(path.read_bytes() for path in sorted((daemon.data / "runlog").glob("*.jsonl")))
    logged = [line for line in log.split(b"\n") if line.startswith(b'{"seq":')]
    assert streamed == logged[:end]


def test_a_position_beyond_the_end_is_gone(daemon: StokerDaemon):
    end = seq(daemon)
    problem = refused(daemon.http.get("/v1/events", params={"after": end + 1000}), 410)
    assert f"the log is kept from position 0 to {end}" in problem["detail"]
    assert problem["oldest"] == 0


def test_a_position_of_another_log_is_gone(daemon: StokerDaemon):
    log = daemon.http.get("/v1/status").json()["log"]
    problem = refused(daemon.http.get("/v1/events", params={"after": 1, "log": "another"}), 410)

    assert (problem["log"], problem["oldest"]) == (log, 0)
    with daemon.http.stream("GET", "/v1/events", params={"after": 1, "log": log}) as stream:
        assert stream.status_code == 200


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_readers_that_vanish_leave_nothing_behind_and_disturb_nobody(own_daemon: StokerDaemon):
    run = own_daemon.start_run("flow")
    wait_for(lambda: output(own_daemon, run), "the job runs")
    with events(own_daemon, 0) as steady:
        next(steady)
        before = open_files(own_daemon.pid)
        with ExitStack() as vanishing:
            for _ in range(5):
                next(vanishing.enter_context(events(own_daemon, 0)))
                vanishing.enter_context(follow(own_daemon, run))
            assert open_files(own_daemon.pid) > before
        wait_for(lambda: open_files(own_daemon.pid) <= before, "all is closed")
        end = seq(own_daemon)
        publish_known(own_daemon)
        assert any(event["seq"] == end + 1 for event in steady)


def test_a_reader_that_stalls_holds_up_nobody_not_even_the_daemons_end(own_daemon: StokerDaemon):
    start = seq(own_daemon)
    with events(own_daemon, start) as stalled, events(own_daemon, start) as steady:
        publish_known(own_daemon, 40, "x" * 200_000)
        seen = [event["seq"] for event in islice(steady, 40)]
        assert seen == list(range(start + 1, start + 41))
        own_daemon.http.get("/v1/status").raise_for_status()
        assert own_daemon.terminate() == 0
        with pytest.raises(httpx.TransportError):
            list(stalled)


async def test_200_at_once_see_every_event_and_all_output(own_daemon: StokerDaemon, tmp_path: Path):
    start = seq(own_daemon)
    run = own_daemon.start_run("flow")
    wait_for(lambda: output(own_daemon, run), "the job runs")
    begun = [asyncio.Event() for _ in range(400)]

    async def whole(url: str, number: int) -> bytes:
        read = b""
        async with client.stream("GET", url) as stream:
            async for chunk in stream.aiter_raw():
                begun[number].set()
                read += chunk
                if b"run.finished" in read:
                    break
        return read

    many = httpx.Limits(max_connections=None)
    transport = httpx.AsyncHTTPTransport(uds=str(own_daemon.socket), limits=many)
    async with httpx.AsyncClient(transport=transport, base_url="http://stokerd", timeout=PATIENCE) as client:
        urls = [f"/v1/events?after={start}"] * 200 + [f"{log_url(run, 'job')}?follow=true"] * 200
        reads = [asyncio.create_task(whole(url, number)) for number, url in enumerate(urls)]
        await asyncio.gather(*(event.wait() for event in begun))
        (tmp_path / "gate").touch()
        seen = await asyncio.gather(*reads)

    events_seen, outputs = {without_heartbeats(read) for read in seen[:200]}, set(seen[200:])
    assert outputs == {b"begun\nended\n"}
    assert [json.loads(line)["seq"] for line in min(events_seen).splitlines()] == list(
        range(start + 1, seq(own_daemon) + 1)
    )
    assert len(events_seen) == 1


def test_streams_end_when_the_daemon_does(own_daemon: StokerDaemon):
    run = own_daemon.start_run("flow")
    wait_for(lambda: output(own_daemon, run), "the job runs")
    with events(own_daemon, 0) as steady, follow(own_daemon, run) as followed:
        next(steady)
        assert own_daemon.terminate() == 0
        # They end whole: they are not cut off by the server, which has lost its patience.
        list(steady)
        assert b"".join(followed.iter_raw()) == b"begun\n"


def publish_known(daemon: StokerDaemon, count: int = 1, remarks: str = "") -> None:
    daemon.publish_job("noise.sh", "printf 0123456789")
    publish(daemon, count - 1, remarks)


# Output.


def log_url(run: int, node: str) -> str:
    return f"/v1/runs/{run}/nodes/{node}/attempts/1/logs/stdout"


def output(daemon: StokerDaemon, run: int, node: str = "job") -> bytes:
    return daemon.http.get(log_url(run, node)).content if daemon.node(run, node).get("attempts") else b""


@contextmanager
def follow(daemon: StokerDaemon, run: int, offset: int = 0) -> Iterator[httpx.Response]:
    asked: dict[str, str | int] = {"follow": "true", "offset": offset}
    with daemon.http.stream("GET", log_url(run, "job"), params=asked) as stream:
        assert stream.status_code == 200
        yield stream


def test_a_followed_log_grows_with_the_job_and_ends_with_it(own_daemon: StokerDaemon, tmp_path: Path):
    run = own_daemon.start_run("flow")
    wait_for(lambda: output(own_daemon, run), "the job runs")
    with follow(own_daemon, run) as whole, follow(own_daemon, run, offset=3) as part:
        chunks = whole.iter_raw()
        assert next(chunks) == b"begun\n"
        (tmp_path / "gate").touch()
        assert b"".join(chunks) == b"ended\n"
        assert b"".join(part.iter_raw()) == b"un\nended\n"
    with follow(own_daemon, run) as late:
        assert b"".join(late.iter_raw()) == b"begun\nended\n"


@pytest.fixture(scope="module")
def ranged(daemon: StokerDaemon) -> Callable[[str], httpx.Response]:
    """Ask for a range of the ten bytes that a job wrote."""
    run = daemon.start_run("known")
    daemon.finished(run)
    return lambda asked: daemon.http.get(log_url(run, "a"), headers={"Range": asked} if asked else {})


@pytest.mark.parametrize(
    ("asked", "given", "place"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_byte_range_of_output_is_given(
    ranged: Callable[[str], httpx.Response], asked: str, given: bytes, place: str
):
    answer = ranged(asked)
    assert (answer.status_code, answer.content, answer.headers["content-range"]) == (206, given, place)


@pytest.mark.parametrize("asked", ["", "lines=2-4"])
def test_without_a_range_of_bytes_output_is_given_whole(ranged: Callable[[str], httpx.Response], asked: str):
    answer = ranged(asked)
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (
        200,
        b"0123456789",
        "10",
    )
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(ranged: Callable[[str], httpx.Response], asked: str):
    assert "is not a range of these 10 bytes" in refused(ranged(asked), 416)["detail"]
