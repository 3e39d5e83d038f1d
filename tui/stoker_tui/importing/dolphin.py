"""A workflow as Apache DolphinScheduler 2 and 3 export it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from stoker_shared.lateness import deadline_problem
from stoker_shared.model import FailureStrategy, NodeSpec, OverlapPolicy, Schedule, WorkflowSpec
from stoker_shared.text import quoted
from stoker_tui.importing import graph, parameters
from stoker_tui.importing.kinds import job_of
from stoker_tui.importing.naming import Names
from stoker_tui.importing.quartz import Step
from stoker_tui.importing.reading import Entry, shown
from stoker_tui.importing.result import BadImport
from stoker_tui.importing.task import Batch, Task
from stoker_tui.importing.texts import Scope
from stoker_tui.importing.timing import schedule_of

DEFINITIONS = ("workflowDefinition", "processDefinition")
"""What the definition is called since 3.3, and before."""

_RELATIONS = ("workflowTaskRelationList", "processTaskRelationList")
_PRIORITIES = {"HIGHEST": 2, "HIGH": 1, "MEDIUM": 0, "LOW": -1, "LOWEST": -2}
_OVERLAPS = {
    "PARALLEL": OverlapPolicy.PARALLEL,
    "SERIAL_WAIT": OverlapPolicy.WAIT,
    "SERIAL_DISCARD": OverlapPolicy.SKIP,
    "SERIAL_PRIORITY": OverlapPolicy.REPLACE,
}
_RECORDS = {
    *("id", "code", "version", "projectCode", "projectName", "userId", "userName", "modifyBy", "operator"),
    *("createTime", "updateTime", "operateTime", "tenantId", "locations", "globalParamMap"),
    *("taskParamList", "taskParamMap", "resourceIds", "processDefinitionCode", "workflowDefinitionCode"),
    *("processDefinitionName", "workflowDefinitionName", "definitionDescription", "environmentName"),
    *("processDefinitionVersion", "workflowDefinitionVersion", "preTaskVersion", "postTaskVersion"),
    *("releaseState", "scheduleReleaseState"),
}
"""Who made what when, under which numbers, where it was drawn, and copies of what stands elsewhere."""

_NOTHING = {
    "workerGroup": ("default",),
    "tenantCode": ("default",),
    "environmentCode": ("-1", "0"),
    "cpuQuota": ("-1", "0"),
    "memoryMax": ("-1", "0"),
    "isCache": ("NO",),
    "taskExecuteType": ("BATCH",),
    "warningType": ("NONE",),
    "warningGroupId": ("0", "-1"),
    "processInstancePriority": ("MEDIUM",),
    "workflowInstancePriority": ("MEDIUM",),
    "taskGroupPriority": ("0", "1"),
}
"""Settings with values that ask for nothing."""


def read_export(export: Entry, batch: Batch) -> None:
    """Add the workflow of one export to the batch; raises BadImport."""
    key = export.first_of(*DEFINITIONS)
    definition = export.entry(key)
    if definition is None:
        raise BadImport(export.at(key), "here should be the definition of a workflow, and is none")
    timing = export.entry("schedule") or definition.entry("schedule")
    tasks = export.entries("taskDefinitionList")
    relations = export.entries(export.first_of(*_RELATIONS))
    if not tasks:
        raise BadImport(export.at("taskDefinitionList"), "here should be the tasks, and is none")
    wanted = definition.needed_text("name")
    name = batch.workflows.name(wanted)
    graph.find_renamed(batch, definition, wanted, name)
    nodes_by_code = graph.names_by_code(tasks, batch)
    upstream = graph.upstream_by_code(relations, nodes_by_code, batch)
    schedule, step = schedule_of(timing, batch)
    made = _Nodes(tasks, definition, step, f"{batch.prefix}/{name}".lstrip("/"), batch)
    nodes = [
        made.node(task, nodes_by_code[code], upstream[code])
        for code, task in zip(upstream, tasks, strict=True)
    ]
    batch.result.workflows.append(
        WorkflowSpec(
            workflow=name,
            description=definition.text("description"),
            schedule=schedule,
            overlap=_overlap(definition, batch),
            failure_strategy=_failure_strategy(timing),
            retry_delay=made.retry_delay(),
            not_done_by=_deadline(definition, schedule, batch),
            variables=made.variables(),
            nodes=tuple(nodes),
        )
    )
    if made.dated:
        batch.find(
            export.place,
            f"dates, such as {quoted(made.dated[0], 60)}, are counted from when a run is due there, "
            "and here from its cycle time, the tick before",
            "each reference has the time between the two added, so that it gives the same date",
        )
    if not definition.switch("flag") and "flag" in definition:
        batch.find(definition.at("flag"), "the workflow is not to be run", "a draft, which nothing runs yet")
    if timing and timing.text("releaseState") == "ONLINE":
        batch.find(timing.at("releaseState"), "the schedule is on", "off, until it is switched on")
    for entry in (export, definition, *relations, *tasks, *([timing] if timing else [])):
        _find_rest(entry, batch)


class _Retry(NamedTuple):
    place: str
    minutes: int


class _Nodes:
    """Makes the nodes of one workflow, whose parameters can refer to each other."""

    def __init__(
        self, tasks: Iterable[Entry], definition: Entry, step: Step, folder: str, batch: Batch
    ) -> None:
        self._batch = batch
        self._step = step
        self._folder = folder
        self._params = {
            task.place: task.entry("taskParams") or Entry({}, task.at("taskParams")) for task in tasks
        }
        self._locals = {
            place: parameters.properties(params, "localParams") for place, params in self._params.items()
        }
        own = parameters.properties(definition, "globalParamList", "globalParams")
        self._taken = Names()
        every = [*own, *(one for local in self._locals.values() for one in local)]
        self._made: dict[str, str] = {}
        self.dated: list[str] = []
        self._names = parameters.variable_names(every, self._taken, batch)
        self._global = {one.text("prop"): one.text("type") for one in own}
        self._variables = parameters.workflow_variables(own, self._scope(), batch)
        self._retries: list[_Retry] = []

    def node(self, task: Entry, name: str, upstream: Iterable[str]) -> NodeSpec:
        """Make a node of a task."""
        batch, params, local = self._batch, self._params[task.place], self._locals[task.place]
        scope = self._scope()
        variables = parameters.node_variables(local, scope, self._variables, batch)
        made = Task(
            name=name,
            kind=task.needed_text("taskType").upper(),
            folder=self._folder,
            params=params,
            scope=scope,
            kinds=self._global | {one.text("prop"): one.text("type") for one in local},
            batch=batch,
        )
        self._find_resources(params)
        job = job_of(made)
        for unknown in dict.fromkeys(scope.unknown):
            batch.find(params.place, f"{quoted(unknown, 60)} means nothing here", "left as it is")
        batch.result.findings.extend(params.rest({"resourceList", *_RECORDS}))
        is_on = task.switch("flag") or "flag" not in task
        return NodeSpec(
            name=name,
            job=job.path,
            upstream=tuple(upstream),
            args=job.args,
            config=job.config,
            variables=variables,
            retries=self._retries_of(task),
            timeout=self._timeout(task),
            enabled=is_on and job.enabled,
            priority=self._priority(task),
        )

    def variables(self) -> dict[str, str]:
        """Give the variables of the workflow, once its nodes are made."""
        return self._variables | self._made

    def retry_delay(self) -> int:
        """Give the seconds before a retry, which here are the workflow's: the longest of any of its tasks."""
        longest = max((retry.minutes for retry in self._retries), default=0)
        for retry in self._retries:
            if retry.minutes != longest:
                self._batch.find(
                    retry.place,
                    f"a retry after {retry.minutes} min",
                    f"{longest} min, as for the whole workflow",
                )
        return longest * 60

    def _scope(self) -> Scope:
        return Scope(self._names, self._step, self._taken, made=self._made, dated=self.dated)

    def _retries_of(self, task: Entry) -> int | None:
        retries, minutes = task.number("failRetryTimes"), task.number("failRetryInterval")
        if retries <= 0:
            return None
        self._retries.append(_Retry(task.at("failRetryInterval"), max(minutes, 0)))
        return retries

    def _timeout(self, task: Entry) -> int | None:
        """Give the seconds an attempt may take; a deadline there may be one that only warns."""
        minutes, is_on = task.number("timeout"), task.switch("timeoutFlag")
        strategy = task.text("timeoutNotifyStrategy", "WARN")
        if minutes <= 0 or not is_on:
            return None
        if strategy == "WARN":
            self._batch.find(
                task.at("timeout"), f"after {minutes} min it only warns", "no timeout: one here ends the job"
            )
            return None
        return minutes * 60

    def _priority(self, task: Entry) -> int:
        priority = task.text("taskPriority", "MEDIUM").upper()
        if priority not in _PRIORITIES:
            self._batch.find(
                task.at("taskPriority"), f"the priority {quoted(priority, 30)}", "an ordinary one"
            )
        return _PRIORITIES.get(priority, 0)

    def _find_resources(self, params: Entry) -> None:
        for entry in params.entries("resourceList"):
            name = entry.text("resourceName") or entry.text("res") or f"number {entry.text('id', '?')}"
            self._batch.find(
                entry.place, f"the file {quoted(name, 80)} was put beside the job", "it is not in the export"
            )


def _overlap(definition: Entry, batch: Batch) -> OverlapPolicy:
    kind = definition.text("executionType", "PARALLEL").upper()
    if kind not in _OVERLAPS:
        batch.find(definition.at("executionType"), f"the execution type {quoted(kind, 40)}", "parallel")
    return _OVERLAPS.get(kind, OverlapPolicy.PARALLEL)


def _failure_strategy(timing: Entry | None) -> FailureStrategy:
    ends = timing is not None and timing.text("failureStrategy", "CONTINUE").upper() == "END"
    return FailureStrategy.FAIL_FAST if ends else FailureStrategy.CONTINUE


def _deadline(definition: Entry, schedule: Schedule | None, batch: Batch) -> str | None:
    """Give when a run is late to end. There it only warns, as here, while a run timeout ends the run."""
    if (minutes := definition.number("timeout")) <= 0:
        return None
    place, what, deadline = definition.at("timeout"), f"after {minutes} min it warns", f"{minutes}m"
    if schedule is None or deadline_problem(deadline):
        batch.find(place, what, "nothing: only scheduled runs are late, and a run timeout ends the run")
        return None
    batch.find(place, what, f"not_done_by: {deadline}, from when a scheduled run is due")
    return deadline


def _find_rest(entry: Entry, batch: Batch) -> None:
    for key, empty in _NOTHING.items():
        value = entry.value(key) if key in entry else None
        if value is not None and str(value) not in empty and value != "":
            batch.find(entry.at(key), f"{key} is {shown(value)}", "no equal here; left out")
    batch.result.findings.extend(entry.rest(_RECORDS | {*_RELATIONS, *DEFINITIONS, "name"}))
