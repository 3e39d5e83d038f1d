from __future__ import annotations

from hypothesis import given, settings

from stoker_shared.difference import Change, MarkedEdge, MarkedNode, by_field, difference, told
from stoker_shared.model import Cron, Days, JobConfig, NodeSpec, Schedule, WorkflowSpec
from stoker_shared.text import clean_line
from tests.definitions import workflow_specs


def step(name: str, *upstream: str, timeout: int | None = None, config: JobConfig | None = None) -> NodeSpec:
    return NodeSpec(name=name, job="a.py", upstream=upstream, timeout=timeout, config=config or JobConfig())


def spec(*nodes: NodeSpec, schedule: Schedule | None = None, retries: int = 0) -> WorkflowSpec:
    return WorkflowSpec(workflow="w", nodes=nodes, schedule=schedule, retries=retries)


def lines(before: WorkflowSpec | None, after: WorkflowSpec) -> list[str]:
    return [told(field) for change in difference(before, after).changes for field in by_field(change)]


class TestAChange:
    def test_is_told_by_its_path_with_both_values_defaults_among_them(self):
        assert lines(spec(), spec(retries=2)) == ["retries: 0 -> 2"]

    def test_of_a_node_is_told_by_its_name_wherever_it_stands(self):
        before, after = spec(step("a"), step("b", timeout=3600)), spec(step("a"), step("b", timeout=7200))

        assert lines(before, after) == ["nodes/b/timeout: 3600 -> 7200"]
        assert lines(after, spec(step("a"), step("b"))) == ["nodes/b/timeout: 7200 -> unset"]

    def test_of_a_mapping_is_told_by_its_key(self):
        before = spec(step("a", config=JobConfig(conf={"spark.x": "1", "spark.y": "2"})))
        after = spec(step("a", config=JobConfig(conf={"spark.x": "3"}, env={"a/b~c": ""})))

        assert lines(before, after) == [
            "nodes/a/config/conf/spark.x: 1 -> 3",
            "nodes/a/config/conf/spark.y: 2 -> unset",
            'nodes/a/config/env/a~1b~0c: unset -> ""',
        ]

    def test_of_a_node_that_is_new_or_gone_is_one_and_tells_all_that_it_has(self):
        conf = JobConfig(conf={"spark.x": "1"})
        before, after = spec(step("a"), step("b")), spec(step("a"), step("c", "a", timeout=1, config=conf))

        assert [change.path for change in difference(before, after).changes] == ["nodes/b", "nodes/c"]
        assert lines(before, after) == [
            "nodes/b/job: a.py -> unset",
            "nodes/c/job: unset -> a.py",
            'nodes/c/upstream: unset -> ["a"]',
            "nodes/c/timeout: unset -> 1",
            "nodes/c/config/conf/spark.x: unset -> 1",
        ]

    def test_of_the_nodes_order_is_one_too(self):
        assert lines(spec(step("a"), step("b")), spec(step("b"), step("a"))) == [
            'nodes: ["a","b"] -> ["b","a"]'
        ]

    def test_of_the_kind_of_schedule_tells_its_fields(self):
        daily = spec(schedule=Days(at="01:00"))

        assert lines(spec(schedule=Cron(expression="0 6 * * *")), daily) == [
            "schedule/type: cron -> days",
            "schedule/expression: 0 6 * * * -> unset",
            "schedule/at: unset -> 01:00",
        ]
        assert lines(spec(), daily) == [
            "schedule/type: unset -> days",
            "schedule/at: unset -> 01:00",
            "schedule/gap: unset -> shift",
        ]

    def test_from_nothing_makes_everything_new(self):
        found = difference(None, spec(step("a"), retries=1))

        assert [change.path for change in found.changes] == ["retries", "nodes/a"]
        assert found.nodes == [MarkedNode("a", "+")]

    def test_is_safe_to_print(self):
        assert told(Change("description", None, "\x1b[31m\n")) == "description: unset -> ␛[31m␊"


class TestTheGraphs:
    BEFORE = spec(step("a"), step("b", "a"), step("c", "b"), step("d", "a"))
    AFTER = spec(step("a"), step("b", "a", timeout=5), step("c", "a"), step("e", "c"))

    def test_are_shown_as_one_with_what_is_new_gone_and_changed(self):
        found = difference(self.BEFORE, self.AFTER)

        assert [(node.mark, node.name, node.upstream) for node in found.nodes] == [
            ("", "a", ()),
            ("~", "b", ("a",)),
            ("~", "c", ("a", "b")),
            ("+", "e", ("c",)),
            ("-", "d", ("a",)),
        ]
        assert found.edges == [
            MarkedEdge("+", "a", "c"),
            MarkedEdge("+", "c", "e"),
            MarkedEdge("-", "b", "c"),
            MarkedEdge("-", "a", "d"),
        ]


@settings(max_examples=25)
@given(workflow_specs, workflow_specs)
def test_only_equal_definitions_have_no_difference_and_every_change_is_safe_to_print(
    before: WorkflowSpec, after: WorkflowSpec
):
    found = difference(before, after)

    assert difference(before, before).changes == []
    assert (found.changes == []) == (before == after)
    assert all(line == clean_line(line) for line in lines(before, after))
    assert len(lines(before, after)) >= len(found.changes)
