from datetime import UTC, datetime

from stoker_daemon.planning.placing import places
from stoker_daemon.preparing.plan import Place, freeze
from stoker_shared.model import DEV_QUEUE, Environment, JobConfig, NodeSpec, QueueSpec, WorkflowSpec
from stoker_shared.state import JobVersion, Queue

QUEUES = {
    name: Queue(name, QueueSpec(environment=Environment(environment), limit=limit))
    for name, environment, limit in (
        ("root_queue", "production", 4),
        ("night", "both", 8),
        ("dev_queue", "development", 2),
    )
}


def placed(*nodes: NodeSpec, asked: str = "", debug: bool = False, queue: str = "root_queue"):
    spec = WorkflowSpec(workflow="daily", nodes=nodes, queue=queue)
    plan = freeze(spec, lambda path: JobVersion(1, path, 1, datetime.now(UTC), "alice"), {})
    return places(spec, plan, QUEUES, asked, debug=debug)


def node(name: str, cores: int = 1, queue: str | None = None) -> NodeSpec:
    return NodeSpec(name, f"{name}.py", queue=queue, config=JobConfig(driver_cores=cores))


def faults(*nodes: NodeSpec, **asked: object) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.detail) for fault in placed(*nodes, **asked)[1]]  # type: ignore[arg-type]


def test_a_node_waits_in_its_own_queue_else_in_the_one_asked_for_else_in_its_workflows():
    nodes = node("a"), node("b", 3, queue="root_queue")

    assert placed(*nodes)[0] == (Place("root_queue", 1), Place("root_queue", 3))
    assert placed(*nodes, asked="night")[0] == (Place("night", 1), Place("root_queue", 3))


def test_a_debug_run_has_one_development_queue_for_all():
    nodes = node("a"), node("b", queue="night")

    assert {place.queue for place in placed(*nodes, debug=True)[0]} == {DEV_QUEUE}
    assert {place.queue for place in placed(*nodes, debug=True, asked="night")[0]} == {"night"}


def test_a_node_that_can_never_fit_is_told_with_what_it_needs_and_the_limit():
    assert faults(node("a"), node("b", 5)) == [
        ("/nodes/1/queue", "node 'b' needs 5 CU, and queue root_queue has only 4")
    ]


def test_a_queue_for_other_runs_is_told():
    assert faults(node("a", queue="dev_queue")) == [
        ("/nodes/0/queue", "node 'a' needs a queue for production, and dev_queue is for development")
    ]
    assert faults(node("a"), debug=True, asked="root_queue") == [
        ("/nodes/0/queue", "node 'a' needs a queue for development, and root_queue is for production")
    ]


def test_an_unknown_queue_is_told_with_the_one_that_may_be_meant():
    assert faults(node("a"), asked="nigth") == [
        ("/nodes/0/queue", "node 'a': there is no queue 'nigth'; did you mean 'night'?")
    ]


def test_a_size_that_can_not_be_counted_is_told_with_its_place():
    config = JobConfig(conf={"spark.driver.memory": "4 gigs"})
    ((pointer, detail),) = faults(NodeSpec("a", "a.py", config=config))

    assert pointer == "/nodes/0/config/conf/spark.driver.memory"
    assert "'4 gigs' is not a size of memory" in detail
