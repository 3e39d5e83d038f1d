"""Exports of other schedulers, and what they are read as, for the tests of importing."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from stoker_daemon.preparing import variables
from stoker_shared.model import NodeSpec, WorkflowSpec
from stoker_tui.importing.read import read
from stoker_tui.importing.result import BadImport, Imported

EXAMPLE = Path(__file__).parents[2] / "data" / "dolphinscheduler-3.json"
"""Written for these tests, with every field that an export of DolphinScheduler 3.3 has."""

DAILY = {"crontab": "0 0 1 * * ? *", "startTime": "2026-01-01 00:00:00", "timezoneId": "Asia/Shanghai"}


def task(name: str, kind: str = "SHELL", code: int = 1, params: Any = None, **more: Any) -> dict[str, Any]:
    params = {"rawScript": "true"} if params is None else params
    return {"code": code, "name": name, "taskType": kind, "taskParams": params, **more}


def prop(name: str, value: str, direct: str = "IN", kind: str = "VARCHAR") -> dict[str, str]:
    return {"prop": name, "direct": direct, "type": kind, "value": value}


def export(
    *tasks: dict[str, Any], edges: Any = (), schedule: Any = None, **definition: Any
) -> dict[str, Any]:
    return {
        "processDefinition": {"name": "flow", **definition},
        "processTaskRelationList": [
            {"preTaskCode": before, "postTaskCode": after, "conditionType": "NONE"} for before, after in edges
        ],
        "taskDefinitionList": list(tasks),
        "schedule": schedule,
    }


def imported(*exports: dict[str, Any], prefix: str = "") -> Imported:
    return read(json.dumps(list(exports)).encode(), prefix)


def workflow(*tasks: dict[str, Any], **more: Any) -> WorkflowSpec:
    return imported(export(*tasks, **more)).workflows[0]


def node(*tasks: dict[str, Any], **more: Any) -> NodeSpec:
    return workflow(*tasks, **more).nodes[0]


def source(one: dict[str, Any], **more: Any) -> str:
    return imported(export(one, **more)).sources[0].text


def findings(*tasks: dict[str, Any], **more: Any) -> list[str]:
    found = imported(export(*tasks, **more)).findings
    return [f"{one.place}: {one.what}: {one.instead}" for one in found]


def refusal(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(BadImport) as error:
        read(raw)
    return str(error.value)


REQUEST = {
    "name": "مبيعات 🛒",
    "description": "d",
    "executionType": "SERIAL",
    "productNamespace": "w-1",
    "regionId": "r",
    "resourceQueue": "root_queue",
    "retryTimes": 1,
    "timeout": 600,
    "taskParallelism": 4,
    "alertEmailAddress": "a@example.com; b@example.com",
    "publish": True,
    "runAs": "1",
    "tags": {"team": "sales"},
    "globalParams": [prop("day", "${ds-1d}")],
    "schedule": {"crontab": "0 0 2 * * ?", "startTime": "2026-01-01 00:00:00", "timezoneId": "Asia/Shanghai"},
    "taskRelationJson": [
        {"name": "x", "preTaskCode": 0, "preTaskVersion": 0, "postTaskCode": 1, "postTaskVersion": 1},
        {"name": "x", "preTaskCode": 1, "preTaskVersion": 1, "postTaskCode": 2, "postTaskVersion": 1},
    ],
    "taskDefinitionJson": [
        {"code": 1, "name": "提取", "taskType": "VPC_SQL", "taskParams": {"taskBizId": "T1", "type": "SQL"}},
        {
            "code": 2,
            "name": "load.py",
            "taskType": "X",
            "failRetryTimes": 3,
            "timeout": 60,
            "failAlertEnable": True,
            "startAlertEnable": False,
            "tags": {"k": "v"},
            "taskParams": {
                "taskBizId": "T2",
                "resourceQueueId": "dev_queue",
                "fusion": True,
                "sparkDriverCores": 1,
                "sparkDriverMemory": 4,
                "sparkLogLevel": "INFO",
                "sparkConf": [{"key": "spark.a", "value": "b"}],
                "localParams": [prop("x", "1")],
            },
        },
    ],
}


def said(text: str, cycle: datetime) -> str:
    """Give a text with the dates of a run with that cycle time."""
    return variables.Scope(variables.Facts(cycle, "w", "n", 1, 1), {}).replace(text, "text")
