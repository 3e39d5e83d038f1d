"""Reruns, debug runs and plans from the outside: over HTTP, by commands, and across the daemon's death."""

from __future__ import annotations

import json
from collections.abc import Iterator
from getpass import getuser
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from tests.harness import PATIENCE, STOKER, StokerDaemon

FAILS_AT_FIRST = '[ "$STOKER_ATTEMPT" -gt 1 ] || exit 1; echo "attempt $STOKER_ATTEMPT: $1"'


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    with StokerDaemon(tmp_path_factory.mktemp("reruns"), {"STOKER_STOP_GRACE": "0.5"}) as running:
        running.publish_job("first.sh", FAILS_AT_FIRST)
        running.publish_job("echo.sh", 'echo "$@"')
        nodes = [
            {"name": "first", "job": "first.sh", "args": ["old"]},
            {"name": "last", "job": "echo.sh", "upstream": ["first"]},
        ]
        running.publish_workflow("chain", nodes)
        yield running


@pytest.fixture
def failed(daemon: StokerDaemon) -> int:
    """A run whose first node failed."""
    number = daemon.start_run("chain")
    assert daemon.finished(number)["row"]["state"] == "failed"
    return number


def lines(done: Any) -> list[str]:
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_rerun_by_command_goes_on_in_the_same_run_and_earlier_output_stays(
    daemon: StokerDaemon, failed: int
):
    told = lines(daemon.run_stoker("rerun", f"#{failed}", "--failed", "--set", 'first.args=["new", "x y"]'))

    ended = daemon.finished(failed)
    assert told == [f"rerunning #{failed}"]
    assert ended["row"]["state"] == "succeeded"
    assert daemon.output(failed, "first", 1) == ""
    assert daemon.output(failed, "first", 2) == "attempt 2: new\n"
    shown = lines(daemon.run_stoker("show", str(failed)))
    assert 'for this run: first.args: ["old"] -> ["new","x y"]' in shown
    assert shown[-1].endswith(f'{getuser()} reran first, last, first.args: ["old"] -> ["new","x y"]')


def test_a_finished_run_is_listed_as_it_stands_after_it_was_opened_again(daemon: StokerDaemon, failed: int):
    def state() -> str:
        return next(run["state"] for run in daemon.runs() if run["id"] == failed)

    assert state() == "failed"
    assert lines(daemon.run_stoker("succeed", f"{failed}/first", "--downstream")) == [
        f"set {failed}/first successful"
    ]
    assert daemon.finished(failed)["row"]["state"] == "succeeded"
    assert state() == "succeeded"
    assert daemon.node(failed, "first")["detail"] == f"set successful by {getuser()}"


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["rerun", "{run}/last", "--set", "lst.retries=1"], 4, "did you mean 'last.retries'?"),
        (["rerun", "{run}", "--failed", "--set", "first.retries"], 2, "write it as NAME=VALUE"),
        (["rerun", "{run}/last", "--failed"], 2, "--failed is of a run"),
        (["rerun", "{run}", "--downstream"], 2, "--downstream is of a node"),
        (["rerun", "{run}/lst"], 4, "did you mean 'last'?"),
        (["succeed", "{run}"], 2, "name the node"),
        (["pause", "{run}"], 4, "has finished"),
        (["pause", "{run}/first"], 2, "only a whole run"),
        (["resume", "999999"], 4, "there is no run #999999"),
        (["rerun", "999999"], 4, "there is no run #999999"),
    ],
)
def test_what_can_not_be_is_refused_with_what_to_do(
    daemon: StokerDaemon, failed: int, arguments: list[str], status: int, why: str
):
    refused = daemon.run_stoker(*[argument.format(run=failed) for argument in arguments])

    assert refused.returncode == status
    assert why in refused.stderr


def test_of_two_who_open_a_finished_run_at_once_neither_undoes_the_other(daemon: StokerDaemon):
    names = [f"n{number}" for number in range(4)]
    daemon.publish_job("fail.sh", "exit 1")
    daemon.publish_workflow("wide", [{"name": name, "job": "fail.sh"} for name in names])
    number = daemon.start_run("wide")
    daemon.finished(number)

    asking = [Popen([STOKER, "succeed", f"{number}/{name}"], env=daemon.environment) for name in names]

    assert [one.wait(PATIENCE) for one in asking] == [0] * 4
    assert [node["state"] for node in daemon.run(number)["nodes"]] == ["succeeded"] * 4
    assert daemon.run(number)["row"]["state"] == "succeeded"


def test_a_request_that_comes_twice_reruns_once(daemon: StokerDaemon, failed: int):
    key = {"Idempotency-Key": f"again-{failed}"}
    for _ in range(2):
        answer = daemon.http.post(f"/v1/runs/{failed}/rerun", json={}, headers=key)
        assert answer.status_code == 202
        daemon.finished(failed)

    assert len(daemon.node(failed, "first")["attempts"]) == 2


def test_what_is_rerun_goes_on_over_the_daemons_death(daemon: StokerDaemon, tmp_path: Path):
    gate = tmp_path / "gate"
    daemon.publish_job(
        "wait.sh", 'until [ -e "$STOKER_GATE" ]; do sleep 0.02; done; [ "$STOKER_ATTEMPT" -gt 1 ]'
    )
    daemon.publish_workflow("waiting", [{"name": "a", "job": "wait.sh"}])
    gate.touch()
    number = daemon.start_run("waiting", variables={"gate": str(gate)})
    daemon.finished(number)
    gate.unlink()

    daemon.http.post(f"/v1/runs/{number}/rerun", json={"failed": True}).raise_for_status()
    daemon.kill()
    daemon.start()
    gate.touch()

    ended = daemon.finished(number)
    assert ended["row"]["state"] == "succeeded"
    assert [attempt["exit_status"] for attempt in ended["nodes"][0]["attempts"]] == [1, 0]
    assert [deed["what"] for deed in ended["deeds"]] == ["reran a"]


def test_a_rerun_keeps_the_jobs_of_the_run_unless_the_newest_are_asked_for(daemon: StokerDaemon):
    daemon.publish_job("versions.sh", "echo one")
    daemon.publish_workflow("versions", [{"name": "a", "job": "versions.sh"}])
    number = daemon.start_run("versions")
    daemon.finished(number)
    daemon.publish_job("versions.sh", "echo two")

    for body, output in (({}, "one\n"), ({"latest_jobs": True}, "two\n"), ({}, "two\n")):
        daemon.http.post(f"/v1/runs/{number}/rerun", json=body).raise_for_status()
        attempts = daemon.finished(number)["nodes"][0]["attempts"]
        assert daemon.output(number, "a", len(attempts)) == output

    assert daemon.run(number)["settings"] == {"a.job": "version 1 -> 2"}


# Debug.


def save_draft(daemon: StokerDaemon, name: str, nodes: list[dict[str, Any]], **fields: Any) -> None:
    url = f"/v1/workspaces/default/workflows/{name}"
    known = daemon.http.get(url)
    condition = {"If-Match": known.headers["etag"]} if known.is_success else {"If-None-Match": "*"}
    spec = {"workflow": name, "nodes": nodes, **fields}
    daemon.http.put(url, json=spec, headers=condition).raise_for_status()


def test_a_debug_run_is_of_the_draft_on_the_development_queue(daemon: StokerDaemon):
    nodes = [{"name": "a", "job": "echo.sh", "args": ["draft"], "queue": "root_queue"}]
    save_draft(daemon, "sketch", nodes)

    (number,) = lines(daemon.run_stoker("run", "sketch", "--debug", "-m", "try it"))

    ended = daemon.finished(int(number.removeprefix("#")))
    row = ended["row"]
    assert (row["state"], row["trigger"], row["version"], row["remarks"]) == (
        "succeeded",
        "debug",
        0,
        "try it",
    )
    assert ended["nodes"][0]["queue"] == "dev_queue"
    assert daemon.output(row["id"], "a") == "draft\n"
    assert lines(daemon.run_stoker("show", number))[0].startswith(f"run {number}  sketch draft  ✔ succeeded")


def test_a_debug_run_is_refused_of_a_version_of_an_empty_draft_and_on_a_production_queue(
    daemon: StokerDaemon,
):
    save_draft(daemon, "empty", [])

    version = daemon.run_stoker("run", "chain", "--debug", "--version", "1")
    empty = daemon.run_stoker("run", "empty", "--debug")
    production = daemon.run_stoker("run", "chain", "--debug", "--queue", "root_queue")

    assert [done.returncode for done in (version, empty, production)] == [4, 4, 4]
    assert "can't be of a version" in version.stderr
    assert "has no nodes" in empty.stderr
    assert "needs a queue for development" in production.stderr


# Plans.


def test_a_plan_shows_the_command_that_a_run_then_launches_and_starts_nothing(daemon: StokerDaemon):
    nodes = [{"name": "a", "job": "echo.sh", "args": ["${ds}", "${where}"]}]
    daemon.publish_workflow("planned", nodes, variables={"where": "here"})
    before = daemon.http.get("/v1/status").json()["seq"]
    asked = ("run", "planned", "--cycle", "2026-11-21", "--var", "where=there")

    (line,) = lines(daemon.run_stoker(*asked, "--plan", "--json"))
    plan = json.loads(line)

    assert daemon.http.get("/v1/status").json()["seq"] == before
    (node,) = plan["nodes"]
    assert node["command"][-2:] == ["2026-11-21", "there"]
    assert node["environment"]["STOKER_WHERE"] == "there"
    assert (node["queue"], node["cu"]) == ("root_queue", 1)
    (number,) = lines(daemon.run_stoker(*asked))
    ended = daemon.finished(int(number.removeprefix("#")))
    assert ended["nodes"][0]["attempts"][0]["command"] == node["command"]


def test_a_plan_names_all_that_is_missing_of_every_node(daemon: StokerDaemon):
    daemon.publish_job("some.sql", "select '${ds}',\n  '${regoin}'")
    nodes = [
        {"name": "gone", "job": "ecko.sh"},
        {"name": "loose", "job": "echo.sh", "args": ["${regoin}", "${ds}", "x ${nothing}"]},
        {"name": "query", "job": "some.sql"},
        {"name": "lost", "job": "echo.sh", "queue": "rot_queue"},
        {"name": "fine", "job": "echo.sh", "upstream": ["gone", "loose"]},
    ]
    save_draft(daemon, "holes", nodes, variables={"region": "eu"})
    daemon.set_queue("try", environment="both", limit=10)

    done = daemon.run_stoker("run", "holes", "--debug", "--plan", "--json", "--queue", "try")
    missing = {node["name"]: node.get("missing", []) for node in json.loads(done.stdout)["nodes"]}

    assert done.returncode == 1
    assert missing["gone"] == ["job 'ecko.sh' is not published; did you mean 'echo.sh'?"]
    assert [fault.split(";")[0] for fault in missing["loose"]] == [
        "args[0]:1:1: unknown variable 'regoin'",
        "args[2]:1:3: unknown variable 'nothing' (a literal ${ is written $${)",
    ]
    assert missing["query"][0] == "some.sql:2:4: unknown variable 'regoin'; did you mean 'region'?"
    assert missing["fine"] == []
    told = daemon.run_stoker("run", "holes", "--debug", "--plan", "--queue", "nowhere")
    assert told.returncode == 1
    assert told.stdout.count("there is no queue 'nowhere'") == len(nodes)
    assert "holes" not in [run["name"] for run in daemon.runs()]


def test_a_plan_shows_the_environment_of_the_configuration_as_it_is_written(daemon: StokerDaemon):
    nodes = [{"name": "a", "job": "echo.sh", "config": {"env": {"TOKEN": "${token}"}}}]
    save_draft(daemon, "quiet", nodes, variables={"token": "hidden"})

    answer = daemon.http.post("/v1/workspaces/default/workflows/quiet/plan", json={"debug": True}).json()

    assert answer["nodes"][0]["environment"]["TOKEN"] == "${token}"
