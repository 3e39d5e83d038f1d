"""Failure cards: why each failed node of a run failed, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

import click

from stoker_shared import api
from stoker_shared.model import NodeState
from stoker_shared.text import clean_line
from stoker_tui.cli.tables import coloured
from stoker_tui.client import Client

MOST_CARDS = 5
"""How many failed nodes are told of in full."""


def print_failures(client: Client, view: api.RunView, *, err: bool = False) -> None:
    """Print why each failed node failed, on stdout or with ``err`` on stderr."""
    failed = [node.name for node in view.nodes if node.state is NodeState.FAILED]
    for name in failed[:MOST_CARDS]:
        click.echo(f"\n{coloured('✖', 'failed')} {clean_line(name)}: ", nl=False, err=err)
        card = client.failure(view.row.id, name)
        for line in card_lines(card):
            click.echo(line, err=err)
        if card.attempt is not None:
            what = f"{view.row.id} {quote(clean_line(name))} --stream {card.stream.value}"
            click.echo(f"  more: stoker logs {what} --attempt {card.attempt}", err=err)
    if rest := failed[MOST_CARDS:]:
        names = ", ".join(map(clean_line, rest[:MOST_CARDS])) + (", ..." if len(rest) > MOST_CARDS else "")
        click.echo(f"\n{coloured('✖', 'failed')} {len(rest)} more nodes failed: {names}", err=err)


def card_lines(card: api.FailureView) -> Iterator[str]:
    """Give the lines of a card."""
    yield clean_line(card.outcome)
    if card.first:
        yield from _raised(card.first, "first: ")
    if card.cause:
        yield from _raised(card.cause)
    if card.ended:
        yield from _raised(card.ended, "raised as ")
    if card.attempt is None:
        return
    if card.last_lines:
        yield f"  last lines of {card.stream.value}:"
        yield from (f"    {clean_line(line)}" for line in card.last_lines)
    yield "  again by hand:"
    yield f"    cd {quote(clean_line(card.directory))}"
    yield f"    {clean_line(card.command)}"
    if card.environment:
        yield f"    # its environment has besides: {', '.join(map(clean_line, card.environment))}"


def _raised(raised: api.RaisedView, role: str = "") -> Iterator[str]:
    kind = f"{raised.kind}: " if raised.kind else ""
    yield f"  {role}{clean_line(kind + raised.message)}"
    if raised.where:
        yield f"    at {clean_line(raised.where)}"
