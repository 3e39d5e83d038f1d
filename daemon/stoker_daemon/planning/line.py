"""The line of nodes that only wait for a place in their queue: kept as runs change, and looked at in order.

The order is by priority, then the schedule's runs before people's before backfill's, then the oldest. A run
stands in the line of each of its queues with its first node there, so that to keep it and to look at its
beginning costs the same however many nodes and runs wait.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice

from stoker_daemon.planning.overlap import first_run, is_held_back
from stoker_shared import events as ev
from stoker_shared.model import RunState
from stoker_shared.state import NodeRun, Queue, Run, State

_Order = tuple[int, int, int, int, bool, int]
"""Negated priority, rank of the trigger, when the run was opened, its number, whether the node has not begun
before, its number."""

_RANKS = {ev.Trigger.SCHEDULE: 0, ev.Trigger.MANUAL: 1, ev.Trigger.DEBUG: 1, ev.Trigger.BACKFILL: 2}


class Room:
    """What queues and runs have room for, while places in them are given away.

    ``full`` are the queues in which nothing fits, or something waits that does not: the node in ``first``.
    ``taken`` is how many places each run was given.
    """

    def __init__(self, queues: Mapping[str, Queue]) -> None:
        self._queues = queues
        self._used = {name: (queue.cu, queue.active) for name, queue in queues.items()}
        self.full = {name for name, queue in queues.items() if not fits(queue, 1)}
        self.first: dict[str, tuple[Run, NodeRun]] = {}
        self.taken: dict[int, int] = {}

    def has_parallelism(self, run: Run) -> bool:
        """Tell whether one more node of a run may be active."""
        return not run.parallelism or len(run.active) + self.taken.get(run.id, 0) < run.parallelism

    def take(self, run: Run, node: NodeRun) -> bool:
        """Give a node its place, or tell that there is none; those behind it in its queue get none then."""
        if queue := self._queues.get(node.queue):
            if queue.name in self.full:
                return False
            used, active = self._used[queue.name]
            if not _fits(queue, node.cu, used, active):
                if can_ever_fit(queue, node.cu):
                    self.full.add(queue.name)
                    self.first[queue.name] = run, node
                return False
            self._used[queue.name] = used + node.cu, active + 1
        self.taken[run.id] = self.taken.get(run.id, 0) + 1
        return True


def fits(queue: Queue, cu: int) -> bool:
    """Tell whether a queue has room now for a node of that size."""
    return _fits(queue, cu, queue.cu, queue.active)


def can_ever_fit(queue: Queue, cu: int) -> bool:
    """Tell whether an empty queue has room for a node of that size."""
    return _fits(queue, cu, 0, 0)


def _fits(queue: Queue, cu: int, used: int, active: int) -> bool:
    limit, nodes = queue.spec.limit, queue.spec.nodes
    return (limit is None or used + cu <= limit) and (nodes is None or active < nodes)


class Line:
    """The runs of a state that could start something, by queue."""

    def __init__(self, state: State, now: datetime) -> None:
        self.state = state
        self._queues: dict[str, list[_Order]] = {}
        self._heads: dict[int, dict[str, _Order]] = {}
        self.changed: set[int] = set()
        """Runs that have not finished, placed since whoever counts took them away."""
        self.update(state.runs.values(), now)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for a place."""
        return not self._queues

    def update(self, runs: Iterable[Run], now: datetime) -> None:
        """Give runs that changed, or have a retry that is due, the places that they have now."""
        for run in list(runs):
            self._place(run, now)
            # With the end of one, another may be the first of its workflow.
            if (first := first_run(self.state, run.workflow)) and first is not run:
                self._place(first, now)

    def nodes(self, now: datetime, room: Room, without: Container[int] = ()) -> Iterator[tuple[Run, NodeRun]]:
        """Give the nodes in order; of runs ``without`` none.

        Each is offered to `Room.take` before the next is asked for: that depends on what came of it.
        """
        runs = self.state.runs
        line: list[tuple[_Order, str, Iterator[_Order]]] = []
        heads = {queue: iter(places) for queue, places in self._queues.items() if queue not in room.full}
        for queue, source in heads.items():
            _push(line, queue, source)
        while line:
            order, queue, source = heapq.heappop(line)
            if queue in room.full:
                continue
            run = runs[order[3]]
            could_start = run.id not in without and room.has_parallelism(run)
            if could_start:
                yield run, run.numbered(order[5])
            if source is heads[queue]:
                _push(line, queue, source)
                source = _behind(order, run, queue, now)
            if could_start:
                _push(line, queue, source)

    def waiting(self, run: Run, now: datetime) -> Iterator[NodeRun]:
        """Give the nodes of a run that only wait for a place in their queue, in order."""
        if self._could_start(run):
            places = run.parallelism - len(run.active) if run.parallelism else None
            yield from (run.numbered(order[5]) for order in islice(_orders(run, now), places))

    def _place(self, run: Run, now: datetime) -> None:
        if run.id in self.state.runs:
            self.changed.add(run.id)
        else:
            self.changed.discard(run.id)
        for queue, order in self._heads.pop(run.id, {}).items():
            places = self._queues[queue]
            del places[bisect_left(places, order)]
            if not places:
                del self._queues[queue]
        if self._could_start(run):
            heads = self._heads[run.id] = _heads(run, now)
            for queue, order in heads.items():
                insort(self._queues.setdefault(queue, []), order)

    def _could_start(self, run: Run) -> bool:
        return (
            run.id in self.state.runs
            and bool(run.ready or run.retrying)
            and not (run.stopping or run.state is RunState.PAUSED)
            and not (run.parallelism and len(run.active) >= run.parallelism)
            and not is_held_back(run, self.state)
        )


def _push(line: list[tuple[_Order, str, Iterator[_Order]]], queue: str, source: Iterator[_Order]) -> None:
    if order := next(source, None):
        heapq.heappush(line, (order, queue, source))


def _heads(run: Run, now: datetime) -> dict[str, _Order]:
    """Give a run's first place in the line of each queue."""
    heads: dict[str, _Order] = {}
    for order in _orders(run, now):
        heads.setdefault(run.numbered(order[5]).queue, order)
        if len(heads) == len(run.queues):
            break
    return heads


def _behind(order: _Order, run: Run, queue: str, now: datetime) -> Iterator[_Order]:
    """Give a run's further places in the line of a queue."""
    for other in _orders(run, now):
        if other > order and run.numbered(other[5]).queue == queue:
            yield other


def _orders(run: Run, now: datetime) -> Iterator[_Order]:
    """Give the places of a run's nodes that could start, in order."""
    candidates = ((negated, True, number) for negated, number in run.ready)
    if run.retrying:
        due = [node for node in map(run.numbered, run.retrying) if _is_due(run, node, now)]
        again = sorted((-node.priority, False, node.number) for node in due)
        candidates = heapq.merge(again, candidates)
    rank = _RANKS[run.trigger]
    for negated, fresh, number in candidates:
        yield negated, rank, run.opened, run.id, fresh, number


def _is_due(run: Run, node: NodeRun, now: datetime) -> bool:
    """Tell whether a retry may start: while an upstream node runs again, it waits for the end of that."""
    if node.retry_at is None or node.retry_at > now:
        return False
    return all(run.node(name).has_ended for name in node.upstream)
