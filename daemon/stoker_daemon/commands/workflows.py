"""Commands on workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from stoker_daemon.commands.common import (
    NEW,
    fitting,
    guess,
    known_workflow,
    known_workspace,
    latest_job,
    read_definition,
)
from stoker_daemon.engine import Turn
from stoker_daemon.objects import Objects
from stoker_daemon.placing import places
from stoker_daemon.plan import freeze
from stoker_daemon.problems import Refused, conflict, invalid, not_found, precondition_required, stale
from stoker_daemon.variables import variable_name_problem
from stoker_daemon.views import runs_by_workflow, workflow_row
from stoker_shared import events as ev
from stoker_shared.api import Fault, PublishWorkflow, WorkflowView
from stoker_shared.definition import faults
from stoker_shared.model import WorkflowSpec
from stoker_shared.state import State, Workflow, WorkflowVersion
from stoker_shared.text import clean


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
        known_workspace(turn.state, workspace)
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
        plan = freeze(spec, lambda path: latest_job(turn.state, workspace, path), {})
        if errors := places(spec, plan, turn.state.queues)[1]:
            raise _faulty(name, errors)
        version = len(workflow.versions) + 1
        event = ev.WorkflowPublished(workflow.id, version, draft.digest, request.remarks)
        turn.record(fitting(event), by)
        return version

    return command


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


def _unpublished_jobs(state: State, workspace: str, spec: WorkflowSpec) -> list[Fault]:
    known = {path for (space, path), job in state.jobs.items() if space == workspace and job.versions}
    return [
        Fault(f"/nodes/{index}/job", f"job {clean(node.job)!r} is not published{guess(node.job, known)}")
        for index, node in enumerate(spec.nodes)
        if node.job not in known
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
