"""Two definitions drawn as one graph."""

from __future__ import annotations

from hypothesis import given, settings

from stoker_shared.difference import difference
from stoker_shared.model import WorkflowSpec
from stoker_tui.cli.differences import drawn
from tests.definitions import workflow_specs
from tests.shared.test_difference import spec, step


def test_every_node_is_drawn_with_its_mark() -> None:
    before = spec(step("a"), step("b", "a"), step("d", "a"))
    after = spec(step("a"), step("b", "a", timeout=5), step("e", "b"))

    drawing = drawn(difference(before, after))

    assert all(f"│ {label} │" in drawing for label in ("a", "~ b", "+ e", "- d"))


def test_an_edge_that_was_turned_around_is_drawn_as_it_is_now() -> None:
    found = difference(spec(step("a"), step("b", "a")), spec(step("b"), step("a", "b")))

    drawing = drawn(found)

    assert drawing.index("~ b") < drawing.index("~ a")


@settings(max_examples=25)
@given(workflow_specs, workflow_specs)
def test_no_node_of_either_is_left_out(before: WorkflowSpec, after: WorkflowSpec) -> None:
    found = difference(before, after)

    assert drawn(found).count("╭") >= len(found.nodes)
