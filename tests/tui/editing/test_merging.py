"""Two people's changes of one draft, put together."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from stoker_shared.model import Days, JobConfig, NodeSpec, WorkflowSpec
from stoker_tui.editing.merging import Change, Side, changes, merged, side_of, to_choose, value_words
from tests.definitions import workflow_specs


def spec(*nodes: NodeSpec, **fields: object) -> WorkflowSpec:
    return WorkflowSpec(workflow="sales", nodes=nodes, **fields)  # pyright: ignore[reportArgumentType]


LOAD = NodeSpec(name="load", job="load.py", config=JobConfig(conf={"spark.a": "1"}))
REPORT = NodeSpec(name="report", job="report.py", upstream=("load",))
BASE = spec(LOAD, REPORT, retries=1, variables={"region": "eu"})


def test_what_only_one_of_them_changed_is_put_together() -> None:
    mine = spec(LOAD, REPORT, retries=2, variables={"region": "eu", "team": "a"})
    changed = NodeSpec(name="load", job="load.py", config=JobConfig(conf={"spark.a": "2"}), timeout=9)
    theirs = spec(changed, REPORT, retries=1, variables={"region": "us"}, schedule=Days(at="01:00"))

    found = changes(BASE, mine, theirs)
    assert {change.name: change.side for change in found} == {
        "retries": Side.MINE,
        "variables/region": Side.THEIRS,
        "variables/team": Side.MINE,
        "schedule": Side.THEIRS,
        "nodes/load/config/conf/spark.a": Side.THEIRS,
        "nodes/load/timeout": Side.THEIRS,
    }
    assert merged(mine, theirs, found, {}) == spec(
        changed, REPORT, retries=2, variables={"region": "us", "team": "a"}, schedule=Days(at="01:00")
    )


def test_what_both_changed_is_yours_unless_theirs_is_chosen() -> None:
    mine, theirs = spec(LOAD, REPORT, retries=2), spec(LOAD, REPORT, retries=3)

    found = changes(BASE, mine, theirs)
    retries = next(change for change in found if change.name == "retries")

    assert (retries.base, retries.mine, retries.theirs, retries.side) == (1, 2, 3, None)
    assert merged(mine, theirs, found, {}).retries == 2
    assert merged(mine, theirs, found, {retries.place: Side.THEIRS}).retries == 3


def waiting(*upstream: str) -> NodeSpec:
    return NodeSpec(name="report", job="report.py", upstream=upstream)


A, B, C, D = (NodeSpec(name=name, job=f"{name}.sh") for name in "abcd")


def test_lists_of_names_that_both_changed_have_what_either_added_and_not_what_either_took_out() -> None:
    base = spec(A, B, C, D, waiting("a", "b"), notify=("x@x",))
    mine = spec(A, B, C, D, waiting("b", "c"), notify=("x@x", "me@x"))
    theirs = spec(A, B, C, D, waiting("a", "d"), notify=("you@x",))

    found = changes(base, mine, theirs)
    both = merged(mine, theirs, found, {})

    assert {change.side for change in found} == {Side.BOTH}
    assert to_choose(mine, theirs, found, {}) == set()
    assert both.nodes[-1].upstream == ("c", "d")
    assert both.notify == ("me@x", "you@x")
    assert merged(mine, theirs, found, {found[0].place: Side.THEIRS}).notify == ("you@x",)


def test_arguments_are_in_their_order_and_so_never_put_together() -> None:
    nodes = [NodeSpec(name="a", job="a.sh", args=args) for args in (("x",), ("x", "y"), ("x", "z"))]

    (change,) = changes(*(spec(node) for node in nodes))

    assert (change.side, change.both) == (None, None)


def test_a_cycle_that_comes_of_both_is_to_be_chosen_until_there_is_none() -> None:
    above, below = (
        NodeSpec(name="a", job="a.sh", upstream=("b",)),
        NodeSpec(name="b", job="b.sh", upstream=("a",)),
    )
    mine, theirs = spec(above, B, C), spec(A, below, NodeSpec(name="c", job="c.sh", upstream=("a",)))

    found = changes(spec(A, B, C), mine, theirs)
    places = {("nodes", "a", "upstream"), ("nodes", "b", "upstream")}

    assert {change.side for change in found} == {Side.MINE, Side.THEIRS}
    assert to_choose(mine, theirs, found, {}) == places
    assert to_choose(mine, theirs, found, {("nodes", "a", "upstream"): Side.MINE}) == places
    assert to_choose(mine, theirs, found, {("nodes", "a", "upstream"): Side.THEIRS}) == set()


NAMES = st.lists(st.sampled_from("abcde"), unique=True).map(tuple)


@given(NAMES, NAMES, NAMES)
def test_of_a_list_of_names_whatever_either_did_is_done(
    base: tuple[str, ...], mine: tuple[str, ...], theirs: tuple[str, ...]
) -> None:
    both = Change(("nodes", "x", "upstream"), base, mine, theirs).both

    assert both is not None
    assert set(both) == (set(base) & set(mine) & set(theirs)) | (set(mine) | set(theirs)) - set(base)
    assert len(both) == len(set(both))


def test_nodes_that_came_and_went_are_whole() -> None:
    mine = spec(LOAD, NodeSpec(name="mine", job="m.sh", upstream=("load",)))
    theirs = spec(LOAD, NodeSpec(name="theirs", job="t.sh", upstream=("load",)), REPORT)
    base = spec(LOAD, REPORT)

    found = changes(base, mine, theirs)

    assert [(change.name, change.side) for change in found] == [
        ("nodes/mine", Side.MINE),
        ("nodes/theirs", Side.THEIRS),
        ("nodes/report", Side.MINE),
    ]
    assert [node.name for node in merged(mine, theirs, found, {}).nodes] == ["load", "theirs", "mine"]


def test_a_node_that_one_changed_and_the_other_deleted_is_to_be_chosen() -> None:
    theirs = spec(LOAD, NodeSpec(name="report", job="report.py", upstream=("load",), retries=5))

    (change,) = changes(spec(LOAD, REPORT), spec(LOAD), theirs)

    assert change.side is None
    assert value_words(change.mine) == "–"
    assert '"retries":5' in value_words(change.theirs)


@settings(max_examples=15)
@given(base=workflow_specs, mine=workflow_specs, theirs=workflow_specs)
def test_all_of_one_side_is_that_side_and_who_changed_nothing_gets_what_the_other_did(
    base: WorkflowSpec, mine: WorkflowSpec, theirs: WorkflowSpec
) -> None:
    found = changes(base, mine, theirs)

    def all_of(side: Side) -> WorkflowSpec:
        return merged(mine, theirs, found, {change.place: side for change in found})

    assert all_of(Side.MINE) == mine
    assert changes(base, all_of(Side.THEIRS), theirs) == []
    assert changes(base, mine, mine) == []
    untouched = changes(base, base, theirs)
    assert {side_of(change, {}) for change in untouched} <= {Side.THEIRS}
    assert changes(base, merged(base, theirs, untouched, {}), theirs) == []
