"""Queues, over HTTP and by the command, with real jobs in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import StokerDaemon, wait_for

HOLD = 'while [ ! -e "$GATE" ]; do sleep 0.02; done\n'
"""A job that runs until the test lets it go on."""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    with StokerDaemon(tmp_path_factory.mktemp("queues"), {"STOKER_STOP_GRACE": "0.5"}) as running:
        running.publish_job("say.sh", "echo said\n")
        running.publish_job("big.py", "print(1)\n", {"driver_cores": 9})
        yield running


@pytest.fixture
def gate(daemon: StokerDaemon, tmp_path: Path) -> Path:
    """The file that lets ``hold.sh`` go on."""
    gate = tmp_path / "gate"
    daemon.publish_job("hold.sh", HOLD, {"env": {"GATE": str(gate)}})
    return gate


def waits(daemon: StokerDaemon, run: int, node: str) -> str:
    return daemon.node(run, node).get("waiting", "")


def refused(daemon: StokerDaemon, method: str, path: str, status: int, body: Any = None) -> str:
    """Give all that a refusal says."""
    answer = daemon.http.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    return "\n".join([problem["detail"], *(fault["detail"] for fault in problem.get("errors", []))])


def test_two_queues_are_there_from_the_start_as_large_as_the_host_and_can_not_be_deleted(tmp_path: Path):
    with StokerDaemon(tmp_path, wide_queues=False) as daemon:
        queues = {queue["name"]: queue for queue in daemon.http.get("/v1/queues").json()["items"]}

        environments = {name: queue["spec"]["environment"] for name, queue in queues.items()}
        assert environments == {"root_queue": "production", "dev_queue": "development"}
        assert min(queue["spec"]["limit"] for queue in queues.values()) >= 1
        for name in queues:
            said = refused(daemon, "DELETE", f"/v1/queues/{name}", 409)
            assert said == f"queue {name} can't be deleted: it is there from the start"


def test_no_more_runs_in_a_queue_than_it_allows_and_what_waits_says_what_holds_it(
    daemon: StokerDaemon, gate: Path
):
    daemon.set_queue("narrow", limit=2)
    nodes = [{"name": name, "job": "hold.sh"} for name in "abc"]
    daemon.publish_workflow("narrow", nodes, queue="narrow")
    run = daemon.start_run("narrow")
    wait_for(lambda: daemon.http.get("/v1/queues/narrow").json()["active"] == 2, "two nodes are active")

    queue = daemon.http.get("/v1/queues/narrow").json()
    assert (queue["cu"], queue["waiting"]) == (2, 1)
    assert [node["node"] for node in queue["holding"]] == ["a", "b"]
    assert queue["next"] == [{"run": run, "workflow": "narrow", "node": "c", "cu": 1}]
    waiting = waits(daemon, run, "c")
    assert waiting.startswith(f"queue narrow is full (needs 1 CU, 0 free; #{run}/a runs since ")
    assert waiting in daemon.run_stoker("show", str(run)).stdout
    assert "waiting" not in daemon.node(run, "a")

    daemon.set_queue("narrow", limit=3)
    wait_for(lambda: daemon.node(run, "c")["state"] == "running", "room in the queue is used")
    daemon.set_queue("narrow", limit=1)
    assert [daemon.node(run, name)["state"] for name in "abc"] == ["running"] * 3
    gate.touch()
    assert daemon.finished(run)["row"]["state"] == "succeeded"


def test_a_run_is_started_in_another_queue_and_nodes_with_their_own_keep_it(daemon: StokerDaemon, gate: Path):
    daemon.set_queue("night", limit=4)
    daemon.set_queue("own", limit=4)
    nodes = [{"name": "a", "job": "say.sh"}, {"name": "b", "job": "say.sh", "queue": "own"}]
    daemon.publish_workflow("moved", nodes)

    started = daemon.run_stoker("run", "moved", "--queue", "night", "--wait", "--json")
    run = json.loads(started.stdout)
    assert [node["queue"] for node in run["nodes"]] == ["night", "own"]

    wrong = daemon.run_stoker("run", "moved", "--queue", "nigth")
    assert wrong.returncode == 4
    assert "there is no queue 'nigth'; did you mean 'night'?" in wrong.stderr


def test_a_node_that_can_never_fit_is_refused_at_publish_and_at_start(daemon: StokerDaemon):
    daemon.set_queue("small", limit=4)
    url = "/v1/workspaces/default/workflows/large"
    spec = {"workflow": "large", "queue": "small", "nodes": [{"name": "huge", "job": "big.py"}]}
    daemon.http.put(url, json=spec, headers={"If-None-Match": "*"}).raise_for_status()
    why = "node 'huge' needs 9 CU, and queue small has only 4"
    assert why in refused(daemon, "POST", f"{url}/publish", 422, {})

    daemon.set_queue("small", limit=9)
    daemon.http.post(f"{url}/publish", json={}).raise_for_status()
    daemon.set_queue("small", limit=4)
    assert why in refused(daemon, "POST", "/v1/workspaces/default/runs", 422, {"workflow": "large"})
    said = refused(
        daemon, "POST", "/v1/workspaces/default/runs", 422, {"workflow": "large", "queue": "dev_queue"}
    )
    assert "node 'huge' needs a queue for production, and dev_queue is for development" in said


def test_a_queue_in_use_is_not_deleted_and_the_refusal_names_what_uses_it(daemon: StokerDaemon, gate: Path):
    daemon.set_queue("busy", limit=4)
    daemon.set_queue("lent", limit=4)
    daemon.publish_workflow("user", [{"name": "a", "job": "hold.sh"}], queue="busy")
    run = daemon.start_run("user", queue="lent")

    assert "workflow user use" in refused(daemon, "DELETE", "/v1/queues/busy", 409)
    assert f"run #{run} use" in refused(daemon, "DELETE", "/v1/queues/lent", 409)
    assert "did you mean 'lent'?" in refused(daemon, "DELETE", "/v1/queues/lant", 404)

    gate.touch()
    daemon.finished(run)
    assert daemon.http.delete("/v1/queues/lent").status_code == 200
    assert daemon.http.get("/v1/queues/lent").status_code == 404


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"limit": 0}, "must be from 1"),
        ({"master": "yarnn"}, "must be local[*], spark://HOST:PORT, yarn or k8s://URL"),
        ({"deploy_mode": "cluster"}, "must be client where the master is local[*]"),
        ({"conf": {"spark.master": "yarn"}}, "is set by the queue's own master"),
        ({"conf": {"fs.defaultFS": "x"}}, "must begin with spark."),
        ({"env": {"A B": "x"}}, "must be letters, digits and _"),
        ({"spark_home": "opt"}, "must be an absolute path"),
        ({"limits": 4}, "limit"),
    ],
)
def test_what_a_queue_can_not_be_is_refused(daemon: StokerDaemon, spec: dict[str, Any], words: str):
    assert words in refused(daemon, "PUT", "/v1/queues/wrong", 422, spec)
    assert daemon.http.get("/v1/queues/wrong").status_code == 404


def test_the_environment_of_a_queue_reaches_its_jobs_under_their_own(daemon: StokerDaemon):
    daemon.set_queue("with_env", env={"WHERE": "the queue of ${ds}", "WHO": "queue"})
    daemon.publish_job("env.sh", 'echo "$WHERE, $WHO"\n', {"env": {"WHO": "job"}})
    daemon.publish_workflow("env", [{"name": "a", "job": "env.sh"}], queue="with_env")

    run = daemon.start_run("env", cycle="2013-01-15")

    daemon.finished(run)
    assert daemon.output(run, "a") == "the queue of 2013-01-15, job\n"


def test_a_later_run_waits_for_the_earlier_one_unless_its_workflow_says_otherwise(
    daemon: StokerDaemon, gate: Path
):
    nodes = [{"name": "a", "job": "hold.sh"}]
    daemon.publish_workflow("overlapping", nodes)
    first, second = daemon.start_run("overlapping"), daemon.start_run("overlapping")
    assert waits(daemon, second, "a") == f"run #{first} goes first (overlap wait)"

    daemon.publish_workflow("overlapping", nodes, overlap="skip")
    said = refused(daemon, "POST", "/v1/workspaces/default/runs", 409, {"workflow": "overlapping"})
    assert f"run #{first} of 'overlapping' is active" in said

    daemon.publish_workflow("overlapping", nodes, overlap="parallel")
    third = daemon.start_run("overlapping")
    wait_for(lambda: daemon.node(third, "a")["state"] == "running", "the third runs beside the first")

    gate.touch()
    ends = [daemon.finished(run)["row"] for run in (first, second, third)]
    assert [end["state"] for end in ends] == ["succeeded"] * 3
    assert ends[0]["ended_at"] <= ends[1]["started_at"]


def test_queues_are_made_changed_shown_and_deleted_by_the_command(daemon: StokerDaemon):
    made = daemon.run_stoker(
        *("queue", "set", "cluster", "--limit", "40", "--nodes", "8", "--master", "yarn"),
        *("--deploy-mode", "cluster", "--conf", "spark.yarn.queue=night", "--proxy-user", "etl"),
    )
    assert made.stdout.splitlines() == [
        "queue cluster, for both: 0/40 CU and 0/8 nodes active, 0 waiting",
        "  master: yarn",
        "  deploy mode: cluster",
        "  proxy user: etl",
        "  spark.yarn.queue: night",
    ]
    changed = daemon.run_stoker(
        *("queue", "set", "cluster", "--nodes", "none", "--conf", "spark.yarn.queue=", "--env", "A=b")
    )
    assert changed.returncode == 0, changed.stderr
    spec = json.loads(daemon.run_stoker("queue", "show", "cluster", "--json").stdout)["spec"]
    assert (spec["limit"], spec["master"], spec["env"]) == (40, "yarn", {"A": "b"})
    assert "nodes" not in spec
    assert "conf" not in spec
    (row,) = [line for line in daemon.run_stoker("queue", "list").stdout.splitlines() if "yarn" in line]
    assert row.split() == ["cluster", "both", "0/40", "0", "0", "yarn"]

    wrong = daemon.run_stoker("queue", "set", "cluster", "--limit", "many")
    assert (wrong.returncode, wrong.stderr) == (2, "stoker: --limit many: write a number, or none\n")
    deleted = daemon.run_stoker("queue", "delete", "cluster")
    assert (deleted.returncode, deleted.stdout) == (0, "deleted queue cluster\n")
    gone = daemon.run_stoker("queue", "show", "cluster")
    assert gone.returncode == 4
    assert "there is no queue 'cluster'" in gone.stderr
