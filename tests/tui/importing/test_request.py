"""A managed service's request that creates a process definition."""

from __future__ import annotations

import copy
import json
import re

import pytest

from stoker_shared.model import (
    Days,
    JobConfig,
    NodeSpec,
    NodeState,
    OverlapPolicy,
    Subscription,
    WorkflowSpec,
)
from stoker_tui.importing.read import read
from tests.tui.importing.exports import REQUEST


@pytest.mark.parametrize("as_text", [False, True])
def test_a_request_of_the_managed_service_becomes_a_workflow(as_text: bool) -> None:
    request = copy.deepcopy(REQUEST)
    if as_text:
        for key in ("taskRelationJson", "taskDefinitionJson", "globalParams", "schedule", "tags"):
            request[key] = json.dumps(request[key])

    found = read(json.dumps(request).encode(), "cloud")

    assert found.workflows == [
        WorkflowSpec(
            workflow="مبيعات 🛒",
            description="d",
            schedule=Days(at="02:00", time_zone="Asia/Shanghai", start="2026-01-01T00:00:00"),
            overlap=OverlapPolicy.WAIT,
            notify=("a@example.com", "b@example.com"),
            retries=1,
            run_timeout=600,
            parallelism=4,
            tags={"team": "sales"},
            variables={"day": "${ds-1d}"},
            nodes=(
                NodeSpec(name="提取", job="cloud/مبيعات 🛒/提取.sql"),
                NodeSpec(
                    name="load.py",
                    job="cloud/مبيعات 🛒/load.py",
                    upstream=("提取",),
                    config=JobConfig(
                        driver_cores=1, driver_memory="4g", log_level="INFO", conf={"spark.a": "b"}
                    ),
                    variables={"x": "1"},
                    retries=3,
                    timeout=60,
                    queue="dev_queue",
                    subscription=Subscription(("a@example.com", "b@example.com"), (NodeState.FAILED,)),
                    tags={"k": "v"},
                ),
            ),
        )
    ]
    assert [re.sub(r".*/", "", one.place) for one in found.findings] == [
        "0",
        "1",
        "sparkDriverMemory",
        "fusion",
        "publish",
        "runAs",
    ]
