"""Commands on the schedules of workflows: the switch, and when runs are due."""

from __future__ import annotations

import click
import msgspec
from msgspec import UNSET

from stoker_shared.api import MAX_PAGE
from stoker_shared.api.scheduling import SchedulingView, TicksQuery, TickView
from stoker_tui.cli import completing
from stoker_tui.cli.common import USAGE, Context, command, give_up
from stoker_tui.cli.schedule_views import print_scheduling, print_ticks
from stoker_tui.cli.tables import print_json
from stoker_tui.cli.workflows import workflow

_NAME = click.argument("name", shell_complete=completing.workflows)


class _Line(TickView, omit_defaults=False):
    """A tick as JSON for scripts, every field in every line."""


@command(workflow, "on")
@_NAME
def switch_on(context: Context, name: str) -> None:
    """Start runs of a workflow when its schedule says, from now on.

    What was due while it was off is not run; `stoker backfill` makes up for it. It is on by the latest
    version: edits count when they are published.

    \b
    Example:
      stoker workflow on sales

    See also: stoker workflow off, stoker workflow next.
    """
    _print(context, context.client.set_scheduling(name, on=True))


@command(workflow, "off")
@_NAME
def switch_off(context: Context, name: str) -> None:
    """Start no more runs of a workflow by its schedule. Runs that there are go on.

    \b
    Example:
      stoker workflow off sales

    See also: stoker workflow on, stoker stop.
    """
    _print(context, context.client.set_scheduling(name, on=False))


@command(workflow, "next")
@_NAME
@click.option(
    "-n", "count", type=click.IntRange(1, MAX_PAGE), default=10, show_default=True, help="How many."
)
@click.option(
    "--after", metavar="TIME", help="Only later than 2026-11-21, 2026-11-21T01:00, ... [default: now]."
)
@click.option("--draft", is_flag=True, help="By the schedule of the draft.")
@click.option("--version", type=click.IntRange(min=1), help="By that of a version [default: the latest].")
def show_next(
    context: Context, name: str, count: int, after: str | None, draft: bool, version: int | None
) -> None:
    """Show when runs of a workflow are due, in local time and UTC, and what each would be about.

    A note says where a clock change shifts, leaves out or doubles one. It does not matter whether scheduling
    is on.

    \b
    Examples:
      stoker workflow next sales
      stoker workflow next sales -n 20 --after 2027-03-27
      stoker workflow next sales --draft --json | jq -r .cycle_time

    See also: stoker workflow on, stoker apply.
    """
    if draft and version:
        give_up("give --draft or --version, not both", USAGE)
    query = TicksQuery(after=after or UNSET, version=version or UNSET, draft=draft, limit=count)
    ticks = context.client.ticks(name, query)
    if context.as_json:
        print_json(_Line(**msgspec.structs.asdict(tick)) for tick in ticks)
        return
    print_ticks(ticks)


def _print(context: Context, view: SchedulingView) -> None:
    if context.as_json:
        print_json([view])
    else:
        print_scheduling(view)
