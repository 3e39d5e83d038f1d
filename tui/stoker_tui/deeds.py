"""What actions do: each asks the daemon, and gives in words what it did."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from stoker_shared import api, routes
from stoker_shared.api.backfills import BackfillPreview, BackfillView, CancelBackfill, CreateBackfill
from stoker_shared.api.scheduling import SchedulingView, SetScheduling, TickView
from stoker_tui.actions import JobState, NodeOf, name_of
from stoker_tui.link import Link

Deed = Callable[[Link, Any], Awaitable[str]]


def _on_run(route: str, request: api.Request, done: str) -> Deed:
    async def do(link: Link, row: api.RunRow) -> str:
        await link.post(routes.fill(route, run=row.id), request, api.RunView)
        return f"{done} run #{row.id}"

    return do


def _on_node(route: str, request: api.Request, done: str) -> Deed:
    async def do(link: Link, of: NodeOf) -> str:
        path = routes.fill(route, run=of.run.row.id, node=of.node.name)
        await link.post(path, request, api.RunView)
        return f"{done} {of.node.name} of run #{of.run.row.id}"

    return do


def _delete(route: str, **names: str) -> Deed:
    """Give what deletes something; ``names`` are the attributes that fill the route."""

    async def do(link: Link, thing: Any) -> str:
        values = {name: getattr(thing, attribute) for name, attribute in names.items()}
        await link.delete(routes.fill(route, **{"workspace": link.workspace, **values}))
        return f"deleted {name_of(thing)}"

    return do


async def _roll_back_job(link: Link, state: JobState) -> str:
    path = link.within(routes.JOB_ROLLBACK, path=state.job.path)
    view = await link.post(path, api.RollBackJob(version=state.number), api.JobVersionView)
    return f"published {view.path} version {view.version}, which is what version {state.number} was"


def _on_backfill(route: str, request: api.Request, done: str) -> Deed:
    async def do(link: Link, view: BackfillView) -> str:
        await link.post(routes.fill(route, backfill=view.id), request, BackfillView)
        return f"{done} backfill B{view.id}"

    return do


def _switch(on: bool) -> Deed:
    async def do(link: Link, row: api.WorkflowRow) -> str:
        path = link.within(routes.WORKFLOW_SCHEDULING, name=row.name)
        view = await link.put(path, SetScheduling(on=on), SchedulingView)
        return f"switched {'on' if on else 'off'} the schedule of {row.name}{first_tick(view.next)}"

    return do


def first_tick(ticks: Sequence[TickView]) -> str:
    """Say when the first of some ticks is, behind what else is said; nothing where there is none."""
    return f", next {ticks[0].local[:16].replace('T', ' ')}" if ticks else ""


DEEDS: dict[str, Deed] = {
    "run.stop": _on_run(routes.RUN_STOP, api.Empty(), "stopping"),
    "run.pause": _on_run(routes.RUN_PAUSE, api.Empty(), "paused"),
    "run.resume": _on_run(routes.RUN_RESUME, api.Empty(), "resumed"),
    "run.rerun_failed": _on_run(routes.RUN_RERUN, api.RerunRun(failed=True), "rerunning what failed of"),
    "run.rerun_all": _on_run(routes.RUN_RERUN, api.RerunRun(), "rerunning"),
    "node.stop": _on_node(routes.NODE_STOP, api.Empty(), "stopping"),
    "node.rerun": _on_node(routes.NODE_RERUN, api.RerunNode(), "rerunning"),
    "node.rerun_downstream": _on_node(
        routes.NODE_RERUN, api.RerunNode(downstream=True), "rerunning, with its downstream,"
    ),
    "node.succeed": _on_node(routes.NODE_SUCCEED, api.SucceedNode(), "set successful"),
    "node.succeed_downstream": _on_node(
        routes.NODE_SUCCEED, api.SucceedNode(downstream=True), "set successful, with its downstream,"
    ),
    "job.delete": _delete(routes.JOB, path="path"),
    "job_state.roll_back": _roll_back_job,
    "queue.delete": _delete(routes.QUEUE, name="name"),
    "variable.unset": _delete(routes.VARIABLE, name="name"),
    "workspace.delete": _delete(routes.WORKSPACE, workspace="name"),
    "workflow.on": _switch(True),
    "workflow.off": _switch(False),
    "backfill.pause": _on_backfill(routes.BACKFILL_PAUSE, api.Empty(), "paused"),
    "backfill.resume": _on_backfill(routes.BACKFILL_RESUME, api.Empty(), "resumed"),
    "backfill.cancel": _on_backfill(routes.BACKFILL_CANCEL, CancelBackfill(), "cancelling"),
    "backfill.cancel_running": _on_backfill(
        routes.BACKFILL_CANCEL, CancelBackfill(running=True), "cancelling, with its runs,"
    ),
    "backfill.retry": _on_backfill(routes.BACKFILL_RETRY, api.Empty(), "retrying the failures of"),
}
"""By the ids of actions; those that are not here concern the screen, or need a dialog first."""


async def start_run(link: Link, request: api.StartRun) -> int:
    """Start a run and give its number."""
    view = await link.post(link.within(routes.RUNS), request, api.RunView)
    return view.row.id


async def plan_run(link: Link, request: api.StartRun) -> api.RunPlan:
    """Give what a run would be."""
    asked = {name: getattr(request, name) for name in api.PlanRun.__struct_fields__}
    path = link.within(routes.WORKFLOW_PLAN, name=request.workflow)
    return await link.post(path, api.PlanRun(**asked), api.RunPlan)


async def rerun_run(link: Link, row: api.RunRow, request: api.RerunRun) -> str:
    """Run a run again, and say so."""
    await link.post(routes.fill(routes.RUN_RERUN, run=row.id), request, api.RunView)
    return f"rerunning run #{row.id}"


async def preview_backfill(link: Link, request: CreateBackfill) -> BackfillPreview:
    """Give what a backfill would do, with as many of its intervals as come at once."""
    path = f"{link.within(routes.BACKFILL_PREVIEW)}?limit={api.MAX_PAGE}"
    return await link.post(path, request, BackfillPreview)


async def create_backfill(link: Link, request: CreateBackfill) -> int:
    """Make a backfill and give its number."""
    return (await link.post(link.within(routes.BACKFILLS), request, BackfillView)).id


async def own_queues(link: Link, row: api.WorkflowRow) -> list[str]:
    """Give the nodes of a workflow's latest version that have a queue of their own, with it."""
    path = link.within(routes.WORKFLOW, name=row.name)
    view = await link.get(path, api.WorkflowView, {"version": str(row.version)} if row.version else None)
    return [f"{node.name} ({node.queue})" for node in view.spec.nodes if node.queue]
