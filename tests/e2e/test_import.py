"""`stoker import`, into a real daemon and into files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from stoker_tui.cli.files import read_workflow
from tests.harness import StokerDaemon
from tests.tui.importing.exports import EXAMPLE, export, prop, task


def write(path: Path, *exports: dict[str, Any]) -> Path:
    path.write_text(json.dumps(list(exports), ensure_ascii=False))
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """An export of two shell tasks, of which the second needs the first."""
    first = task(
        "拉取", params={"rawScript": "echo first ${day} '${day}'", "localParams": [prop("day", "$[dd-1]")]}
    )
    second = task("تقرير", code=2, params={"rawScript": "echo second $[yyyyMMdd] ${region}"})
    flow = export(first, second, edges=[(0, 1), (1, 2)], globalParamList=[prop("region", "eu")])
    return write(tmp_path / "small.json", flow)


def test_an_imported_workflow_is_published_and_runs(daemon: StokerDaemon, small: Path) -> None:
    done = daemon.run_stoker("import", small, "--prefix", "dolphin")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == [
        "job dolphin/flow/拉取.sh: version 1",
        "job dolphin/flow/تقرير.sh: version 1",
        "workflow flow: draft 1",
    ]
    assert "1 difference:" in done.stdout
    published = daemon.run_stoker("workflow", "publish", "flow")
    assert published.returncode == 0, published.stderr
    run = daemon.run_stoker("run", "flow", "--cycle", "2026-11-21", "--wait")
    assert (run.returncode, run.stdout) == (0, "#1 succeeded\n")
    assert daemon.output(1, "拉取") == "first 21 21\n"
    assert daemon.output(1, "تقرير") == "second 20261122 eu\n"


def test_a_large_export_runs_once_the_jobs_that_are_not_in_it_are_published(daemon: StokerDaemon) -> None:
    done = daemon.run_stoker("import", EXAMPLE)
    refused = daemon.run_stoker("workflow", "publish", "每日订单")

    assert done.returncode == 0, done.stderr
    (to_do,) = re.findall(r"stoker job publish (\S+) --as (\S+)", done.stdout)
    assert refused.returncode == 4
    assert f"job '{to_do[1]}' is not published" in refused.stderr
    daemon.publish_job(to_do[1], b"PK")
    assert daemon.run_stoker("workflow", "publish", "每日订单").returncode == 0
    assert daemon.run_stoker("workflow", "show", "每日订单").returncode == 0


def test_a_dry_run_says_the_same_and_changes_nothing(daemon: StokerDaemon, small: Path) -> None:
    before = daemon.http.get("/v1/status").json()["seq"]

    done = daemon.run_stoker("import", small, "--dry-run")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == [
        "job flow/拉取.sh: would be published",
        "job flow/تقرير.sh: would be published",
        "workflow flow: would be saved",
    ]
    assert daemon.http.get("/v1/status").json()["seq"] == before


def test_what_is_there_and_differs_is_replaced_only_by_force(daemon: StokerDaemon, small: Path) -> None:
    assert daemon.run_stoker("import", small).returncode == 0
    again = daemon.run_stoker("import", small)
    daemon.publish_job("flow/拉取.sh", "echo mine\n")
    daemon.publish_workflow("flow", [{"name": "mine", "job": "flow/拉取.sh"}])
    refused = daemon.run_stoker("import", small)
    dry = daemon.run_stoker("import", small, "--dry-run")
    kept = daemon.http.get("/v1/workspaces/default/workflows/flow").json()["spec"]
    forced = daemon.run_stoker("import", small, "--force")

    assert again.stdout.count(": unchanged\n") == 3
    assert (refused.returncode, refused.stdout) == (dry.returncode, dry.stdout) == (4, "")
    assert (
        "  job flow/拉取.sh\n  workflow flow\nNothing was changed; --force replaces them." in refused.stderr
    )
    assert [node["name"] for node in kept["nodes"]] == ["mine"]
    assert forced.stdout.splitlines()[:3] == [
        "job flow/拉取.sh: version 3",
        "job flow/تقرير.sh: unchanged",
        "workflow flow: draft 3",
    ]


def test_files_are_written_without_a_daemon_and_read_back(tmp_path: Path) -> None:
    outside = StokerDaemon(tmp_path)
    output = tmp_path / "out"

    dry = outside.run_stoker("import", EXAMPLE, "--output", output, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert not output.exists()
    done = outside.run_stoker("import", EXAMPLE, "--output", output)
    assert done.returncode == 0, done.stderr
    assert len([path for path in output.rglob("*") if path.is_file()]) == 6
    spec = read_workflow(output / "每日订单.yaml")
    assert {str(path.relative_to(output)) for path in output.rglob("*.s*")} | {
        "dolphinscheduler/resources/jars/score.jar"
    } == {node.job for node in spec.nodes}

    (output / "每日订单.yaml").write_text("mine")
    refused = outside.run_stoker("import", EXAMPLE, "--output", output)
    forced = outside.run_stoker("import", EXAMPLE, "--output", output, "--force")
    assert refused.returncode == 4
    assert forced.stdout.count(": unchanged") == 5
    assert read_workflow(output / "每日订单.yaml") == spec


def test_findings_are_json_for_scripts(tmp_path: Path) -> None:
    done = StokerDaemon(tmp_path).run_stoker("import", EXAMPLE, "--output", tmp_path / "out", "--json")

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"kind": "missing", "name": "dolphinscheduler/resources/jars/score.jar"}.items() <= next(
        line for line in lines if line.get("kind") == "missing"
    ).items()
    assert all({"place", "what", "instead"} == set(line) for line in lines if "kind" not in line)


def test_a_file_that_is_no_export_is_refused_with_the_place(tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.json", export(task("a"), edges=[(9, 1)]))

    done = StokerDaemon(tmp_path).run_stoker("import", bad, "--output", tmp_path / "out")

    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        f"stoker: {bad}: /0/processTaskRelationList/0/preTaskCode: there is no task with the code 9\n"
    )
    assert not (tmp_path / "out").exists()
