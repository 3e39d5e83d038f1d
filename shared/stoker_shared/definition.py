"""What a workflow's definition must be, wherever it comes from. Pure: a definition in, its faults out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from stoker_shared import dag
from stoker_shared.api import Fault
from stoker_shared.model import JobConfig, NodeSpec, WorkflowSpec
from stoker_shared.secrecy import secret_problem
from stoker_shared.text import clean_line, name_problem, nearest

MAX_NODES = 10_000
"""Nodes a workflow may have."""


ADDED_TAGS = ("workflow_name", "task_name")
"""Tags that every node has, whatever its definition says."""

MAX_PARALLELISM = 500
"""Nodes of one run that may be active at once: each costs the daemon a descriptor, of usually 1,024."""


def faults(spec: WorkflowSpec) -> list[Fault]:
    """Give everything that is wrong with a definition by itself; a draft with none can be saved."""
    return [*_workflow_faults(spec), *_node_faults(spec), *_graph_faults(spec)]


def _workflow_faults(spec: WorkflowSpec) -> Iterator[Fault]:
    if problem := name_problem(spec.workflow):
        yield Fault("/workflow", problem)
    if len(spec.nodes) > MAX_NODES:
        yield Fault("/nodes", f"{len(spec.nodes)} nodes are more than the {MAX_NODES} a workflow may have")
    for field in ("retries", "retry_delay"):
        if getattr(spec, field) < 0:
            yield Fault(f"/{field}", "must be 0 or more")
    if spec.retry_backoff < 1:
        yield Fault("/retry_backoff", "must be 1 or more")
    if spec.run_timeout is not None and spec.run_timeout < 1:
        yield Fault("/run_timeout", "must be 1 or more")
    if spec.parallelism is not None and not 1 <= spec.parallelism <= MAX_PARALLELISM:
        yield Fault("/parallelism", f"must be from 1 to {MAX_PARALLELISM}")


def _node_faults(spec: WorkflowSpec) -> Iterator[Fault]:
    for index, node in enumerate(spec.nodes):
        for field, problem in _faults_of(node):
            yield Fault(f"/nodes/{index}/{field}", problem)


def _faults_of(node: NodeSpec) -> Iterator[tuple[str, str]]:
    if problem := name_problem(node.name):
        yield "name", problem
    if node.retries is not None and node.retries < 0:
        yield "retries", "must be 0 or more"
    for tag in ADDED_TAGS:
        if tag in node.tags:
            yield f"tags/{tag}", "every node has this tag, and Stoker sets it"
    yield from ((f"config/{field}", problem) for field, problem in config_faults(node.config))


def config_faults(config: JobConfig) -> Iterator[tuple[str, str]]:
    """Give the fields of a configuration that are wrong, each with what would be right."""
    for field in ("conf", "env"):
        for name, value in getattr(config, field).items():
            if problem := secret_problem(name, value):
                yield f"{field}/{name}", problem
    if config.timeout is not None and config.timeout < 1:
        yield "timeout", "must be 1 or more"


def _graph_faults(spec: WorkflowSpec) -> Iterator[Fault]:
    counts = Counter(node.name for node in spec.nodes)
    for index, node in enumerate(spec.nodes):
        if counts[node.name] > 1:
            yield Fault(f"/nodes/{index}/name", f"{counts[node.name]} nodes have the name {node.name!r}")
    upstream = {node.name: node.upstream for node in spec.nodes}
    dangling = dag.dangling(upstream)
    numbers = {node.name: index for index, node in enumerate(spec.nodes)}
    for name, missing in dangling:
        yield Fault(f"/nodes/{numbers[name]}/upstream", _no_such_node(missing, counts))
    if not dangling and (cycle := dag.find_cycle(upstream)):
        path = " -> ".join(map(clean_line, cycle))
        yield Fault("/nodes", f"the nodes wait for each other in a cycle: {path}")


def _no_such_node(missing: str, known: Counter[str]) -> str:
    guess = nearest(missing, known)
    return f"there is no node {missing!r}" + (f"; did you mean {guess!r}?" if guess else "")
