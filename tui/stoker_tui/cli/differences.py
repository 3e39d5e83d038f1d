"""How differences between definitions are printed."""

from __future__ import annotations

from collections.abc import Iterator

import click

from stoker_shared.difference import Difference, by_field, told
from stoker_tui.cli.tables import coloured, print_drawing
from stoker_tui.graph.drawing import draw

_STATES = {"+": "succeeded", "-": "failed", "~": "retrying"}
"""The state in whose colour a mark is."""


def print_changes(difference: Difference) -> None:
    """Print what differs, a line a field."""
    for line in change_lines(difference):
        click.echo(line)


def change_lines(difference: Difference) -> Iterator[str]:
    """Give what differs, a line a field."""
    return (f"  {told(field)}" for change in difference.changes for field in by_field(change))


def print_graph(difference: Difference, ascii_only: bool) -> None:
    """Print both graphs as one, and the edges that only one of them has."""
    if difference.nodes:
        print_drawing(drawn(difference, ascii_only=ascii_only))
    for edge in difference.edges:
        click.echo(coloured(f"{edge.mark} {edge.upstream} -> {edge.downstream}", _STATES[edge.mark]))


def drawn(graph: Difference, *, ascii_only: bool = False) -> str:
    """Draw both graphs as one, every node with its mark.

    Edges that are gone are left out where with them there would be a cycle, as when one was turned around.
    """
    labels = {node.name: f"{node.mark} {node.name}".strip() for node in graph.nodes}
    upstream = {node.name: node.upstream for node in graph.nodes}
    try:
        return draw(labels, upstream, ascii_only=ascii_only)
    except ValueError:
        gone = {(edge.upstream, edge.downstream) for edge in graph.edges if edge.mark == "-"}
        left = {
            name: [above for above in names if (above, name) not in gone] for name, names in upstream.items()
        }
        return draw(labels, left, ascii_only=ascii_only)
