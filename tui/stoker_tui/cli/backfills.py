"""Commands on backfills."""

from __future__ import annotations

import sys

import click
import msgspec

from stoker_shared import api
from stoker_shared.api.backfills import BackfillsQuery, BackfillView, CreateBackfill
from stoker_shared.model import BackfillOrder, BackfillState, Intervals
from stoker_tui.cli import completing, main
from stoker_tui.cli.backfill_views import (
    follow_backfill,
    print_backfill,
    print_failed_runs,
    print_preview,
    progress,
    wait_for_backfill,
)
from stoker_tui.cli.common import DID_NOT_SUCCEED, Context, backfill_number, command, pairs
from stoker_tui.cli.follow import leaving_it_running
from stoker_tui.cli.tables import Column, duration, moment, print_json
from stoker_tui.theme import marked

_NUMBER = click.argument("backfill", metavar="BACKFILL", shell_complete=completing.backfills)
_QUEUE_HELP = "In place of the workflow's; nodes with a queue of their own keep it."


@main.group()
def backfill() -> None:
    """Runs for the intervals of a range: create, list, show, pause, cancel.

    A backfill makes a run of a workflow for each interval whose cycle time is in the range. It goes on over
    restarts and logging out, and scheduled runs go before its own in every queue.

    \b
    Examples:
      stoker backfill create sales --from 2026-10-01 --to 2026-10-31 --only missing --preview
      stoker backfill create sales --from 2026-10-01 --to 2026-10-31 --only missing --follow
      stoker backfill show B12

    BACKFILL is a backfill's number, as B12 or 12. See also: stoker runs --backfill, stoker workflow next.
    """


@command(backfill, "create")
@click.argument("workflow", shell_complete=completing.workflows)
@click.option(
    "--from", "first", required=True, metavar="TIME", help="First cycle: 2026-10-01, 2026-10-01T06:00."
)
@click.option("--to", "last", required=True, metavar="TIME", help="Last cycle, itself included.")
@click.option(
    "--only",
    type=click.Choice([each.value for each in Intervals]),
    default="all",
    show_default=True,
    help="missing: none succeeded or is active; failed: the latest run failed or was stopped.",
)
@click.option("--every", default="", metavar="LENGTH", help="Without a schedule: 15m, 6h, 1d, 1w, 1M.")
@click.option(
    "--order",
    type=click.Choice([each.value for each in BackfillOrder]),
    default="oldest",
    show_default=True,
    help="Which interval comes first.",
)
@click.option("--parallel", type=int, default=1, show_default=True, metavar="N", help="Runs active at once.")
@click.option(
    "--stop-after", type=int, default=0, metavar="N", help="Pause after N failed runs [default: never]."
)
@click.option("--queue", default="", metavar="QUEUE", shell_complete=completing.queues, help=_QUEUE_HELP)
@click.option("--version", type=int, help="A published version [default: the latest, when a run is made].")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="A variable for its runs.")
@click.option("-m", "--remarks", default="", help="Why.")
@click.option("--notify", multiple=True, metavar="ADDRESS", help="Who is told if it fails.")
@click.option("--preview", is_flag=True, help="Make nothing: show each interval and what would be made.")
@click.option("--wait", is_flag=True, help="Wait for its end; exit status 1 if it did not succeed.")
@click.option("-f", "--follow", is_flag=True, help="Wait, and show its progress.")
def create_backfill(
    context: Context,
    workflow: str,
    first: str,
    last: str,
    only: str,
    every: str,
    order: str,
    parallel: int,
    stop_after: int,
    queue: str,
    version: int | None,
    variables: tuple[str, ...],
    remarks: str,
    notify: tuple[str, ...],
    preview: bool,
    wait: bool,
    follow: bool,
) -> None:
    """Make a run for each interval of a range.

    Those are meant whose cycle time is in the range, both its ends included. A date is its whole day, in the
    zone of the workflow's schedule. Intervals that are still to end wait until they do. Prints the
    backfill's number at once. Waiting ends when it pauses after failed runs, too. Ctrl-C while waiting
    leaves it running.

    \b
    Examples:
      stoker backfill create sales --from 2026-10-01 --to 2026-10-31
      stoker backfill create sales --from 2026-10-01 --to 2026-10-31 --only missing --parallel 4 --follow
      stoker backfill create sales --from 2026-10-01 --to 2026-10-31 --only failed --preview
      stoker backfill create adhoc --from 2026-10-01 --to 2026-10-07 --every 1d --order newest

    See also: stoker backfill show, stoker runs --backfill, stoker workflow next.
    """
    request = CreateBackfill(
        workflow=workflow,
        first=first,
        last=last,
        intervals=Intervals(only),
        every=every,
        order=BackfillOrder(order),
        parallel=parallel,
        stop_after=stop_after,
        queue=queue,
        version=version,
        variables=pairs("--var", variables),
        remarks=remarks,
        notify=notify,
    )
    if preview:
        found = context.client.preview_backfill(request, api.MAX_PAGE)
        print_json([found]) if context.as_json else print_preview(found)
        return
    made = context.client.create_backfill(request)
    if wait or follow:
        _wait(context, made.id, follow)
    else:
        context.tell(made, f"B{made.id}")


@command(backfill, "list")
@click.argument("workflow", required=False, shell_complete=completing.workflows)
@click.option("--state", type=click.Choice([state.value for state in BackfillState]), help="Only these.")
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many."
)
def list_backfills(context: Context, workflow: str | None, state: str | None, limit: int) -> None:
    """List backfills, newest first.

    \b
    Examples:
      stoker backfill list
      stoker backfill list sales --state running
      stoker backfill list --json | jq .id

    See also: stoker backfill show.
    """
    asked = {"workflow": workflow, "state": state}
    given = {name: value for name, value in asked.items() if value is not None}
    views = context.client.backfills(msgspec.convert(given, BackfillsQuery), limit)
    context.tell_all(
        views,
        [
            Column("BACKFILL", right=True),
            Column("WORKFLOW", text=True),
            Column("STATUS"),
            Column("FROM"),
            Column("TO"),
            Column("DONE", right=True),
            Column("FAILED", right=True),
            Column("ACTIVE", right=True),
            Column("LEFT", right=True, spare=1),
            Column("BY", spare=3),
            Column("MADE", spare=2),
        ],
        lambda view: [
            f"B{view.id}",
            view.workflow,
            marked(view.state),
            moment(view.first, view.time_zone),
            moment(view.last, view.time_zone),
            f"{view.seen - len(view.active)}/{view.total}",
            str(view.failed),
            str(len(view.active)),
            duration(view.seconds_left),
            view.by,
            moment(view.created_at),
        ],
    )


@command(backfill, "show")
@_NUMBER
def show_backfill(context: Context, backfill: str) -> None:
    """Show a backfill: how far it is, which runs failed.

    \b
    Examples:
      stoker backfill show B12
      stoker backfill show B12 --json | jq .seconds_left

    See also: stoker backfill list, stoker runs --backfill.
    """
    view = context.client.backfill(backfill_number(backfill))
    if context.as_json:
        print_json([view])
    else:
        print_backfill(view)
        print_failed_runs(context.client, view)


@command(backfill, "pause")
@_NUMBER
def pause(context: Context, backfill: str) -> None:
    """Pause a backfill: it makes no more runs for now.

    What runs of it goes on.

    \b
    Examples:
      stoker backfill pause B12

    See also: stoker backfill resume, stoker backfill cancel.
    """
    view = context.client.pause_backfill(backfill_number(backfill))
    context.tell(view, f"paused B{view.id}{_going_on(view)}")


@command(backfill, "resume")
@_NUMBER
def resume(context: Context, backfill: str) -> None:
    """Let a paused backfill go on.

    The runs that failed stay so: retry makes others in their place.

    \b
    Examples:
      stoker backfill resume B12

    See also: stoker backfill retry, stoker backfill show.
    """
    view = context.client.resume_backfill(backfill_number(backfill))
    context.tell(view, f"resumed B{view.id}")


@command(backfill, "cancel")
@_NUMBER
@click.option("--running", is_flag=True, help="Stop what runs of it, too.")
def cancel(context: Context, backfill: str, running: bool) -> None:
    """End a backfill: it makes no more runs.

    Its runs that wait are stopped; what runs goes on, without --running.

    \b
    Examples:
      stoker backfill cancel B12
      stoker backfill cancel B12 --running

    See also: stoker backfill pause.
    """
    view = context.client.cancel_backfill(backfill_number(backfill), running=running)
    context.tell(view, f"cancelled B{view.id}{'' if running else _going_on(view)}")


@command(backfill, "retry")
@_NUMBER
def retry(context: Context, backfill: str) -> None:
    """Make another run in place of each that failed.

    Those that were stopped are meant, too. Then it goes on with what it has not come to.

    \b
    Examples:
      stoker backfill retry B12

    See also: stoker backfill show, stoker rerun.
    """
    view = context.client.retry_backfill(backfill_number(backfill))
    context.tell(view, f"retrying B{view.id}: {view.failed} of its runs failed")


def _wait(context: Context, number: int, follow: bool) -> None:
    name = f"B{number}"
    with leaving_it_running(name, f"stoker backfill show {name}", f"stoker backfill cancel {name}"):
        click.echo(f"backfill {name} is created", err=True)
        wait = follow_backfill if follow else wait_for_backfill
        view = wait(context.client, number)
    context.tell(view, f"{name} {view.state.value}: {progress(view)}")
    print_failed_runs(context.client, view, err=True)
    if view.detail:
        click.echo(f"{view.detail}; go on with `stoker backfill resume {name}`", err=True)
    if view.state is not BackfillState.SUCCEEDED:
        sys.exit(DID_NOT_SUCCEED)


def _going_on(view: BackfillView) -> str:
    runs = ", ".join(f"#{number}" for number in view.active)
    return f"; what runs goes on: {runs}" if runs else ""
