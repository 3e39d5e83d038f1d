"""What is asked for twice under one Idempotency-Key is done once: at once, in turn, over a SIGKILL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness import StokerDaemon

SPACE = "/v1/workspaces/default"
RUNS = f"{SPACE}/runs"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[StokerDaemon]:
    with StokerDaemon(tmp_path) as running:
        running.publish_job("known.sh", "echo known")
        running.publish_workflow("known", [{"name": "a", "job": "known.sh"}])
        yield running


def post(daemon: StokerDaemon, url: str, key: str, **body: Any) -> httpx.Response:
    return daemon.http.post(url, json=body, headers={"Idempotency-Key": key})


def test_a_request_that_comes_again_is_answered_and_not_done_again(daemon: StokerDaemon):
    first = post(daemon, RUNS, "k1", workflow="known")
    again = post(daemon, RUNS, "k1", workflow="known")
    other = post(daemon, RUNS, "k2", workflow="known")

    assert [answer.status_code for answer in (first, again, other)] == [201, 201, 201]
    assert [answer.json()["row"]["id"] for answer in (first, again, other)] == [1, 1, 2]
    assert len(daemon.runs()) == 2


def test_the_same_request_many_times_at_once_is_done_once(daemon: StokerDaemon):
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda _: post(daemon, RUNS, "k", workflow="known"), range(24)))

    assert {answer.json()["row"]["id"] for answer in answers} == {1}
    assert len(daemon.runs()) == 1


def test_a_key_is_remembered_over_a_kill_and_without_the_database(daemon: StokerDaemon):
    post(daemon, RUNS, "k", workflow="known").raise_for_status()
    daemon.finished(1)
    daemon.kill()
    daemon.start()
    assert post(daemon, RUNS, "k", workflow="known").json()["row"]["id"] == 1

    daemon.terminate()
    for file in daemon.data.glob("stoker.db*"):
        file.unlink()
    daemon.start()
    assert post(daemon, RUNS, "k", workflow="known").json()["row"]["id"] == 1
    assert len(daemon.runs()) == 1


def test_another_body_under_a_used_key_is_refused(daemon: StokerDaemon):
    post(daemon, RUNS, "k", workflow="known").raise_for_status()

    refused = post(daemon, RUNS, "k", workflow="known", remarks="another")

    assert refused.status_code == 422
    assert refused.json()["type"] == "key-reused"
    assert "Idempotency-Key 'k' was used at" in refused.json()["detail"]
    assert len(daemon.runs()) == 1


def test_a_key_counts_for_its_route_alone(daemon: StokerDaemon):
    digest = daemon.http.get(f"{SPACE}/jobs/known.sh").json()["latest"]["digest"]

    versions = [
        post(daemon, f"{SPACE}/jobs/{path}/publish", "k", digest=digest).json()["version"]
        for path in ("known.sh", "other.sh", "known.sh")
    ]

    assert versions == [2, 1, 2]


def test_a_refused_request_leaves_its_key_free(daemon: StokerDaemon):
    assert post(daemon, RUNS, "k", workflow="new").status_code == 404
    daemon.publish_workflow("new", [{"name": "a", "job": "known.sh"}])

    assert post(daemon, RUNS, "k", workflow="new").status_code == 201


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
    refused = daemon.http.post(RUNS, json={"workflow": "known"}, headers={b"Idempotency-Key": key.encode()})

    assert refused.status_code == 400
    assert "Idempotency-Key must be" in refused.json()["detail"]
