"""Which queue each node of a run waits in, and how much of it the node takes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stoker_daemon.planning.cu import BadProperty, cu_of
from stoker_daemon.planning.line import can_ever_fit
from stoker_daemon.preparing.plan import Place, Plan, PlanNode
from stoker_shared.api import Fault
from stoker_shared.model import DEV_QUEUE, Environment, NodeSpec, WorkflowSpec
from stoker_shared.state import Queue
from stoker_shared.text import clean, nearest


def queue_of(node: NodeSpec, spec: WorkflowSpec, asked: str = "", *, debug: bool = False) -> str:
    """Give the queue of a node; ``asked`` is the one that was asked for at the start, if any.

    It takes the place of the workflow's, while a node's own stays; a debug run has one queue for all.
    """
    if debug:
        return asked or DEV_QUEUE
    return node.queue or asked or spec.queue


def queues_of(spec: WorkflowSpec, asked: str = "") -> set[str]:
    """Give the queues that nodes of a run, debug aside, wait in."""
    return {queue_of(node, spec, asked) for node in spec.nodes}


def places(
    spec: WorkflowSpec, plan: Plan, queues: Mapping[str, Queue], asked: str = "", *, debug: bool = False
) -> tuple[tuple[Place, ...], list[Fault]]:
    """Give the place of each node, in the order of the definition, and what stands against any of them."""
    found: list[Place] = []
    faults: list[Fault] = []
    for index, (node, frozen) in enumerate(zip(spec.nodes, plan.nodes, strict=True)):
        name = queue_of(node, spec, asked, debug=debug)
        pointer = f"/nodes/{index}"
        if (queue := queues.get(name)) is None:
            cu, problems = (
                0,
                [Fault(f"{pointer}/queue", f"node {clean(node.name)!r}: {unknown(name, queues)}")],
            )
        else:
            cu, problems = placed(frozen, queue, pointer, debug)
        found.append(Place(name, cu))
        faults += problems
    return tuple(found), faults


def unknown(name: str, queues: Mapping[str, Queue]) -> str:
    """Say that there is no queue of that name, and which may be meant."""
    near = nearest(name, queues)
    there = f"did you mean {clean(near)!r}?" if near else f"there are {', '.join(map(clean, queues))}"
    return f"there is no queue {clean(name)!r}; {there}" if queues else f"there is no queue {clean(name)!r}"


def placed(node: PlanNode, queue: Queue, pointer: str, debug: bool) -> tuple[int, list[Fault]]:
    """Give the CU that a node takes in a queue, and what stands against it there."""
    try:
        cu = cu_of(node.type, node.config, queue.spec)
    except BadProperty as error:
        return 0, [Fault(f"{pointer}/config/conf/{error.name}", f"node {clean(node.name)!r}: {error}")]
    return cu, [
        Fault(f"{pointer}/queue", f"node {clean(node.name)!r} {why}")
        for why in _problems(queue, cu, Environment.DEVELOPMENT if debug else Environment.PRODUCTION)
    ]


def _problems(queue: Queue, cu: int, needed: Environment) -> Iterator[str]:
    environment = queue.spec.environment
    if environment not in (needed, Environment.BOTH):
        yield f"needs a queue for {needed.value}, and {queue.name} is for {environment.value}"
    if not can_ever_fit(queue, cu):
        yield f"needs {cu} CU, and queue {queue.name} has only {queue.spec.limit}"
