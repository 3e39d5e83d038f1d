"""The columns of a drawing: where boxes stand in their layers, and the wires that pass them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from itertools import accumulate, pairwise
from typing import NamedTuple

from stoker_tui.graph.layers import Layers, mean

_SWEEPS = 12
_BOX_GAP, _WIRE_GAP = 2, 1
"""Free columns between two boxes, and beside a passing wire."""

_WIRE_WEIGHT, _BOX_WEIGHT, _LOOSE_WEIGHT = 4.0, 1.0, 0.01
"""How much a passing wire, a box, and what has nothing to be centred over insist on their place."""


class Zoom(Enum):
    """How a node is drawn: as a framed box, as its label in one row, or as one character of it."""

    BOXES = "boxes"
    ROWS = "rows"
    DOTS = "dots"

    @property
    def height(self) -> int:
        """Rows that a node takes."""
        return 3 if self is Zoom.BOXES else 1

    @property
    def padding(self) -> int:
        """Columns that a node takes beside its label: a frame and air, or brackets."""
        return 4 if self is Zoom.BOXES else 2

    @property
    def frame(self) -> int:
        """Columns at either side where no wire can enter."""
        return 1 if self is Zoom.BOXES else 0


class Shape(NamedTuple):
    """The columns that a place in a layer takes left and right of its own one."""

    left: int
    right: int


_WIRE = Shape(0, 1)
"""A passing wire may give way by one column."""


def box_shape(zoom: Zoom, cells: int, entries: int) -> Shape:
    """Give the shape of a box for a label of so many cells, wide enough to leave every net that enters it a
    column which none above it takes, see `entry_columns`.
    """
    wide = max(cells + zoom.padding, 2 * entries + 1 + 2 * zoom.frame)
    left = (wide - 1) // 2
    return Shape(left, wide - 1 - left)


def placed(layers: Layers, boxes: Sequence[Shape]) -> list[int]:
    """Give each place's column: a box's centre, or the left one of the two that a passing wire may take.

    Sweeps move what is in a layer as near to its neighbours' middle as its own neighbours' width allows, at
    last upward, so that parents end centred over their children.
    """
    columns = [0] * len(layers.names)
    offsets = [_packed(layer, boxes) for layer in layers.order]
    for layer, ats in zip(layers.order, offsets, strict=True):
        for place, at in zip(layer, ats, strict=True):
            columns[place] = at
    rows = list(zip(layers.order, offsets, strict=True))
    for sweep in range(_SWEEPS):
        near = layers.below if sweep % 2 else layers.above
        for layer, ats in reversed(rows) if sweep % 2 else rows:
            wanted = [mean([columns[other] for other in near[place]], columns[place]) for place in layer]
            weights = [_weight(bool(near[place]), place < layers.nodes) for place in layer]
            for place, column in zip(layer, _settled(wanted, weights, ats), strict=True):
                columns[place] = column
    first = min((columns[place] - shape.left for place, shape in enumerate(boxes)), default=0)
    first = min([first, *columns[layers.nodes :]])
    return [column - first for column in columns]


def entry_columns(straight: Sequence[int | None], first: int, last: int, taken: set[int]) -> list[int]:
    """Give the columns from ``first`` to ``last`` where nets enter a box: evenly spread, but where one comes
    ``straight`` down from its only source, there, if that keeps the order.

    Columns taken above are at least 2 apart, so that of n columns at most (n + 1) / 2 are taken.
    """
    count = len(straight)
    free = [column for column in range(first, last + 1) if column not in taken]
    spread = [free[((2 * index + 1) * len(free) - 1) // (2 * count)] for index in range(count)]
    columns = [first - 1, *spread, last + 1]
    for index, column in enumerate(straight, start=1):
        if column is not None and columns[index - 1] < column < columns[index + 1]:
            columns[index] = column
    return columns[1:-1]


def _weight(linked: bool, box: bool) -> float:
    if not linked:
        return _LOOSE_WEIGHT
    return _BOX_WEIGHT if box else _WIRE_WEIGHT


def _packed(layer: Sequence[int], boxes: Sequence[Shape]) -> list[int]:
    """Give the columns of neighbours put as close together as may be."""
    shapes = [boxes[place] if place < len(boxes) else _WIRE for place in layer]
    gaps = (
        shape.right + (_WIRE_GAP if _WIRE in (shape, after) else _BOX_GAP) + 1 + after.left
        for shape, after in pairwise(shapes)
    )
    return list(accumulate(gaps, initial=0)) if layer else []


def _settled(wanted: Sequence[float], weights: Sequence[float], offsets: Sequence[int]) -> list[int]:
    """Give the columns nearest to the wanted ones (least squares) that keep the offsets' distances.

    Isotonic regression: neighbours that would come too close are pooled, and move as one from then on.
    """
    pools: list[tuple[float, float, int]] = []
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        pool = (want - offset, weight, 1)
        while pools and pools[-1][0] >= pool[0]:
            mass, size = pools[-1][1] + pool[1], pools[-1][2] + pool[2]
            pool = ((pools[-1][0] * pools[-1][1] + pool[0] * pool[1]) / mass, mass, size)
            pools.pop()
        pools.append(pool)
    starts = [round(wanted_start) for wanted_start, _, size in pools for _ in range(size)]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]
