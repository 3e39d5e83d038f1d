"""Commands on workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.access.rules import Rights
from stoker_daemon.commands.common import (
    NEW,
    check_revision,
    fitting,
    guess,
    known_workflow,
    known_workspace,
    latest_job,
    read_definition,
)
from stoker_daemon.engine import Turn
from stoker_daemon.objects import Objects
from stoker_daemon.planning.placing import places, queues_of
from stoker_daemon.preparing.plan import freeze
from stoker_daemon.preparing.references import reference_faults
from stoker_daemon.problems import Refused, conflict, invalid, not_found, stale
from stoker_daemon.timetable import BoundsError, bounds
from stoker_daemon.views import in_force, workflow_row
from stoker_shared import events as ev
from stoker_shared.api import Fault, PublishWorkflow, RollBackWorkflow, WorkflowView
from stoker_shared.definition import faults
from stoker_shared.model import Schedule, WorkflowSpec
from stoker_shared.state import Draft, State, Workflow, WorkflowVersion
from stoker_shared.text import clean, counted, name_problem

_NAMED = 3
"""How many of those are named who are told nothing."""


async def save_workflow(
    objects: Objects,
    workspace: str,
    name: str,
    spec: WorkflowSpec,
    on_revision: int | None,
    by: str,
    host: ZoneInfo,
    *,
    applied: bool = False,
) -> Callable[[Turn], Workflow]:
    """Save a workflow's draft, made on the draft ``on_revision`` (`NEW` for none); raises `Refused`.

    ``host`` is the host's time zone.
    """
    if spec.workflow != name:
        raise invalid(f"the definition is of {spec.workflow!r}, not of {name!r}")
    if errors := definition_faults(spec, host):
        raise _faulty(name, errors)
    digest = await _stored(objects, spec)

    def command(turn: Turn) -> Workflow:
        known_workspace(turn.state, workspace)
        known = turn.state.workflow_named(workspace, name)
        revision = known.draft.revision if known else NEW
        if changed := check_revision(name, known and known.draft, on_revision):
            raise stale(changed, known and workflow_view(turn.state, objects, known, "draft"))
        number = known.id if known else turn.state.counters.workflow + 1
        turn.record(ev.WorkflowSaved(workspace, number, name, revision + 1, digest, applied), by)
        return turn.state.workflows[number]

    return command


async def publish_workflow(
    state: State,
    objects: Objects,
    workspace: str,
    name: str,
    request: PublishWorkflow,
    by: str,
    host: ZoneInfo,
    rights: Rights,
) -> Callable[[Turn], int]:
    """Make a workflow's draft its next version; raises `Refused`."""
    draft = known_workflow(state, workspace, name).draft
    spec = read_definition(objects, draft.digest)
    rights.require_queues(queues_of(spec))
    if errors := await publishing_faults(state, workspace, spec, host):
        raise _faulty(name, errors)

    def command(turn: Turn) -> int:
        workflow = _unchanged(turn.state, workspace, name, draft)
        if errors := _unmet(turn.state, workspace, spec):
            raise _faulty(name, errors)
        version = len(workflow.versions) + 1
        event = ev.WorkflowPublished(
            workflow.id, version, draft.digest, request.remarks, *_rescheduling(workflow, spec)
        )
        turn.record(fitting(event), by)
        return version

    return command


def definition_faults(spec: WorkflowSpec, host: ZoneInfo) -> list[Fault]:
    """Give what is wrong with a definition by itself, on a host in that time zone."""
    found = faults(spec)
    if spec.schedule and not any(fault.pointer.startswith("/schedule/") for fault in found):
        try:
            bounds(spec.schedule, host)
        except BoundsError as error:
            found.append(Fault(f"/schedule/{error.field}", error.problem))
    return found


async def publishing_faults(state: State, workspace: str, spec: WorkflowSpec, host: ZoneInfo) -> list[Fault]:
    """Give what keeps a definition from being published, beyond what keeps a draft from being saved."""
    variables = {
        name: variable.value for (space, name), variable in state.variables.items() if space == workspace
    }
    empty = [] if spec.nodes else [Fault("/nodes", "a workflow needs at least one node")]
    unknown = await asyncio.to_thread(reference_faults, spec, variables)
    return [*definition_faults(spec, host), *empty, *_unmet(state, workspace, spec), *unknown]


def publishing_warnings(state: State, spec: WorkflowSpec) -> list[str]:
    """Give what is not as a definition wants it, and does not keep it from being published."""
    subscribed = [who for node in spec.nodes if node.subscription for who in node.subscription.addresses]
    told = dict.fromkeys([*spec.notify, *subscribed])
    if not told or state.outbox.mail:
        return []
    whom = ", ".join(map(clean, list(told)[:_NAMED])) + (", ..." if len(told) > _NAMED else "")
    return [f"no mail is sent to {whom}: the daemon has no mail server (smtp_host in its configuration)"]


async def roll_back_workflow(
    state: State,
    objects: Objects,
    workspace: str,
    name: str,
    request: RollBackWorkflow,
    by: str,
    host: ZoneInfo,
    rights: Rights,
) -> Callable[[Turn], int]:
    """Make what a version was the workflow's next version, and its draft; raises `Refused`.

    The draft there was is kept among those that were replaced.
    """
    draft = known_workflow(state, workspace, name).draft
    earlier = published_version(known_workflow(state, workspace, name), request.version)
    spec = read_definition(objects, earlier.digest)
    rights.require_queues(queues_of(spec))
    if errors := await publishing_faults(state, workspace, spec, host):
        raise _faulty(name, errors)

    def command(turn: Turn) -> int:
        workflow = _unchanged(turn.state, workspace, name, draft)
        if errors := _unmet(turn.state, workspace, spec):
            raise _faulty(name, errors)
        version = len(workflow.versions) + 1
        remarks = request.remarks or f"as version {earlier.version}"
        event = ev.WorkflowPublished(
            workflow.id, version, earlier.digest, remarks, *_rescheduling(workflow, spec)
        )
        turn.record(fitting(event), by)
        if draft.digest != earlier.digest:
            turn.record(
                ev.WorkflowSaved(workspace, workflow.id, name, draft.revision + 1, earlier.digest), by
            )
        return version

    return command


async def clone_workflow(
    state: State, objects: Objects, workspace: str, name: str, new_name: str, by: str
) -> Callable[[Turn], int]:
    """Make a workflow whose draft is that of another; raises `Refused`."""
    _check_name(new_name)
    draft = known_workflow(state, workspace, name).draft
    digest = await _named(objects, draft.digest, new_name)

    def command(turn: Turn) -> int:
        _check_free(turn.state, workspace, new_name)
        number = turn.state.counters.workflow + 1
        turn.record(ev.WorkflowSaved(workspace, number, new_name, NEW + 1, digest), by)
        return number

    return command


async def rename_workflow(
    state: State, objects: Objects, workspace: str, name: str, new_name: str, by: str
) -> Callable[[Turn], int]:
    """Give a workflow another name; raises `Refused`. Its versions and its history stay with it."""
    _check_name(new_name)
    workflow = known_workflow(state, workspace, name)
    draft, published = workflow.draft, [version.digest for version in workflow.versions]
    digest = await _named(objects, draft.digest, new_name)
    versions = [await _named(objects, version, new_name) for version in published]

    def command(turn: Turn) -> int:
        workflow = _unchanged(turn.state, workspace, name, draft)
        if [version.digest for version in workflow.versions] != published:
            raise conflict(f"workflow {name!r} was published meanwhile; rename it again")
        _check_free(turn.state, workspace, new_name)
        event = ev.WorkflowRenamed(workflow.id, new_name, draft.revision + 1, digest, tuple(versions))
        turn.record(fitting(event), by)
        return workflow.id

    return command


def delete_workflow(workspace: str, name: str, by: str) -> Callable[[Turn], Workflow]:
    """Delete a workflow that has no active runs; raises `Refused`. Its runs stay in the history."""

    def command(turn: Turn) -> Workflow:
        workflow = known_workflow(turn.state, workspace, name)
        if active := turn.state.runs_of.get(workflow.id):
            runs = ", ".join(f"#{number}" for number in active)
            raise conflict(f"workflow {name!r} has active runs: {runs}; stop them or wait for their end")
        if backfills := ", ".join(
            f"B{held.id}"
            for held in turn.state.backfills.values()
            if held.workflow == workflow.id and not held.has_ended
        ):
            raise conflict(f"workflow {name!r} has backfills that go on: {backfills}; cancel them first")
        turn.record(ev.WorkflowDeleted(workflow.id), by)
        return workflow

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


def draft_revision(workflow: Workflow, number: int) -> Draft:
    """Give the draft of a revision, the current one or one that was replaced; raises `Refused`."""
    kept = [*workflow.replaced, workflow.draft]
    found = next((draft for draft in kept if draft.revision == number), None)
    if found is None:
        raise not_found(
            f"no draft {number} of {workflow.name!r} is kept; "
            f"there are {kept[0].revision} to {workflow.draft.revision}"
        )
    return found


def definition_at(objects: Objects, workflow: Workflow, place: str) -> WorkflowSpec:
    """Give the definition at a place (`stoker_shared.api.DefinitionPlace`); raises `Refused`."""
    kind, _, revision = place.partition(":")
    if kind != "draft":
        return read_definition(objects, published_version(workflow, int(kind)).digest)
    draft = draft_revision(workflow, int(revision)) if revision else workflow.draft
    # A draft from before a renaming is of the workflow that has the new name now.
    return msgspec.structs.replace(read_definition(objects, draft.digest), workflow=workflow.name)


def workflow_view(state: State, objects: Objects, workflow: Workflow, place: str) -> WorkflowView:
    """Show a workflow with its definition at a place; raises `Refused`."""
    row = workflow_row(state, workflow, read_definition(objects, in_force(workflow)))
    return WorkflowView(row, definition_at(objects, workflow, place))


async def _stored(objects: Objects, spec: WorkflowSpec) -> str:
    return await asyncio.to_thread(objects.put, msgspec.json.encode(spec))


async def _named(objects: Objects, digest: str, name: str) -> str:
    """Store a definition under another name, and give its digest."""
    return await _stored(objects, msgspec.structs.replace(read_definition(objects, digest), workflow=name))


def _unchanged(state: State, workspace: str, name: str, draft: Draft) -> Workflow:
    """Give a workflow whose draft is the one that was looked at; raises `Refused`."""
    workflow = known_workflow(state, workspace, name)
    if workflow.draft != draft:
        raise conflict(f"the draft of {name!r} was saved again meanwhile; look at it and ask again")
    return workflow


def _rescheduling(workflow: Workflow, spec: WorkflowSpec) -> tuple[bool, Schedule | None]:
    """Tell whether a definition has another schedule than the one that ticks, and give it then."""
    changed = bool(workflow.eras) and workflow.eras[-1].schedule != spec.schedule
    return changed, spec.schedule if changed else None


def _check_name(name: str) -> None:
    if problem := name_problem(name):
        raise invalid(problem, [Fault("/name", problem)])


def _check_free(state: State, workspace: str, name: str) -> None:
    if state.workflow_named(workspace, name):
        raise conflict(f"there is a workflow {name!r} in {clean(workspace)!r} already; choose another name")


def _unmet(state: State, workspace: str, spec: WorkflowSpec) -> list[Fault]:
    """Give what a definition needs that is not there: published jobs, and room in the queues for them."""
    if unpublished := _unpublished_jobs(state, workspace, spec):
        return unpublished
    plan = freeze(spec, lambda path: latest_job(state, workspace, path), {})
    return places(spec, plan, state.queues)[1]


def _unpublished_jobs(state: State, workspace: str, spec: WorkflowSpec) -> list[Fault]:
    known = {path for (space, path), job in state.jobs.items() if space == workspace and job.versions}
    return [
        Fault(f"/nodes/{index}/job", f"job {clean(node.job)!r} is not published{guess(node.job, known)}")
        for index, node in enumerate(spec.nodes)
        if node.job not in known
    ]


def _faulty(name: str, errors: list[Fault]) -> Refused:
    return invalid(f"workflow {clean(name)!r} has {counted(len(errors), 'fault')}", errors)
