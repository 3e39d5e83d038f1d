"""What is drawn is read back: boxes are found by their corners, wires are followed from each box down."""

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_shared.text import width
from stoker_tui.graph.drawing import draw

UP, DOWN, LEFT, RIGHT = (-1, 0), (1, 0), (0, -1), (0, 1)
WAYS = {
    "│": (UP, DOWN),
    "─": (LEFT, RIGHT),
    "┌": (DOWN, RIGHT),
    "┐": (DOWN, LEFT),
    "└": (UP, RIGHT),
    "┘": (UP, LEFT),
    "├": (UP, DOWN, RIGHT),
    "┤": (UP, DOWN, LEFT),
    "┬": (DOWN, LEFT, RIGHT),
    "┴": (UP, LEFT, RIGHT),
    "╋": (UP, DOWN, LEFT, RIGHT),
}
Graph = dict[str, list[str]]


@st.composite
def dags(draw: st.DrawFn, size: int = 14) -> Graph:
    """A DAG of up to ``size`` nodes, with names of different lengths."""
    names = [chr(ord("a") + index) * draw(st.integers(1, 9)) for index in range(draw(st.integers(0, size)))]
    return {
        name: draw(st.lists(st.sampled_from(names[:index]), max_size=5)) if index else []
        for index, name in enumerate(names)
    }


def cells_of(drawing: str) -> dict[tuple[int, int], str]:
    return {
        (row, column): glyph
        for row, line in enumerate(drawing.splitlines())
        for column, glyph in enumerate(line)
        if glyph != " "
    }


class Reading:
    """The boxes of a drawing by their labels, and what their wires lead to."""

    def __init__(self, drawing: str) -> None:
        lines = drawing.splitlines()
        self.cells = cells_of(drawing)
        self.boxes: dict[str, tuple[int, range]] = {}
        for (row, column), glyph in self.cells.items():
            if glyph == "╭":
                inside = range(column + 1, lines[row].index("╮", column))
                self.boxes[lines[row + 1][inside.start : inside.stop].strip()] = (row, inside)
        self.followed: set[tuple[int, int]] = set()

    def feeds(self, name: str) -> set[str]:
        """Follow the wires from a box, never up and straight over crossings, to where arrows end."""
        top, inside = self.boxes[name]
        ends: set[str] = set()
        seen: set[tuple[tuple[int, int], tuple[int, int]]] = set()
        going = [((top + 2, column), DOWN) for column in inside if self.cells[top + 2, column] == "┬"]
        while going:
            cell, way = step = going.pop()
            if step in seen:
                continue
            seen.add(step)
            target = (cell[0] + way[0], cell[1] + way[1])
            self.followed.add(target)
            glyph = self.cells.get(target, " ")
            back = (-way[0], -way[1])
            if glyph == "▼":
                assert way == DOWN
                ends.add(self.box_below(target))
            elif glyph == "┼":
                going.append((target, way))
            else:
                assert back in WAYS[glyph], f"a wire of {name} breaks off at {target}"
                going.extend((target, onward) for onward in WAYS[glyph] if onward not in (back, UP))
        return ends

    def box_below(self, cell: tuple[int, int]) -> str:
        (name,) = [
            name for name, (top, inside) in self.boxes.items() if top == cell[0] + 1 and cell[1] in inside
        ]
        return name


def fed_by(upstream: Graph, name: str) -> set[str]:
    return {below for below, names in upstream.items() if name in names}


@given(dags())
def test_following_the_wires_from_each_box_leads_to_exactly_its_downstream_nodes(upstream: Graph) -> None:
    drawing = draw({}, upstream)
    reading = Reading(drawing)

    assert sorted(reading.boxes) == sorted(upstream), drawing
    for name in upstream:
        assert reading.feeds(name) == fed_by(upstream, name), drawing


@given(dags())
def test_every_box_is_whole(upstream: Graph) -> None:
    drawing = draw({}, upstream)
    cells = Reading(drawing).cells

    for top, inside in Reading(drawing).boxes.values():
        left, right = inside.start - 1, inside.stop
        assert [cells[top + row, left] for row in range(3)] == ["╭", "│", "╰"], drawing
        assert [cells[top + row, right] for row in range(3)] == ["╮", "│", "╯"], drawing
        assert all(cells[top, column] == "─" for column in inside), drawing
        assert {cells[top + 2, column] for column in inside} <= {"─", "┬"}, drawing
        assert [cells[top + 2, column] for column in inside].count("┬") <= 1, drawing


@given(dags())
def test_nothing_is_drawn_but_boxes_and_wires_that_lead_somewhere(upstream: Graph) -> None:
    reading = Reading(draw({}, upstream))
    for name in reading.boxes:
        reading.feeds(name)
    boxed = {
        (top + row, column)
        for top, inside in reading.boxes.values()
        for row in range(3)
        for column in range(inside.start - 1, inside.stop + 1)
    }

    assert set(reading.cells) <= reading.followed | boxed


@given(dags())
def test_every_box_is_below_the_boxes_upstream_of_it(upstream: Graph) -> None:
    boxes = Reading(draw({}, upstream)).boxes

    for name, names_above in upstream.items():
        assert all(boxes[above][0] < boxes[name][0] for above in names_above)


@given(dags(), st.booleans())
def test_no_line_ends_with_a_space_and_the_drawing_starts_at_the_left_edge(
    upstream: Graph, ascii_only: bool
) -> None:
    lines = draw({}, upstream, ascii_only=ascii_only).split("\n")

    assert all(line == line.rstrip() for line in lines)
    assert not upstream or any(line[0] != " " for line in lines)


@given(dags())
def test_in_ascii_the_same_cells_are_drawn_without_any_other_character(upstream: Graph) -> None:
    in_ascii = draw({}, upstream, ascii_only=True)

    assert in_ascii.isascii()
    assert cells_of(in_ascii).keys() == cells_of(draw({}, upstream)).keys()


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4, unique=True), st.booleans())
def test_any_label_leaves_its_box_aligned(labels: list[str], ascii_only: bool) -> None:
    upstream: Graph = {str(index): [] for index in range(len(labels))}

    lines = draw(dict(zip(upstream, labels, strict=True)), upstream, ascii_only=ascii_only).split("\n")

    assert len(lines) == 3
    assert width(lines[0]) == width(lines[1]) == width(lines[2])


def assert_drawn(upstream: Graph, expected: str, *, ascii_only: bool = False) -> None:
    assert draw({}, upstream, ascii_only=ascii_only) == dedent(expected).strip("\n")


def test_a_parent_is_centred_over_its_children_and_they_over_what_they_share() -> None:
    upstream: Graph = {"ingest": [], "left": ["ingest"], "right": ["ingest"], "report": ["left", "right"]}

    assert_drawn(
        upstream,
        """
             ╭────────╮
             │ ingest │
             ╰───┬────╯
           ┌─────┴────┐
           ▼          ▼
        ╭──────╮  ╭───────╮
        │ left │  │ right │
        ╰──┬───╯  ╰───┬───╯
           └─────┬────┘
                 ▼
             ╭────────╮
             │ report │
             ╰────────╯
        """,
    )


def test_four_ways_of_one_net_meet_in_a_heavy_joint() -> None:
    assert_drawn(
        {"a": [], "b": ["a"], "c": ["a"], "d": ["a"]},
        """
               ╭───╮
               │ a │
               ╰─┬─╯
          ┌──────╋──────┐
          ▼      ▼      ▼
        ╭───╮  ╭───╮  ╭───╮
        │ b │  │ c │  │ d │
        ╰───╯  ╰───╯  ╰───╯
        """,
    )


def test_a_wire_that_skips_a_layer_passes_beside_its_boxes() -> None:
    assert_drawn(
        {"a": [], "b": ["a"], "c": ["a", "b"]},
        """
          ╭───╮
          │ a │
          ╰─┬─╯
         ┌──┴─┐
         │    ▼
         │  ╭───╮
         │  │ b │
         │  ╰─┬─╯
         └┬───┘
          ▼
        ╭───╮
        │ c │
        ╰───╯
        """,
    )


def test_two_nets_that_cannot_help_crossing_go_straight_on() -> None:
    upstream: Graph = {"a": [], "b": [], "c": [], "x": ["a", "b"], "y": ["b", "c"], "z": ["a", "c"]}
    assert_drawn(
        upstream,
        """
           ╭───╮  ╭───╮  ╭───╮
           │ a │  │ b │  │ c │
           ╰─┬─╯  ╰─┬─╯  ╰─┬─╯
         ┌───┴────┐ │┌─────┴──┐
         │ ┌──────┼─┴┼──────┐ │
         ▼ ▼      ▼  ▼      ▼ ▼
        ╭─────╮  ╭─────╮  ╭─────╮
        │  x  │  │  z  │  │  y  │
        ╰─────╯  ╰─────╯  ╰─────╯
        """,
    )


def test_the_ascii_fallback_is_made_of_four_characters() -> None:
    assert_drawn(
        {"a": [], "b": ["a"], "c": ["a"]},
        """
            +---+
            | a |
            +-+-+
          +---+--+
          v      v
        +---+  +---+
        | b |  | c |
        +---+  +---+
        """,
        ascii_only=True,
    )


def test_a_label_is_shown_cleaned_in_place_of_the_name() -> None:
    assert "␛[31m" in draw({"a": "\x1b[31m"}, {"a": []})


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw({}, {}) == ""


def test_a_cycle_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="a -> a"):
        draw({}, {"a": ["a"]})


def test_an_upstream_name_that_is_no_node_is_not_drawn() -> None:
    assert draw({}, {"a": ["ghost"]}) == draw({}, {"a": []})


def test_a_node_with_many_different_nets_above_gets_a_box_wide_enough_for_all() -> None:
    sources = [f"s{index}" for index in range(12)]
    upstream: Graph = {name: [] for name in sources}
    upstream |= {f"own_{name}": [name] for name in sources} | {"t": sources}

    assert draw({}, upstream).count("▼") == 24


def test_ten_thousand_nodes_in_a_chain_are_drawn() -> None:
    upstream: Graph = {str(index): [str(index - 1)] if index else [] for index in range(10_000)}

    assert draw({}, upstream).count("▼") == 9_999
