"""Commands on runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.access.rules import Rights
from stoker_daemon.commands.common import known_workflow, read_definition
from stoker_daemon.commands.making import Wanted, creation, frozen_plan
from stoker_daemon.commands.workflows import published_version
from stoker_daemon.engine import Turn
from stoker_daemon.objects import Objects
from stoker_daemon.planning.overlap import first_run
from stoker_daemon.problems import conflict, invalid
from stoker_daemon.scheduling.cycles import parse_cycle
from stoker_daemon.scheduling.intervals import default_cycle
from stoker_daemon.timetable import zone_of
from stoker_shared import events as ev
from stoker_shared.api import Fault, PlanRun, StartRun
from stoker_shared.model import OverlapPolicy, Schedule, WorkflowSpec
from stoker_shared.state import State, Workflow
from stoker_shared.variables import variable_name_problem


def wanted(
    state: State,
    objects: Objects,
    workspace: str,
    name: str,
    request: PlanRun,
    zone: ZoneInfo,
    now: datetime,
) -> Wanted:
    """Give what a run is to be of; ``zone`` is the host's; raises `Refused`."""
    workflow = known_workflow(state, workspace, name)
    if errors := [
        Fault(f"/variables/{variable}", problem)
        for variable in request.variables
        if (problem := variable_name_problem(variable))
    ]:
        raise invalid("a variable can't be set", errors)
    spec, version = _definition(objects, workflow, request)
    cycle, time_zone = _cycle(name, spec.schedule, request.cycle, zone, now)
    return Wanted(
        workflow=workflow,
        spec=spec,
        version=version,
        cycle=cycle,
        time_zone=time_zone.key,
        trigger=ev.Trigger.DEBUG if request.debug else ev.Trigger.MANUAL,
        revision=workflow.draft.revision if request.debug else 0,
        queue=request.queue,
        variables=request.variables,
        remarks=request.remarks,
    )


def _definition(objects: Objects, workflow: Workflow, request: PlanRun) -> tuple[WorkflowSpec, int]:
    """Give what is to be run and its version, 0 for the draft; raises `Refused`."""
    if not request.debug:
        version = published_version(workflow, request.version)
        return read_definition(objects, version.digest), version.version
    if request.version is not None:
        raise invalid("a debug run is of the draft, and can't be of a version")
    spec = read_definition(objects, workflow.draft.digest)
    if not spec.nodes:
        raise conflict(f"the draft of {workflow.name!r} has no nodes")
    return spec, 0


async def start_run(
    state: State,
    objects: Objects,
    workspace: str,
    request: StartRun,
    zone: ZoneInfo,
    now: datetime,
    by: str,
    rights: Rights,
) -> Callable[[Turn], int]:
    """Start a run over the newest published jobs; raises `Refused`."""
    run = wanted(state, objects, workspace, request.workflow, request, zone, now)
    plan = frozen_plan(state, workspace, run.spec)
    digest = await asyncio.to_thread(objects.put, msgspec.json.encode(plan))

    def command(turn: Turn) -> int:
        event = creation(turn.state, run, plan, digest)
        rights.require_queues(node.queue for node in event.nodes)
        _check_overlap(turn.state, run)
        turn.record(event, by)
        return event.run

    return command


def _check_overlap(state: State, run: Wanted) -> None:
    if run.spec.overlap is not OverlapPolicy.SKIP or run.debug:
        return
    if active := first_run(state, run.workflow.id):
        raise conflict(
            f"run #{active.id} of {run.workflow.name!r} is active, and its overlap policy is skip: "
            "start it when that has ended"
        )


def _cycle(
    name: str, schedule: Schedule | None, text: str | None, host: ZoneInfo, now: datetime
) -> tuple[datetime, ZoneInfo]:
    """Give the cycle time of a run, and the zone that it is in; raises `Refused`."""
    try:
        zone = zone_of(schedule, host) if schedule else host
        if text is None:
            return default_cycle(schedule, host, now), zone
    except ValueError as error:
        raise conflict(f"the schedule of {name!r} can't be used: {error}") from error
    try:
        return parse_cycle(text, zone), zone
    except ValueError as error:
        raise invalid(f"the cycle time can't be used: {error}", [Fault("/cycle", str(error))]) from error
