"""At every zoom what is laid out can be followed, nothing is in the way of anything, and paths are whole."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_shared.dag import Upstream, ancestors, descendants
from stoker_shared.text import width
from stoker_tui.graph.drawing import Canvas, Wires
from stoker_tui.graph.layout import Box, Layout, lay_out
from stoker_tui.graph.placing import Zoom
from stoker_tui.graph.walking import Graph, Way, path_nets
from stoker_tui.graph.wiring import Net
from tests.tui.graph.test_drawing import DOWN, UP, WAYS, dags

zooms = st.sampled_from(Zoom)

MEDALLION = {f"land_{index}": [] for index in range(8)}
MEDALLION |= {f"bronze_{index}": [f"land_{index}"] for index in range(8)}
MEDALLION |= {f"silver_{index}": [f"bronze_{index}", f"bronze_{(index + 3) % 8}"] for index in range(8)}
MEDALLION |= {"gold": [f"silver_{index}" for index in range(8)], "audit": ["land_0", "gold"]}

PIPELINES: dict[str, Upstream] = {
    "a chain": {str(index): [str(index - 1)] if index else [] for index in range(12)},
    "one that feeds forty": {"a": []} | {f"b{index}": ["a"] for index in range(40)},
    "forty that feed one": {f"b{index}": [] for index in range(40)}
    | {"z": [f"b{index}" for index in range(40)]},
    "every one of a layer on every one of the next": {
        f"{level}.{index}": [f"{level - 1}.{other}" for other in range(5)] if level else []
        for level in range(4)
        for index in range(5)
    },
    "a medallion": MEDALLION,
    "a chain that all report to": {f"s{index}": [f"s{index - 1}"] if index else [] for index in range(9)}
    | {"report": [f"s{index}" for index in range(9)]},
    "islands": {str(index): [] for index in range(9)},
    "two branches of unlike length": {
        "a": [],
        "b": ["a"],
        "c": ["b"],
        "d": ["c"],
        "e": ["a"],
        "z": ["d", "e"],
    },
}


class Followed:
    """What the wires of some nets, drawn alone, lead to."""

    def __init__(self, layout: Layout, nets: Iterable[Net]) -> None:
        nets = list(nets)
        wires = Wires(layout, nets)
        self.layout = layout
        self.leaving = {(net.level, end.node) for net in nets for end in net.sources}
        self.lines = [wires.row(row, 0, layout.width) for row in range(layout.height)]
        self.cells = {
            (row, column)
            for row, line in enumerate(self.lines)
            for column, glyph in enumerate(line)
            if glyph != " "
        }
        self.seen: set[tuple[int, int]] = set()

    def edges(self) -> set[tuple[str, str]]:
        """Follow from below every box that a wire leaves, never up, straight on where two cross."""
        return {
            (box.node, end)
            for box in self.layout.boxes.values()
            if (box.level, box.node) in self.leaving
            for end in self._ends((box.top + self.layout.zoom.height, box.column))
        }

    def _ends(self, start: tuple[int, int]) -> set[str]:
        ends: set[str] = set()
        steps: set[tuple[tuple[int, int], tuple[int, int]]] = set()
        going = [(start, DOWN)]
        while going:
            cell, way = step = going.pop()
            if step in steps:
                continue
            steps.add(step)
            self.seen.add(cell)
            glyph = self.lines[cell[0]][cell[1]]
            onward = (DOWN,) if glyph == "▼" else (way,) if glyph == "┼" else WAYS[glyph]
            if glyph == "▼":
                ends.add(self._box_at(cell[0] + 1, cell[1]).node)
                continue
            assert glyph == "┼" or (-way[0], -way[1]) in onward, f"a wire breaks off at {cell}"
            going += [
                ((cell[0] + turn[0], cell[1] + turn[1]), turn)
                for turn in onward
                if turn not in (UP, (-way[0], -way[1]))
            ]
        return ends

    def _box_at(self, row: int, column: int) -> Box:
        (box,) = [
            box
            for box in self.layout.boxes.values()
            if box.top == row and box.left <= column < box.left + box.width
        ]
        return box


def edges_of(upstream: Upstream) -> set[tuple[str, str]]:
    return {(above, name) for name, names in upstream.items() for above in names}


def assert_right(upstream: Upstream, zoom: Zoom) -> None:
    layout = lay_out(upstream, zoom=zoom)
    followed = Followed(layout, layout.nets)

    assert list(layout.boxes) == [box.node for box in layout.boxes.values()]
    assert layout.boxes.keys() == upstream.keys()
    assert followed.edges() == edges_of(upstream)
    assert followed.seen | {cell for cell in followed.cells if cell[0] in _box_rows(layout)} == followed.cells
    for box in layout.boxes.values():
        inside = {(box.top + row, box.left + at) for row in range(zoom.height) for at in range(box.width)}
        assert not inside & followed.cells
        assert 0 <= box.left <= box.column < box.left + box.width <= layout.width
        assert width(box.label) + zoom.padding <= box.width
    for boxes in layout.levels:
        assert all(one.left + one.width < other.left for one, other in combinations(boxes, 2))


def _box_rows(layout: Layout) -> set[int]:
    return {box.top + row for box in layout.boxes.values() for row in range(layout.zoom.height)}


@given(dags(), zooms)
def test_every_edge_is_drawn_and_followed_and_nothing_overlaps(upstream: Upstream, zoom: Zoom) -> None:
    assert_right(upstream, zoom)


@pytest.mark.parametrize("zoom", Zoom)
@pytest.mark.parametrize("upstream", PIPELINES.values(), ids=PIPELINES)
def test_pipelines_as_they_are_built_are_drawn_right(upstream: Upstream, zoom: Zoom) -> None:
    assert_right(upstream, zoom)


@given(dags(), zooms)
def test_the_same_graph_is_always_drawn_the_same(upstream: Upstream, zoom: Zoom) -> None:
    assert lay_out(upstream, zoom=zoom) == lay_out(dict(upstream), zoom=zoom)


@given(dags(), zooms, st.data())
def test_the_path_of_a_node_is_the_edges_to_it_and_from_it(
    upstream: Upstream, zoom: Zoom, data: st.DataObject
) -> None:
    if not upstream:
        return
    node = data.draw(st.sampled_from(sorted(upstream)))
    graph, layout = Graph(upstream), lay_out(upstream, zoom=zoom)

    lit = Followed(layout, path_nets(graph, layout, node))

    to, onward = {node} | ancestors(upstream, node), {node} | descendants(upstream, node)
    assert lit.edges() == {edge for edge in edges_of(upstream) if edge[1] in to or edge[0] in onward}
    assert lit.cells <= Followed(layout, layout.nets).cells


@given(
    st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=5, unique=True),
    zooms,
    st.booleans(),
)
def test_rows_of_any_text_are_as_wide_as_they_say(labels: list[str], zoom: Zoom, ascii_only: bool) -> None:
    upstream = {str(index): [str(index - 1)] if index % 2 else [] for index in range(len(labels))}
    layout = lay_out(upstream, dict(zip(upstream, labels, strict=True)), zoom)
    canvas = Canvas(layout, ascii_only=ascii_only)

    for row in range(layout.height):
        at = 0
        for piece in canvas.pieces(row):
            assert piece.column == at
            at += width(piece.text)
        assert at == layout.width


def test_a_hostile_label_is_shown_and_not_obeyed() -> None:
    layout = lay_out({"a": []}, {"a": "\x1b]52;c;aGk=\x07\u202e\x9b31m"})

    assert layout.boxes["a"].label == "␛]52;c;aGk=␇��31m"


def test_part_of_a_row_is_given_without_what_is_beside_it() -> None:
    layout = lay_out({"aaa": [], "bbb": [], "ccc": []}, zoom=Zoom.ROWS)

    pieces = list(Canvas(layout).pieces(0, 8, 11))

    assert [(piece.column, piece.text) for piece in pieces] == [(7, "[bbb]")]


class TestWalking:
    UPSTREAM: Upstream = MappingProxyType({"a": [], "b": ["a"], "c": ["a"], "d": ["a"], "e": ["b", "d"]})
    GRAPH = Graph(UPSTREAM)
    LAYOUT = lay_out(UPSTREAM)

    def test_leads_down_and_up_along_edges_to_the_nearest(self) -> None:
        assert self.GRAPH.step(self.LAYOUT, "a", Way.DOWN) == "c"
        assert self.GRAPH.step(self.LAYOUT, "b", Way.DOWN) == "e"
        assert self.GRAPH.step(self.LAYOUT, "b", Way.UP) == "a"

    def test_leads_back_where_it_came_from(self) -> None:
        assert self.GRAPH.step(self.LAYOUT, "a", Way.DOWN, came_from="d") == "d"
        assert self.GRAPH.step(self.LAYOUT, "e", Way.UP, came_from="a") != "a"

    def test_leads_sideways_within_a_layer(self) -> None:
        assert self.GRAPH.step(self.LAYOUT, "c", Way.LEFT) == "b"
        assert self.GRAPH.step(self.LAYOUT, "c", Way.RIGHT) == "d"

    def test_stays_where_nothing_is_further_on(self) -> None:
        assert self.GRAPH.step(self.LAYOUT, "a", Way.UP) == "a"
        assert self.GRAPH.step(self.LAYOUT, "e", Way.DOWN) == "e"
        assert self.GRAPH.step(self.LAYOUT, "b", Way.LEFT) == "b"
        assert self.GRAPH.step(self.LAYOUT, "d", Way.RIGHT) == "d"

    def test_every_node_is_reached_from_the_first(self) -> None:
        reached, going = set[str](), ["a"]
        while going:
            node = going.pop()
            if node not in reached:
                reached.add(node)
                going += [self.GRAPH.step(self.LAYOUT, node, way) for way in Way]

        assert reached == set(self.UPSTREAM)
