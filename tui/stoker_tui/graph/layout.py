"""Where everything of a DAG stands: boxes in layers from top to bottom, and the wires between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from stoker_shared.dag import Upstream
from stoker_shared.text import clean, width
from stoker_tui.graph.layers import layered
from stoker_tui.graph.placing import Shape, Zoom, box_shape, placed
from stoker_tui.graph.wiring import Net, linked, wired


class Box(msgspec.Struct, frozen=True):
    """A node's place: its layer, the column of its centre, its first column and row, and its width.

    ``label`` is clean. ``feeds``: a wire leaves it below.
    """

    node: str
    label: str
    level: int
    column: int
    left: int
    top: int
    width: int
    feeds: bool


class Layout(msgspec.Struct, frozen=True):
    """A DAG laid out, in cells of the terminal; ``boxes`` are in topological order."""

    zoom: Zoom
    width: int
    height: int
    boxes: dict[str, Box]
    levels: list[list[Box]]
    """The boxes of each layer, from left to right."""
    nets: list[Net]


def lay_out(upstream: Upstream, labels: Mapping[str, str] | None = None, zoom: Zoom = Zoom.BOXES) -> Layout:
    """Lay out a DAG. A box shows its node's label, cleaned, or the name where it has none.

    The same DAG always gives the same layout.

    Raises:
        ValueError: there is a cycle.
    """
    layers = layered(upstream)
    shown = [clean((labels or {}).get(name, name)) for name in layers.names[: layers.nodes]]
    links = [linked(layers, layer) for layer in layers.order]
    entries = Counter(place for nets in links for net in nets for place in net.below)
    shapes = [box_shape(zoom, width(label), entries[place]) for place, label in enumerate(shown)]
    columns = placed(layers, shapes)
    nets: list[Net] = []
    levels: list[list[Box]] = []
    top = 0
    for level, layer in enumerate(layers.order):
        levels.append(
            [
                _box(
                    layers.names[place],
                    shown[place],
                    level,
                    columns[place],
                    shapes[place],
                    top,
                    bool(layers.below[place]),
                )
                for place in layer
                if place < layers.nodes
            ]
        )
        top += zoom.height
        if links[level]:
            nets += wired(layers, level, links[level], columns, shapes, zoom, top)
            top = nets[-1].arrows + 1
    boxes = {box.node: box for level in levels for box in level}
    edges = [box.left + box.width for box in boxes.values()] + [net.span[1] + 1 for net in nets]
    return Layout(
        zoom,
        max(edges, default=0),
        top,
        {name: boxes[name] for name in layers.names[: layers.nodes]},
        levels,
        nets,
    )


def _box(node: str, label: str, level: int, column: int, shape: Shape, top: int, feeds: bool) -> Box:
    return Box(node, label, level, column, column - shape.left, top, shape.left + 1 + shape.right, feeds)
