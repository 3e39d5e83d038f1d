"""Definitions of other schedulers, read as Stoker's own."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stoker_daemon import variables
from stoker_shared.definition import faults
from stoker_shared.model import (
    Cron,
    Days,
    FailureStrategy,
    JobConfig,
    NodeSpec,
    NodeState,
    OverlapPolicy,
    Subscription,
    WorkflowSpec,
)
from stoker_shared.text import clean, name_problem, path_problem
from stoker_tui.importing import dates
from stoker_tui.importing.naming import Names
from stoker_tui.importing.quartz import DAY, Step
from stoker_tui.importing.read import read
from stoker_tui.importing.result import BadImport, Imported
from stoker_tui.importing.texts import Scope

EXAMPLE = Path(__file__).parents[1] / "data" / "dolphinscheduler-3.json"
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


# ------------------------------------------------------------------------------------------------ the whole


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


# ---------------------------------------------------------------------------------------------------- nodes


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


# ----------------------------------------------------------------------------------------------- parameters


def test_parameters_of_workflow_and_node_become_variables_under_names_that_are_free() -> None:
    spec = workflow(
        task("a", params={"rawScript": "true", "localParams": [prop("dt", "${region}/$[yyyyMMdd-1]")]}),
        globalParamList=[prop("region", "eu"), prop("my-key", "$${x}"), prop("my.key", "${dt}")],
    )

    assert spec.variables == {"region": "eu", "my_key": "$$${x}", "my_key_2": "${p_dt}"}
    assert spec.nodes[0].variables == {"p_dt": "${region}/${yyyyMMdd}"}


def test_a_parameter_that_names_itself_means_the_global_one() -> None:
    local = [prop("day", "${day}"), prop("month", "m${month}"), prop("alone", "${alone}")]
    spec = workflow(
        task("a", params={"rawScript": "true", "localParams": local}),
        globalParamList=[prop("day", "$[dd]"), prop("month", "$[MM]")],
    )

    assert spec.nodes[0].variables == {"month": "m${MM+1d}", "alone": "$${alone}"}


def test_what_a_node_hands_on_is_a_variable_of_the_workflow() -> None:
    hand_on = {"rawScript": "echo '${setValue(n=1)}'", "localParams": [prop("n", "0", direct="OUT")]}
    first, second = task("a", params=hand_on, code=1), task("b", params={"rawScript": "echo ${n}"}, code=2)
    found = imported(export(first, second))

    assert found.workflows[0].variables == {"n": "0"}
    assert found.sources[1].text.endswith("echo ${STOKER_N}")
    assert "is handed on to what follows" in found.findings[0].what


@given(
    st.text(max_size=80),
    st.lists(st.sampled_from(["ds", "DT", "MM", "yyyyMM", "attempt", "9", "", "a b", "_"])),
)
def test_any_parameter_gets_a_name_that_a_variable_can_have(wanted: str, others: list[str]) -> None:
    names = Names()
    given_out = [names.variable(one) for one in [wanted, *others, wanted]]

    assert not [problem for name in given_out if (problem := variables.variable_name_problem(name))]
    assert len({name.lower() for name in given_out}) == len(given_out)


@given(
    st.lists(st.text(max_size=80) | st.sampled_from(["a/b", "..", "🧹" * 70, "e\u0301", "\u202e", "تقرير"]))
)
def test_any_name_becomes_one_that_is_valid_and_free(wanted: list[str]) -> None:
    names, paths = Names(), Names()
    nodes = [names.name(one) for one in wanted]
    jobs = [paths.path("folder/x", one, ".sql") for one in wanted]

    assert not [problem for name in nodes if (problem := name_problem(name))]
    assert not [problem for path in jobs if (problem := path_problem(path))]
    assert len(set(nodes)) == len(set(jobs)) == len(wanted)
    assert all(path.endswith(".sql") for path in jobs)


# ---------------------------------------------------------------------------------------------------- dates

SPELLINGS = {"yyyyMMdd": "%Y%m%d", "yyyy-MM-dd": "%Y-%m-%d", "HHmmss": "%H%M%S", "yyyyMM": "%Y%m"}


def said(text: str, cycle: datetime) -> str:
    return variables.Scope(variables.Facts(cycle, "w", "n", 1, 1), {}).replace(text, "text")


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1)),
    st.sampled_from([DAY, Step(60, "m"), Step(10, "m"), Step(7 * 24 * 60, "m")]),
    st.sampled_from(list(SPELLINGS)),
    st.integers(-400, 400),
    st.sampled_from([("", 1440), ("/24", 60), ("/24/60", 1)]),
)
def test_a_date_of_a_run_is_the_one_it_was_there(
    due: datetime, step: Step, spelling: str, count: int, part: tuple[str, int]
) -> None:
    text = dates.reference(f"{spelling}{count:+}{part[0]}", step)

    assert text is not None
    cycle = (due - timedelta(minutes=step.size)).replace(tzinfo=UTC)
    expected = due + timedelta(minutes=count * part[1])
    assert said(text, cycle) == expected.strftime(SPELLINGS[spelling])


@given(st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1)), st.integers(-30, 30))
@example(datetime(2026, 11, 1), -1)
@example(datetime(2026, 3, 31), -1)
def test_months_are_counted_from_when_a_run_is_due(due: datetime, months: int) -> None:
    text = dates.reference(f"add_months(yyyyMM,{months})", DAY)

    assert text is not None
    index = due.year * 12 + due.month - 1 + months
    cycle = (due - timedelta(days=1)).replace(tzinfo=UTC)
    assert said(text, cycle) == f"{index // 12:04}{index % 12 + 1:02}"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("yyyyMMdd", "${yyyyMMdd+1d}"),
        ("yyyy-MM-dd-1", "${yyyy-MM-dd}"),
        ("yyyyMMdd+7*2", "${yyyyMMdd+15d}"),
        ("yyyy-MM-dd 00:00:00", "${yyyy-MM-dd+1d} 00:00:00"),
        ("yyyy-MM-dd'T'HH:mm", "${yyyy-MM-dd+1d}T${HH:mm+1d}"),
        ("add_months(yyyyMMdd,-12*1)", "${yyyyMMdd+1d-12M}"),
        ("this_day(yyyy-MM-dd)", "${yyyy-MM-dd+1d}"),
        ("last_day(yyyy-MM-dd)", "${yyyy-MM-dd}"),
        ("month_first_day(yyyy-MM-dd,-1)", "${yyyy-MM+1d-1M}-01"),
        ("month_last_day(yyyyMMdd,-1)", None),
        ("year_week(yyyy-MM-dd)", None),
        ("timestamp(yyyyMMddHHmmss)", None),
        ("YYYY-MM-DD", None),
        ("yyyyMMdd-1/0", None),
        ("12", None),
        ("", None),
    ],
)
def test_dates_of_a_daily_schedule(expression: str, text: str | None) -> None:
    assert dates.reference(expression, DAY) == text


def test_dates_follow_the_step_of_the_schedule() -> None:
    one = task("a", params={"rawScript": "true", "localParams": [prop("d", "$[yyyyMMddHH]")]})

    for crontab, value in [
        ("0 0 * * * ?", "${yyyyMMddHH+1h}"),
        ("0 0/15 * * * ?", "${yyyyMMddHH+15m}"),
        ("0 0 1 1 * ?", "${yyyyMMddHH+1M}"),
    ]:
        assert node(one, schedule={"crontab": crontab}).variables == {"d": value}


def test_a_schedule_with_changing_steps_or_without_equal_is_listed() -> None:
    weekdays = findings(task("a"), schedule={"crontab": "0 0 6 ? * MON-FRI"})
    last_day = findings(task("a"), schedule={"crontab": "0 0 6 L * ?", "timezoneId": "Mars/Base"})

    assert workflow(task("a"), schedule={"crontab": "0 0 6 ? * MON-FRI"}).schedule == Cron(
        expression="0 6 * * 1-5"
    )
    assert "these are not always as far apart" in weekdays[0]
    assert workflow(task("a"), schedule={"crontab": "0 0 6 L * ?"}).schedule is None
    assert "the time zone 'Mars/Base' is not IANA's" in last_day[0]
    assert "'L' as day of the month" in last_day[1]


# ---------------------------------------------------------------------------------------------------- shell


@pytest.mark.parametrize(
    "script",
    [
        "echo ${day} \"${day}\" '${day}' x'${day}'y",
        "echo $(echo '${day}') \"$(echo 'in ${day}')\" `echo '${day}'`",
        "cat <<EOF\nit's ${day}\nEOF\necho '${day}'",
        "cat <<-END\n\tdon't ${day}\n\tEND\necho '${day}'",
        "# don't\necho '${day}' # isn't ${day}\necho \"it's ${day}\"",
        'echo \\\' \'${day}\' \\" "a\\"${day}"',
        "case a in a) echo '${day}';; esac; (echo '${day}')",
        "x=5; echo $((1<<2)) ${x} '${x}' \"${x:-y}\"; cat <<< '${day}'",
        "awk 'BEGIN { print \"${day}\" }'",
        "echo '${system.biz.curdate}' \"$[yyyyMMdd]\"",
    ],
)
def test_a_script_prints_what_it_printed_when_its_text_was_replaced(script: str) -> None:
    names = Names()
    scope = Scope({"day": names.variable("day")}, DAY, names)
    translated = scope.script(script)
    made = {
        f"STOKER_{name.upper()}": said(value, datetime(2026, 11, 21)) for name, value in scope.made.items()
    }
    replaced = script.replace("${day}", "1 2  *.nothing").replace("${system.biz.curdate}", "20261122")
    replaced = replaced.replace("$[yyyyMMdd]", "20261122")

    def printed(text: str, **environment: str) -> str:
        clean = {"PATH": os.environ["PATH"]}
        return subprocess.run(
            ["bash", "-c", text], env=clean | environment, capture_output=True, text=True, check=True
        ).stdout

    assert printed(translated, STOKER_DAY="1 2  *.nothing", **made) == printed(replaced)


def test_what_no_shell_replaces_is_listed() -> None:
    one = task("a", params={"rawScript": "cat <<'E'\n${day}\nE\n", "localParams": [prop("day", "1")]})

    assert "${day}\n" in source(one)
    assert "'${day}' means nothing here" in findings(one)[0]


@given(st.text(alphabet="'\"`$(){}<>-#\\ \n\tEOFa[]", max_size=60))
def test_any_script_without_references_stays_as_it_is(script: str) -> None:
    names = Names()

    assert Scope({"day": "day"}, DAY, names).script(script) == script


# -------------------------------------------------------------------------------------- the managed service


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


# -------------------------------------------------------------------------------------------------- hostile


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "/: it is not JSON"),
        (b"\xff\xfe", "/: it is not JSON"),
        (b'["\\ud800"]', "/: it is not JSON"),
        (b"[" * 100_000, "/: it is nested too deeply"),
        ([], "/: there is no workflow in it"),
        (3, "/: here should be an object, and is 3"),
        ([None], "/0: here should be an object, and is null"),
        ([{"procesDefinition": {}}], "is 'procesDefinition' meant to be 'processDefinition'?"),
        ([{"processDefinitionJson": "{}"}], "this is an export of DolphinScheduler 1"),
        (export(), "/taskDefinitionList: here should be the tasks, and is none"),
        (export(task("a"), name=" "), "/processDefinition/name: here should be a text, and is none"),
        (export(task("a"), name=["a"]), '/processDefinition/name: here should be a text, and is ["a"]'),
        (
            export(task("a", code=5), task("b", code=5)),
            "/taskDefinitionList/1/code: the code 5 is also that of /taskDefinitionList/0",
        ),
        (export(task("a", code=0)), "/taskDefinitionList/0/code: a task needs a code other than 0"),
        (export(task("a", code=10**30)), "is no number of any use"),
        (
            export(task("a"), edges=[(7, 1)]),
            "/processTaskRelationList/0/preTaskCode: there is no task with the code 7",
        ),
        (
            export(task("a"), edges=[(1, 0)]),
            "/processTaskRelationList/0/postTaskCode: a relation leads to a task",
        ),
        (
            export(task("a", code=1), task("b", code=2), edges=[(1, 2), (2, 1)]),
            "the nodes wait for each other in a cycle: a -> b -> a",
        ),
        (export(task("a"), edges=[(1, 1)]), "in a cycle: a -> a"),
        (export(task("a", params="{")), "/taskDefinitionList/0/taskParams: here should be JSON in a text"),
        (export(task("a", params="[" * 100_000)), "/taskDefinitionList/0/taskParams: here should be JSON"),
        (export(task("a", params={"rawScript": 1.5})), None),
        (export(task("a", params={})), "/taskDefinitionList/0/taskParams/rawScript: here should be a text"),
        (export(task("a", timeout="soon")), "/taskDefinitionList/0/timeout: here should be a whole number"),
        (export(task("a", flag="PERHAPS")), "/taskDefinitionList/0/flag: here should be true or false"),
        (
            export(task("a"), schedule=DAILY | {"endTime": "never"}),
            "/schedule/endTime: 'never' is not a time",
        ),
        (export(task("a"), globalParams="{}"), "/processDefinition/globalParams: here should be a list"),
        (
            export(task("\x1b[31m\u202e", code=1, kind="")),
            "/taskDefinitionList/0/taskType: here should be a text",
        ),
    ],
)
def test_what_is_no_definition_is_refused_with_its_place(content: Any, why: str | None) -> None:
    if why is None:
        assert read(json.dumps(content).encode()).workflows
        return
    said = refusal(content)
    assert why in said
    assert said.isprintable()


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Give every place of a JSON value, as its container and key."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, one in list(inside) for place in [(value, key), *_places(one)]]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@given(st.data(), json_values, st.booleans())
def test_a_definition_with_anything_anywhere_is_read_or_refused(
    data: st.DataObject, value: Any, cloud: bool
) -> None:
    whole = copy.deepcopy([REQUEST]) if cloud else json.loads(EXAMPLE.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        places = _places(whole)
        if places:
            container, key = places[data.draw(st.integers(0, len(places) - 1))]
            container[key] = copy.deepcopy(value)  # else it may come to lie within itself
    try:
        found = read(json.dumps(whole).encode())
    except BadImport as error:
        assert str(error) == clean(str(error))
    else:
        assert not [fault for spec in found.workflows for fault in faults(spec)]
        assert not [one.path for one in found.sources if path_problem(one.path)]


def test_ten_thousand_tasks_of_one_name_are_read() -> None:
    tasks = [task("same", code=code) for code in range(1, 10_001)]
    edges = [(code, code + 1) for code in range(1, 10_000)]

    spec = workflow(*tasks, edges=edges)

    assert len({node.name for node in spec.nodes}) == 10_000
