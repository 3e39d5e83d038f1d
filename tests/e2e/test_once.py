"""What is asked for twice under one Idempotency-Key is done once: at once, in turn, over a SIGKILL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.harness import StokerDaemon

SPACE = "/v1/workspaces/default"
RUNS = f"{SPACE}/runs"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    """One daemon for all: each test has keys and a workflow of its own."""
    with StokerDaemon(tmp_path_factory.mktemp("once")) as running:
        running.publish_job("known.sh", "echo known")
        yield running


@pytest.fixture
def flow(daemon: StokerDaemon, request: pytest.FixtureRequest) -> str:
    """A published workflow, and a word for keys."""
    name = request.node.name[-60:]
    daemon.publish_workflow(name, [{"name": "a", "job": "known.sh"}], overlap="parallel")
    return name


def runs_of(daemon: StokerDaemon, flow: str) -> int:
    return len(daemon.http.get(RUNS, params={"workflow": flow}).json()["items"])


def post(daemon: StokerDaemon, url: str, key: str, **body: Any) -> httpx.Response:
    return daemon.http.post(url, json=body, headers={"Idempotency-Key": key})


def test_a_request_that_comes_again_is_answered_and_not_done_again(daemon: StokerDaemon, flow: str):
    answers = [post(daemon, RUNS, f"{flow}{key}", workflow=flow) for key in (1, 1, 2)]

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    first, again, other = (answer.json()["row"]["id"] for answer in answers)
    assert (again, other) == (first, first + 1)
    assert runs_of(daemon, flow) == 2


def test_the_same_request_many_times_at_once_is_done_once(daemon: StokerDaemon, flow: str):
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda _: post(daemon, RUNS, flow, workflow=flow), range(24)))

    assert len({answer.json()["row"]["id"] for answer in answers}) == 1
    assert runs_of(daemon, flow) == 1


def test_a_key_is_remembered_over_a_kill_and_without_the_database(daemon: StokerDaemon, flow: str):
    def asked() -> int:
        return post(daemon, RUNS, flow, workflow=flow).raise_for_status().json()["row"]["id"]

    run = asked()
    daemon.finished(run)
    daemon.kill()
    daemon.start()
    assert asked() == run

    daemon.terminate()
    for file in daemon.data.glob("stoker.db*"):
        file.unlink()
    daemon.start()
    assert asked() == run
    assert runs_of(daemon, flow) == 1


def test_another_body_under_a_used_key_is_refused(daemon: StokerDaemon, flow: str):
    post(daemon, RUNS, flow, workflow=flow).raise_for_status()

    refused = post(daemon, RUNS, flow, workflow=flow, remarks="another")

    assert refused.status_code == 422
    assert refused.json()["type"] == "key-reused"
    assert f"Idempotency-Key '{flow}' was used at" in refused.json()["detail"]
    assert runs_of(daemon, flow) == 1


def test_a_key_counts_for_its_route_alone(daemon: StokerDaemon):
    daemon.publish_job("some.sh", "echo known")
    digest = daemon.http.get(f"{SPACE}/jobs/known.sh").json()["latest"]["digest"]

    versions = [
        post(daemon, f"{SPACE}/jobs/{path}/publish", "k", digest=digest).json()["version"]
        for path in ("some.sh", "other.sh", "some.sh")
    ]

    assert versions == [2, 1, 2]


def test_a_refused_request_leaves_its_key_free(daemon: StokerDaemon):
    assert post(daemon, RUNS, "free", workflow="new").status_code == 404
    daemon.publish_workflow("new", [{"name": "a", "job": "known.sh"}])

    assert post(daemon, RUNS, "free", workflow="new").status_code == 201


def test_publishing_and_stopping_again_answer_as_the_first_time(daemon: StokerDaemon):
    daemon.publish_job("slow.sh", "sleep 600")
    daemon.publish_workflow("slow", [{"name": "a", "job": "slow.sh"}])
    published = [post(daemon, f"{SPACE}/workflows/slow/publish", "p").json() for _ in range(2)]
    run = daemon.start_run("slow")
    stopped = [post(daemon, f"/v1/runs/{run}/stop", "s") for _ in range(2)]

    assert [version["version"] for version in published] == [2, 2]
    assert [answer.status_code for answer in stopped] == [202, 202]
    assert daemon.finished(run)["row"]["state"] == "stopped"
    assert post(daemon, f"/v1/runs/{run}/stop", "s").status_code == 202
    assert post(daemon, f"/v1/runs/{run}/stop", "t").status_code == 409


@pytest.mark.parametrize("key", ["", "a b", "é", "k" * 256])
def test_what_can_be_no_key_is_refused(daemon: StokerDaemon, key: str):
    refused = daemon.http.post(RUNS, json={"workflow": "none"}, headers={b"Idempotency-Key": key.encode()})

    assert refused.status_code == 400
    assert "Idempotency-Key must be" in refused.json()["detail"]
