"""The layers of a DAG, from top to bottom, and the order in each.

The longest path to a node gives its layer. An edge that skips layers passes through them in a place of its
own, one for all that its source feeds there.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Sequence
from operator import itemgetter

import msgspec

from stoker_shared.dag import Upstream, downstream_of, topological

_SWEEPS = 12


class Layers(msgspec.Struct, frozen=True):
    """Places in layers, each a number: first the nodes' own, in topological order, then those of wires that
    pass. A place has the node it belongs to, and is linked to places of the next layer.
    """

    names: list[str]
    """Of each place, the node that it belongs to."""
    nodes: int
    """How many places are a node's own."""
    below: list[list[int]]
    above: list[list[int]]
    order: list[list[int]]
    """The places of each layer, from left to right."""


def layered(upstream: Upstream) -> Layers:
    """Give the layers of a DAG in an order of few crossings. Raises ValueError where there is a cycle."""
    downstream = downstream_of(upstream)
    names = topological(upstream)
    nodes = len(names)
    own = {name: place for place, name in enumerate(names)}
    levels: dict[str, int] = {}
    for name in names:
        levels[name] = 1 + max((levels[above] for above in upstream[name] if above in levels), default=-1)
    order: list[list[int]] = [[] for _ in range(max(levels.values(), default=-1) + 1)]
    below: list[list[int]] = [[] for _ in names]
    for place in range(nodes):
        name = names[place]
        targets: defaultdict[int, list[int]] = defaultdict(list)
        for target in downstream[name]:
            targets[levels[target]].append(own[target])
        last, at = max(targets, default=0), place
        order[levels[name]].append(at)
        for level in range(levels[name] + 1, last + 1):
            below[at] = targets[level]
            if level < last:
                names.append(name)
                below.append([])
                below[at] = [*targets[level], len(below) - 1]
                at = len(below) - 1
                order[level].append(at)
    above: list[list[int]] = [[] for _ in below]
    for place, linked in enumerate(below):
        for target in linked:
            above[target].append(place)
    return Layers(names, nodes, below, above, _untangled(order, below, above))


def mean(values: Sequence[float], otherwise: float) -> float:
    """Give the mean of values, and where there are none another."""
    return sum(values) / len(values) if values else otherwise


def _untangled(order: list[list[int]], below: list[list[int]], above: list[list[int]]) -> list[list[int]]:
    """Give the layers in an order of few crossings: sweeps sort them by their neighbours' mean place."""
    tried = [(_crossings(order, below), order)]
    for sweep in range(_SWEEPS):
        if tried[-1][0] == 0 or (sweep >= 2 and tried[-1][0] >= tried[-3][0]):
            break
        order = _swept(order[::-1], below)[::-1] if sweep % 2 else _swept(order, above)
        tried.append((_crossings(order, below), order))
    return min(tried, key=itemgetter(0))[1]


def _swept(order: list[list[int]], near: list[list[int]]) -> list[list[int]]:
    """Sort layer after layer by the mean place of each one's neighbours in the layer just sorted."""
    at = _positions(order, len(near))
    swept: list[list[int]] = []
    for layer in order:
        wanted = {place: mean([at[other] for other in near[place]], at[place]) for place in layer}
        swept.append(sorted(layer, key=wanted.__getitem__))
        for index, place in enumerate(swept[-1]):
            at[place] = index
    return swept


def _crossings(order: list[list[int]], below: list[list[int]]) -> int:
    """Count the pairs of links that cross: later sources whose target is before that of an earlier one."""
    at = _positions(order, len(below))
    count = 0
    for layer in order:
        ends: list[int] = []
        for place in layer:
            targets = sorted(at[target] for target in below[place])
            for target in targets:
                count += len(ends) - bisect_right(ends, target)
            for target in targets:
                insort(ends, target)
    return count


def _positions(order: list[list[int]], count: int) -> list[int]:
    at = [0] * count
    for layer in order:
        for index, place in enumerate(layer):
            at[place] = index
    return at
