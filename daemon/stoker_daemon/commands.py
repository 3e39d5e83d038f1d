"""What people can ask for, each as a check and the events it comes to.

A command is first prepared outside the engine, where it may read and store objects; what it returns is
checked and carried out in a turn, against the state as it is then. It gives the number that it came to: the
run's, or the version's.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.cycles import default_cycle, parse_cycle
from stoker_daemon.engine import Turn
from stoker_daemon.objects import Objects
from stoker_daemon.plan import freeze, planned_nodes, type_of
from stoker_daemon.problems import Refused, conflict, invalid, not_found, precondition_required, stale
from stoker_daemon.variables import variable_name_problem
from stoker_daemon.views import runs_by_workflow, workflow_row
from stoker_shared import events as ev
from stoker_shared.api import Fault, PublishJob, PublishWorkflow, StartRun, WorkflowView
from stoker_shared.codec import MAX_LINE
from stoker_shared.definition import config_faults, faults
from stoker_shared.model import NODE_ENDS, NodeState, WorkflowSpec
from stoker_shared.state import Job, JobVersion, Run, State, Workflow, WorkflowVersion
from stoker_shared.text import clean, name_problem, nearest, path_problem

_ENVELOPE = 1024
"""Bytes of a line beside the event itself, generously."""

_E = TypeVar("_E", bound=ev.Event)

NEW = 0
"""The revision to save a workflow on that is not there yet."""


def publish_job(
    objects: Objects, workspace: str, path: str, request: PublishJob, by: str
) -> Callable[[Turn], int]:
    """Make stored content the next version of a job; raises `Refused`."""
    if problem := path_problem(path):
        raise invalid(problem)
    try:
        type_of(path)
    except ValueError as error:
        raise invalid(f"{clean(path)}: {error}") from error
    if wrong := [Fault(f"/config/{field}", why) for field, why in config_faults(request.config)]:
        raise invalid(f"the configuration of {clean(path)} can't be", wrong)
    if request.digest not in objects:
        raise invalid(f"no object {request.digest!r} is stored; send the content first")
    size = objects.size(request.digest)

    def command(turn: Turn) -> int:
        known = turn.state.jobs.get((workspace, path))
        version = known.latest.version + 1 if known else 1
        event = ev.JobPublished(
            workspace, path, version, request.digest, size, request.config, request.remarks
        )
        turn.record(_fitting(event), by)
        return version

    return command


async def save_workflow(
    objects: Objects, workspace: str, name: str, spec: WorkflowSpec, on_revision: int | None, by: str
) -> Callable[[Turn], Workflow]:
    """Save a workflow's draft, made on the draft ``on_revision`` (`NEW` for none); raises `Refused`."""
    if spec.workflow != name:
        raise invalid(f"the definition is of {spec.workflow!r}, not of {name!r}")
    if errors := faults(spec) + _variable_faults(spec):
        raise _faulty(name, errors)
    digest = await asyncio.to_thread(objects.put, msgspec.json.encode(spec))

    def command(turn: Turn) -> Workflow:
        known = turn.state.workflow_named(workspace, name)
        revision = known.draft.revision if known else NEW
        if on_revision is None:
            raise precondition_required(
                f"say which draft of {name!r} this replaces (If-Match), or that it is new (If-None-Match: *)"
            )
        if revision != on_revision:
            raise stale(_what_changed(name, known), known and _current(turn.state, objects, known))
        number = known.id if known else turn.state.counters.workflow + 1
        turn.record(ev.WorkflowSaved(workspace, number, name, revision + 1, digest), by)
        return turn.state.workflows[number]

    return command


def publish_workflow(
    state: State, objects: Objects, workspace: str, name: str, request: PublishWorkflow, by: str
) -> Callable[[Turn], int]:
    """Make a workflow's draft its next version; raises `Refused`."""
    draft = known_workflow(state, workspace, name).draft
    spec = read_definition(objects, draft.digest)
    if not spec.nodes:
        raise _faulty(name, [Fault("/nodes", "a workflow needs at least one node")])

    def command(turn: Turn) -> int:
        workflow = known_workflow(turn.state, workspace, name)
        if workflow.draft.digest != draft.digest:
            raise conflict(f"the draft of {name!r} was saved again meanwhile; look at it and publish again")
        if errors := _unpublished_jobs(turn.state, workspace, spec):
            raise _faulty(name, errors)
        version = len(workflow.versions) + 1
        event = ev.WorkflowPublished(workflow.id, version, draft.digest, request.remarks)
        turn.record(_fitting(event), by)
        return version

    return command


async def start_run(
    state: State, objects: Objects, workspace: str, request: StartRun, zone: ZoneInfo, now: datetime, by: str
) -> Callable[[Turn], int]:
    """Start a run of a published version over the newest published jobs; raises `Refused`."""
    workflow = known_workflow(state, workspace, request.workflow)
    version = published_version(workflow, request.version)
    cycle = _cycle(request.cycle, zone, now)
    if errors := [
        Fault(f"/variables/{name}", problem)
        for name in request.variables
        if (problem := variable_name_problem(name))
    ]:
        raise invalid("a variable can't be set", errors)
    spec = read_definition(objects, version.digest)
    plan = freeze(spec, lambda path: _latest(state, workspace, path))
    digest = await asyncio.to_thread(objects.put, msgspec.json.encode(plan))

    def command(turn: Turn) -> int:
        number = turn.state.counters.run + 1
        event = ev.RunCreated(
            run=number,
            workspace=workspace,
            workflow=workflow.id,
            name=workflow.name,
            version=version.version,
            trigger=ev.Trigger.MANUAL,
            cycle=cycle,
            time_zone=zone.key,
            plan=digest,
            nodes=planned_nodes(spec, plan),
            parallelism=spec.parallelism or os.cpu_count() or 1,
            failure_strategy=spec.failure_strategy,
            retry_delay=spec.retry_delay,
            retry_backoff=spec.retry_backoff,
            timeout=spec.run_timeout,
            variables=request.variables,
            remarks=request.remarks,
        )
        turn.record(_fitting(event), by)
        return number

    return command


def stop_run(number: int, by: str) -> Callable[[Turn], int]:
    """Stop a run: what runs is ended, what has not started will not."""

    def command(turn: Turn) -> int:
        run = active_run(turn.state, number)
        if run.stopping:
            raise conflict(f"run #{number} is stopping already ({run.stopping.value})")
        turn.record(ev.RunStopRequested(number, ev.Reason.STOP), by)
        return number

    return command


def stop_node(number: int, name: str, by: str) -> Callable[[Turn], int]:
    """Stop one node of a run: its attempt is ended, or it will not start."""

    def command(turn: Turn) -> int:
        run = active_run(turn.state, number)
        if name not in run.numbers:
            raise not_found(f"run #{number} has no node {clean(name)!r}{_guess(name, run.numbers)}")
        node = run.node(name)
        if node.state in NODE_ENDS:
            raise conflict(f"node {name!r} of run #{number} can't be stopped: it has {node.state.value}")
        if node.stopping:
            raise conflict(f"node {name!r} of run #{number} is stopping already")
        if node.is_active:
            turn.record(ev.NodeStopRequested(number, name, ev.Reason.STOP), by)
        else:
            turn.record(ev.NodeFinished(number, name, NodeState.STOPPED, ev.Reason.STOP), by)
        return number

    return command


def active_run(state: State, number: int) -> Run:
    """Give a run that has not finished; raises `Refused`."""
    if number in state.runs:
        return state.runs[number]
    if 0 < number <= state.counters.run:
        raise conflict(f"run #{number} has finished")
    raise not_found(f"there is no run #{number}")


def known_workflow(state: State, workspace: str, name: str) -> Workflow:
    """Give the workflow of that name; raises `Refused`."""
    if found := state.workflow_named(workspace, name):
        return found
    names = [known for space, known in state.names if space == workspace]
    raise not_found(f"there is no workflow {clean(name)!r} in {clean(workspace)!r}{_guess(name, names)}")


def known_job(state: State, workspace: str, path: str) -> Job:
    """Give the job at a path; raises `Refused`."""
    if found := state.jobs.get((workspace, path)):
        return found
    paths = [known for space, known in state.jobs if space == workspace]
    raise not_found(f"there is no job {clean(path)!r} in {clean(workspace)!r}{_guess(path, paths)}")


def published_version(workflow: Workflow, number: int | None) -> WorkflowVersion:
    """Give a published version, the latest where no number is given; raises `Refused`."""
    if not workflow.versions:
        raise conflict(f"workflow {workflow.name!r} has not been published; publish it first")
    if number is None:
        return workflow.versions[-1]
    if not 1 <= number <= len(workflow.versions):
        raise not_found(
            f"workflow {workflow.name!r} has no version {number}; its latest is {len(workflow.versions)}"
        )
    return workflow.versions[number - 1]


def read_definition(objects: Objects, digest: str) -> WorkflowSpec:
    """Give the stored definition of that digest."""
    return msgspec.json.decode(objects.read(digest), type=WorkflowSpec)


def check_workspace(name: str) -> None:
    """Raise `Refused` where a workspace's name can't be one."""
    if problem := name_problem(name):
        raise invalid(problem)


def _cycle(text: str | None, zone: ZoneInfo, now: datetime) -> datetime:
    if text is None:
        return default_cycle(now)
    try:
        return parse_cycle(text, zone)
    except ValueError as error:
        raise invalid(f"the cycle time can't be used: {error}", [Fault("/cycle", str(error))]) from error


def _latest(state: State, workspace: str, path: str) -> JobVersion:
    try:
        return state.jobs[workspace, path].latest
    except KeyError:
        raise conflict(f"job {path!r} is not published in workspace {workspace!r}") from None


def _unpublished_jobs(state: State, workspace: str, spec: WorkflowSpec) -> list[Fault]:
    known = [path for space, path in state.jobs if space == workspace]
    return [
        Fault(f"/nodes/{index}/job", f"job {clean(node.job)!r} is not published{_guess(node.job, known)}")
        for index, node in enumerate(spec.nodes)
        if (workspace, node.job) not in state.jobs
    ]


def _variable_faults(spec: WorkflowSpec) -> list[Fault]:
    scopes = {"/variables": spec.variables}
    scopes |= {f"/nodes/{index}/variables": node.variables for index, node in enumerate(spec.nodes)}
    return [
        Fault(f"{pointer}/{name}", problem)
        for pointer, variables in scopes.items()
        for name in variables
        if (problem := variable_name_problem(name))
    ]


def _fitting(event: _E) -> _E:
    """Give an event back, or refuse what it was made from: a line of the run log has its limit."""
    size = len(msgspec.json.encode(event))
    if size > MAX_LINE - _ENVELOPE:
        raise invalid(
            f"this comes to an event of {size:,} bytes, and one has at most {MAX_LINE - _ENVELOPE:,}"
        )
    return event


def _faulty(name: str, errors: list[Fault]) -> Refused:
    count = "1 fault" if len(errors) == 1 else f"{len(errors)} faults"
    return invalid(f"workflow {clean(name)!r} has {count}", errors)


def _current(state: State, objects: Objects, workflow: Workflow) -> WorkflowView:
    runs = runs_by_workflow(state).get(workflow.id, [])
    return WorkflowView(workflow_row(workflow, runs), read_definition(objects, workflow.draft.digest))


def _what_changed(name: str, known: Workflow | None) -> str:
    if known is None:
        return f"there is no draft of {name!r} any more"
    draft = known.draft
    return (
        f"the draft of {name!r} is at revision {draft.revision}, saved by {draft.by} at {draft.at:%F %T} UTC"
    )


def _guess(word: str, known: Iterable[str]) -> str:
    guess = nearest(word, known)
    return f"; did you mean {clean(guess)!r}?" if guess else ""
