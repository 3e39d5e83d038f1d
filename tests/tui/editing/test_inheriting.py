"""Where values come from."""

from __future__ import annotations

from typing import Any

import pytest

from stoker_shared.model import JobConfig, NodeSpec, QueueSpec, WorkflowSpec
from stoker_tui.editing.inheriting import Field, Source, node_fields

NODE = NodeSpec(
    name="load",
    job="load.py",
    timeout=60,
    config=JobConfig(executor_memory="8g", conf={"spark.own": "1"}, env={"A": "node"}),
    variables={"region": "us"},
)
WORKFLOW = WorkflowSpec(workflow="sales", retries=3, variables={"region": "eu", "team": "sales"})
JOB = JobConfig(driver_memory="2g", executor_memory="4g", timeout=900, env={"A": "job", "B": "job"})
QUEUE = QueueSpec(conf={"spark.own": "0", "spark.queue": "q"}, env={"B": "queue"})

FIELDS = node_fields(NODE, WORKFLOW, JOB, QUEUE, {"team": "all", "lake": "s3"})


@pytest.mark.parametrize(
    ("name", "own", "inherited", "source"),
    [
        ("retries", None, 3, Source.WORKFLOW),
        ("queue", None, "root_queue", Source.WORKFLOW),
        ("timeout", 60, 900, Source.JOB),
        ("args", None, None, Source.DEFAULT),
        ("config.driver_memory", None, "2g", Source.JOB),
        ("config.executor_memory", "8g", "4g", Source.JOB),
        ("config.executor_cores", None, None, Source.DEFAULT),
        ("config.conf.spark.own", "1", "0", Source.QUEUE),
        ("config.conf.spark.queue", None, "q", Source.QUEUE),
        ("config.env.A", "node", "job", Source.JOB),
        ("config.env.B", None, "job", Source.JOB),
        ("variables.region", "us", "eu", Source.WORKFLOW),
        ("variables.team", None, "sales", Source.WORKFLOW),
        ("variables.lake", None, "s3", Source.WORKSPACE),
    ],
)
def test_a_field_says_what_it_is_and_where_that_comes_from(
    name: str, own: Any, inherited: Any, source: Source
) -> None:
    assert FIELDS[name] == Field(own, inherited, source)
    assert FIELDS[name].value == (inherited if own is None else own)


def test_a_timeout_in_the_configuration_is_the_nodes_own() -> None:
    node = NodeSpec(name="load", job="load.py", config=JobConfig(timeout=5))

    assert node_fields(node, WORKFLOW)["timeout"].own == 5


def test_dynamic_allocation_takes_the_place_of_the_jobs_number_of_executors() -> None:
    node = NodeSpec(name="load", job="load.py", config=JobConfig(dynamic_allocation=True))

    fields = node_fields(node, WORKFLOW, JobConfig(executor_instances=4))

    assert fields["config.executor_instances"].value is None
