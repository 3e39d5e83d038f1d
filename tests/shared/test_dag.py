from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_shared.dag import ancestors, dangling, descendants, downstream_of, find_cycle, topological

DIAMOND = {"report": ["left", "right"], "left": ["source"], "right": ["source"], "source": []}


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Any graph: cycles, self-loops, repeated and dangling upstream names included."""
    names = draw(st.lists(st.sampled_from("abcdefgh"), unique=True))
    return {name: draw(st.lists(st.sampled_from("abcdefghi"), max_size=3)) for name in names}


@st.composite
def dags(draw: st.DrawFn) -> dict[str, list[str]]:
    """A graph without cycles, defined in any order."""
    names = draw(st.permutations("abcdefgh"))
    edges = {
        name: draw(st.lists(st.sampled_from(names[:index]), max_size=3)) if index else []
        for index, name in enumerate(names)
    }
    return {name: edges[name] for name in draw(st.permutations(names))}


def chain(length: int) -> dict[str, list[str]]:
    return {str(number): [str(number - 1)] if number else [] for number in range(length)}


@given(dags())
def test_a_topological_order_has_every_node_once_and_after_its_upstream_nodes(
    upstream: dict[str, list[str]],
) -> None:
    order = topological(upstream)

    assert sorted(order) == sorted(upstream)
    for name, names_above in upstream.items():
        assert all(order.index(above) < order.index(name) for above in names_above)


@given(dags())
def test_a_definition_that_is_in_order_already_keeps_it(upstream: dict[str, list[str]]) -> None:
    in_order = {name: upstream[name] for name in topological(upstream)}

    assert topological(in_order) == list(in_order)


def test_nodes_that_do_not_wait_for_each_other_keep_the_definitions_order() -> None:
    assert topological(DIAMOND) == ["source", "left", "right", "report"]
    assert topological({"c": [], "b": ["a"], "a": []}) == ["c", "a", "b"]


def test_a_cycle_has_no_topological_order_and_the_error_names_its_path() -> None:
    with pytest.raises(ValueError, match="a -> b -> a"):
        topological({"a": ["b"], "b": ["a"]})


def test_the_error_about_a_cycle_is_safe_to_print() -> None:
    with pytest.raises(ValueError, match="cycle") as caught:
        topological({"\x1b[31m": ["\x1b[31m"]})

    assert str(caught.value).isprintable()


@given(graphs())
def test_a_reported_cycle_is_a_path_along_the_flow_that_ends_where_it_began(
    upstream: dict[str, list[str]],
) -> None:
    cycle = find_cycle(upstream)

    if cycle is None:
        assert len(topological(upstream)) == len(upstream)
    else:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all(before in upstream[after] for before, after in pairwise(cycle))


@given(graphs())
def test_a_reported_cycle_begins_with_its_node_that_is_defined_first(upstream: dict[str, list[str]]) -> None:
    cycle = find_cycle(upstream)

    if cycle:
        assert cycle[0] == min(cycle, key=list(upstream).index)


def test_a_cycle_reads_from_upstream_to_downstream() -> None:
    assert find_cycle({"a": ["c"], "b": ["a"], "c": ["b"]}) == ("a", "b", "c", "a")


def test_a_node_upstream_of_itself_is_a_cycle() -> None:
    assert find_cycle({"a": ["a"]}) == ("a", "a")


def test_nodes_before_and_after_a_cycle_are_not_in_its_path() -> None:
    upstream = {"after": ["b"], "before": [], "a": ["before", "b"], "b": ["a"]}

    assert find_cycle(upstream) == ("a", "b", "a")


def test_a_dag_has_no_cycle() -> None:
    assert find_cycle(DIAMOND) is None
    assert find_cycle({}) is None


def test_upstream_names_that_are_no_node_are_dangling_and_reported_once_each() -> None:
    assert dangling({"a": ["ghost", "b", "ghost"], "b": ["other"]}) == [("a", "ghost"), ("b", "other")]
    assert dangling(DIAMOND) == []


def test_all_but_dangling_passes_over_what_is_no_node() -> None:
    upstream = {"a": ["ghost"], "b": ["a", "ghost"]}

    assert topological(upstream) == ["a", "b"]
    assert find_cycle(upstream) is None
    assert downstream_of(upstream) == {"a": ("b",), "b": ()}
    assert ancestors(upstream, "b") == {"a"}


def test_direct_downstream_nodes_come_once_each_in_the_definitions_order() -> None:
    assert downstream_of(DIAMOND) == {
        "report": (),
        "left": ("report",),
        "right": ("report",),
        "source": ("left", "right"),
    }
    assert downstream_of({"a": [], "b": ["a", "a"]}) == {"a": ("b",), "b": ()}


def test_descendants_and_ancestors_are_found_over_any_distance() -> None:
    assert descendants(DIAMOND, "source") == {"left", "right", "report"}
    assert ancestors(DIAMOND, "report") == {"left", "right", "source"}
    assert descendants(DIAMOND, "report") == set()
    assert ancestors(DIAMOND, "source") == set()


@given(graphs())
def test_a_node_is_a_descendant_exactly_where_the_other_is_its_ancestor(
    upstream: dict[str, list[str]],
) -> None:
    for name in upstream:
        assert descendants(upstream, name) == {
            other for other in upstream if name in ancestors(upstream, other)
        }


def test_a_name_that_is_no_node_has_no_descendants_to_ask_for() -> None:
    with pytest.raises(KeyError):
        descendants(DIAMOND, "ghost")


def test_a_chain_of_ten_thousand_nodes_is_no_trouble() -> None:
    upstream = chain(10_000)

    assert topological(upstream) == list(upstream)
    assert len(descendants(upstream, "0")) == 9_999
    assert len(ancestors(upstream, "9999")) == 9_999
    assert len(find_cycle(upstream | {"0": ["9999"]}) or ()) == 10_001
