"""A DAG drawn as plain text: boxes in layers from top to bottom, and the wires between them.

The longest path to a node gives its layer. A wire that skips layers passes through them in a place of its
own, one for all that its source feeds there. Nodes that feed exactly the same slots of the next layer share
one net of wires. Distinct nets never touch: where two cross, both go straight on over ``┼`` (ASCII ``|``).
Four ways of one net meet in ``╋`` (ASCII ``+``), as a dot marks the joint in a circuit diagram. So a drawing
can be read back without doubt (in ASCII but for pluses side by side), going down and sideways, never up.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import NamedTuple

from stoker_shared.dag import Upstream, downstream_of, topological
from stoker_shared.text import ASCII, clean, width

_SWEEPS = 12
_BOX_GAP, _WIRE_GAP = 2, 1
"""Free columns between two boxes, and beside a passing wire."""

_WIRE_WEIGHT, _BOX_WEIGHT, _LOOSE_WEIGHT = 4.0, 1.0, 0.01
"""How much a passing wire, a box, and what has nothing to be centred over insist on their place."""

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_JOINTS = " ╵╷│╴┘┐┤╶└┌├─┴┬╋"
"""The joint of each set of ways, by the sum of their bits."""

_CROSSING, _ARROW = "┼", "▼"


class _Slot(NamedTuple):
    """A node's place in a layer: its box in its own, its passing wire in later ones."""

    name: str
    level: int


_Links = Mapping[_Slot, list[_Slot]]
_Layers = list[list[_Slot]]


class _Box(NamedTuple):
    """A label with its padding, how many nets enter from above, and whether one leaves below."""

    label: str
    entries: int
    feeds: bool

    @property
    def inner(self) -> int:
        """Columns between the sides: enough to leave every entry a free one, see `_entries`."""
        return max(width(self.label), 2 * self.entries + 1)

    @property
    def left(self) -> int:
        """Columns left of the centre."""
        return (self.inner + 1) // 2

    @property
    def right(self) -> int:
        """Columns right of the centre."""
        return self.inner + 1 - self.left

    @property
    def content(self) -> str:
        """The label in the middle of what is inside."""
        free = self.inner - width(self.label)
        return " " * (free // 2) + self.label + " " * (free - free // 2)

    @property
    def frame(self) -> tuple[str, str, str]:
        """The box without its label."""
        way_out = "┬" if self.feeds else "─"
        return (
            f"╭{'─' * self.inner}╮",
            f"│{' ' * self.inner}│",
            f"╰{'─' * (self.left - 1)}{way_out}{'─' * (self.right - 1)}╯",
        )


class _Net(NamedTuple):
    """Slots of one layer joined to slots of the next: each above is upstream of each below."""

    above: list[_Slot]
    below: Sequence[_Slot]


class _Wire(NamedTuple):
    """The columns of a net: where it leaves the upper layer, enters boxes, and passes between them."""

    above: list[int]
    entering: list[int]
    passing: list[int]

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last column."""
        columns = self.above + self.entering + self.passing
        return min(columns), max(columns)

    @property
    def bent(self) -> bool:
        """Whether it needs a track: it is more than one straight line."""
        return len({*self.above, *self.entering, *self.passing}) > 1

    def crossings_over(self, other: _Wire) -> int:
        """Count how often the two cross if this one's track is above the other's."""
        (first, last), (other_first, other_last) = self.span, other.span
        down = sum(other_first < column < other_last for column in self.entering + self.passing)
        return down + sum(first < column < last for column in other.above)


def draw(labels: Mapping[str, str], upstream: Upstream, *, ascii_only: bool = False) -> str:
    """Return the drawing of a DAG: lines without trailing spaces, joined by newlines.

    A box shows its node's cleaned label, or the name where it has none; with ``ascii_only`` all else is
    ASCII.

    Raises:
        ValueError: there is a cycle.
    """
    levels, links = _layered(upstream)
    layers = _untangled(links)
    channels = [_nets(layer, links) for layer in layers]
    entries = Counter(slot for nets in channels for net in nets for slot in net.below)
    boxes = {
        slot: _Box(f" {clean(labels.get(slot.name, slot.name))} ", entries[slot], bool(links[slot]))
        for slot in links
        if slot.level == levels[slot.name]
    }
    columns = _placed(layers, links, boxes)
    canvas = _Canvas(ascii_only)
    for layer, nets in zip(layers, channels, strict=True):
        canvas.layer([(columns[slot], boxes.get(slot)) for slot in layer])
        canvas.channel(_wired(nets, columns, boxes))
    return canvas.text()


def _layered(upstream: Upstream) -> tuple[dict[str, int], _Links]:
    """Give each node's level, and each slot's slots in the next layer, in topological order."""
    below = downstream_of(upstream)
    names = topological(upstream)
    levels: dict[str, int] = {}
    links: dict[_Slot, list[_Slot]] = {}
    for name in names:
        levels[name] = 1 + max((levels[above] for above in upstream[name] if above in levels), default=-1)
    for name in names:
        targets: defaultdict[int, list[_Slot]] = defaultdict(list)
        for target in below[name]:
            targets[levels[target]].append(_Slot(target, levels[target]))
        last = max(targets, default=levels[name] + 1)
        for level in range(levels[name], last):
            onward = [_Slot(name, level + 1)] if level + 1 < last else []
            links[_Slot(name, level)] = targets[level + 1] + onward
    return levels, links


def _untangled(links: _Links) -> _Layers:
    """Give the layers in an order of few crossings: sweeps sort them by their neighbours' mean place."""
    depth = max((slot.level for slot in links), default=-1) + 1
    layers: _Layers = [[] for _ in range(depth)]
    for slot in links:
        layers[slot.level].append(slot)
    tried = [(_crossings(layers, links), layers)]
    neighbours = (_reversed(links), links)
    for sweep in range(_SWEEPS):
        if tried[-1][0] == 0 or (sweep >= 2 and tried[-1][0] >= tried[-3][0]):
            break
        layers = _swept(layers, neighbours[sweep % 2], upward=bool(sweep % 2))
        tried.append((_crossings(layers, links), layers))
    return min(tried, key=itemgetter(0))[1]


def _swept(layers: _Layers, near: _Links, *, upward: bool) -> _Layers:
    """Sort layer after layer by the mean place of each slot's neighbours in the layer just sorted."""
    place: dict[_Slot, int] = {slot: index for layer in layers for index, slot in enumerate(layer)}
    swept: _Layers = []
    for layer in reversed(layers) if upward else layers:
        wanted = {slot: _mean([place[other] for other in near[slot]], place[slot]) for slot in layer}
        swept.append(sorted(layer, key=wanted.__getitem__))
        place.update({slot: index for index, slot in enumerate(swept[-1])})
    return swept[::-1] if upward else swept


def _crossings(layers: _Layers, links: _Links) -> int:
    """Count the pairs of links that cross: later sources whose target is before that of an earlier one."""
    place = {slot: index for layer in layers for index, slot in enumerate(layer)}
    count = 0
    for layer in layers:
        ends: list[int] = []
        for slot in layer:
            targets = sorted(place[target] for target in links[slot])
            count += sum(len(ends) - bisect_right(ends, target) for target in targets)
            for target in targets:
                insort(ends, target)
    return count


def _reversed(links: _Links) -> _Links:
    above: _Links = {slot: [] for slot in links}
    for slot, targets in links.items():
        for target in targets:
            above[target].append(slot)
    return above


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _nets(layer: Sequence[_Slot], links: _Links) -> list[_Net]:
    """Give the nets below a layer: slots with the same links share one."""
    nets: dict[frozenset[_Slot], _Net] = {}
    for slot in layer:
        if links[slot]:
            nets.setdefault(frozenset(links[slot]), _Net([], links[slot])).above.append(slot)
    return list(nets.values())


def _placed(layers: _Layers, links: _Links, boxes: Mapping[_Slot, _Box]) -> dict[_Slot, int]:
    """Give each slot's column: a box's centre, or the left one of the two that a passing wire may take.

    Sweeps move what is in a layer as near to its neighbours' middle as its own neighbours' width allows, at
    last upward, so that parents end centred over their children.
    """
    offsets = [_packed([boxes.get(slot) for slot in layer]) for layer in layers]
    columns = {
        slot: at
        for layer, ats in zip(layers, offsets, strict=True)
        for slot, at in zip(layer, ats, strict=True)
    }
    neighbours = (_reversed(links), links)
    for sweep in range(_SWEEPS):
        near = neighbours[sweep % 2]
        for index in range(len(layers))[:: -1 if sweep % 2 else 1]:
            layer = layers[index]
            wanted = [_mean([columns[other] for other in near[slot]], columns[slot]) for slot in layer]
            weights = [_weight(near[slot], boxes.get(slot)) for slot in layer]
            columns.update(zip(layer, _settled(wanted, weights, offsets[index]), strict=True))
    first = min((column - _reach(boxes.get(slot))[0] for slot, column in columns.items()), default=0)
    return {slot: column - first for slot, column in columns.items()}


def _weight(near: Sequence[_Slot], box: _Box | None) -> float:
    if not near:
        return _LOOSE_WEIGHT
    return _BOX_WEIGHT if box else _WIRE_WEIGHT


def _packed(row: Sequence[_Box | None]) -> list[int]:
    """Give the columns of neighbours put as close together as may be."""
    gaps = (
        _reach(box)[1] + (_BOX_GAP if box and after else _WIRE_GAP) + 1 + _reach(after)[0]
        for box, after in pairwise(row)
    )
    return list(accumulate(gaps, initial=0))


def _reach(box: _Box | None) -> tuple[int, int]:
    """Give the columns a slot takes left and right of its own; a passing wire may give way by one."""
    return (box.left, box.right) if box else (0, 1)


def _settled(wanted: Sequence[float], weights: Sequence[float], offsets: Sequence[int]) -> list[int]:
    """Give the columns nearest to the wanted ones (least squares) that keep the offsets' distances.

    Isotonic regression: neighbours that would come too close are pooled, and move as one from then on.
    """
    pools: list[tuple[float, float, int]] = []
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        pool = (want - offset, weight, 1)
        while pools and pools[-1][0] >= pool[0]:
            mean, mass, size = pools.pop()
            total = mass + pool[1]
            pool = ((mean * mass + pool[0] * pool[1]) / total, total, size + pool[2])
        pools.append(pool)
    starts = [round(mean) for mean, _, size in pools for _ in range(size)]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]


def _wired(nets: Sequence[_Net], columns: dict[_Slot, int], boxes: Mapping[_Slot, _Box]) -> list[_Wire]:
    """Give the nets' columns, and let passing wires give way where another net comes down on theirs.

    No net enters the lower layer in a column where another leaves the upper one. So the tracks can have any
    order: two nets never need the same cell but to cross.
    """
    wires = [_Wire([columns[slot] for slot in net.above], [], []) for net in nets]
    taken = {column for wire in wires for column in wire.above}
    entering: defaultdict[_Slot, list[_Wire]] = defaultdict(list)
    for net, wire in zip(nets, wires, strict=True):
        for slot in net.below:
            if slot in boxes:
                entering[slot].append(wire)
            else:
                columns[slot] += columns[slot] in taken - set(wire.above)
                wire.passing.append(columns[slot])
    for slot, arriving in entering.items():
        arriving.sort(key=lambda wire: _mean(wire.above, 0))
        for wire, column in zip(arriving, _entries(arriving, columns[slot], boxes[slot], taken), strict=True):
            wire.entering.append(column)
    return wires


def _entries(arriving: Sequence[_Wire], centre: int, box: _Box, taken: set[int]) -> list[int]:
    """Give the columns where nets enter a box: evenly spread, but straight from above where that keeps order.

    Columns taken above are at least 2 apart, so that of n columns at most (n + 1) / 2 are taken; the box is
    wide enough to leave one to each.
    """
    first, last, count = centre - box.left, centre + box.right, len(arriving)
    free = [column for column in range(first + 1, last) if column not in taken]
    spread = [free[((2 * index + 1) * len(free) - 1) // (2 * count)] for index in range(count)]
    columns = [first, *spread, last]
    for index, wire in enumerate(arriving, start=1):
        if len(wire.above) == 1 and columns[index - 1] < wire.above[0] < columns[index + 1]:
            columns[index] = wire.above[0]
    return columns[1:-1]


def _tracks(wires: Sequence[_Wire]) -> list[int]:
    """Give each wire's track, counted from the top: in an order of few crossings, as high as that allows."""
    order: list[int] = []
    for index, wire in enumerate(wires):
        if not wire.bent:
            continue
        gains = [wires[other].crossings_over(wire) - wire.crossings_over(wires[other]) for other in order]
        costs = list(accumulate(gains, initial=0))
        order.insert(costs.index(min(costs)), index)
    tracks = [0] * len(wires)
    for at, index in enumerate(order):
        first, last = wires[index].span
        for other in order[:at]:
            other_first, other_last = wires[other].span
            if first <= other_last + 1 and other_first <= last + 1:
                tracks[index] = max(tracks[index], tracks[other] + 1)
    return tracks


class _Canvas:
    """The lines of a drawing, added from the top, as the text of each cell; a label's is in its first."""

    def __init__(self, ascii_only: bool) -> None:
        self._glyphs = ASCII if ascii_only else {}
        self._rows: list[dict[int, str]] = []

    def text(self) -> str:
        """Give the lines drawn so far."""
        return "\n".join(
            "".join(row.get(column, " ") for column in range(max(row, default=-1) + 1)) for row in self._rows
        )

    def layer(self, slots: Sequence[tuple[int, _Box | None]]) -> None:
        """Add a layer: boxes about their centres, and the columns of the wires that pass."""
        rows = self._added(3)
        for column, box in slots:
            for row, line in zip(rows, box.frame if box else "│││", strict=True):
                self._put(row, column - box.left if box else column, line)
            if box:
                first = column - box.left + 1
                rows[1].update(dict.fromkeys(range(first, first + box.inner), "") | {first: box.content})

    def channel(self, wires: Sequence[_Wire]) -> None:
        """Add the wires from a layer to the next."""
        tracks = _tracks(wires)
        bent = [track for track, wire in zip(tracks, wires, strict=True) if wire.bent]
        rows = self._added(max(bent) + 2 if bent else min(len(wires), 1))
        for wire, track in zip(wires, tracks, strict=True):
            for (row, column), ways in _ways(wire, track, len(rows)).items():
                self._put(rows[row], column, _CROSSING if column in rows[row] else _JOINTS[ways])
            for column in wire.entering:
                self._put(rows[-1], column, _ARROW)

    def _added(self, count: int) -> list[dict[int, str]]:
        rows: list[dict[int, str]] = [{} for _ in range(count)]
        self._rows += rows
        return rows

    def _put(self, row: dict[int, str], column: int, glyphs: str) -> None:
        row.update(enumerate(glyphs.translate(self._glyphs), column))


def _ways(wire: _Wire, track: int, height: int) -> dict[tuple[int, int], int]:
    """Give the ways that a wire goes from each cell of its channel."""
    ways: defaultdict[tuple[int, int], int] = defaultdict(int)
    first, last = wire.span
    for column in range(first, last):
        ways[track, column] |= _RIGHT
        ways[track, column + 1] |= _LEFT
    for column in wire.above:
        ways[track, column] |= _UP
        ways.update({(row, column): _UP | _DOWN for row in range(track)})
    for column in wire.entering + wire.passing:
        ways[track, column] |= _DOWN
        ways.update({(row, column): _UP | _DOWN for row in range(track + 1, height)})
    return ways
