"""DolphinScheduler's task types, each as a job; what has no equal as a node that stands in for it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

import msgspec

from stoker_shared.text import clean, quoted
from stoker_tui.importing.spark import spark
from stoker_tui.importing.task import Job, Task

_PASSES = (
    "a disabled node stands in for it, its job says what it was: a run passes through it as if it succeeded"
)
_INSTEAD = {
    "CONDITIONS": f"{_PASSES}, and all its branches run",
    "SWITCH": f"{_PASSES}, and all its branches run",
    "DEPENDENT": f"{_PASSES}, and waits for no other workflow",
}
_SPARK_SQL = ("SPARK", "HIVE")
_NUMBERS = ("INTEGER", "LONG", "FLOAT", "DOUBLE", "BOOLEAN")
_SQL = re.compile(
    r"""(?P<asis>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|--[^\n]*|/\*.*?\*/)|\$\{(?P<name>[^{}\n]*)\}""",
    re.DOTALL,
)
_TEXTUAL = re.compile(r"!(\{[^{}\n]*\})")
_BASH = "#!/usr/bin/env bash\n"


def job_of(task: Task) -> Job:
    """Make a task a job."""
    return _MAKERS.get(task.kind, stand_in)(task)


def stand_in(task: Task) -> Job:
    """Give a disabled node for what has no equal, so that the graph stays whole."""
    told = task.params.everything()
    written = msgspec.json.format(msgspec.json.encode(told), indent=2).decode()
    what = f"a task of type {clean(task.kind)} has no equal here"
    lines = [
        "#!/bin/sh",
        f"# Imported: {what}. What it was told:",
        *(f"#   {line}" for line in written.split("\n")),
        f"echo {shlex.quote(what)} >&2",
        "exit 1",
    ]
    task.find(task.params.place, f"the task type {quoted(task.kind, 40)}", _INSTEAD.get(task.kind, _PASSES))
    return Job(task.publish(".sh", "\n".join(lines) + "\n"), enabled=False)


def _shell(task: Task) -> Job:
    script = task.scope.script(_lines(task.params.needed_text("rawScript")))
    if not re.match(r"#!.*\bbash\b", script):
        script = _BASH + script
    return Job(task.publish(".sh", script))


def _python(task: Task) -> Job:
    script = _lines(task.params.needed_text("rawScript"))
    place = task.params.at("rawScript")
    task.find(place, "a task of plain Python", "a PySpark job: it is run by spark-submit")
    if references := task.scope.references(script):
        shown = ", ".join(quoted(reference, 40) for reference in references[:10])
        task.find(
            place,
            f"its text refers to {shown}",
            "nothing is replaced in Python: read os.environ, where each variable is STOKER_ and its name",
        )
    return Job(task.publish(".py", script))


def _sql(task: Task) -> Job:
    params = task.params
    kind = params.text("type").upper()
    if kind not in _SPARK_SQL:
        task.find(params.at("type"), f"SQL for a data source of type {quoted(kind, 40)}", "see the task")
        return stand_in(task)
    statements = [
        *params.texts("preStatements"),
        params.needed_text("sql"),
        *params.texts("postStatements"),
    ]
    for key in ("title", "groupId", "showType", "displayRows", "limit", "sqlType"):
        params.value(key)
    if params.switch("sendEmail"):
        task.find(params.at("sendEmail"), "the result was sent by e-mail", "it is in the node's log")
    task.find(
        params.at("datasource"),
        f"the connection of data source {params.text('datasource', '?')} is not in the export",
        "Spark SQL on the node's queue runs it, with that host's catalog",
    )
    text = ";\n".join(_lines(one).strip().rstrip(";") for one in statements if one.strip()) + ";\n"
    return Job(task.publish(".sql", task.scope.text(_literals(task, text))))


def _literals(task: Task, sql: str) -> str:
    """Write what were parameters of a prepared statement as literals, which are quoted unless numbers."""

    def literal(match: re.Match[str]) -> str:
        name = match["name"]
        is_bare = name is not None and task.scope.knows(name) and task.kinds.get(name) not in _NUMBERS
        return f"'{match[0]}'" if is_bare else match[0]

    return _TEXTUAL.sub(r"$\1", _SQL.sub(literal, sql))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


_MAKERS: dict[str, Callable[[Task], Job]] = {
    "SHELL": _shell,
    "PYTHON": _python,
    "SQL": _sql,
    "SPARK": spark,
}
