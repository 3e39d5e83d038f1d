"""The history of a real daemon: lists, counts, what is usual, and why a node failed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import StokerDaemon, wait_for

RUNS = "/v1/workspaces/default/runs"
FAILING = """\
echo reading
printf 'Traceback (most recent call last):\\n  File "etl/load.py", line 7, in load\\n' >&2
printf "KeyError: 'region'\\n" >&2
exit 3
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    """A daemon with five runs: #1 and #2 of `good`, #3 and #4 of `bad`, which fail, #5 of `good`."""
    with StokerDaemon(tmp_path_factory.mktemp("history")) as running:
        running.publish_job("good.sh", "echo good")
        running.publish_job("bad.sh", FAILING, {"env": {"SOURCE": "hidden"}})
        running.publish_workflow("good", [{"name": "only", "job": "good.sh"}])
        running.publish_workflow("bad", [{"name": "load", "job": "bad.sh", "args": ["a b", "${ds}"]}])
        for day, workflow in enumerate(["good", "good", "bad", "bad", "good"], 1):
            running.finished(running.start_run(workflow, cycle=f"2026-11-{day:02}"))
        yield running


def numbers(daemon: StokerDaemon, **query: Any) -> list[int]:
    answer = daemon.http.get(RUNS, params=query)
    assert answer.is_success, answer.text
    return [row["id"] for row in answer.json()["items"]]


def told(daemon: StokerDaemon, *arguments: str) -> str:
    done = daemon.run_stoker(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestLists:
    def test_are_filtered_by_anything(self, daemon: StokerDaemon):
        user = daemon.run(1)["row"]["by"]

        assert numbers(daemon) == [5, 4, 3, 2, 1]
        assert numbers(daemon, workflow="good") == [5, 2, 1]
        assert numbers(daemon, workflow_id=daemon.run(3)["row"]["workflow"]) == [4, 3]
        assert numbers(daemon, state="failed") == [4, 3]
        assert numbers(daemon, trigger="manual", user=user, limit=2) == [5, 4]
        assert numbers(daemon, trigger="schedule") == numbers(daemon, user="nobody") == []
        assert numbers(daemon, tag="team=sales") == []
        assert numbers(daemon, cycle="2026-11-02..2026-11-04", state="failed") == [4, 3]
        assert numbers(daemon, cycle="..2026-11-02") == [2, 1]
        assert numbers(daemon, since="1h") == [5, 4, 3, 2, 1]
        assert numbers(daemon, until="1h") == []

    @pytest.mark.parametrize("sort", ["newest", "started", "cycle", "duration"])
    def test_are_sorted_and_paged(self, daemon: StokerDaemon, sort: str):
        whole = numbers(daemon, sort=sort)
        paged, cursor = [], {}
        while cursor is not None:
            page = daemon.http.get(RUNS, params={"sort": sort, "limit": 2, **cursor}).json()
            paged += [row["id"] for row in page["items"]]
            cursor = {"cursor": page["next"]} if "next" in page else None

        assert paged == whole
        assert sorted(whole) == [1, 2, 3, 4, 5]

    def test_are_counted_by_status(self, daemon: StokerDaemon):
        assert daemon.http.get(f"{RUNS}/counts").json() == {
            "total": 5,
            "states": {"succeeded": 3, "failed": 2},
        }
        assert daemon.http.get(f"{RUNS}/counts?workflow=bad&cycle=2026-11-03").json()["total"] == 1

    @pytest.mark.parametrize(
        "query", ["since=yesterday", "cycle=..", "cycle=2026-11-04..2026-11-01", "tag=team", "until=%00"]
    )
    def test_say_what_is_wrong_with_a_filter(self, daemon: StokerDaemon, query: str):
        name = query.partition("=")[0]
        for path in (RUNS, f"{RUNS}/counts"):
            refused = daemon.http.get(f"{path}?{query}")

            assert refused.status_code == 422
            assert refused.json()["errors"][0]["pointer"] == f"/{name}"

    def test_are_shown_by_the_command(self, daemon: StokerDaemon):
        listed = told(daemon, "runs", "bad", "--cycle", "2026-11-01..", "--sort", "duration", "--json")
        counted = told(daemon, "runs", "--since", "1h", "--count").splitlines()

        assert {json.loads(line)["id"] for line in listed.splitlines()} == {3, 4}
        assert [line.split() for line in counted] == [
            ["STATUS", "RUNS"],
            ["✔", "succeeded", "3"],
            ["✖", "failed", "2"],
            ["all", "5"],
        ]

    def test_have_a_run_in_the_state_it_is_in(self, daemon: StokerDaemon, tmp_path: Path):
        gate = tmp_path / "gate"
        os.mkfifo(gate)
        daemon.publish_job("gated.sh", f"read -r line < {gate}\n")
        daemon.publish_workflow("gated", [{"name": "only", "job": "gated.sh"}])
        number = daemon.start_run("gated")

        wait_for(lambda: numbers(daemon, workflow="gated", state="running") == [number], "it is running")
        assert numbers(daemon, workflow="gated", state="succeeded") == []
        gate.write_text("go\n")
        daemon.finished(number)

        assert numbers(daemon, workflow="gated", state="running") == []
        assert numbers(daemon, workflow="gated", state="succeeded") == [number]


def test_a_run_says_what_is_usual_and_who_made_it_when(daemon: StokerDaemon):
    view, shown = daemon.run(1), told(daemon, "show", "1")

    assert view["usual_seconds"] > 0
    assert view["nodes"][0]["usual_seconds"] > 0
    assert "expected_at" not in view
    assert "usually takes" in shown
    assert f"manual, by {view['row']['by']}" in shown


class TestWhyANodeFailed:
    def test_is_told_with_what_it_raised_and_how_to_repeat_it(self, daemon: StokerDaemon):
        card = daemon.http.get("/v1/runs/3/nodes/load/failure").json()

        assert (card["outcome"], card["exit_status"], card["attempt"]) == ("exit status 3", 3, 1)
        assert card["cause"] == {
            "kind": "KeyError",
            "message": "'region'",
            "where": "etl/load.py, line 7, in load",
        }
        assert card["last_lines"][-1] == "KeyError: 'region'"
        assert card["command"].endswith("bad.sh 'a b' 2026-11-03")
        assert Path(card["directory"]).is_dir()
        assert {"STOKER_DS", "SOURCE"} <= set(card["environment"])
        assert "hidden" not in json.dumps(card)

    def test_is_told_without_the_secrets_that_the_job_wrote(self, daemon: StokerDaemon):
        secret = {"value": "s3cret", "secret": True}
        daemon.http.put("/v1/workspaces/default/variables/token", json=secret).raise_for_status()
        daemon.publish_job("leak.sh", 'echo "KeyError: $GIVEN" >&2; exit 1', {"env": {"GIVEN": "<${token}>"}})
        daemon.publish_workflow("leak", [{"name": "only", "job": "leak.sh"}])
        number = daemon.start_run("leak")
        daemon.finished(number)

        card = daemon.http.get(f"/v1/runs/{number}/nodes/only/failure").json()

        assert card["last_lines"] == ["KeyError: <*****>"]
        assert {"STOKER_TOKEN", "GIVEN"} <= set(card["environment"])

    def test_is_shown_by_show_and_at_the_end_of_run(self, daemon: StokerDaemon):
        shown = told(daemon, "show", "3")
        waited = daemon.run_stoker("run", "bad", "--wait")
        followed = daemon.run_stoker("run", "bad", "--follow")

        for text in (shown, waited.stderr, followed.stdout):
            assert "✖ load: exit status 3\n  KeyError: 'region'\n    at etl/load.py, line 7" in text
            assert "--stream stderr --attempt 1" in text
        assert waited.returncode == followed.returncode == 1

    @pytest.mark.parametrize(
        ("path", "why"),
        [
            ("1/nodes/only", "node 'only' of run #1 has not failed: it is succeeded"),
            ("3/nodes/laod", "run #3 has no node 'laod'"),
            ("999/nodes/load", "there is no run #999"),
        ],
    )
    def test_is_not_told_of_what_did_not_fail(self, daemon: StokerDaemon, path: str, why: str):
        refused = daemon.http.get(f"/v1/runs/{path}/failure")

        assert refused.status_code == 404
        assert why in refused.json()["detail"]
