"""Whole exports of DolphinScheduler, read as workflows and sources."""

from __future__ import annotations

import json

from stoker_shared.definition import faults
from stoker_shared.model import Days, OverlapPolicy
from stoker_tui.importing.read import read
from tests.tui.importing.exports import EXAMPLE, export, findings, imported, prop, task, workflow


def test_an_export_becomes_a_workflow_with_its_graph_schedule_and_sources() -> None:
    found = read(EXAMPLE.read_bytes(), "dolphin")

    (spec,) = found.workflows
    assert not faults(spec)
    assert spec.workflow == "每日订单"
    assert {node.name: node.upstream for node in spec.nodes} == {
        "拉取订单": (),
        "تقرير المبيعات": ("check other", "score"),
        "清洗-去重 🧹": ("拉取订单",),
        "score": ("清洗-去重 🧹",),
        "check other": (),
        "notify": ("تقرير المبيعات",),
    }
    assert spec.schedule == Days(
        at="01:30", time_zone="Asia/Shanghai", start="2026-11-01T00:00:00", end="2126-11-01T00:00:00"
    )
    assert spec.overlap is OverlapPolicy.WAIT
    assert [one.path for one in found.sources] == [
        "dolphin/每日订单/拉取订单.sh",
        "dolphin/每日订单/تقرير المبيعات.sh",
        "dolphin/每日订单/清洗-去重 🧹.sql",
        "dolphin/每日订单/check other.sh",
        "dolphin/每日订单/notify.sh",
    ]
    assert found.missing == ["dolphin/dolphinscheduler/resources/jars/score.jar"]


def test_every_field_of_the_export_that_has_no_equal_is_listed() -> None:
    found = {one.place for one in read(EXAMPLE.read_bytes()).findings}

    tasks = "/0/taskDefinitionList"
    assert found == {
        "/0",
        f"{tasks}/0/taskParams/localParams/0/prop",
        f"{tasks}/1/delayTime",
        f"{tasks}/2/name",
        f"{tasks}/2/taskParams",
        f"{tasks}/2/taskParams/deployMode",
        f"{tasks}/2/taskParams/others",
        f"{tasks}/3/taskParams/deployMode",
        f"{tasks}/3/taskParams/mainJar",
        f"{tasks}/4/taskParams",
        f"{tasks}/5/taskParams",
        "/0/workflowDefinition/timeout",
        "/0/schedule/releaseState",
        "/0/schedule/warningType",
        "/0/schedule/warningGroupId",
    }


def test_names_of_version_2_and_texts_of_json_are_read_too() -> None:
    params = json.dumps({"rawScript": "echo ${a}", "localParams": []})
    spec = workflow(task("one", params=params), globalParams=json.dumps([prop("a", "1")]))

    assert spec.variables == {"a": "1"}


def test_several_workflows_of_one_name_get_names_of_their_own() -> None:
    found = imported(export(task("a")), export(task("a")), export(task("a")))

    assert [spec.workflow for spec in found.workflows] == ["flow", "flow 2", "flow 3"]
    assert [one.path for one in found.sources] == ["flow/a.sh", "flow 2/a.sh", "flow 3/a.sh"]


def test_what_nobody_knows_is_listed_with_its_value() -> None:
    found = findings(
        task("a", params={"rawScript": "true", "novel": {"a": [1]}}), surprise="x", empty={"a": [""]}
    )

    assert (
        "/0/taskDefinitionList/0/taskParams/novel: 'novel' is {\"a\":[1]}: no equal here; left out" in found
    )
    assert "/0/processDefinition/surprise: 'surprise' is 'x': no equal here; left out" in found
    assert len(found) == 2
