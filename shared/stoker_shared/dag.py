"""Pure functions over a DAG, given as each node's name with the names of its upstream nodes.

The mapping's order is the definition's order, and every answer keeps to it, so that the same definition
always gives the same answer. An upstream name that is no node is reported by `dangling`; all else here passes
it over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush

from stoker_shared.text import clean

Upstream = Mapping[str, Sequence[str]]
"""Names of nodes, each with the names of the nodes it waits for."""


def dangling(upstream: Upstream) -> list[tuple[str, str]]:
    """Return each upstream name that is no node, as pairs of who names it and what is missing."""
    return [
        (name, above)
        for name, names in upstream.items()
        for above in dict.fromkeys(names)
        if above not in upstream
    ]


def find_cycle(upstream: Upstream) -> tuple[str, ...] | None:
    """Return the path of a cycle along the flow, its first name repeated at its end, or None without one.

    The path begins with that node of the cycle which is defined first.
    """
    sorted_out = set(_sorted_part(upstream))
    stuck = {name: position for position, name in enumerate(upstream) if name not in sorted_out}
    if not stuck:
        return None
    cycle = _walk_up(upstream, stuck)
    start = cycle.index(min(cycle, key=stuck.__getitem__))
    return (*cycle[start:], *cycle[: start + 1])


def topological(upstream: Upstream) -> list[str]:
    """Return all names, each after its upstream nodes, and where free in the definition's order.

    Raises:
        ValueError: there is a cycle; the message names its path.
    """
    if cycle := find_cycle(upstream):
        raise ValueError(f"the nodes form a cycle: {clean(' -> '.join(cycle))}")
    return _sorted_part(upstream)


def downstream_of(upstream: Upstream) -> dict[str, tuple[str, ...]]:
    """Return each node's direct downstream nodes, in the definition's order."""
    below: dict[str, list[str]] = {name: [] for name in upstream}
    for name in upstream:
        for above in _known(upstream, name):
            below[above].append(name)
    return {name: tuple(names) for name, names in below.items()}


def descendants(upstream: Upstream, name: str) -> set[str]:
    """Return all nodes that wait for ``name``, directly or not; itself only if it is on a cycle.

    Raises:
        KeyError: ``name`` is no node.
    """
    return _reach(downstream_of(upstream), name)


def ancestors(upstream: Upstream, name: str) -> set[str]:
    """Return all nodes that ``name`` waits for, directly or not; itself only if it is on a cycle.

    Raises:
        KeyError: ``name`` is no node.
    """
    return _reach({node: _known(upstream, node) for node in upstream}, name)


def _known(upstream: Upstream, name: str) -> list[str]:
    return [above for above in dict.fromkeys(upstream[name]) if above in upstream]


def _sorted_part(upstream: Upstream) -> list[str]:
    """Give the nodes that can be ordered: all but those on a cycle or downstream of one."""
    below = downstream_of(upstream)
    waits_for = {name: len(_known(upstream, name)) for name in upstream}
    names = list(upstream)
    position = {name: index for index, name in enumerate(names)}
    ready = [position[name] for name, count in waits_for.items() if count == 0]
    heapify(ready)
    ordered: list[str] = []
    while ready:
        name = names[heappop(ready)]
        ordered.append(name)
        for after in below[name]:
            waits_for[after] -= 1
            if waits_for[after] == 0:
                heappush(ready, position[after])
    return ordered


def _walk_up(upstream: Upstream, stuck: Mapping[str, int]) -> list[str]:
    """Give one cycle along the flow. Every stuck node has a stuck upstream, so that walking up must loop."""
    path: dict[str, None] = {}
    name = next(iter(stuck))
    while name not in path:
        path[name] = None
        name = next(above for above in upstream[name] if above in stuck)
    walked = list(path)
    return walked[walked.index(name) :][::-1]


def _reach(edges: Mapping[str, Sequence[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(edges[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(edges[name])
    return seen
