"""Two people's changes of one definition, field by field: what each did, and both together. Pure.

All is seen from the ``base`` that both began with. What only one of them changed is his. Where both changed a
field in different ways a person chooses, but that lists of names, such as upstream nodes, have both changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import reduce
from typing import Any, TypeVar

import msgspec

from stoker_shared import dag
from stoker_shared.model import JobConfig, NodeSpec, Subscription, WorkflowSpec
from stoker_shared.text import clean_line
from stoker_shared.writing import written

_S = TypeVar("_S", bound=msgspec.Struct)

Place = tuple[str, ...]
"""Where a field is: ``("queue",)``, ``("nodes", "load", "config", "conf", "spark.x")``; a node as a whole."""

_NODES = "nodes"

_NAMES = ("upstream", "notify", "addresses", "states")
"""Fields that are lists of names, in whatever order."""


class Side(Enum):
    """Whose value is taken."""

    MINE = "yours"
    THEIRS = "theirs"
    BOTH = "both"


class Change(msgspec.Struct, frozen=True):
    """A field in which the two differ. None is one that is unset, or a node that is not there."""

    place: Place
    base: Any
    mine: Any
    theirs: Any

    @property
    def side(self) -> Side | None:
        """Who alone changed it, or both where that goes together; None where a person has to choose."""
        if self.theirs == self.base:
            return Side.MINE
        if self.mine == self.base:
            return Side.THEIRS
        return None if self.both is None else Side.BOTH

    @property
    def both(self) -> tuple[str, ...] | None:
        """What both make of a list of names: what either added, without what either took out; else None."""
        if self.place[-1] not in _NAMES or not all(isinstance(v, tuple) for v in (self.mine, self.theirs)):
            return None
        base = self.base or ()
        mine = [name for name in self.mine if name in self.theirs or name not in base]
        added = [name for name in self.theirs if name not in base]
        return tuple(dict.fromkeys([*mine, *added]))

    def value(self, side: Side) -> Any:
        """Give the value of a side."""
        return {Side.MINE: self.mine, Side.THEIRS: self.theirs, Side.BOTH: self.both}[side]

    @property
    def name(self) -> str:
        """Name the field; safe to print."""
        return clean_line("/".join(self.place))


def changes(base: WorkflowSpec, mine: WorkflowSpec, theirs: WorkflowSpec) -> list[Change]:
    """Give all in which the two differ."""
    return [*_differing((), base, mine, theirs), *_of_nodes(base, mine, theirs)]


def merged(
    mine: WorkflowSpec, theirs: WorkflowSpec, found: Sequence[Change], chosen: Mapping[Place, Side]
) -> WorkflowSpec:
    """Give both together: of each change the side chosen, else who made it, else yours.

    It may have faults that neither has, such as a node that waits for one which the other has deleted.
    """
    taken = [change for change in found if side_of(change, chosen) is not Side.MINE]
    whole = {change.place[1]: change.theirs for change in taken if _is_whole_node(change)}
    nodes = [node for node in mine.nodes if node.name not in whole]
    for name in (node.name for node in theirs.nodes if node.name in whole):
        nodes.insert(_place_for(name, theirs, nodes), whole[name])
    rest = [change for change in taken if not _is_whole_node(change)]
    of_nodes = [change for change in rest if change.place[0] == _NODES]
    nodes = [
        reduce(
            lambda node, change: _with(node, change.place[2:], change.value(side_of(change, chosen))),
            [change for change in of_nodes if change.place[1] == node.name],
            node,
        )
        for node in nodes
    ]
    own = [change for change in rest if change.place[0] != _NODES]
    spec = reduce(
        lambda spec, change: _with(spec, change.place, change.value(side_of(change, chosen))), own, mine
    )
    return msgspec.structs.replace(spec, nodes=tuple(nodes))


def to_choose(
    mine: WorkflowSpec, theirs: WorkflowSpec, found: Sequence[Change], chosen: Mapping[Place, Side]
) -> set[Place]:
    """Give what a person has to choose yet: where both changed it, and upstream nodes that make a cycle."""
    open_ones = {change.place for change in found if change.side is None and change.place not in chosen}
    nodes = merged(mine, theirs, found, chosen).nodes
    cycle = dag.find_cycle({node.name: node.upstream for node in nodes}) or ()
    of_cycle = {(_NODES, name, "upstream") for name in cycle} | {(_NODES, name) for name in cycle}
    return open_ones | {change.place for change in found if change.place in of_cycle}


def side_of(change: Change, chosen: Mapping[Place, Side]) -> Side:
    """Give the side of a change that is taken."""
    return chosen.get(change.place) or change.side or Side.MINE


def value_words(value: Any) -> str:
    """Give a value in a line that is safe to print."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return clean_line(value) or '""'
    plain = written(value) if isinstance(value, msgspec.Struct) else value
    return clean_line(msgspec.json.encode(plain).decode())


def _is_whole_node(change: Change) -> bool:
    return change.place[0] == _NODES and len(change.place) == 2


def _of_nodes(base: WorkflowSpec, mine: WorkflowSpec, theirs: WorkflowSpec) -> Iterator[Change]:
    before, ours, others = _by_name(base), _by_name(mine), _by_name(theirs)
    for name in dict.fromkeys([*ours, *others]):
        place = (_NODES, name)
        my, their = ours.get(name), others.get(name)
        if my is None or their is None:
            yield Change(place, before.get(name), my, their)
        else:
            yield from _differing(place, before.get(name), my, their)


def _differing(
    place: Place, base: msgspec.Struct | None, mine: msgspec.Struct, theirs: msgspec.Struct
) -> Iterator[Change]:
    for name in mine.__struct_fields__:
        before, my, their = getattr(base, name, None), getattr(mine, name), getattr(theirs, name)
        here = (*place, name)
        if my == their or here == (_NODES,):
            continue
        if isinstance(my, JobConfig | Subscription) and isinstance(their, type(my)):
            yield from _differing(here, before, my, their)
        elif isinstance(my, dict):
            for key in dict.fromkeys([*my, *their]):
                if my.get(key) != their.get(key):
                    yield Change((*here, key), (before or {}).get(key), my.get(key), their.get(key))
        else:
            yield Change(here, before, my, their)


def _with(struct: _S, place: Place, value: Any) -> _S:
    """Give a struct with another value of a field, of a field of a field, or of an entry of one."""
    name, *rest = place
    held = getattr(struct, name)
    if rest and isinstance(held, dict):
        left = {key: entry for key, entry in held.items() if key != rest[0]}
        value = left if value is None else held | {rest[0]: value}
    elif rest:
        value = _with(held, tuple(rest), value)
    return msgspec.structs.replace(struct, **{name: value})


def _place_for(name: str, theirs: WorkflowSpec, nodes: Sequence[NodeSpec]) -> int:
    """Give where a node of theirs stands among others: behind the last of those before which it has none."""
    before = {node.name for node in theirs.nodes[: [node.name for node in theirs.nodes].index(name)]}
    return max((index + 1 for index, node in enumerate(nodes) if node.name in before), default=0)


def _by_name(spec: WorkflowSpec) -> dict[str, NodeSpec]:
    return {node.name: node for node in spec.nodes}
