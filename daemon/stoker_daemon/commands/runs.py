"""Commands on runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.commands.common import (
    fitting,
    guess,
    known_workflow,
    read_definition,
)
from stoker_daemon.commands.variables import plain_variables, secret_names
from stoker_daemon.commands.workflows import published_version
from stoker_daemon.cycles import default_cycle, parse_cycle
from stoker_daemon.engine import Turn
from stoker_daemon.objects import Objects
from stoker_daemon.plan import Plan, freeze, planned_nodes
from stoker_daemon.problems import conflict, invalid, not_found
from stoker_daemon.variables import Facts, Scope, VariableError, variable_name_problem
from stoker_shared import events as ev
from stoker_shared.api import Fault, StartRun
from stoker_shared.model import NODE_ENDS, NodeState, WorkflowSpec
from stoker_shared.state import JobVersion, Run, State
from stoker_shared.text import clean


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
    plan = freeze(spec, lambda path: _latest(state, workspace, path), plain_variables(state, workspace))
    digest = await asyncio.to_thread(objects.put, msgspec.json.encode(plan))

    def command(turn: Turn) -> int:
        number = turn.state.counters.run + 1
        facts = Facts(cycle.astimezone(zone), workflow.name, "", number, 0)
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
            tags=_tags(spec, facts, _custom(plan, request), secret_names(turn.state, workspace)),
        )
        turn.record(fitting(event), by)
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
            raise not_found(f"run #{number} has no node {clean(name)!r}{guess(name, run.numbers)}")
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


def _cycle(text: str | None, zone: ZoneInfo, now: datetime) -> datetime:
    if text is None:
        return default_cycle(now)
    try:
        return parse_cycle(text, zone)
    except ValueError as error:
        raise invalid(f"the cycle time can't be used: {error}", [Fault("/cycle", str(error))]) from error


def _custom(plan: Plan, request: StartRun) -> dict[str, dict[str, str]]:
    return {
        "workspace": plan.workspace_variables,
        "workflow": plan.variables,
        "run": request.variables,
    }


def _tags(
    spec: WorkflowSpec, facts: Facts, custom: dict[str, dict[str, str]], secrets: list[str]
) -> dict[str, str]:
    """Give a run's tags: the workflow's, with variables replaced. Secrets are refused, so need no value."""
    if not any("${" in value for value in spec.tags.values()):
        return spec.tags
    try:
        return Scope(facts, custom, dict.fromkeys(secrets, "")).tags(spec.tags)
    except VariableError as error:
        raise invalid(f"the tags of the run can't be: {error}") from error


def _latest(state: State, workspace: str, path: str) -> JobVersion:
    try:
        return state.jobs[workspace, path].latest
    except KeyError:
        raise conflict(f"job {path!r} is not published in workspace {workspace!r}") from None
