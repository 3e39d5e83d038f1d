"""A workflow as the request that creates one in the managed service has it.

Its language of variables is Stoker's own, so that texts stay as they are. The sources of its tasks are not in
the request, only their ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from stoker_shared.model import (
    ROOT_QUEUE,
    JobConfig,
    NodeSpec,
    NodeState,
    OverlapPolicy,
    Subscription,
    WorkflowSpec,
)
from stoker_shared.text import quoted
from stoker_tui.importing import graph, parameters
from stoker_tui.importing.naming import Names, suffix_of
from stoker_tui.importing.reading import Entry
from stoker_tui.importing.task import Batch
from stoker_tui.importing.timing import schedule_of

TASKS = "taskDefinitionJson"

_OVERLAPS = {
    "PARALLEL": OverlapPolicy.PARALLEL,
    "SERIAL": OverlapPolicy.WAIT,
    "SERIAL_WAIT": OverlapPolicy.WAIT,
    "SERIAL_DISCARD": OverlapPolicy.SKIP,
    "SERIAL_PRIORITY": OverlapPolicy.REPLACE,
}
_SUFFIXES = {"SQL": ".sql", "PYTHON": ".py", "PYSPARK": ".py", "JAR": ".jar", "NOTEBOOK": ".ipynb"}
_FIELDS = {
    "sparkDriverCores": "driver_cores",
    "sparkExecutorCores": "executor_cores",
}
_MEMORY = {"sparkDriverMemory": "driver_memory", "sparkExecutorMemory": "executor_memory"}
_RECORDS = {"productNamespace", "regionId", "code", "name", "preTaskVersion", "postTaskVersion"}
"""Where it was, and numbers and names that stand elsewhere too."""


def read_request(request: Entry, batch: Batch) -> None:
    """Add the workflow of one request to the batch; raises BadImport."""
    wanted = request.needed_text("name")
    name = batch.workflows.name(wanted)
    graph.find_renamed(batch, request, wanted, name)
    tasks, relations = request.entries(TASKS), request.entries("taskRelationJson")
    nodes_by_code = graph.names_by_code(tasks, batch)
    upstream = graph.upstream_by_code(relations, nodes_by_code, batch)
    timing = request.entry("schedule")
    schedule, _ = schedule_of(timing, batch)
    queue = request.text("resourceQueue") or ROOT_QUEUE
    notify = _addresses(request)
    retries = max(request.number("retryTimes"), 0)
    folder = f"{batch.prefix}/{name}".lstrip("/")
    batch.result.workflows.append(
        WorkflowSpec(
            workflow=name,
            description=request.text("description"),
            queue=queue,
            schedule=schedule,
            overlap=_overlap(request, batch),
            notify=notify,
            retries=retries,
            run_timeout=_positive(request.number("timeout")),
            parallelism=_positive(request.number("taskParallelism")),
            tags=request.words("tags"),
            variables=_variables(request, "globalParams", batch),
            nodes=tuple(
                _node(task, nodes_by_code[code], upstream[code], (folder, queue, notify, retries), batch)
                for code, task in zip(upstream, tasks, strict=True)
            ),
        )
    )
    if queue != ROOT_QUEUE:
        batch.find(
            request.at("resourceQueue"), f"the queue {quoted(queue, 60)}", "kept; make one of that name"
        )
    if request.switch("publish"):
        batch.find(request.at("publish"), "the workflow is published at once", "a draft")
    for entry in (request, *relations, *([timing] if timing else [])):
        batch.result.findings.extend(entry.rest(_RECORDS))


def _node(
    task: Entry,
    name: str,
    upstream: Iterable[str],
    inherited: tuple[str, str, tuple[str, ...], int],
    batch: Batch,
) -> NodeSpec:
    folder, queue, notify, retries = inherited
    params = task.entry("taskParams") or Entry({}, task.at("taskParams"))
    own_queue = params.text("resourceQueueId") or queue
    own_retries = task.number("failRetryTimes", retries)
    node = NodeSpec(
        name=name,
        job=_job(task, params, name, folder, batch),
        upstream=tuple(upstream),
        config=_config(params, batch),
        variables=_variables(params, "localParams", batch),
        retries=None if own_retries == retries else max(own_retries, 0),
        timeout=_positive(task.number("timeout")),
        queue=None if own_queue == queue else own_queue,
        subscription=_subscription(task, notify),
        tags=task.words("tags"),
    )
    for entry in (task, params):
        batch.result.findings.extend(entry.rest(_RECORDS))
    return node


def _job(task: Entry, params: Entry, name: str, folder: str, batch: Batch) -> str:
    """Give the path of a task's job, whose source is only known by an id."""
    kind = f"{task.text('taskType')} {params.text('type')}".upper()
    words = re.findall(r"[A-Z]+", kind)
    suffix = next((_SUFFIXES[word] for word in words if word in _SUFFIXES), None) or suffix_of(name)
    path = batch.paths.path(folder, name.removesuffix(suffix or ""), suffix or ".sql")
    batch.result.missing.append(path)
    source = quoted(params.text("taskBizId") or "?", 60)
    guess = (
        ""
        if suffix
        else f", and its type {quoted(kind.strip(), 60)} does not tell what it is: SQL is a guess"
    )
    batch.find(task.place, f"the source of {source} is not in the request{guess}", f"publish it as {path!r}")
    return path


def _config(params: Entry, batch: Batch) -> JobConfig:
    fields: dict[str, Any] = {
        field: count for key, field in _FIELDS.items() if (count := _positive(params.number(key)))
    }
    for key, field in _MEMORY.items():
        memory = params.text(key).strip().lower()
        if memory.isdecimal() and int(memory[:9]):
            batch.find(params.at(key), f"{memory} of no unit", f"{memory}g")
            memory = f"{memory}g"
        if memory and memory != "0":
            fields[field] = memory
    if level := params.text("sparkLogLevel"):
        fields["log_level"] = level
    conf = {one.needed_text("key"): one.text("value") for one in params.entries("sparkConf")}
    return JobConfig(conf=conf, **fields)


def _variables(owner: Entry, key: str, batch: Batch) -> dict[str, str]:
    entries = parameters.properties(owner, key)
    names = parameters.variable_names(entries, Names(), batch)
    for one in entries:
        if one.text("direct", "IN").upper() == "OUT":
            batch.find(one.place, "the parameter is handed on to what follows", "a variable with that value")
        one.value("type")
    return {names[one.text("prop")]: one.text("value") for one in entries}


def _subscription(task: Entry, notify: tuple[str, ...]) -> Subscription | None:
    told = {
        NodeState.FAILED: task.switch("failAlertEnable"),
        NodeState.RUNNING: task.switch("startAlertEnable"),
    }
    addresses = _addresses(task) or notify
    states = tuple(state for state, is_told in told.items() if is_told)
    return Subscription(addresses, states) if states and addresses else None


def _addresses(entry: Entry) -> tuple[str, ...]:
    return tuple(re.findall(r"[^\s,;]+", entry.text("alertEmailAddress")))


def _overlap(request: Entry, batch: Batch) -> OverlapPolicy:
    kind = request.text("executionType", "PARALLEL").upper()
    if kind not in _OVERLAPS:
        batch.find(request.at("executionType"), f"the execution type {quoted(kind, 40)}", "parallel")
    return _OVERLAPS.get(kind, OverlapPolicy.PARALLEL)


def _positive(number: int) -> int | None:
    return number if number > 0 else None
