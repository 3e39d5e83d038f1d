"""Every field of every form: what may be typed wrongly in it, and what a person then reads beneath it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stoker_shared.model import JobConfig, NodeSpec, QueueSpec, WorkflowSpec
from stoker_tui.forms.configuration import ConfigurationForm
from stoker_tui.forms.form import Form
from stoker_tui.forms.known import Known
from stoker_tui.forms.node import NodeForm
from stoker_tui.forms.publishing import PublishForm
from stoker_tui.forms.queue import QueueForm
from stoker_tui.forms.workflow import WorkflowForm
from stoker_tui.forms.workspace import VariableForm, WorkspaceForm
from tests.tui.fake import JOB

KNOWN = Known(lambda: {JOB.path: JOB}, lambda: ["root_queue", "dev_queue"], "Europe/Berlin")
WORKFLOW = WorkflowSpec(
    workflow="sales",
    nodes=(
        NodeSpec(name="ingest", job="etl/ingest.py"),
        NodeSpec(name="report", job="etl/report.py", upstream=("ingest",)),
    ),
)


def workflow(type: str = "") -> Form[Any]:
    form = WorkflowForm(None, KNOWN)
    form.type("workflow", "sales")
    if type:
        form.type("schedule/type", type)
    return form


def scheduled(type: str) -> Callable[[], Form[Any]]:
    return lambda: workflow(type)


def node() -> Form[Any]:
    return NodeForm(WORKFLOW, "ingest", KNOWN)


def configuration() -> Form[Any]:
    return ConfigurationForm(JobConfig(), "etl/sums.jar")


def queue() -> Form[Any]:
    return QueueForm("", None)


SECONDS = "must be from 1 to 31,622,400"
NO_NUMBER = "'x' is not a whole number"
BAD_PAIR = "'eu' is not NAME=VALUE"
OPEN_QUOTE = "no closing quotation; put what has spaces in quotes: 'two words'"
NO_ADDRESS = "'lead' is not an e-mail address; write one such as 'team@example.com'"
NO_TIME = "'1:00' is not a time of day; write HH:MM, from 00:00 to 23:59"
NO_MOMENT = "'soon' is not a time; write 2026-11-21, 2026-11-21T01:00 or with +01:00"
NOT_LATE = (
    "'soon' is not a moment to be late at; write how long after the tick, as 90m or 2h, "
    "or a time of day, as 06:00"
)
NO_SIZE = "'4x' is not a size: a number and k, m, g or t, such as 4g"
HAS_SLASH = "'a/b' is not a valid name: it contains '/', which separates the parts of a path"
NO_NAME = "'2x' is not a name: letters, digits and _, no digit first"
CONF = (
    "Spark ignores the property 'a': its name must begin with `spark.` "
    "(for a Hadoop property: `spark.hadoop.a`)"
)
ENV = "2x: an environment variable's name has letters, digits and _, no digit first"
NEEDED = "it is needed; write one such as "

BAD: list[tuple[Callable[[], Form[Any]], str, str, str]] = [
    (workflow, "workflow", "", NEEDED + "daily_sales"),
    (workflow, "workflow", "a/b", HAS_SLASH),
    (workflow, "queue", "a/b", HAS_SLASH),
    (workflow, "retries", "x", NO_NUMBER),
    (workflow, "retries", "-1", "must be from 0 to 100"),
    (workflow, "notify", "a@b.example, lead", NO_ADDRESS),
    (workflow, "tags", "eu", BAD_PAIR),
    (workflow, "tags", "a=b a=c", "'a' comes twice"),
    (workflow, "tags", "team='two", OPEN_QUOTE),
    (
        workflow,
        "tags",
        "task_name=x",
        "'task_name' is a tag that every node has of itself; choose another name",
    ),
    (
        workflow,
        "tags",
        f"team={'x' * 257}",
        "team: the value of a tag is printable and has at most 256 characters",
    ),
    (workflow, "description", "x" * 10_001, "has 10,001 characters, and one has at most 10,000"),
    (workflow, "variables", "eu", BAD_PAIR),
    (workflow, "variables", "2x=1", NO_NAME),
    (workflow, "variables", "ds=1", "'ds' is built in and cannot be set"),
    (workflow, "retry_delay", "x", "'x' is not a number"),
    (workflow, "retry_delay", "nan", "must be from 0 to 31,622,400"),
    (workflow, "retry_backoff", "0.5", "must be from 1 to 100"),
    (workflow, "run_timeout", "x", NO_NUMBER),
    (workflow, "run_timeout", "0", SECONDS),
    (workflow, "parallelism", "501", "must be from 1 to 500"),
    (workflow, "parallelism", "x", NO_NUMBER),
    (scheduled("days"), "schedule/at", "", NEEDED + "01:00"),
    (scheduled("days"), "schedule/at", "1:00", NO_TIME),
    (
        scheduled("days"),
        "schedule/time_zone",
        "Europe/Berln",
        "there is no time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?",
    ),
    (scheduled("days"), "schedule/start", "soon", NO_MOMENT),
    (scheduled("days"), "schedule/end", "soon", NO_MOMENT),
    (scheduled("days"), "not_started_by", "soon", NOT_LATE),
    (scheduled("days"), "not_done_by", "soon", NOT_LATE),
    (scheduled("hours"), "schedule/every", "", NEEDED + "1"),
    (scheduled("hours"), "schedule/every", "x", NO_NUMBER),
    (scheduled("hours"), "schedule/every", "25", "must be from 1 to 24 hours"),
    (scheduled("minutes"), "schedule/every", "0", "must be from 1 to 1440 minutes"),
    (scheduled("minutes"), "schedule/from", "1:00", NO_TIME),
    (scheduled("minutes"), "schedule/to", "1:00", NO_TIME),
    (scheduled("cron"), "schedule/expression", "", NEEDED + "0 6 * * 1-5"),
    (
        scheduled("cron"),
        "schedule/expression",
        "0 0 6 * * 1-5",
        "it has 6 fields, and a cron expression has five: minute, hour, day of the month, month, "
        "day of the week; without seconds it is '0 6 * * 1-5'",
    ),
    (
        scheduled("cron"),
        "schedule/expression",
        "61 * * * *",
        "'61' can't be its minute: it goes from 0 to 59",
    ),
    (node, "job", "", NEEDED + "etl/ingest.py"),
    (
        node,
        "job",
        "/etl/x.py",
        "'/etl/x.py' is not a valid path: it begins with '/', and a path is relative, "
        "such as 'etl/ingest.py'",
    ),
    (node, "name", "", NEEDED + "ingest"),
    (node, "name", "report", "2 nodes have the name 'report'"),
    (node, "name", "a/b", HAS_SLASH),
    (node, "upstream", "ropert", "there is no node 'ropert'; did you mean 'report'?"),
    (node, "upstream", "report", "the nodes wait for each other in a cycle: ingest -> report -> ingest"),
    (node, "upstream", "report report", "names 'report' 2 times"),
    (node, "retries", "x", NO_NUMBER),
    (node, "retries", "101", "must be from 0 to 100"),
    (node, "timeout", "x", NO_NUMBER),
    (node, "timeout", "0", SECONDS),
    (node, "subscription/addresses", "lead", NO_ADDRESS),
    (node, "subscription/states", "failde", "unknown value 'failde'; did you mean 'failed'?"),
    (node, "tags", "eu", BAD_PAIR),
    (node, "queue", "a/b", HAS_SLASH),
    (node, "args", "--date 'two", OPEN_QUOTE),
    (node, "variables", "2x=1", NO_NAME),
    (node, "priority", "x", NO_NUMBER),
    (node, "priority", "1001", "must be from -1,000 to 1,000"),
    (node, "config/driver_cores", "0", "must be 1 or more"),
    (node, "config/driver_memory", "4x", NO_SIZE),
    (node, "config/conf", "a=b", CONF),
    (node, "config/env", "2x=1", ENV),
    (configuration, "args", "--date 'two", OPEN_QUOTE),
    (configuration, "main_class", "com..X", "'com..X' is not the name of a class"),
    (configuration, "driver_cores", "x", NO_NUMBER),
    (configuration, "driver_cores", "0", "must be 1 or more"),
    (configuration, "driver_memory", "4x", NO_SIZE),
    (configuration, "executor_cores", "0", "must be 1 or more"),
    (configuration, "executor_memory", "4x", NO_SIZE),
    (configuration, "executor_instances", "0", "must be 1 or more"),
    (configuration, "min_executors", "-1", "must be 0 or more"),
    (configuration, "max_executors", "0", "must be 1 or more"),
    (configuration, "memory_overhead", "4x", NO_SIZE),
    (configuration, "log_level", "WARM", "'WARM' is not a log level of Spark; did you mean WARN?"),
    (configuration, "conf", "a=b", CONF),
    (configuration, "env", "2x=1", ENV),
    (configuration, "timeout", "0", "must be 1 or more"),
    (queue, "name", "", NEEDED + "nightly"),
    (queue, "name", "a/b", HAS_SLASH),
    (queue, "limit", "x", NO_NUMBER),
    (queue, "limit", "0", "must be from 1 to 1,000,000"),
    (queue, "nodes", "0", "must be from 1 to 1,000,000"),
    (queue, "master", "yarm", "must be local[*], spark://HOST:PORT, yarn or k8s://URL"),
    (queue, "deploy_mode", "cluster", "must be client where the master is local[*]"),
    (queue, "spark_home", "opt/spark", "must be an absolute path"),
    (queue, "conf", "a=b", "a: must begin with spark., as Spark ignores all else"),
    (queue, "env", "2x=1", "2x: must be letters, digits and _, no digit first"),
    (queue, "proxy_user", "-x", "must be the name of a user"),
    (lambda: WorkspaceForm(None), "name", "a/b", HAS_SLASH),
    (lambda: WorkspaceForm(None), "description", "x" * 10_001, "has at most 10,000 characters"),
    (lambda: VariableForm(None), "name", "2x", NO_NAME),
    (lambda: VariableForm(None), "value", "x" * 30_001, "has 30,001 characters, and one has at most 30,000"),
]


@pytest.mark.parametrize(("form", "place", "typed", "told"), BAD)
def test_a_bad_value_is_told_beneath_its_field_and_stays(
    form: Callable[[], Form[Any]], place: str, typed: str, told: str
) -> None:
    made = form()

    made.type(place, typed)

    assert made.problem(place) == told
    assert made.text(place) == typed
    assert made.value is None


def test_every_field_that_is_typed_has_a_bad_value_here() -> None:
    forms = [
        workflow(),
        workflow("days"),
        workflow("hours"),
        workflow("cron"),
        node(),
        configuration(),
        queue(),
    ]
    typed = {
        field.place.removeprefix("config/") for form in forms for field in form.shown() if not field.options
    }

    tried = {place.removeprefix("config/") for _, place, _, _ in BAD}

    assert typed - tried == set()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("etl/none.py", "'etl/none.py' is not there; name a file of this host"),
        ("etl", "'etl' is a directory; name a file of this host"),
        ("etl/notes.txt", "must end in one of .py, .sql, .jar, .ipynb, .sh, .submit"),
    ],
)
def test_a_file_that_can_not_be_published_is_told(
    typed: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "etl").mkdir()
    (tmp_path / "etl/notes.txt").touch()
    form = PublishForm(KNOWN)

    form.type("source", typed)

    assert told in form.problem("source")


def test_a_file_from_elsewhere_needs_a_path(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.touch()
    form = PublishForm(KNOWN)

    form.type("source", str(file))
    form.reveal()

    assert "is not below this directory" in form.problem("job")


def test_states_without_addresses_are_told_of_where_addresses_go() -> None:
    form = node()
    form.type("subscription/states", "succeeded")

    assert form.problem("subscription/addresses") == "a subscription needs at least one address"


def test_one_bad_field_does_not_hide_another() -> None:
    form = workflow()
    form.type("retries", "x")
    form.type("parallelism", "0")

    assert set(form.problems) == {"retries", "parallelism"}


@pytest.mark.parametrize(
    ("place", "typed", "told"),
    [
        ("job", "etl/ingst.py", "job 'etl/ingst.py' is not published; did you mean 'etl/ingest.py'?"),
        ("queue", "dev_queu", "there is no queue 'dev_queu'; did you mean 'dev_queue'?"),
    ],
)
def test_what_is_not_there_yet_is_warned_of_and_valid(place: str, typed: str, told: str) -> None:
    form = node()
    form.type(place, typed)

    assert form.warning(place) == told
    assert form.value is not None


def test_a_queue_is_checked_by_what_the_daemon_checks_it_by() -> None:
    form = QueueForm("nightly", QueueSpec(limit=4))
    form.type("limit", "8")

    assert form.value is not None
    assert form.value.spec == QueueSpec(limit=8)
