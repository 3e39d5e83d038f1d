"""Commands about the daemon itself: its status, its events."""

from __future__ import annotations

import sys
from typing import NoReturn

import click
import msgspec

from stoker_shared.api import DEFAULT_WORKSPACE, Status
from stoker_shared.roles import PersonView
from stoker_shared.text import clean_line
from stoker_tui.cli import main
from stoker_tui.cli.checking import Level, full_in_words, verdict
from stoker_tui.cli.common import UNREACHABLE, Context, command, give_up
from stoker_tui.cli.tables import byte_size, moment, print_json, span
from stoker_tui.client import Client, NotStoker, Refused, Unreachable

CHECK_SECONDS = 5.0
"""How long a monitoring check waits: less than its own monitor waits for it."""


@command(main, "status")
@click.option("--check", is_flag=True, help="For monitoring: one line, and how it stands as exit status.")
def show_status(context: Context, check: bool) -> None:
    """Show the daemon at a glance.

    With --check it is what Nagios and its like call. Critical: no daemon answers, or changes are refused
    since the disk is full or fails. A warning: little space is left or is left for less than a day, people
    can't be told, notifications were given up, groups of [access] are not found, or the daemon is draining.
    With --json the status is printed in place of the line.

    \b
    Examples:
      stoker status
      stoker status --json | jq .active_runs
      stoker status --check

    \b
    Exit status: as of any command; with --check 0 all is well; 1 a warning; 2 critical; 3 it can't be told.

    See also: stoker runs, stokerd check.
    """
    if check:
        _check(context)
    status = context.client.status()
    if context.as_json:
        print_json([status])
        return
    daemon = clean_line(f"stokerd {status.version} on {status.host}")
    click.echo(f"{daemon}, pid {status.pid}, up {span(status.started_at)}")
    if status.held:
        click.echo(f"held       {clean_line(status.held)}")
    if drained := status.draining:
        click.echo(f"draining   no node is started since {moment(drained.at)} ({clean_line(drained.by)})")
    click.echo(f"socket     {context.client.path}")
    click.echo(f"data       {clean_line(status.data)}{_space(status)}")
    if status.access_trouble:
        click.echo(f"access     {clean_line(status.access_trouble)}")
    click.echo(f"time zone  {status.time_zone}, started {moment(status.started_at)}")
    click.echo(f"defined    {status.workflows} workflows, {status.jobs} jobs")
    click.echo(f"active     {status.active_runs} runs, {status.active_nodes} nodes")
    if notify := _notifying(status):
        click.echo(f"notify     {clean_line(notify)}")
    for count, run in enumerate(status.next_runs):
        place = "" if run.workspace == DEFAULT_WORKSPACE else f"  in {run.workspace}"
        click.echo(f"{'' if count else 'next':<11}{moment(run.at)}  {clean_line(run.workflow + place)}")


def _check(context: Context) -> NoReturn:
    try:
        status = Client(context.client.path, patience=CHECK_SECONDS).status()
        level, why = verdict(status)
    except Unreachable as error:
        status, level, why = None, Level.CRITICAL, str(error)
    except (NotStoker, Refused) as error:
        status, level, why = None, Level.UNKNOWN, clean_line(str(error))
    if context.as_json and status:
        print_json([status])
    else:
        click.echo(f"STOKER {level.name}: {why}", err=context.as_json)
    sys.exit(level)


@command(main, "whoami")
def show_whoami(context: Context) -> None:
    """Show who you are to the daemon, your roles, and their groups.

    A viewer sees; an operator also starts, stops, reruns, backfills and switches schedules; an editor also
    changes and publishes jobs, workflows and variables; an admin also queues and workspaces.

    \b
    Examples:
      stoker whoami
      stoker whoami --json | jq -r .role

    See also: stoker status.
    """
    you = context.client.status().you or PersonView("unknown")
    if context.as_json:
        print_json([you])
        return
    click.echo(clean_line(you.user))
    roles = [(you.role, "", you.by)]
    roles += [(view.role, f"in workspace {view.workspace}, ", view.by) for view in you.workspaces]
    for role, place, by in roles:
        if role:
            click.echo(f"{role.value:<11}{clean_line(place)}by {clean_line(by)}")
        elif place:
            click.echo(f"{'no role':<11}{clean_line(place.removesuffix(', '))}")
    for queue in you.closed_queues:
        click.echo(f"{'no runs':<11}on queue {clean_line(queue)}")


def _notifying(status: Status) -> str:
    """Say what of notifications waits or went wrong."""
    waiting = f"{status.pending_notifications:,} to be sent" if status.pending_notifications else ""
    lost = f"{status.lost_notifications:,} given up" if status.lost_notifications else ""
    told = ", ".join(filter(None, [waiting, lost])) + " (stoker notify list)" if waiting or lost else ""
    return "; ".join(filter(None, [told, status.notify_trouble]))


def _space(status: Status) -> str:
    """Say what is free on the disk with the data, and that it is little where it is."""
    if not (space := status.space):
        return ""
    warning = (
        f": LOW, below {byte_size(space.low_below)}; make room, or see stoker prune" if space.low else ""
    )
    full = "" if space.full_in is None else f"; {full_in_words(space.full_in)}"
    return f", {byte_size(space.free)} of {byte_size(space.total)} free{warning}{full}"


class _Line(msgspec.Struct):
    """A line of the event stream; a heartbeat has no ``seq``."""

    seq: int = 0
    run: int = 0


@command(main, "events", json=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens.")
@click.option(
    "--after", type=click.IntRange(min=0), help="Only those after this seq  [default: all that are kept]."
)
@click.option("--run", type=click.IntRange(min=1), metavar="RUN", help="Only what happened in that run.")
def show_events(context: Context, follow: bool, after: int | None, run: int | None) -> None:
    """Print the run log's events as JSON lines.

    \b
    Examples:
      stoker events | tail -n 3
      stoker events --follow --after 1200 | jq --unbuffered .type
      stoker events --run 12 | jq -r '[.at, .type, .node] | @tsv'

    See also: stoker show.
    """
    if run is not None:
        for part in context.client.run_events(run, after or 0):
            after = part.seq
            for item in part.items:
                click.echo(bytes(item))
        if not follow:
            return
    last = context.client.position()
    if not follow and after == last:
        return
    seen = after or 0
    for line in context.client.events(after):
        about = msgspec.json.decode(line, type=_Line)
        seen = about.seq or seen
        if about.seq and run in (None, about.run):
            click.echo(line)
        if not follow and about.seq >= last:
            return
    context.client.position()  # says so where the daemon is gone, or who asks has no role any more
    give_up(f"the daemon ended it, as when it is restarted; go on with --after {seen}", UNREACHABLE)
