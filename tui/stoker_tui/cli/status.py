"""Commands about the daemon itself: its status, its events."""

from __future__ import annotations

import click
import msgspec

from stoker_shared.api import DEFAULT_WORKSPACE
from stoker_shared.text import clean_line
from stoker_tui.cli import main
from stoker_tui.cli.common import Context, command
from stoker_tui.cli.tables import moment, print_json, span


@command(main, "status")
def show_status(context: Context) -> None:
    """Show the daemon at a glance.

    \b
    Examples:
      stoker status
      stoker status --json | jq .active_runs

    See also: stoker runs, stokerd check.
    """
    status = context.client.status()
    if context.as_json:
        print_json([status])
        return
    click.echo(f"stokerd {status.version} on {status.host}, pid {status.pid}, up {span(status.started_at)}")
    if status.held:
        click.echo(f"held       {status.held}")
    if drained := status.draining:
        click.echo(f"draining   no node is started since {moment(drained.at)} ({clean_line(drained.by)})")
    click.echo(f"socket     {context.client.path}")
    click.echo(f"data       {status.data}")
    click.echo(f"time zone  {status.time_zone}, started {moment(status.started_at)}")
    click.echo(f"defined    {status.workflows} workflows, {status.jobs} jobs")
    click.echo(f"active     {status.active_runs} runs, {status.active_nodes} nodes")
    for count, run in enumerate(status.next_runs):
        place = "" if run.workspace == DEFAULT_WORKSPACE else f"  in {run.workspace}"
        click.echo(f"{'' if count else 'next':<11}{moment(run.at)}  {clean_line(run.workflow + place)}")


class _Line(msgspec.Struct):
    """A line of the event stream; a heartbeat has no ``seq``."""

    seq: int = 0
    run: int = 0


@command(main, "events", json=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens.")
@click.option(
    "--after", type=click.IntRange(min=0), default=0, show_default=True, help="Only those after this seq."
)
@click.option("--run", type=click.IntRange(min=1), metavar="RUN", help="Only what happened in that run.")
def show_events(context: Context, follow: bool, after: int, run: int | None) -> None:
    """Print the run log's events as JSON lines.

    \b
    Examples:
      stoker events | tail -n 3
      stoker events --follow --after 1200 | jq --unbuffered .type
      stoker events --run 12 | jq -r '[.at, .type, .node] | @tsv'

    See also: stoker show.
    """
    if run is not None:
        for part in context.client.run_events(run, after):
            after = part.seq
            for item in part.items:
                click.echo(bytes(item))
        if not follow:
            return
    last = context.client.position()
    if not follow and after == last:
        return
    for line in context.client.events(after):
        about = msgspec.json.decode(line, type=_Line)
        if about.seq and run in (None, about.run):
            click.echo(line)
        if not follow and about.seq >= last:
            return
