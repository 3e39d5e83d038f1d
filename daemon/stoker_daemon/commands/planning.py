"""What a run would be, were it started now: by the code that makes and launches runs, with nothing kept."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from stoker_daemon.commands.common import guess
from stoker_daemon.commands.runs import wanted
from stoker_daemon.commands.variables import plain_variables, secret_names
from stoker_daemon.objects import Objects
from stoker_daemon.planning.placing import places
from stoker_daemon.preparing.plan import PlanNode, freeze
from stoker_daemon.preparing.preparer import Preparer, Preview
from stoker_shared import events as ev
from stoker_shared.api import NodePlan, PlanRun, RunPlan
from stoker_shared.apply import apply
from stoker_shared.state import JobVersion, NodeRun, State
from stoker_shared.text import clean


def plan_run(
    state: State,
    objects: Objects,
    preparer: Preparer,
    workspace: str,
    name: str,
    request: PlanRun,
    zone: ZoneInfo,
    now: datetime,
    by: str,
) -> RunPlan:
    """Give what a run would launch, and for every node all that is missing; raises `Refused`."""
    asked = wanted(state, objects, workspace, name, request, zone, now)
    none = JobVersion(version=0, digest="", size=0, at=now, by="")
    jobs = {
        path: job.versions[-1]
        for (space, path), job in state.jobs.items()
        if space == workspace and job.versions
    }
    plan = freeze(asked.spec, lambda path: jobs.get(path, none), plain_variables(state, workspace))
    seats, faults = places(asked.spec, plan, state.queues, request.queue, debug=request.debug)
    imagined = State()
    event = asked.created(state.counters.run + 1, "", plan, seats, secret_names(state, workspace))
    apply(imagined, ev.Record(1, now, by, event))
    run = imagined.runs[event.run]

    def shown(node: NodeRun, frozen: PlanNode) -> NodePlan:
        place = f"/nodes/{node.number - 1}/"
        missing = [fault.detail for fault in faults if fault.pointer.startswith(place)]
        if frozen.version:
            return _shown(node, frozen, preparer.preview(run, plan, node), missing)
        missing.append(f"job {clean(frozen.job)!r} is not published{guess(frozen.job, jobs)}")
        return _shown(node, frozen, Preview(), missing)

    return RunPlan(
        workflow=name,
        version=asked.version,
        cycle=asked.cycle,
        time_zone=asked.time_zone,
        nodes=[shown(node, frozen) for node, frozen in zip(run.nodes, plan.nodes, strict=True)],
    )


def _shown(node: NodeRun, frozen: PlanNode, preview: Preview, missing: list[str]) -> NodePlan:
    return NodePlan(
        name=node.name,
        job=frozen.job,
        version=frozen.version,
        queue=node.queue,
        cu=node.cu,
        upstream=node.upstream,
        command=preview.command,
        environment=preview.environment,
        missing=missing + preview.missing,
    )
