import pytest

from stoker_shared.definition import config_faults, faults
from stoker_shared.model import JobConfig, NodeSpec, WorkflowSpec
from stoker_shared.secrecy import secret_problem


@pytest.mark.parametrize(
    "name",
    [
        "spark.hadoop.fs.s3a.secret.key",
        "spark.hadoop.fs.s3a.access.key",
        "spark.ssl.keyPassword",
        "DB_PASSWORD",
        "GITHUB_TOKEN",
    ],
)
def test_a_name_that_tells_of_a_secret_takes_its_value_from_a_variable(name: str):
    problem = secret_problem(name, "hunter2")

    assert problem
    assert "stoker variable set NAME --secret" in problem
    assert "hunter2" not in problem
    assert secret_problem(name, "$${token}")
    assert secret_problem(name, "${token}") is None
    assert secret_problem(name, "Bearer ${token}") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spark.sql.shuffle.partitions", "8"),
        ("REGION", "eu"),
        ("spark.hadoop.dfs.block.access.token.enable", "true"),
        ("spark.ssl.keyPassword", ""),
    ],
)
def test_what_is_no_secret_is_written_as_it_is(name: str, value: str):
    assert secret_problem(name, value) is None


def test_a_definition_with_a_secret_in_it_has_a_fault_at_its_place():
    config = JobConfig(conf={"spark.x.password": "hunter2"}, env={"TOKEN": "hunter2"})

    assert [place for place, _ in config_faults(config)] == ["conf/spark.x.password", "env/TOKEN"]
    spec = WorkflowSpec(workflow="daily", nodes=(NodeSpec(name="a", job="a.py", config=config),))
    assert [fault.pointer for fault in faults(spec)] == [
        "/nodes/0/config/conf/spark.x.password",
        "/nodes/0/config/env/TOKEN",
    ]


def test_the_tags_that_every_node_has_can_not_be_set():
    node = NodeSpec(name="a", job="a.py", tags={"team": "sales", "task_name": "b"})

    assert [fault.pointer for fault in faults(WorkflowSpec(workflow="daily", nodes=(node,)))] == [
        "/nodes/0/tags/task_name"
    ]
