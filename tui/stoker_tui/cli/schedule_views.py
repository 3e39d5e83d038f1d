"""How schedules are shown: their ticks, and the switch."""

from __future__ import annotations

import click

from stoker_shared.api.scheduling import SchedulingView, SkipView, TickView
from stoker_shared.events import SkipReason
from stoker_shared.text import clean_line
from stoker_tui.cli.tables import Column, moment, print_table

SKIPPED = {
    SkipReason.OVERLAP: "an earlier run was active",
    SkipReason.CATCH_UP: "missed, and its catch-up policy leaves them out",
    SkipReason.REFUSED: "no run could be made",
}
"""Why ticks have no runs, in words."""


def print_ticks(ticks: list[TickView]) -> None:
    """Print when runs are due."""
    print_table(
        [Column("LOCAL"), Column("UTC"), Column("CYCLE TIME"), Column("NOTE", text=True)],
        [
            [
                local(tick.local),
                moment(tick.utc, "UTC"),
                local(tick.cycle_local) if tick.cycle_local else "-",
                tick.note or "-",
            ]
            for tick in ticks
        ],
    )


def local(text: str) -> str:
    """Give a local time with its offset (ISO 8601) as tables show it."""
    return text.replace("T", " ", 1)


def skipped_in_words(skip: SkipView) -> str:
    """Say which ticks have no runs, and why."""
    ticks = (
        moment(skip.first)
        if skip.count == 1
        else f"{skip.count} from {moment(skip.first)} to {moment(skip.last)}"
    )
    return clean_line(f"{ticks}: {skip.detail or SKIPPED[skip.reason]}")


def print_scheduling(view: SchedulingView) -> None:
    """Print whether a workflow is scheduled, when it runs next, and what was skipped last."""
    name = clean_line(view.workflow)
    if not view.on:
        click.echo(f"{name} is off: no runs are made by its schedule")
    elif view.next:
        due = f"{local(view.next[0].local)} {view.time_zone}"
        click.echo(f"{name} is on: {clean_line(view.words)}; its next run is due {due}")
    else:
        click.echo(f"{name} is on, but no run is due any more: {clean_line(view.words)}")
    if view.skipped:
        click.echo(f"skipped last: {skipped_in_words(view.skipped)}")
