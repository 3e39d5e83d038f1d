"""What tasks become, by their types."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stoker_shared.model import FailureStrategy, JobConfig, OverlapPolicy
from tests.tui.importing.exports import DAILY, export, findings, imported, node, prop, source, task, workflow


def test_retries_timeouts_priorities_and_switches_become_those_of_nodes() -> None:
    spec = workflow(
        task("a", code=1, failRetryTimes=3, failRetryInterval=2, taskPriority="HIGHEST"),
        task("b", code=2, timeoutFlag="OPEN", timeout=2, timeoutNotifyStrategy="WARNFAILED", flag="NO"),
        schedule=DAILY | {"failureStrategy": "END"},
        executionType="SERIAL_DISCARD",
    )

    first, second = spec.nodes
    assert (first.retries, first.timeout, first.priority, first.enabled) == (3, None, 2, True)
    assert (second.retries, second.timeout, second.priority, second.enabled) == (None, 120, 0, False)
    assert (spec.retry_delay, spec.overlap) == (120, OverlapPolicy.SKIP)
    assert spec.failure_strategy is FailureStrategy.FAIL_FAST


def test_a_scheduled_workflow_that_warns_after_a_time_is_late_then() -> None:
    assert workflow(task("a"), timeout=90, schedule=DAILY).not_done_by == "90m"
    assert workflow(task("a"), timeout=90).not_done_by is None
    assert workflow(task("a"), timeout=0, schedule=DAILY).not_done_by is None
    assert workflow(task("a"), timeout=10_000_000, schedule=DAILY).not_done_by is None
    (found,) = findings(task("a"), timeout=90, schedule=DAILY)
    assert found.startswith(
        "/0/processDefinition/timeout: after 90 min it warns: not_done_by: 90m, from when"
    )


def test_a_delay_that_nodes_do_not_share_and_a_timeout_that_only_warns_are_listed() -> None:
    first = task("a", code=1, failRetryTimes=1, failRetryInterval=2)
    second = task("b", code=2, failRetryTimes=1, failRetryInterval=5, timeoutFlag="OPEN", timeout=9)

    assert findings(first, second) == [
        "/0/taskDefinitionList/1/timeout: after 9 min it only warns: no timeout: one here ends the job",
        "/0/taskDefinitionList/0/failRetryInterval: a retry after 2 min: 5 min, as for the whole workflow",
    ]
    assert workflow(first, second).retry_delay == 300


@pytest.mark.parametrize(
    "kind", ["CONDITIONS", "SWITCH", "SUB_PROCESS", "HTTP", "DATAX", "FLINK", "novel 🦄\n"]
)
def test_a_type_without_equal_is_a_disabled_node_that_tells_what_it_was(kind: str) -> None:
    one = task("x", kind, params={"secret": "it's $(touch /tmp/never)\nnext"})
    found = imported(export(one))

    assert not found.workflows[0].nodes[0].enabled
    script = found.sources[0].text
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "has no equal here" in done.stderr
    assert "it's $(touch /tmp/never)\\nnext" in script
    assert not Path("/tmp/never").exists()
    assert any("a disabled node stands in for it" in finding.instead for finding in found.findings)


def test_spark_sql_is_a_sql_job_with_its_configuration() -> None:
    params = {
        "programType": "SQL",
        "rawScript": "select '${day}';",
        "driverCores": 1,
        "driverMemory": "512M",
        "numExecutors": 2,
        "executorCores": 3,
        "executorMemory": "2G",
        "appName": "of ${day}",
        "mainClass": "ignored",
        "others": "--conf spark.a=b=c --conf=spark.d='e f' --jars x.jar,y.jar --executor-memory 9g",
        "localParams": [prop("day", "$[yyyyMMdd]")],
    }
    found = imported(export(task("q", "SPARK", params=params)))

    assert found.sources[0].path == "flow/q.sql"
    assert found.sources[0].text == "select '${day}';"
    assert found.workflows[0].nodes[0].variables == {"day": "${yyyyMMdd+1d}"}
    assert found.workflows[0].nodes[0].config == JobConfig(
        driver_cores=1,
        driver_memory="512m",
        executor_instances=2,
        executor_cores=3,
        executor_memory="2g",
        conf={
            "spark.app.name": "of ${day}",
            "spark.a": "b=c",
            "spark.d": "e f",
            "spark.jars": "x.jar,y.jar",
        },
    )


def test_a_jar_is_named_by_its_path_and_listed_as_missing() -> None:
    params = {
        "programType": "JAVA",
        "mainClass": "com.example.Main",
        "mainJar": {"resourceName": "/etl/my app.jar"},
        "mainArgs": "a 'b c' $[yyyy-MM-dd-1]",
    }
    found = imported(export(task("j", "SPARK", params=params)), prefix="dolphin")

    only = found.workflows[0].nodes[0]
    assert (only.job, only.args) == ("dolphin/etl/my app.jar", ("a", "b c", "${yyyy-MM-dd}"))
    assert only.config.main_class == "com.example.Main"
    assert found.missing == ["dolphin/etl/my app.jar"]
    assert "stoker job publish 'my app.jar' --as 'dolphin/etl/my app.jar'" in found.findings[0].instead


def test_a_python_program_whose_file_is_only_a_number_is_named_by_its_task() -> None:
    one = task("score", "SPARK", params={"programType": "PYTHON", "mainJar": {"id": 7}})

    assert node(one).job == "score.py"
    assert (
        "/0/taskDefinitionList/0/taskParams/mainJar: the file is only known as number 7" in findings(one)[0]
    )


def test_sql_for_spark_and_hive_is_a_job_with_its_statements_in_order() -> None:
    params = {
        "type": "HIVE",
        "datasource": 3,
        "preStatements": ["set a=1;"],
        "sql": "-- don't ${day}\nselect ${day}, '${day}', \"x\", ${n}, !{table}, '!{table}'",
        "postStatements": ["analyze table t"],
        "localParams": [prop("day", "x"), prop("n", "1", kind="INTEGER"), prop("table", "t")],
    }

    assert source(task("s", "SQL", params=params)) == (
        "set a=1;\n-- don't ${day}\nselect '${day}', '${day}', \"x\", ${n}, ${table}, '${table}';\n"
        "analyze table t;\n"
    )


def test_sql_for_other_databases_is_kept_in_a_node_that_stands_in() -> None:
    found = imported(export(task("s", "SQL", params={"type": "MYSQL", "sql": "select 1", "datasource": 2})))

    assert not found.workflows[0].nodes[0].enabled
    assert '"sql": "select 1"' in found.sources[0].text


def test_python_is_published_as_it_is_and_its_references_listed() -> None:
    script = "print('${day}', '$[yyyy]', '${other}')"
    one = task("p", "PYTHON", params={"rawScript": script, "localParams": [prop("day", "1")]})

    assert source(one) == script
    assert any("its text refers to '${day}', '$[yyyy]'" in finding for finding in findings(one))
