"""How a backfill is shown: before it is made, while it goes on, and what became of it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from stoker_shared import api
from stoker_shared.api.backfills import BackfillPreview, BackfillView, IntervalView
from stoker_shared.model import BackfillState, Intervals, RunState
from stoker_shared.text import clean_line, counted
from stoker_tui.cli.follow import patiently
from stoker_tui.cli.tables import Column, coloured, duration, moment, moves_cursor, print_table, span
from stoker_tui.client import Client
from stoker_tui.theme import COLOURS, marked

MOST_FAILED = 20
"""How many of a backfill's failed runs are shown."""

_MOST_LOOKED_AT = 200

_LOOK_SECONDS = 0.5


def print_preview(preview: BackfillPreview) -> None:
    """Print what a backfill would do: how many runs it would make, and each interval."""
    made = counted(preview.made, "run")
    waiting = f", {preview.waiting:,} of them once their intervals have ended" if preview.waiting else ""
    click.echo(
        f"{clean_line(preview.workflow)} v{preview.version}: {counted(preview.total, 'interval')} "
        f"({preview.time_zone}); {made} would be made{waiting}"
    )
    if preview.own_queue:
        click.echo(f"nodes that keep a queue of their own: {', '.join(map(clean_line, preview.own_queue))}")
    click.echo("")
    print_table(
        [
            Column("CYCLE"),
            Column("ENDS", spare=1),
            Column("DS"),
            Column("RUN"),
            Column("WOULD"),
        ],
        [
            [
                interval.local,
                _local(interval.ends_at, preview.time_zone),
                interval.variables.get("ds", "-"),
                f"#{interval.run} {interval.state.value}" if interval.state else "-",
                _would(interval, preview.time_zone),
            ]
            for interval in preview.items
        ],
    )
    if more := preview.total - len(preview.items):
        click.echo(f"... and {counted(more, 'more interval')}")


def print_backfill(view: BackfillView) -> None:
    """Print a backfill for people."""
    version = f" v{view.version}" if view.version else ""
    state = coloured(marked(view.state), view.state.value)
    click.echo(
        f"backfill B{view.id}  {clean_line(view.workflow)}{version}  {state}  "
        f"{span(view.created_at, view.ended_at)}"
    )
    first, last = (moment(cycle, view.time_zone) for cycle in (view.first, view.last))
    click.echo(f"cycles {first} to {last} {view.time_zone}{f', every {view.every}' if view.every else ''}")
    only = "" if view.intervals is Intervals.ALL else f"only {view.intervals.value}, "
    stop = f", pauses after {counted(view.stop_after, 'failed run')}" if view.stop_after else ""
    click.echo(f"{only}{view.order.value} first, {view.parallel} at once{stop}")
    click.echo(f"made {moment(view.created_at)}, by {clean_line(view.by)}")
    settings = {"queue": view.queue, "remarks": view.remarks, "notify": ", ".join(view.notify)}
    settings |= {f"variable {name}": value for name, value in view.variables.items()}
    for name, value in settings.items():
        if value:
            click.echo(f"{name}: {clean_line(value)}")
    click.echo(f"\n{progress(view)}")
    if view.seconds_left is not None:
        click.echo(f"about {duration(view.seconds_left)} left")
    if view.active:
        click.echo(f"active: {', '.join(f'#{number}' for number in view.active)}")
    if view.waits_until:
        click.echo(f"waits until {moment(view.waits_until, view.time_zone)}, when its next interval ends")
    if view.detail:
        click.echo(f"paused: {clean_line(view.detail)}; go on with `stoker backfill resume B{view.id}`")
    if view.deeds:
        click.echo("")
    for deed in view.deeds:
        click.echo(clean_line(f"{moment(deed.at)} {deed.by} {deed.what}"))


def print_failed_runs(client: Client, view: BackfillView, *, err: bool = False) -> None:
    """Print the newest runs of a backfill that did not succeed and were not retried."""
    failed = failed_runs(client, view)
    if failed:
        click.echo("", err=err)
    for row in failed:
        cycle = moment(row.cycle, row.time_zone)
        mark = coloured(marked(row.state), row.state.value)
        click.echo(f"{mark}  #{row.id}  cycle {cycle}  stoker show {row.id}", err=err)


def failed_runs(client: Client, view: BackfillView) -> list[api.RunRow]:
    """Give the newest runs that did not succeed, each the last that the backfill made for its interval."""
    found: list[api.RunRow] = []
    most = min(view.failed, MOST_FAILED)
    there = Client(client.path, view.workspace)
    for state in (RunState.FAILED, RunState.STOPPED):
        query = api.RunsQuery(backfill=view.id, state=state)
        for row in there.runs(query, _MOST_LOOKED_AT) if most else ():
            if len(found) == most:
                break
            same = api.RunsQuery(backfill=view.id, cycle=row.cycle.isoformat())
            if next(there.runs(same, 1), row).id == row.id:
                found.append(row)
    return sorted(found, key=lambda row: row.cycle)


def progress(view: BackfillView) -> str:
    """Give in words how far a backfill is."""
    counts = {
        "succeeded": view.succeeded,
        "failed": view.failed,
        "needed no run": view.passed,
        "active": len(view.active),
    }
    parts = [f"{count:,} {what}" for what, count in counts.items() if count]
    retrying = ", retrying what failed" if view.retrying else ""
    done = f"{view.seen - len(view.active):,} of {counted(view.total, 'interval')} done"
    return f"{done}{': ' if parts else ''}{', '.join(parts)}{retrying}"


def wait_for_backfill(
    client: Client, number: int, show: Callable[[BackfillView], None] | None = None
) -> BackfillView:
    """Wait until a backfill has ended, or paused by itself, over restarts of the daemon."""
    while True:
        view = patiently(partial(client.backfill, number))
        if show:
            show(view)
        if view.ended_at or view.detail:
            return view
        time.sleep(_LOOK_SECONDS)


def follow_backfill(client: Client, number: int) -> BackfillView:
    """Wait, and show on stderr how far it is: as a bar, or as a line a change where no cursor moves."""
    if not moves_cursor(os.environ, sys.stderr):
        return wait_for_backfill(client, number, _Lines().show)
    with Live(console=Console(stderr=True), auto_refresh=False) as live:
        return wait_for_backfill(client, number, lambda view: live.update(_picture(view), refresh=True))


class _Lines:
    """Prints how a backfill stands where that is not what was printed last."""

    def __init__(self) -> None:
        self._said = ""

    def show(self, view: BackfillView) -> None:
        standing = _standing(view)
        if standing != self._said:
            click.echo(f"{datetime.now(UTC).astimezone():%H:%M:%S} {standing}", err=True)
            self._said = standing


def _picture(view: BackfillView) -> RenderableType:
    left = f", about {duration(view.seconds_left)} left" if view.seconds_left is not None else ""
    colour, done = COLOURS[view.state.value], view.seen - len(view.active)
    bar = ProgressBar(
        total=view.total,
        completed=done,
        width=60,
        style="bright_black",
        complete_style=colour,
        finished_style=colour,
    )
    return Group(Text(_standing(view) + left, style=colour), bar)


def _standing(view: BackfillView) -> str:
    paused = " paused" if view.state is BackfillState.PAUSED else ""
    until = f", waits until {moment(view.waits_until, view.time_zone)}" if view.waits_until else ""
    return f"B{view.id}{paused} {progress(view)}{until}"


def _would(interval: IntervalView, zone: str) -> str:
    if not interval.made:
        return "nothing: it has a run" if interval.run else "nothing: it has no run"
    if interval.ends_at > datetime.now(UTC):
        return f"wait until {_local(interval.ends_at, zone)}"
    return "make a run"


def _local(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).isoformat()
