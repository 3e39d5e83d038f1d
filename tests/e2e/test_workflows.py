"""Workflows over the socket and by command: versions, differences, names, two writers, files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from stoker_shared.model import WorkflowSpec
from stoker_tui import demo
from stoker_tui.cli.applying import save
from stoker_tui.cli.files import read_workflow
from stoker_tui.client import Client
from tests.harness import StokerDaemon

FLOWS = "/v1/workspaces/default/workflows"
SALES = """\
workflow: sales
retries: 1
variables: {region: eu}
nodes:
  - name: ingest
    job: etl/ingest.sh
    args: ["/data/sales/${ds_nodash}"]
  - name: report
    job: etl/report.sh
    upstream: [ingest]
    args: ["${region}"]
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    with StokerDaemon(tmp_path_factory.mktemp("workflows")) as running:
        yield running


@pytest.fixture
def daemon(shared: StokerDaemon) -> StokerDaemon:
    """A daemon with two jobs and no workflow."""
    for row in shared.http.get(FLOWS).json()["items"]:
        shared.http.delete(f"{FLOWS}/{row['name']}").raise_for_status()
    for path in ("etl/ingest.sh", "etl/report.sh"):
        shared.publish_job(path, "echo")
    return shared


def node(name: str, *upstream: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "job": "etl/ingest.sh", "upstream": list(upstream), **fields}


def put(daemon: StokerDaemon, name: str, revision: int, **fields: Any) -> httpx.Response:
    condition = {"If-Match": f'"{revision}"'} if revision else {"If-None-Match": "*"}
    return daemon.http.put(f"{FLOWS}/{name}", json={"workflow": name, **fields}, headers=condition)


def show(daemon: StokerDaemon, name: str, **query: Any) -> dict[str, Any]:
    return daemon.http.get(f"{FLOWS}/{name}", params=query).raise_for_status().json()


def told(daemon: StokerDaemon, *arguments: str | Path) -> list[str]:
    """Give the lines that a command prints."""
    done = daemon.run_stoker(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def refused(daemon: StokerDaemon, *arguments: str | Path) -> str:
    """Give why a command was refused, once it is certain that nothing was changed."""
    before = daemon.http.get("/v1/status").json()["seq"]
    done = daemon.run_stoker(*arguments)
    assert (done.returncode, daemon.http.get("/v1/status").json()["seq"]) == (4, before), done
    return done.stderr


# Versions.


def test_versions_are_listed_compared_and_rolled_back_to(daemon: StokerDaemon):
    daemon.publish_workflow("flow", [node("a"), node("b", "a", timeout=3600)])
    daemon.publish_workflow("flow", [node("a"), node("b", "a", timeout=7200), node("c", "a")], retries=2)

    assert told(daemon, "workflow", "diff", "flow", "1", "2") == [
        "flow: version 1 -> version 2",
        "  retries: 0 -> 2",
        "  nodes/b/timeout: 3600 -> 7200",
        "  nodes/c/job: unset -> etl/ingest.sh",
        '  nodes/c/upstream: unset -> ["a"]',
    ]
    drawing = "\n".join(told(daemon, "workflow", "diff", "flow", "1", "--graph"))
    assert "│ ~ b │" in drawing
    assert "│ + c │" in drawing
    assert "+ a -> c" in drawing

    assert told(daemon, "workflow", "rollback", "flow", "1", "-m", "too slow") == ["flow version 3"]

    assert told(daemon, "workflow", "diff", "flow", "1") == ["flow: version 1 -> draft: no difference"]
    versions = daemon.http.get(f"{FLOWS}/flow/versions").json()["items"]
    assert [version["version"] for version in versions] == [1, 2, 3]
    assert versions[2]["digest"] == versions[0]["digest"]
    assert "too slow" in told(daemon, "workflow", "versions", "flow")[1]
    assert show(daemon, "flow", revision=2)["spec"] == show(daemon, "flow", version=2)["spec"]


def test_rolling_back_twice_under_one_key_is_done_once(daemon: StokerDaemon):
    daemon.publish_workflow("flow", [node("a")])
    daemon.publish_workflow("flow", [node("b")])

    key = {"Idempotency-Key": "back"}
    answers = [
        daemon.http.post(f"{FLOWS}/flow/rollback", json={"version": 1}, headers=key).json() for _ in range(2)
    ]

    assert [answer["version"] for answer in answers] == [3, 3]
    assert show(daemon, "flow")["row"]["version"] == 3


def test_publishing_shows_what_it_changes_and_can_be_tried(daemon: StokerDaemon):
    daemon.publish_workflow("flow", [node("a")])
    put(daemon, "flow", 1, nodes=[node("a", args=["${dss}"])]).raise_for_status()

    why = refused(daemon, "workflow", "publish", "flow", "--dry-run")
    assert "/nodes/0/args/0: args.0:1:1: unknown variable 'dss'; did you mean 'ds'?" in why
    assert "unknown variable 'dss'" in refused(daemon, "workflow", "publish", "flow")

    put(daemon, "flow", 2, nodes=[node("a", args=["${ds}"])]).raise_for_status()
    change = ["flow: version 1 -> draft", '  nodes/a/args: unset -> ["${ds}"]']
    assert told(daemon, "workflow", "publish", "flow", "--dry-run") == [*change, "flow would be version 2"]
    assert told(daemon, "workflow", "publish", "flow") == [*change, "flow version 2"]


@pytest.mark.parametrize(
    ("fields", "pointer", "why"),
    [
        (
            {"variables": {"a": "${b}", "b": "${a}"}},
            "/nodes/0/variables",
            "'a' refers to itself: a -> b -> a",
        ),
        ({"config": {"env": {"DAY": "${today}"}}}, "/nodes/0/config/env/DAY", "unknown variable 'today'"),
        ({"config": {"conf": {"spark.a": "${}"}}}, "/nodes/0/config/conf/spark.a", "unknown variable ''"),
        ({"tags": {"day": "${dss}"}}, "/nodes/0/tags/day", "did you mean 'ds'?"),
    ],
)
def test_a_reference_that_means_nothing_is_not_published(
    daemon: StokerDaemon, fields: dict[str, Any], pointer: str, why: str
):
    put(daemon, "flow", 0, nodes=[node("a", **fields)]).raise_for_status()

    problem = daemon.http.post(f"{FLOWS}/flow/publish", json={})

    assert problem.status_code == 422
    (fault,) = problem.json()["errors"]
    assert fault["pointer"] == pointer
    assert why in fault["detail"]


def test_a_reference_may_be_to_any_variable_of_workflow_and_node(daemon: StokerDaemon):
    args = ["${region} ${size} ${ds-1d} ${yyyy} ${spark.x} $${x} ${run_id}"]

    daemon.publish_workflow(
        "flow", [node("a", args=args, variables={"size": "${region}"})], variables={"region": "eu"}
    )


# Names.


def test_a_renamed_workflow_keeps_its_versions_and_drafts_and_its_name_is_free(daemon: StokerDaemon):
    daemon.publish_workflow("old", [node("a")])
    daemon.publish_workflow("old", [node("b")])
    before = show(daemon, "old")

    assert told(daemon, "workflow", "rename", "old", "new") == ["new draft 3"]

    after = show(daemon, "new")
    assert (after["row"]["id"], after["row"]["version"]) == (before["row"]["id"], 2)
    assert not after["row"]["has_changes"]
    assert after["spec"] == before["spec"] | {"workflow": "new"}
    assert show(daemon, "new", version=1)["spec"]["workflow"] == "new"
    assert show(daemon, "new", revision=1)["spec"] == show(daemon, "new", version=1)["spec"]
    assert told(daemon, "workflow", "diff", "new", "2") == ["new: version 2 -> draft: no difference"]
    daemon.publish_workflow("old", [node("a")])
    assert show(daemon, "old")["row"]["id"] != after["row"]["id"]
    daemon.kill()
    daemon.start()
    assert show(daemon, "new") == after


def test_a_clone_has_the_draft_and_neither_versions_nor_runs(daemon: StokerDaemon):
    daemon.publish_workflow("flow", [node("a")], tags={"team": "sales"})
    daemon.finished(daemon.start_run("flow"))

    assert told(daemon, "workflow", "clone", "flow", "copy") == ["copy draft 1"]

    row = show(daemon, "copy")["row"]
    assert (row["version"], row.get("last_run", 0), row["tags"]) == (0, 0, {"team": "sales"})
    assert show(daemon, "copy")["spec"] == show(daemon, "flow")["spec"] | {"workflow": "copy"}


def test_a_workflow_with_active_runs_is_not_deleted_and_one_without_leaves_its_runs(daemon: StokerDaemon):
    daemon.publish_job("long.sh", "sleep 600")
    daemon.publish_workflow("flow", [node("a", job="long.sh")])
    run = daemon.start_run("flow")

    assert f"workflow 'flow' has active runs: #{run}; stop them" in refused(
        daemon, "workflow", "delete", "flow"
    )

    daemon.http.post(f"/v1/runs/{run}/stop").raise_for_status()
    daemon.finished(run)
    first = show(daemon, "flow")["row"]["id"]
    assert told(daemon, "workflow", "delete", "flow") == ["flow is deleted; its runs stay in the history"]
    assert daemon.http.get(f"{FLOWS}/flow").status_code == 404
    assert daemon.run(run)["row"]["name"] == "flow"
    daemon.publish_workflow("flow", [node("a")])
    row = show(daemon, "flow")["row"]
    assert row["id"] > first
    assert row.get("last_run", 0) == 0


def test_the_list_shows_what_runs_when_where(daemon: StokerDaemon):
    schedule = {"type": "days", "at": "01:00", "time_zone": "Europe/Berlin"}
    daemon.publish_workflow("flow", [node("a")], schedule=schedule, tags={"team": "sales"})
    run = daemon.start_run("flow")
    daemon.finished(run)
    put(daemon, "flow", 1, nodes=[]).raise_for_status()

    head, row = told(daemon, "workflow", "list")

    assert [head.split()[index] for index in (0, 3, 4, 5, 8)] == [
        "NAME",
        "QUEUE",
        "SCHEDULE",
        "SWITCH",
        "TAGS",
    ]
    assert row.startswith(
        "flow        1  changed  root_queue  days 01:00 Berlin  off     -         team=sales"
    )
    assert f"#{run}" in row
    assert told(daemon, "workflow", "show", "flow", "--version", "1")[2:5] == [
        "tags: team=sales",
        "schedule: days 01:00 Berlin",
        "",
    ]
    graph = ["╭───╮", "│ a │", "╰───╯"]
    assert told(daemon, "workflow", "show", "flow", "--version", "1", "--graph") == graph


# Two writers.


def test_of_two_writers_the_second_is_told_what_differs_and_nothing_of_either_is_lost(
    daemon: StokerDaemon, capsys: pytest.CaptureFixture[str]
):
    put(daemon, "flow", 0, nodes=[node("a")]).raise_for_status()
    put(daemon, "flow", 1, nodes=[node("a")], retries=3, description="theirs").raise_for_status()

    stale = put(daemon, "flow", 1, nodes=[node("a"), node("b", "a")], description="mine")

    assert (stale.status_code, stale.json()["current"]) == (412, show(daemon, "flow"))
    mine = WorkflowSpec(workflow="flow", description="mine")
    with pytest.raises(SystemExit) as left:
        save(Client(daemon.socket), mine, 1)
    assert left.value.code == 4
    assert capsys.readouterr().err.splitlines()[1:] == [
        "  description: theirs -> mine",
        "  retries: 3 -> 0",
        "  nodes/a/job: etl/ingest.sh -> unset",
    ]
    assert show(daemon, "flow")["spec"]["description"] == "theirs"

    both = put(daemon, "flow", 2, nodes=[node("a"), node("b", "a")], retries=3, description="theirs and mine")
    assert both.status_code == 200
    assert [show(daemon, "flow", revision=number)["spec"].get("retries", 0) for number in (1, 2, 3)] == [
        0,
        3,
        3,
    ]


# Files.


def test_files_are_applied_and_only_what_changed_is_published_again(daemon: StokerDaemon, tmp_path: Path):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "hi.sh").write_text("echo hi\n")
    (tmp_path / "jobs" / "hi.yaml").write_text("job: hi.sh\nsource: hi.sh\nconfig: {timeout: 60}\n")
    (tmp_path / "flow.yaml").write_text("workflow: flow\nnodes: [{name: a, job: hi.sh}]\n")

    assert told(daemon, "apply", tmp_path, "--publish", "--dry-run") == [
        "hi.sh would be version 1",
        "flow would be created",
    ]
    first = ["hi.sh version 1", "flow draft 1", "flow version 1"]
    assert told(daemon, "apply", tmp_path, "--publish") == first
    assert told(daemon, "apply", tmp_path, "--publish") == [f"{line} (unchanged)" for line in first]

    (tmp_path / "flow.yaml").write_text("workflow: flow\nretries: 1\nnodes: [{name: a, job: hi.sh}]\n")
    changed = told(daemon, "apply", tmp_path, "--dry-run")
    assert changed[1:] == [f"flow: draft 1 -> {tmp_path}/flow.yaml", "  retries: 0 -> 1"]
    assert told(daemon, "apply", tmp_path, "--publish")[1:] == ["flow draft 2", "flow version 2"]


def test_a_job_s_file_is_applied_as_a_draft_and_published_with_what_is_attached(
    daemon: StokerDaemon, tmp_path: Path
):
    (tmp_path / "hello.sh").write_text("cat rows.csv\n")
    (tmp_path / "rows.csv").write_text("1\n")
    file = tmp_path / "hello.yaml"
    file.write_text(
        "job: drafted.sh\nsource: hello.sh\nattachments: [{kind: files, source: rows.csv}]\n"
        "config: {timeout: 60}\nremarks: first\n"
    )

    assert told(daemon, "apply", file, "--dry-run") == ["drafted.sh would be draft 1"]
    assert told(daemon, "apply", file) == ["drafted.sh draft 1"]
    assert told(daemon, "apply", file) == ["drafted.sh draft 1 (unchanged)"]
    (tmp_path / "rows.csv").write_text("2\n")
    assert told(daemon, "apply", file) == ["drafted.sh draft 2"]
    assert told(daemon, "apply", file, "--publish") == ["drafted.sh version 1"]
    published = daemon.http.get("/v1/workspaces/default/jobs/drafted.sh").json()["latest"]
    assert (published["remarks"], published["config"]) == ("first", {"timeout": 60})
    assert [attached["name"] for attached in published["attachments"]] == ["rows.csv"]

    daemon.run_stoker("job", "config", "drafted.sh", "--set", "timeout=5")
    why = refused(daemon, "apply", file)
    assert f"{file}: draft 3 of 'drafted.sh' was changed by" in why
    assert told(daemon, "apply", file, "--force") == ["drafted.sh draft 4"]


def test_a_workflow_is_exported_with_its_jobs_and_applied_where_there_is_nothing(
    daemon: StokerDaemon, tmp_path: Path
):
    (tmp_path / "lib.csv").write_text("1\n")
    (tmp_path / "say.sh").write_text("cat lib.csv\n")
    arguments = ["--as", "lib/say.sh", "--files", tmp_path / "lib.csv", "-m", "first", "--set", "timeout=9"]
    told(daemon, "job", "publish", tmp_path / "say.sh", *arguments)
    daemon.publish_workflow("flow", [node("a", job="lib/say.sh"), node("b", "a", job="lib/say.sh")])
    before = daemon.http.get("/v1/workspaces/default/jobs/lib/say.sh").json()["latest"]
    spec = show(daemon, "flow")["spec"]

    written = told(daemon, "export", "flow", "--with-jobs", tmp_path / "out")

    assert written == [f"{tmp_path}/out/jobs/lib/say.sh.yaml", f"{tmp_path}/out/flow.yaml"]
    assert "is not empty" in refused(daemon, "export", "flow", "--with-jobs", tmp_path / "out")
    told(daemon, "workflow", "delete", "flow")
    told(daemon, "job", "delete", "lib/say.sh")
    applied = ["lib/say.sh version 1", "flow draft 1", "flow version 1"]
    assert told(daemon, "apply", tmp_path / "out", "--publish") == applied
    after = daemon.http.get("/v1/workspaces/default/jobs/lib/say.sh").json()["latest"]
    same = ("digest", "config", "attachments", "remarks")
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert show(daemon, "flow")["spec"] == spec


def test_a_draft_changed_elsewhere_is_not_replaced_without_force(daemon: StokerDaemon, tmp_path: Path):
    file, other = tmp_path / "sales.yaml", tmp_path / "other.yaml"
    file.write_text(SALES)
    other.write_text("workflow: a_new_one\n")
    told(daemon, "apply", file)
    file.write_text(SALES.replace("retries: 1", "retries: 2"))
    told(daemon, "apply", file)
    by_hand = show(daemon, "sales")["spec"] | {"retries": 5}
    put(daemon, "sales", 2, **{key: by_hand[key] for key in by_hand if key != "workflow"}).raise_for_status()

    why = refused(daemon, "apply", other, file)

    assert f"{file}: draft 3 of 'sales' was changed by {show(daemon, 'sales')['row']['saved_by']} at " in why
    assert "  retries: 5 -> 2" in why
    assert refused(daemon, "apply", file, "--dry-run") == refused(daemon, "apply", file)
    assert told(daemon, "apply", file, "--force") == ["sales draft 4"]
    assert show(daemon, "sales", revision=3)["spec"] == by_hand


def test_a_draft_that_was_published_may_be_replaced(daemon: StokerDaemon, tmp_path: Path):
    daemon.publish_workflow("sales", [node("a")])
    (tmp_path / "sales.yaml").write_text(SALES)

    assert told(daemon, "apply", tmp_path) == ["sales draft 2"]


def test_a_mistake_in_one_file_changes_nothing(daemon: StokerDaemon, tmp_path: Path):
    (tmp_path / "a.yaml").write_text(SALES)
    (tmp_path / "b.yaml").write_text("workflow: b\nnodes: [{name: a, job: etl/ingets.sh}]\n")

    assert f"{tmp_path}/b.yaml: /nodes/0/job: job 'etl/ingets.sh' is not published; did you mean" in refused(
        daemon, "apply", tmp_path, "--publish"
    )


@pytest.mark.parametrize("name", ["demonstration", "readme"])
def test_an_example_is_exported_and_applied_to_the_very_same_definition(
    daemon: StokerDaemon, tmp_path: Path, name: str
):
    file = demo.PIPELINE / "flights.yaml"
    if name == "readme":
        file = tmp_path / "sales.yaml"
        file.write_text(SALES)
    workflow = read_workflow(file).workflow
    told(daemon, "apply", file)

    exported = tmp_path / "exported.yaml"
    exported.write_text(daemon.run_stoker("export", workflow).stdout)

    assert read_workflow(exported) == read_workflow(file)
    assert told(daemon, "apply", exported) == [f"{workflow} draft 1 (unchanged)"]
    printed = told(daemon, "apply", exported, "--dry-run", "--json")
    assert [json.loads(line)["changes"] for line in printed] == [False]
