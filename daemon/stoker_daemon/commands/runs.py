"""Commands on runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.commands.common import (
    fitting,
    known_workflow,
    latest_job,
    read_definition,
)
from stoker_daemon.commands.variables import plain_variables, secret_names
from stoker_daemon.commands.workflows import published_version
from stoker_daemon.cycles import default_cycle, parse_cycle
from stoker_daemon.engine import Turn
from stoker_daemon.objects import Objects
from stoker_daemon.overlap import first_runs
from stoker_daemon.placing import places
from stoker_daemon.plan import Place, Plan, freeze, planned_nodes
from stoker_daemon.problems import conflict, invalid
from stoker_daemon.variables import Facts, Scope, VariableError
from stoker_shared import events as ev
from stoker_shared.api import Fault, PlanRun, StartRun
from stoker_shared.model import OverlapPolicy, WorkflowSpec
from stoker_shared.state import State, Workflow
from stoker_shared.variables import variable_name_problem


class Wanted(msgspec.Struct, frozen=True):
    """What a run is to be of: a published version, or for debug the draft, whose version is 0."""

    workflow: Workflow
    spec: WorkflowSpec
    version: int
    revision: int
    cycle: datetime
    time_zone: str
    request: PlanRun

    def created(
        self, number: int, digest: str, plan: Plan, seats: Iterable[Place], secrets: Iterable[str]
    ) -> ev.RunCreated:
        """Give the event that creates the run under a number, with its frozen plan and its nodes' places.

        ``secrets`` are the names of the workspace's. Raises `Refused` for tags that can't be.
        """
        spec, request = self.spec, self.request
        return ev.RunCreated(
            run=number,
            workspace=self.workflow.workspace,
            workflow=self.workflow.id,
            name=self.workflow.name,
            version=self.version,
            trigger=ev.Trigger.DEBUG if request.debug else ev.Trigger.MANUAL,
            cycle=self.cycle,
            time_zone=self.time_zone,
            plan=digest,
            nodes=planned_nodes(spec, plan, seats),
            parallelism=spec.parallelism or 0,
            failure_strategy=spec.failure_strategy,
            retry_delay=spec.retry_delay,
            retry_backoff=spec.retry_backoff,
            timeout=spec.run_timeout,
            variables=request.variables,
            remarks=request.remarks,
            revision=self.revision,
            queue=request.queue,
            overlap=spec.overlap,
            tags=self._tags(number, plan, secrets),
        )

    def _tags(self, number: int, plan: Plan, secrets: Iterable[str]) -> dict[str, str]:
        """Give the workflow's tags with variables replaced. Secrets are refused there, so need no value."""
        tags = self.spec.tags
        if not any("${" in value for value in tags.values()):
            return tags
        cycle = self.cycle.astimezone(ZoneInfo(self.time_zone))
        facts = Facts(cycle, self.workflow.name, "", number, 0)
        custom = {
            "workspace": plan.workspace_variables,
            "workflow": plan.variables,
            "run": self.request.variables,
        }
        try:
            return Scope(facts, custom, dict.fromkeys(secrets, "")).tags(tags)
        except VariableError as error:
            raise invalid(f"the tags of the run can't be: {error}") from error


def wanted(
    state: State,
    objects: Objects,
    workspace: str,
    name: str,
    request: PlanRun,
    zone: ZoneInfo,
    now: datetime,
) -> Wanted:
    """Give what a run is to be of; raises `Refused`."""
    workflow = known_workflow(state, workspace, name)
    cycle = _cycle(request.cycle, zone, now)
    if errors := [
        Fault(f"/variables/{variable}", problem)
        for variable in request.variables
        if (problem := variable_name_problem(variable))
    ]:
        raise invalid("a variable can't be set", errors)
    if not request.debug:
        version = published_version(workflow, request.version)
        spec = read_definition(objects, version.digest)
        return Wanted(workflow, spec, version.version, 0, cycle, zone.key, request)
    if request.version is not None:
        raise invalid("a debug run is of the draft, and can't be of a version")
    draft = workflow.draft
    spec = read_definition(objects, draft.digest)
    if not spec.nodes:
        raise conflict(f"the draft of {name!r} has no nodes")
    return Wanted(workflow, spec, 0, draft.revision, cycle, zone.key, request)


async def start_run(
    state: State, objects: Objects, workspace: str, request: StartRun, zone: ZoneInfo, now: datetime, by: str
) -> Callable[[Turn], int]:
    """Start a run over the newest published jobs; raises `Refused`."""
    run = wanted(state, objects, workspace, request.workflow, request, zone, now)
    plan = freeze(
        run.spec, lambda path: latest_job(state, workspace, path), plain_variables(state, workspace)
    )
    digest = await asyncio.to_thread(objects.put, msgspec.json.encode(plan))

    def command(turn: Turn) -> int:
        seats, errors = places(run.spec, plan, turn.state.queues, request.queue, debug=request.debug)
        if errors:
            raise invalid(f"workflow {run.workflow.name!r} can't run as it stands", errors)
        _check_overlap(turn.state, run)
        number = turn.state.counters.run + 1
        secrets = secret_names(turn.state, workspace)
        turn.record(fitting(run.created(number, digest, plan, seats, secrets)), by)
        return number

    return command


def _check_overlap(state: State, run: Wanted) -> None:
    if run.spec.overlap is not OverlapPolicy.SKIP or run.request.debug:
        return
    if active := first_runs(state).get(run.workflow.id):
        raise conflict(
            f"run #{active.id} of {run.workflow.name!r} is active, and its overlap policy is skip: "
            "start it when that has ended"
        )


def _cycle(text: str | None, zone: ZoneInfo, now: datetime) -> datetime:
    if text is None:
        return default_cycle(now)
    try:
        return parse_cycle(text, zone)
    except ValueError as error:
        raise invalid(f"the cycle time can't be used: {error}", [Fault("/cycle", str(error))]) from error
