"""What can be done to a workflow's graph: each gives the next definition, or says why it can't be. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import PurePosixPath
from unicodedata import normalize

import msgspec

from stoker_shared import dag
from stoker_shared.model import NodeSpec, WorkflowSpec
from stoker_shared.text import MAX_NAME, clean_line, name_problem


class CannotEdit(ValueError):
    """Why an edit can't be, and what would be right; safe to print."""


class Step(msgspec.Struct, frozen=True):
    """A definition, the node to look at in it, and in words the edit that led there."""

    spec: WorkflowSpec
    selected: str | None = None
    what: str = ""


def add_below(spec: WorkflowSpec, above: str | None, job: str) -> Step:
    """Add a node of a job that waits for one that is there; the first node waits for none."""
    name = free_name(job, _names(spec))
    node = NodeSpec(name=name, job=job, upstream=() if above is None else (node_named(spec, above).name,))
    return Step(_with_nodes(spec, [*spec.nodes, node]), name, f"added {name}")


def add_beside(spec: WorkflowSpec, beside: str, job: str) -> Step:
    """Add a node of a job that waits for the same nodes as one that is there."""
    name = free_name(job, _names(spec))
    node = NodeSpec(name=name, job=job, upstream=node_named(spec, beside).upstream)
    return Step(_after(spec, beside, node), name, f"added {name}")


def insert_between(spec: WorkflowSpec, above: str, below: Sequence[str], job: str) -> Step:
    """Add a node of a job on the way from one node to some of those downstream of it."""
    name = free_name(job, _names(spec))
    node = NodeSpec(name=name, job=job, upstream=(node_named(spec, above).name,))
    for one in below:
        if above not in node_named(spec, one).upstream:
            raise CannotEdit(f"{one} does not wait for {above}")
    rewired = _mapped(
        spec, lambda other: _waiting_for(other, _replaced(other.upstream, above, (name,))), set(below)
    )
    return Step(_after(rewired, above, node), name, f"added {name} between {above} and {', '.join(below)}")


def connect(spec: WorkflowSpec, above: str, below: str) -> Step:
    """Let a node wait for another."""
    node_named(spec, above)
    node = node_named(spec, below)
    if above == below:
        raise CannotEdit(f"{above} can't wait for itself")
    if above in node.upstream:
        raise CannotEdit(f"{below} waits for {above} already")
    connected = _mapped(spec, lambda other: _waiting_for(other, (*other.upstream, above)), {below})
    _check_acyclic(connected)
    return Step(connected, below, f"connected {above} to {below}")


def disconnect(spec: WorkflowSpec, above: str, below: str) -> Step:
    """Let a node wait for another no more."""
    if above not in node_named(spec, below).upstream:
        raise CannotEdit(f"{below} does not wait for {above}")
    cut = _mapped(spec, lambda other: _waiting_for(other, _replaced(other.upstream, above, ())), {below})
    return Step(cut, below, f"disconnected {above} from {below}")


def rename(spec: WorkflowSpec, name: str, new_name: str) -> Step:
    """Give a node another name; what waits for it goes on waiting for it."""
    return change_node(spec, name, msgspec.structs.replace(node_named(spec, name), name=new_name))


def rename_workflow(spec: WorkflowSpec, name: str) -> Step:
    """Give the workflow another name."""
    renamed = msgspec.structs.replace(spec, workflow=name)
    return Step(renamed, what=f"renamed the workflow to {name}")


def duplicate(spec: WorkflowSpec, name: str) -> Step:
    """Add a node like another, which waits for the same nodes; nothing waits for it."""
    node = node_named(spec, name)
    copy = msgspec.structs.replace(node, name=_free(name, _names(spec)))
    return Step(_after(spec, name, copy), copy.name, f"duplicated {name}")


def delete(spec: WorkflowSpec, name: str, *, bridge: bool) -> Step:
    """Take a node out; with ``bridge`` what waited for it waits for what it waited for."""
    gone = node_named(spec, name)
    heirs = gone.upstream if bridge else ()
    left = _mapped(spec, lambda other: _waiting_for(other, _replaced(other.upstream, name, heirs)))
    below = dag.downstream_of(upstream_of(spec))[name]
    selected = next(iter((*gone.upstream, *below)), None) or _neighbour(spec, name)
    return Step(
        _with_nodes(left, [node for node in left.nodes if node.name != name]), selected, f"deleted {name}"
    )


def change_node(spec: WorkflowSpec, name: str, node: NodeSpec) -> Step:
    """Put a node in the place of one that is there; where its name is another one, what waits follows."""
    node_named(spec, name)
    if node.name != name:
        if problem := name_problem(node.name):
            raise CannotEdit(problem)
        if node.name in _names(spec):
            raise CannotEdit(f"there is a node {node.name} already; choose another name")
    for above in node.upstream:
        if above == node.name:
            raise CannotEdit(f"{above} can't wait for itself")
        if above != name:
            node_named(spec, above)
    changed = _with_nodes(spec, [node if other.name == name else other for other in spec.nodes])
    followed = _mapped(
        changed, lambda other: _waiting_for(other, _replaced(other.upstream, name, (node.name,)))
    )
    _check_acyclic(followed)
    what = f"changed {name}" if node.name == name else f"renamed {name} to {node.name}"
    return Step(followed, node.name, what)


def free_name(job: str, taken: Collection[str]) -> str:
    """Give the name for a node of a job that is filled from its path: ``ingest``, or ``ingest_2``."""
    path = PurePosixPath(job)
    names = (normalize("NFC", name.strip())[:MAX_NAME].strip() for name in (path.stem, path.name))
    return _free(next((name for name in names if name_problem(name) is None), "node"), taken)


def node_named(spec: WorkflowSpec, name: str) -> NodeSpec:
    """Give a node by its name. Raises `CannotEdit`."""
    for node in spec.nodes:
        if node.name == name:
            return node
    raise CannotEdit(f"there is no node {clean_line(name)}")


def upstream_of(spec: WorkflowSpec) -> dict[str, tuple[str, ...]]:
    """Give the DAG: the name of each node with those that it waits for."""
    return {node.name: node.upstream for node in spec.nodes}


def _free(name: str, taken: Collection[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while (other := f"{name[: MAX_NAME - len(f'_{number}')].rstrip()}_{number}") in taken:
        number += 1
    return other


def _names(spec: WorkflowSpec) -> set[str]:
    return {node.name for node in spec.nodes}


def _neighbour(spec: WorkflowSpec, name: str) -> str | None:
    """Give the node that stands before another in the definition, or else after it."""
    names = [node.name for node in spec.nodes]
    at = names.index(name)
    return next(iter([*names[max(at - 1, 0) : at], *names[at + 1 : at + 2]]), None)


def _with_nodes(spec: WorkflowSpec, nodes: Iterable[NodeSpec]) -> WorkflowSpec:
    return msgspec.structs.replace(spec, nodes=tuple(nodes))


def _after(spec: WorkflowSpec, name: str, node: NodeSpec) -> WorkflowSpec:
    """Give the definition with another node, which stands behind one that is there."""
    at = [other.name for other in spec.nodes].index(name) + 1
    return _with_nodes(spec, [*spec.nodes[:at], node, *spec.nodes[at:]])


def _mapped(
    spec: WorkflowSpec, change: Callable[[NodeSpec], NodeSpec], names: Collection[str] | None = None
) -> WorkflowSpec:
    """Give the definition with its nodes changed, all or those named."""
    return _with_nodes(
        spec, [change(node) if names is None or node.name in names else node for node in spec.nodes]
    )


def _waiting_for(node: NodeSpec, upstream: tuple[str, ...]) -> NodeSpec:
    return node if upstream == node.upstream else msgspec.structs.replace(node, upstream=upstream)


def _replaced(names: tuple[str, ...], name: str, others: tuple[str, ...]) -> tuple[str, ...]:
    """Give names with others in the place of one of them, none of them twice."""
    if name not in names:
        return names
    at = names.index(name)
    return tuple(dict.fromkeys([*names[:at], *others, *names[at + 1 :]]))


def _check_acyclic(spec: WorkflowSpec) -> None:
    if cycle := dag.find_cycle(upstream_of(spec)):
        path = " -> ".join(map(clean_line, cycle))
        raise CannotEdit(f"the nodes would wait for each other in a cycle: {path}")
