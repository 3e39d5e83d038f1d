"""Commands on runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.commands.common import (
    fitting,
    guess,
    known_workflow,
    latest_job,
    read_definition,
)
from stoker_daemon.commands.workflows import published_version
from stoker_daemon.cycles import default_cycle, parse_cycle
from stoker_daemon.engine import Turn
from stoker_daemon.objects import Objects
from stoker_daemon.overlap import first_runs
from stoker_daemon.placing import places
from stoker_daemon.plan import freeze, planned_nodes
from stoker_daemon.problems import conflict, invalid, not_found
from stoker_daemon.variables import variable_name_problem
from stoker_shared import events as ev
from stoker_shared.api import Fault, StartRun
from stoker_shared.model import NODE_ENDS, NodeState, OverlapPolicy
from stoker_shared.state import Run, State
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
    plan = freeze(spec, lambda path: latest_job(state, workspace, path))
    digest = await asyncio.to_thread(objects.put, msgspec.json.encode(plan))

    def command(turn: Turn) -> int:
        seats, errors = places(spec, plan, turn.state.queues, request.queue)
        if errors:
            raise invalid(f"workflow {workflow.name!r} can't run as it stands", errors)
        if spec.overlap is OverlapPolicy.SKIP and (active := first_runs(turn.state).get(workflow.id)):
            raise conflict(
                f"run #{active.id} of {workflow.name!r} is active, and its overlap policy is skip: "
                "start it when that has ended"
            )
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
            nodes=planned_nodes(spec, plan, seats),
            parallelism=spec.parallelism or 0,
            failure_strategy=spec.failure_strategy,
            retry_delay=spec.retry_delay,
            retry_backoff=spec.retry_backoff,
            timeout=spec.run_timeout,
            variables=request.variables,
            remarks=request.remarks,
            queue=request.queue,
            overlap=spec.overlap,
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
