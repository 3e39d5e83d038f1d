"""Commands on queues."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from stoker_daemon.commands.common import current_definitions, fitting, read_definition
from stoker_daemon.engine import STOKER, Command, Turn
from stoker_daemon.objects import Objects
from stoker_daemon.planning.cu import host_cu
from stoker_daemon.planning.placing import unknown
from stoker_daemon.problems import conflict, invalid, not_found
from stoker_shared import events as ev
from stoker_shared.model import DEV_QUEUE, ROOT_QUEUE, Environment, QueueSpec, WorkflowSpec
from stoker_shared.queues import queue_faults
from stoker_shared.state import Queue, State, Workflow
from stoker_shared.text import clean, name_problem

_NAMED = 5


def found_queues(cores: int, memory: int) -> Command:
    """Make the two queues that are there from the start, each as large as the host; where there is none."""
    limit = host_cu(cores, memory)

    def command(turn: Turn) -> None:
        if not turn.state.queues:
            for name, environment in (
                (ROOT_QUEUE, Environment.PRODUCTION),
                (DEV_QUEUE, Environment.DEVELOPMENT),
            ):
                turn.record(ev.QueueSaved(name, QueueSpec(environment=environment, limit=limit)), STOKER)

    return command


def save_queue(name: str, spec: QueueSpec, by: str) -> Callable[[Turn], Queue]:
    """Make a queue, or change what one allows; what is active in it goes on. Raises `Refused`."""
    if problem := name_problem(name):
        raise invalid(problem)
    if errors := list(queue_faults(spec)):
        raise invalid(f"queue {name!r} can't be so", errors)

    def command(turn: Turn) -> Queue:
        known = turn.state.queues.get(name)
        if known is None or known.spec != spec:
            turn.record(fitting(ev.QueueSaved(name, spec)), by)
            # What waits may start now.
            turn.look_at(turn.state.runs)
        return turn.state.queues[name]

    return command


async def delete_queue(state: State, objects: Objects, name: str, by: str) -> Callable[[Turn], Queue]:
    """Remove a queue that nothing uses; raises `Refused`."""
    known_queue(state, name)
    if name in (ROOT_QUEUE, DEV_QUEUE):
        raise conflict(f"queue {name} can't be deleted: it is there from the start")
    workflows = list(state.workflows.values())
    looked_at = _digests(state)
    users = await asyncio.to_thread(
        lambda: [workflow.name for workflow in workflows if _uses(workflow, objects, name)]
    )

    def command(turn: Turn) -> Queue:
        queue = known_queue(turn.state, name)
        if not _digests(turn.state) <= looked_at:
            raise conflict("a workflow was saved or published meanwhile; try again")
        runs = [
            f"run #{run.id}"
            for run in turn.state.runs.values()
            if any(node.queue == name and not node.has_ended for node in run.nodes)
        ]
        backfills = [
            f"backfill B{held.id}"
            for held in turn.state.backfills.values()
            if held.queue == name and not held.has_ended
        ]
        if used_by := [*(f"workflow {clean(user)}" for user in users), *runs, *backfills]:
            more = f" and {len(used_by) - _NAMED} more" if len(used_by) > _NAMED else ""
            raise conflict(f"queue {name!r} can't be deleted: {', '.join(used_by[:_NAMED])}{more} use it")
        turn.record(ev.QueueDeleted(name), by)
        return queue

    return command


def known_queue(state: State, name: str) -> Queue:
    """Give the queue of that name; raises `Refused`."""
    if found := state.queues.get(name):
        return found
    raise not_found(unknown(name, state.queues))


def _digests(state: State) -> set[str]:
    return {digest for workflow in state.workflows.values() for digest in current_definitions(workflow)}


def _uses(workflow: Workflow, objects: Objects, queue: str) -> bool:
    return any(queue in _queues(read_definition(objects, digest)) for digest in current_definitions(workflow))


def _queues(spec: WorkflowSpec) -> set[str | None]:
    return {spec.queue, *(node.queue for node in spec.nodes)}
