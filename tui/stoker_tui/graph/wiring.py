"""The wires from a layer to the next, as nets: where each leaves, enters, passes, and goes sideways.

Nodes that feed exactly the same places of the next layer share one net. Distinct nets never touch: where two
cross, both go straight on.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import msgspec

from stoker_tui.graph.layers import Layers, mean
from stoker_tui.graph.placing import Shape, Zoom, entry_columns


class Links(NamedTuple):
    """Places of one layer joined to places of the next: each above is upstream of each below."""

    above: list[int]
    below: list[int]


class End(NamedTuple):
    """Where a net leaves or enters a node, or the wire of a node that it goes on as."""

    node: str
    column: int


class Net(msgspec.Struct, frozen=True):
    """Wires that are joined: from each of its sources to each end below.

    It leaves the layer ``level`` at the row ``top``, goes sideways in the row ``track``, enters boxes below
    ``arrows`` and passes the next layer up to before ``through``.
    """

    level: int
    top: int
    track: int
    arrows: int
    through: int
    sources: tuple[End, ...]
    entering: tuple[End, ...]
    passing: tuple[End, ...]

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last column."""
        columns = [end.column for end in (*self.sources, *self.entering, *self.passing)]
        return min(columns), max(columns)


class _Wire:
    """The columns of a net while they are found."""

    def __init__(self, above: list[int]) -> None:
        self.above = above
        self.entering: dict[int, int] = {}
        self.passing: dict[int, int] = {}

    def measure(self) -> None:
        """See what the columns come to, once all are found."""
        self.above = sorted(self.above)
        self.below = sorted([*self.entering.values(), *self.passing.values()])
        self.first = min(self.above[0], self.below[0])
        self.last = max(self.above[-1], self.below[-1])
        self.bent = self.first < self.last

    def crossings_over(self, other: _Wire) -> int:
        """Count how often the two cross if this one's track is above the other's."""
        return _between(self.below, other.first, other.last) + _between(other.above, self.first, self.last)


def linked(layers: Layers, layer: Sequence[int]) -> list[Links]:
    """Give the nets below a layer: places with the same links share one."""
    nets: dict[tuple[int, ...], Links] = {}
    for place in layer:
        if below := layers.below[place]:
            nets.setdefault(tuple(below), Links([], below)).above.append(place)
    return list(nets.values())


def wired(
    layers: Layers,
    level: int,
    links: Sequence[Links],
    columns: list[int],
    boxes: Sequence[Shape],
    zoom: Zoom,
    top: int,
) -> list[Net]:
    """Give the nets below a layer, from the row ``top`` on.

    Passing wires give way, in ``columns``, where another net comes down on theirs. So no net enters the lower
    layer in a column where another leaves the upper one, and the tracks can have any order: two nets never
    need the same cell but to cross.
    """
    wires = _wires(layers, links, columns, boxes, zoom)
    tracks = _tracks(wires)
    bent = [track for track, wire in zip(tracks, wires, strict=True) if wire.bent]
    height = max(bent) + 2 if bent else 1
    return [
        Net(
            level,
            top,
            top + track,
            top + height - 1,
            top + height + zoom.height,
            tuple(End(layers.names[place], columns[place]) for place in net.above),
            tuple(End(layers.names[place], column) for place, column in wire.entering.items()),
            tuple(End(layers.names[place], column) for place, column in wire.passing.items()),
        )
        for net, wire, track in zip(links, wires, tracks, strict=True)
    ]


def _wires(
    layers: Layers, links: Sequence[Links], columns: list[int], boxes: Sequence[Shape], zoom: Zoom
) -> list[_Wire]:
    wires = [_Wire([columns[place] for place in net.above]) for net in links]
    taken = {column for wire in wires for column in wire.above}
    entering: defaultdict[int, list[_Wire]] = defaultdict(list)
    for net, wire in zip(links, wires, strict=True):
        for place in net.below:
            if place < layers.nodes:
                entering[place].append(wire)
            else:
                columns[place] += columns[place] in taken and columns[place] not in wire.above
                wire.passing[place] = columns[place]
    for place, arriving in entering.items():
        arriving.sort(key=lambda wire: mean(wire.above, 0))
        straight = [wire.above[0] if len(wire.above) == 1 else None for wire in arriving]
        first = columns[place] - boxes[place].left + zoom.frame
        last = columns[place] + boxes[place].right - zoom.frame
        for wire, column in zip(arriving, entry_columns(straight, first, last, taken), strict=True):
            wire.entering[place] = column
    for wire in wires:
        wire.measure()
    return wires


def _tracks(wires: Sequence[_Wire]) -> list[int]:
    """Give each wire's track, counted from the top: in an order of few crossings, as high as that allows."""
    order: list[int] = []
    for index, wire in enumerate(wires):
        if not wire.bent:
            continue
        gains = [
            other.crossings_over(wire) - wire.crossings_over(other)
            if other.first <= wire.last and wire.first <= other.last
            else 0
            for other in (wires[placed] for placed in order)
        ]
        costs = list(accumulate(gains, initial=0))
        order.insert(costs.index(min(costs)), index)
    tracks = [0] * len(wires)
    ordered = [(wires[index], index) for index in order]
    for at, (wire, index) in enumerate(ordered):
        first, last = wire.first - 1, wire.last + 1
        above = [
            tracks[earlier] for other, earlier in ordered[:at] if first <= other.last and other.first <= last
        ]
        tracks[index] = max(above, default=-1) + 1
    return tracks


def _between(columns: Sequence[int], first: int, last: int) -> int:
    return max(bisect_left(columns, last) - bisect_right(columns, first), 0)
