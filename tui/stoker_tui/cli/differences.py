"""How differences between definitions are printed."""

from __future__ import annotations

from collections.abc import Iterator

import click

from stoker_shared.difference import Difference, drawn, told
from stoker_tui.cli.tables import coloured, print_drawing

_STATES = {"+": "succeeded", "-": "failed", "~": "retrying"}
"""The state in whose colour a mark is."""


def print_changes(difference: Difference) -> None:
    """Print what differs, a line a field."""
    for line in change_lines(difference):
        click.echo(line)


def change_lines(difference: Difference) -> Iterator[str]:
    """Give what differs, a line a field."""
    return (f"  {told(change)}" for change in difference.changes)


def print_graph(difference: Difference, ascii_only: bool) -> None:
    """Print both graphs as one, and the edges that only one of them has."""
    if difference.nodes:
        print_drawing(drawn(difference, ascii_only=ascii_only))
    for edge in difference.edges:
        click.echo(coloured(f"{edge.mark} {edge.upstream} -> {edge.downstream}", _STATES[edge.mark]))
