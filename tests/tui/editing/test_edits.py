"""Edits of a graph: whatever is done, it stays a DAG of nodes that are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stoker_shared.definition import faults
from stoker_shared.model import NodeSpec, WorkflowSpec
from stoker_tui.editing import edits
from stoker_tui.editing.document import Document, new, opened
from stoker_tui.editing.edits import CannotEdit, Step

DIAMOND = WorkflowSpec(
    workflow="sales",
    nodes=(
        NodeSpec(name="ingest", job="etl/ingest.py"),
        NodeSpec(name="transform", job="etl/transform.sql", upstream=("ingest",), retries=2),
        NodeSpec(name="audit", job="etl/audit.py", upstream=("ingest",)),
        NodeSpec(name="report", job="etl/report.py", upstream=("transform", "audit")),
    ),
)


def edges(spec: WorkflowSpec) -> set[str]:
    return {f"{above}>{node.name}" for node in spec.nodes for above in node.upstream}


def order(spec: WorkflowSpec) -> list[str]:
    return [node.name for node in spec.nodes]


def test_a_node_below_waits_for_the_selected_one_and_is_selected() -> None:
    step = edits.add_below(DIAMOND, "report", "etl/mail.sh")

    assert edges(step.spec) - edges(DIAMOND) == {"report>mail"}
    assert (step.selected, step.what) == ("mail", "added mail")


def test_a_node_beside_waits_for_the_same_nodes() -> None:
    step = edits.add_beside(DIAMOND, "transform", "etl/load.sh")

    assert edges(step.spec) - edges(DIAMOND) == {"ingest>load"}
    assert order(step.spec) == ["ingest", "transform", "load", "audit", "report"]


def test_a_node_is_inserted_on_the_way_between_two() -> None:
    step = edits.insert_between(DIAMOND, "transform", ["report"], "check.sh")

    assert edges(step.spec) == {
        "ingest>transform",
        "ingest>audit",
        "transform>check",
        "check>report",
        "audit>report",
    }


def test_a_cycle_is_refused_naming_its_path() -> None:
    with pytest.raises(CannotEdit, match="in a cycle: ingest -> transform -> report -> ingest"):
        edits.connect(DIAMOND, "report", "ingest")


@pytest.mark.parametrize(
    ("above", "below", "why"),
    [
        ("ingest", "ingest", "can't wait for itself"),
        ("ingest", "audit", "audit waits for ingest already"),
        ("nobody", "audit", "there is no node nobody"),
    ],
)
def test_an_edge_that_can_not_be_is_refused(above: str, below: str, why: str) -> None:
    with pytest.raises(CannotEdit, match=why):
        edits.connect(DIAMOND, above, below)


def test_an_edge_is_cut() -> None:
    assert edges(edits.disconnect(DIAMOND, "audit", "report").spec) == edges(DIAMOND) - {"audit>report"}


def test_what_waits_for_a_renamed_node_follows() -> None:
    step = edits.rename(DIAMOND, "transform", "clean")

    assert edges(step.spec) == {"ingest>clean", "ingest>audit", "clean>report", "audit>report"}
    assert step.selected == "clean"


@pytest.mark.parametrize(
    ("name", "why"), [("audit", "there is a node audit already"), ("a/b", "separates"), ("", "0 characters")]
)
def test_a_name_that_can_not_be_is_refused(name: str, why: str) -> None:
    with pytest.raises(CannotEdit, match=why):
        edits.rename(DIAMOND, "ingest", name)


def test_a_copy_has_the_settings_and_the_upstream_but_nothing_waits_for_it() -> None:
    step = edits.duplicate(DIAMOND, "transform")

    copy = edits.node_named(step.spec, "transform_2")
    assert (copy.retries, copy.upstream) == (2, ("ingest",))
    assert edges(step.spec) - edges(DIAMOND) == {"ingest>transform_2"}


def test_a_node_is_deleted_with_or_without_a_bridge_over_where_it_was() -> None:
    bridged = edits.delete(DIAMOND, "transform", bridge=True)
    cut = edits.delete(DIAMOND, "transform", bridge=False)

    assert edges(bridged.spec) == {"ingest>audit", "ingest>report", "audit>report"}
    assert edges(cut.spec) == {"ingest>audit", "audit>report"}
    assert bridged.selected == cut.selected == "ingest"


def test_of_the_last_node_nothing_is_left() -> None:
    alone = edits.add_below(WorkflowSpec(workflow="sales"), None, "a.sh")

    assert edits.delete(alone.spec, "a", bridge=True) == Step(
        WorkflowSpec(workflow="sales"), None, "deleted a"
    )


def test_a_changed_node_may_have_another_upstream_but_no_cycle() -> None:
    node = NodeSpec(name="start", job="etl/ingest.py", upstream=("report",))

    with pytest.raises(CannotEdit, match="cycle: start -> transform -> report -> start"):
        edits.change_node(DIAMOND, "ingest", node)


@pytest.mark.parametrize(
    ("job", "taken", "name"),
    [
        ("etl/ingest.py", [], "ingest"),
        ("etl/ingest.py", ["ingest", "ingest_2"], "ingest_3"),
        ("x" * 70 + ".sh", ["x" * 64], "x" * 62 + "_2"),
        (".sh", [], ".sh"),
    ],
)
def test_a_name_is_filled_from_the_path_and_unique(job: str, taken: list[str], name: str) -> None:
    assert edits.free_name(job, taken) == name


Edit = Callable[[WorkflowSpec], Step]


@st.composite
def graphs(draw: st.DrawFn) -> WorkflowSpec:
    """Give a small graph: each node waits for some of those before it."""
    nodes = [
        NodeSpec(
            name=name,
            job=f"{name}.sh",
            upstream=tuple(above for above in "abcd"[:index] if draw(st.booleans())),
        )
        for index, name in enumerate("abcd"[: draw(st.integers(0, 4))])
    ]
    return WorkflowSpec(workflow="sales", nodes=tuple(nodes))


@st.composite
def some_edit(draw: st.DrawFn, spec: WorkflowSpec) -> Edit:
    """Give any edit of a definition, possible or not."""
    there = st.sampled_from([*order(spec), "nobody"])
    one, other, job = draw(there), draw(there), draw(st.sampled_from(["a.sh", "b.py", "漢/字.sql"]))
    kinds: list[Edit] = [
        lambda spec: edits.add_below(spec, one if spec.nodes else None, job),
        lambda spec: edits.add_beside(spec, one, job),
        lambda spec: edits.insert_between(spec, one, [other], job),
        lambda spec: edits.connect(spec, one, other),
        lambda spec: edits.disconnect(spec, one, other),
        lambda spec: edits.rename(spec, one, other),
        lambda spec: edits.duplicate(spec, one),
        lambda spec: edits.delete(spec, one, bridge=True),
        lambda spec: edits.delete(spec, one, bridge=False),
    ]
    return draw(st.sampled_from(kinds))


@settings(max_examples=60)
@given(spec=graphs(), data=st.data())
def test_whatever_is_done_leaves_a_sound_graph_and_can_be_undone_and_done_again(
    spec: WorkflowSpec, data: Any
) -> None:
    document: Document = opened(spec, 3)
    seen = [document]
    for _ in range(data.draw(st.integers(1, 6))):
        edit = data.draw(some_edit(document.spec))
        try:
            document = document.edited(edit(document.spec))
        except CannotEdit:
            continue
        assert not faults(document.spec)
        selected = document.now.selected
        assert selected in order(document.spec) or (selected is None and not document.spec.nodes)
        if document is not seen[-1]:
            seen.append(document)

    for before in reversed(seen[:-1]):
        document = document.undone()
        assert document.spec == before.spec
    assert document.undone() == document
    for after in seen[1:]:
        document = document.redone()
        assert document.spec == after.spec
    assert document == seen[-1]


def test_what_is_done_after_an_undo_takes_the_place_of_what_was_undone() -> None:
    document = opened(DIAMOND, 3).edited(edits.duplicate(DIAMOND, "audit")).undone()

    document = document.edited(edits.rename(document.spec, "audit", "check"))

    assert document.redoable == ""
    assert document.undoable == "renamed audit to check"


def test_it_is_unsaved_until_it_says_what_the_draft_says() -> None:
    document = opened(DIAMOND, 3)
    assert not document.is_unsaved

    document = document.edited(edits.duplicate(DIAMOND, "audit"))
    assert document.is_unsaved
    assert not document.undone().is_unsaved
    assert not document.based_on(document.spec, 4).is_unsaved
    assert new("sales").is_unsaved
