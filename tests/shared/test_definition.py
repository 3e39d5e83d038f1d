from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_shared import dag
from stoker_shared.api import AttachedFile, AttachmentKind, Fault
from stoker_shared.definition import MAX_NODES, attachment_faults, config_faults, faults
from stoker_shared.model import JobConfig, NodeSpec, NodeState, Subscription, WorkflowSpec
from stoker_shared.text import clean_line


def step(name: str, *upstream: str, **fields: Any) -> NodeSpec:
    return NodeSpec(name=name, job="etl/a.py", upstream=upstream, **fields)


def spec(*nodes: NodeSpec, **fields: Any) -> WorkflowSpec:
    return WorkflowSpec(**{"workflow": "daily", "nodes": nodes} | fields)


def pointers(definition: WorkflowSpec) -> list[str]:
    return [fault.pointer for fault in faults(definition)]


class TestADefinition:
    def test_without_fault_has_none(self):
        assert faults(spec(step("a"), step("b", "a"), step("c", "a", "b"))) == []

    def test_of_a_draft_may_be_empty(self):
        assert faults(spec()) == []

    @pytest.mark.parametrize("name", ["", "a/b", " a", "a\n", "..", "e\u0301", "x" * 65, "\x1b[31m"])
    def test_has_a_valid_name_as_have_its_nodes(self, name: str):
        assert pointers(spec(workflow=name)) == ["/workflow"]
        assert pointers(spec(step("a"), step(name))) == ["/nodes/1/name"]

    @pytest.mark.parametrize(
        ("field", "bad", "good"),
        [
            ("retries", -1, 0),
            ("retries", 101, 100),
            ("retry_delay", -0.5, 0),
            ("retry_delay", math.inf, 0.5),
            ("retry_backoff", 0.9, 1),
            ("retry_backoff", math.nan, 100),
            ("run_timeout", 0, 1),
            ("run_timeout", 10**30, 366 * 86_400),
        ],
    )
    def test_has_numbers_that_make_sense(self, field: str, bad: float, good: float):
        (fault,) = faults(spec(**{field: bad}))

        assert fault.pointer == f"/{field}"
        assert fault.detail.startswith("must be from ")
        assert faults(spec(**{field: good})) == []

    @pytest.mark.parametrize(("parallelism", "good"), [(0, False), (1, True), (500, True), (501, False)])
    def test_runs_no_more_nodes_at_once_than_the_daemon_can_watch(self, parallelism: int, good: bool):
        assert (faults(spec(parallelism=parallelism)) == []) is good

    def test_has_nodes_with_numbers_that_make_sense(self):
        bad = step("a", retries=-1, timeout=0, priority=1001, config=JobConfig(timeout=0))

        assert faults(spec(bad)) == [
            Fault("/nodes/0/timeout", "must be from 1 to 31,622,400"),
            Fault("/nodes/0/priority", "must be from -1,000 to 1,000"),
            Fault("/nodes/0/config/timeout", "must be 1 or more"),
            Fault("/nodes/0/retries", "must be from 0 to 100"),
        ]

    @pytest.mark.parametrize(
        ("fields", "pointer", "words"),
        [
            ({"queue": "a/b"}, "queue", "is not a valid name"),
            ({"tags": {"": "x"}}, "tags/", "is not a valid name"),
            ({"tags": {"a/~b": "x"}}, "tags/a~1~0b", "it contains '/'"),
            ({"tags": {"team": "x" * 257}}, "tags/team", "at most 256 characters"),
            ({"tags": {"team": "a\nb"}}, "tags/team", "printable"),
            ({"tags": {"task_name": "x"}}, "tags/task_name", "every node has of itself"),
            ({"tags": {str(number): "" for number in range(51)}}, "tags", "has 51 entries, and at most 50"),
            ({"variables": {"ds": "x"}}, "variables/ds", "is built in"),
            ({"variables": {"a b": "x"}}, "variables/a b", "is not a name"),
            ({"variables": {f"v{number}": "" for number in range(501)}}, "variables", "at most 500"),
        ],
    )
    def test_has_names_tags_and_variables_that_make_sense_as_have_its_nodes(
        self, fields: dict[str, Any], pointer: str, words: str
    ):
        for place, definition in (("", spec(**fields)), ("nodes/0/", spec(step("a", **fields)))):
            (fault,) = faults(definition)
            assert fault.pointer == f"/{place}{pointer}"
            assert words in fault.detail

    def test_has_a_description_with_an_end(self):
        assert pointers(spec(description="x" * 10_001)) == ["/description"]
        assert faults(spec(description="two\nlines")) == []

    @pytest.mark.parametrize(
        "address", ["", "nobody", "a b@c", "a@b@c", "a@b,c@d", "a@b\n", f"{'x' * 254}@b"]
    )
    def test_tells_addresses_that_are_e_mail_addresses(self, address: str):
        asked = Subscription(addresses=("ok@example.com", address))

        assert pointers(spec(notify=(address,))) == ["/notify/0"]
        assert pointers(spec(step("a", subscription=asked))) == ["/nodes/0/subscription/addresses/1"]
        assert faults(spec(notify=("root@localhost", "jürgen@example.com"))) == []

    def test_subscribes_somebody_to_something(self):
        nothing = Subscription(addresses=(), states=())

        assert pointers(spec(step("a", subscription=nothing))) == [
            "/nodes/0/subscription/addresses",
            "/nodes/0/subscription/states",
        ]

    def test_subscribes_nobody_to_a_state_that_every_node_begins_in(self):
        begins = Subscription(addresses=("a@b",), states=(NodeState.PENDING, NodeState.FAILED))

        assert pointers(spec(step("a", subscription=begins))) == ["/nodes/0/subscription/states"]

    def test_has_a_job_s_path_at_each_node(self):
        bad = NodeSpec(name="a", job="/etc/passwd")

        assert pointers(spec(bad)) == ["/nodes/0/job"]

    def test_names_an_upstream_once(self):
        assert faults(spec(step("a"), step("b", "a", "a"))) == [
            Fault("/nodes/1/upstream", "names 'a' 2 times")
        ]

    def test_has_no_more_nodes_than_allowed(self):
        nodes = [step(str(number)) for number in range(MAX_NODES + 1)]

        assert pointers(spec(*nodes)) == ["/nodes"]
        assert faults(spec(*nodes[:-1])) == []

    def test_has_each_node_name_once(self):
        assert faults(spec(step("a"), step("b"), step("a"))) == [
            Fault("/nodes/0/name", "2 nodes have the name 'a'"),
            Fault("/nodes/2/name", "2 nodes have the name 'a'"),
        ]

    def test_names_the_nearest_node_for_an_upstream_that_is_none(self):
        assert faults(spec(step("ingest"), step("report", "ingets"), step("mail", "zzz"))) == [
            Fault("/nodes/1/upstream", "there is no node 'ingets'; did you mean 'ingest'?"),
            Fault("/nodes/2/upstream", "there is no node 'zzz'"),
        ]

    def test_names_the_path_of_a_cycle(self):
        assert faults(spec(step("a", "c"), step("b", "a"), step("c", "b"))) == [
            Fault("/nodes", "the nodes wait for each other in a cycle: a -> b -> c -> a")
        ]

    def test_does_not_have_a_node_wait_for_itself(self):
        assert faults(spec(step("a", "a"))) == [
            Fault("/nodes", "the nodes wait for each other in a cycle: a -> a")
        ]

    def test_reports_every_fault_at_once(self):
        bad = spec(step("", "x"), step("b", retries=-1), workflow="", retries=-1)

        assert pointers(bad) == [
            "/workflow",
            "/retries",
            "/nodes/0/name",
            "/nodes/1/retries",
            "/nodes/0/upstream",
        ]


names = st.sampled_from(["a", "b", "c", "d", "", "a/b", "\x1b"])
nodes = st.builds(
    lambda name, upstream, retries: step(name, *upstream, retries=retries),
    names,
    st.lists(names, max_size=3),
    st.one_of(st.none(), st.integers(-1, 2)),
)


@given(st.lists(nodes, max_size=6), names)
def test_what_has_no_faults_is_a_dag_of_distinct_nodes_and_every_fault_is_safe_to_print(
    steps: list[NodeSpec], name: str
):
    definition = spec(*steps, workflow=name)

    found = faults(definition)

    assert all(fault.detail == clean_line(fault.detail) for fault in found)
    if not found:
        upstream = {node.name: node.upstream for node in steps}
        assert len(upstream) == len(steps)
        assert len(dag.topological(upstream)) == len(steps)
        assert dag.dangling(upstream) == []


class TestAConfiguration:
    @pytest.mark.parametrize(
        ("config", "field", "why"),
        [
            (
                JobConfig(driver_memory="4gb"),
                "driver_memory",
                "'4gb' is not a size: a number and k, m, g or t",
            ),
            (JobConfig(executor_memory="4"), "executor_memory", "'4' is not a size"),
            (JobConfig(memory_overhead="0m"), "memory_overhead", "'0m' is not a size"),
            (JobConfig(driver_cores=0), "driver_cores", "must be 1 or more"),
            (JobConfig(executor_instances=0), "executor_instances", "must be 1 or more"),
            (JobConfig(min_executors=-1), "min_executors", "must be 0 or more"),
            (JobConfig(min_executors=3, max_executors=2), "min_executors", "3 is more than max_executors"),
            (
                JobConfig(dynamic_allocation=True, executor_instances=2),
                "executor_instances",
                "fixes the number that dynamic_allocation lets vary",
            ),
            (JobConfig(log_level="warning"), "log_level", "not a log level of Spark; did you mean WARN?"),
            (JobConfig(log_level="x"), "log_level", "there are ALL, TRACE, DEBUG"),
            (JobConfig(main_class="a.jar"), "main_class", ""),
            (JobConfig(main_class="--conf"), "main_class", "'--conf' is not the name of a class"),
            (JobConfig(conf={"fs.x": "1"}), "conf/fs.x", "for a Hadoop property: `spark.hadoop.fs.x`"),
            (JobConfig(env={"A-B": "1"}), "env/A-B", "letters, digits and _"),
        ],
    )
    def test_that_can_t_be_is_told_by_its_field(self, config: JobConfig, field: str, why: str):
        found = dict(config_faults(config))
        if why:
            assert list(found) == [field]
            assert why in found[field]
        else:
            assert found == {}

    def test_with_every_field_is_right(self):
        config = JobConfig(
            args=("",),
            main_class="org.example.Outer$Inner_1",
            driver_cores=1,
            driver_memory="512M",
            executor_cores=4,
            executor_memory="4g",
            dynamic_allocation=True,
            min_executors=0,
            max_executors=4,
            memory_overhead="384m",
            log_level="warn",
            conf={"spark.x": ""},
            env={"_A1": ""},
            timeout=1,
        )
        assert list(config_faults(config)) == []

    def test_of_a_node_chooses_anew_how_many_executors_there_are(self):
        fixed = JobConfig(executor_instances=4, max_executors=9)
        dynamic = JobConfig(dynamic_allocation=True, max_executors=9)

        assert fixed.overlaid(JobConfig(dynamic_allocation=True)) == dynamic
        assert dynamic.overlaid(JobConfig(executor_instances=4)) == fixed
        assert dynamic.overlaid(JobConfig(max_executors=3)).max_executors == 3
        assert fixed.overlaid(JobConfig(timeout=1)).executor_instances == 4


def attached(kind: AttachmentKind, *names: str) -> list[AttachedFile]:
    return [AttachedFile(kind=kind, name=name, digest="0" * 64) for name in names]


class TestAttachedFiles:
    def test_lie_under_names_of_their_own(self):
        files = attached(AttachmentKind.ARCHIVES, "env-1.0.tar.gz#env", "日本.zip") + attached(
            AttachmentKind.FILES, "a@b=c.csv"
        )
        assert list(attachment_faults(files)) == []

    @pytest.mark.parametrize(
        "name", ["", ".", "..", "../x", "a/b", "a,b", "-x", ".hidden", "a b", "x\n", "*", "a:b", "x" * 129]
    )
    def test_have_no_name_that_could_do_harm(self, name: str):
        assert [place for place, _ in attachment_faults(attached(AttachmentKind.FILES, name))] == ["0/name"]

    @pytest.mark.parametrize(
        ("files", "why"),
        [
            (attached(AttachmentKind.FILES, "x#y"), "only archives are unpacked to an #alias"),
            (attached(AttachmentKind.ARCHIVES, "x#../y"), "the alias '../y' can't be a directory's name"),
            (
                attached(AttachmentKind.ARCHIVES, "x.zip#a") + attached(AttachmentKind.FILES, "x.zip"),
                "2 files have the name 'x.zip'",
            ),
        ],
    )
    def test_that_can_t_be_are_told_why(self, files: list[AttachedFile], why: str):
        assert why in next(attachment_faults(files))[1]
