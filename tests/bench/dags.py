"""The DAGs that are measured: each node's name with the names of its upstream nodes."""

from __future__ import annotations

Dag = dict[str, tuple[str, ...]]


def chain(length: int) -> Dag:
    """One node after the other."""
    return {f"n{i}": (f"n{i - 1}",) if i else () for i in range(length)}


def wide(width: int) -> Dag:
    """Nodes that wait for nothing."""
    return {f"n{i}": () for i in range(width)}


def layered(layers: int, width: int, fan: int) -> Dag:
    """Layers of nodes, each waiting for ``fan`` nodes of the layer above."""
    return {
        f"n{layer}-{i}": tuple(f"n{layer - 1}-{(i + step) % width}" for step in range(fan)) if layer else ()
        for layer in range(layers)
        for i in range(width)
    }
