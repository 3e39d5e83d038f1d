"""Why nodes wait, each in one line, and what is in a queue. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from stoker_daemon.planning.line import Line, Room, can_ever_fit, fits
from stoker_daemon.planning.overlap import first_run, is_held_back
from stoker_shared.model import RunState
from stoker_shared.state import NodeRun, Queue, Run, State
from stoker_shared.text import clean_line, counted

_NAMED = 3
"""How many names a line has before the others are only counted."""

_NOW = "starts now"


def why_waiting(line: Line, run: Run, now: datetime, held: str = "") -> dict[str, str]:
    """Give, by name, each node of an active run that waits, with what it waits for.

    ``held`` is why nothing at all is started now, where that is so.
    """
    state = line.state
    if run.id not in state.runs:
        return {}
    why_run = _why_run(state, run) or held
    room = Room(state.queues)
    for other, node in line.nodes(now, room):
        room.take(other, node)
    waiting = [node for node in run.nodes if not (node.has_ended or node.is_active)]
    zone = ZoneInfo(run.time_zone)
    holders = {name: _holders(holding(state, name), zone) for name in {node.queue for node in waiting}}

    def why(node: NodeRun) -> str:
        if upstream := [name for name in dict.fromkeys(node.upstream) if not run.node(name).has_ended]:
            return f"waits for {_listed(upstream)}"
        if why_run:
            return why_run
        if node.retry_at and node.retry_at > now:
            return f"retry at {node.retry_at.astimezone(zone):%F %T}"
        if run.parallelism and len(run.active) >= run.parallelism:
            return f"the run is at its parallelism ({counted(len(run.active), 'node')} active)"
        if queue := state.queues.get(node.queue):
            return _why_in(queue, node, room, holders[node.queue])
        return _NOW

    return {node.name: why(node) for node in waiting}


def holding(state: State, queue: str) -> list[tuple[Run, NodeRun]]:
    """Give the nodes that take of a queue, the oldest first."""
    found = [
        (run, node)
        for run in state.runs.values()
        if run.active
        for node in map(run.numbered, run.active)
        if node.queue == queue
    ]
    return sorted(found, key=lambda pair: pair[1].attempts[-1].starting_at)


def queued(line: Line, now: datetime) -> Iterator[tuple[Run, NodeRun]]:
    """Give the nodes that only wait for a place in their queue, over all queues, in order."""
    unlimited = Room({})
    for run, node in line.nodes(now, unlimited):
        unlimited.take(run, node)
        if node.queue in line.state.queues:
            yield run, node


def _why_run(state: State, run: Run) -> str:
    if run.stopping:
        return "the run is stopping"
    if run.state is RunState.PAUSED:
        return "the run is paused"
    if is_held_back(run, state) and (first := first_run(state, run.workflow)):
        return f"run #{first.id} goes first (overlap {run.overlap.value})"
    return ""


def _why_in(queue: Queue, node: NodeRun, room: Room, holders: str) -> str:
    if not can_ever_fit(queue, node.cu):
        return f"needs {node.cu} CU, and queue {queue.name} has only {queue.spec.limit}"
    if not fits(queue, node.cu):
        return f"queue {queue.name} is full ({_room_of(queue, node)}; {holders})"
    if queue.name in room.first and room.first[queue.name][1] is not node:
        run, ahead = room.first[queue.name]
        behind = f"#{run.id}/{clean_line(ahead.name)}, which needs {ahead.cu} CU"
        return f"queue {queue.name}: it is behind {behind}"
    return _NOW


def _room_of(queue: Queue, node: NodeRun) -> str:
    if queue.spec.nodes is not None and queue.active >= queue.spec.nodes:
        return f"{queue.active} of {queue.spec.nodes} nodes active"
    return f"needs {node.cu} CU, {max((queue.spec.limit or 0) - queue.cu, 0)} free"


def _holders(found: list[tuple[Run, NodeRun]], zone: ZoneInfo) -> str:
    named = [
        f"#{run.id}/{clean_line(node.name)} runs since {node.attempts[-1].starting_at.astimezone(zone):%H:%M}"
        for run, node in found[:_NAMED]
    ]
    return ", ".join([*named, *_more(found)])


def _listed(names: list[str]) -> str:
    return ", ".join([*map(clean_line, names[:_NAMED]), *_more(names)])


def _more(entries: Sequence[object]) -> list[str]:
    return [f"{len(entries) - _NAMED} more"] if len(entries) > _NAMED else []
