"""What differs between two definitions of a workflow: field by field, and as a graph. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stoker_shared.model import NodeSpec, WorkflowSpec
from stoker_shared.text import clean
from stoker_shared.writing import whole, written


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field that differs; ``before`` or ``after`` is absent where the field is unset.

    ``path`` names nodes, as in ``nodes/transform/timeout``; a ``/`` within a key is ``~1``, a ``~`` ``~0``.
    """

    path: str
    before: Any = None
    after: Any = None


class MarkedNode(msgspec.Struct, frozen=True, omit_defaults=True):
    """A node of either graph, with its upstream in both: ``+`` new, ``-`` gone, ``~`` not the same."""

    name: str
    mark: str = ""
    upstream: tuple[str, ...] = ()


class MarkedEdge(msgspec.Struct, frozen=True):
    """An edge that only one of the graphs has: ``+`` it is new, ``-`` it is gone."""

    mark: str
    upstream: str
    downstream: str


class Difference(msgspec.Struct, frozen=True):
    """What leads from one definition to another; equal ones have no changes.

    ``nodes`` are those of both graphs, in the order of the later one, then what is gone.
    """

    changes: list[Change]
    nodes: list[MarkedNode]
    edges: list[MarkedEdge]


def difference(before: WorkflowSpec | None, after: WorkflowSpec) -> Difference:
    """Give what leads from one definition to another; from None everything is new."""
    old = before or WorkflowSpec(workflow=after.workflow)
    return Difference(list(_changes(old, after)), _marked_nodes(old, after), _marked_edges(old, after))


def told(change: Change) -> str:
    """Give a change in one line that is safe to print."""
    return clean(f"{change.path}: {_value(change.before)} -> {_value(change.after)}")


def by_field(change: Change) -> Iterator[Change]:
    """Give a change field by field: of what is new or gone as a whole, as a node is, all that it has."""
    before, after = _fields(change.before), _fields(change.after)
    if change.path.startswith("nodes/"):
        # A node is named by its place.
        before, after = (
            {key: value for key, value in each.items() if key != "name"} for each in (before, after)
        )
    found = [each for field in _between(f"{change.path}/", before, after) for each in by_field(field)]
    yield from found or [change]


def _fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _changes(old: WorkflowSpec, new: WorkflowSpec) -> Iterator[Change]:
    yield from _between("", _without_nodes(old), _without_nodes(new))
    olds, news = _by_name(old), _by_name(new)
    yield from (Change(f"nodes/{name}", written(olds[name])) for name in olds if name not in news)
    for name, node in news.items():
        if name in olds:
            yield from _between(f"nodes/{name}/", whole(olds[name]), whole(node))
        else:
            yield Change(f"nodes/{name}", None, written(node))
    common = [name for name in olds if name in news]
    order = [name for name in news if name in olds]
    if common != order:
        yield Change("nodes", common, order)


def _between(place: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        path = place + key.replace("~", "~0").replace("/", "~1")
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _between(f"{path}/", before, after)
        elif before != after:
            yield Change(path, before, after)


def _marked_nodes(old: WorkflowSpec, new: WorkflowSpec) -> list[MarkedNode]:
    olds, news = _by_name(old), _by_name(new)
    marked = [
        MarkedNode(name, _mark(olds.get(name), node), _upstream(olds.get(name), node))
        for name, node in news.items()
    ]
    return marked + [MarkedNode(name, "-", node.upstream) for name, node in olds.items() if name not in news]


def _mark(old: NodeSpec | None, new: NodeSpec) -> str:
    if old is None:
        return "+"
    return "" if old == new else "~"


def _upstream(old: NodeSpec | None, new: NodeSpec) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*new.upstream, *(old.upstream if old else ())]))


def _marked_edges(old: WorkflowSpec, new: WorkflowSpec) -> list[MarkedEdge]:
    before, after = _edges(old), _edges(new)
    return [MarkedEdge("+", *edge) for edge in after if edge not in before] + [
        MarkedEdge("-", *edge) for edge in before if edge not in after
    ]


def _edges(spec: WorkflowSpec) -> dict[tuple[str, str], None]:
    """Give the edges in the definition's order, as the keys."""
    return {(above, node.name): None for node in spec.nodes for above in node.upstream}


def _by_name(spec: WorkflowSpec) -> dict[str, NodeSpec]:
    return {node.name: node for node in spec.nodes}


def _without_nodes(spec: WorkflowSpec) -> dict[str, Any]:
    return whole(msgspec.structs.replace(spec, nodes=()))


def _value(value: Any) -> str:
    if value is None:
        return "unset"
    if isinstance(value, dict):
        value = {key: each for key, each in value.items() if each is not None}
    return value if isinstance(value, str) and value else msgspec.json.encode(value).decode()
