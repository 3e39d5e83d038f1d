"""From node to node along the edges, and what of a drawing belongs to the path of one."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec.structs import replace

from stoker_shared.dag import Upstream, ancestors, descendants, downstream_of, topological
from stoker_tui.graph.layout import Box, Layout
from stoker_tui.graph.wiring import Net


class Way(Enum):
    """Where to go from a node."""

    UP = "up"
    DOWN = "down"
    LEFT = "left"
    RIGHT = "right"


class Graph:
    """A DAG to walk through and to find paths in. Raises ValueError where there is a cycle."""

    def __init__(self, upstream: Upstream) -> None:
        self.order = topological(upstream)
        self.upstream = {
            name: tuple(above for above in dict.fromkeys(names) if above in upstream)
            for name, names in upstream.items()
        }
        self.downstream = downstream_of(upstream)

    def path(self, node: str) -> set[str]:
        """Give a node with all that it waits for and all that waits for it."""
        return {node} | ancestors(self.upstream, node) | descendants(self.upstream, node)

    def step(self, layout: Layout, node: str, way: Way, came_from: str | None = None) -> str:
        """Give where an arrow key leads from a node: up and down along an edge, sideways within its layer.

        Of several edges it is the one to ``came_from``, else to the nearest; where there is none the node
        stays.
        """
        here = layout.boxes[node]
        if way in (Way.LEFT, Way.RIGHT):
            beside = layout.levels[here.level]
            at = beside.index(here) + (1 if way is Way.RIGHT else -1)
            return beside[at].node if 0 <= at < len(beside) else node
        ends = self.upstream[node] if way is Way.UP else self.downstream[node]
        if came_from in ends:
            return came_from
        return min(ends, key=lambda end: _distance(here, layout.boxes[end]), default=node)


def path_nets(graph: Graph, layout: Layout, node: str) -> Iterator[Net]:
    """Give the part of each net that leads to a node from what is upstream, or from it to what is downstream.

    A net that leads to the node can't also lead from it: there would be a cycle.
    """
    to = {node} | ancestors(graph.upstream, node)
    onward = {node} | descendants(graph.upstream, node)
    for net in layout.nets:
        coming = tuple(end for end in net.sources if end.node in onward)
        if coming:
            yield replace(net, sources=coming)
            continue
        entering = tuple(end for end in net.entering if end.node in to)
        passing = tuple(
            end
            for end in net.passing
            if any(
                below in to and layout.boxes[below].level > net.level + 1
                for below in graph.downstream[end.node]
            )
        )
        if entering or passing:
            yield replace(net, entering=entering, passing=passing)


def _distance(here: Box, there: Box) -> tuple[int, int]:
    return abs(there.column - here.column), abs(there.level - here.level)
