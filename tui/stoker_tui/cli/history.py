"""The list of runs: filtered, sorted, counted."""

from __future__ import annotations

import click
import msgspec

from stoker_shared import api
from stoker_shared.events import Trigger
from stoker_shared.model import RunState
from stoker_tui.cli import completing, main
from stoker_tui.cli.common import Context, backfill_number, command
from stoker_tui.cli.tables import Column, moment, print_json, print_table, span
from stoker_tui.theme import marked, trigger_word, version_word


@command(main, "runs")
@click.argument("workflow", required=False, shell_complete=completing.workflows)
@click.option("--status", type=click.Choice([state.value for state in RunState]), help="Only these.")
@click.option("--trigger", type=click.Choice([trigger.value for trigger in Trigger]), help="Made by that.")
@click.option("--backfill", metavar="BACKFILL", shell_complete=completing.backfills, help="Made by that one.")
@click.option("--since", metavar="TIME", help="Started then or later: 2026-11-21, 2026-11-21T01:00, 2h, 3d.")
@click.option("--until", metavar="TIME", help="Started then or earlier; a date is its whole day.")
@click.option("--cycle", metavar="A..B", help="With that cycle time: 2026-11-01..2026-11-21, or one date.")
@click.option("--user", metavar="NAME", help="Started by that user.")
@click.option("--tag", metavar="NAME=VALUE", help="With that tag.")
@click.option(
    "--sort",
    type=click.Choice([order.value for order in api.RunOrder]),
    help="Greatest first [default: newest; with --since or --until started, with --cycle cycle].",
)
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many."
)
@click.option("--count", is_flag=True, help="Only say how many there are, by status.")
def list_runs(
    context: Context,
    workflow: str | None,
    status: str | None,
    trigger: str | None,
    backfill: str | None,
    since: str | None,
    until: str | None,
    cycle: str | None,
    user: str | None,
    tag: str | None,
    sort: str | None,
    limit: int,
    count: bool,
) -> None:
    """List runs, newest first.

    \b
    Examples:
      stoker runs
      stoker runs sales --status failed -n 5
      stoker runs --since 2h --sort duration
      stoker runs sales --cycle 2026-11-01..2026-11-21 --count
      stoker runs --backfill B12 --status failed
      stoker runs --json | jq .id

    See also: stoker show, stoker workflow list.
    """
    asked = {
        "workflow": workflow,
        "state": status,
        "trigger": trigger,
        "backfill": backfill and backfill_number(backfill),
        "since": since,
        "until": until,
        "cycle": cycle,
        "user": user,
        "tag": tag,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if count:
        _print_counts(context, context.client.count_runs(msgspec.convert(given, api.RunsFilter)))
        return
    query = msgspec.convert(given | ({"sort": sort} if sort else {}), api.RunsQuery)
    rows = context.client.runs(query, limit)
    if context.as_json:
        print_json(rows)
    else:
        _print_rows(list(rows))


def _print_rows(rows: list[api.RunRow]) -> None:
    print_table(
        [
            Column("RUN", right=True),
            Column("WORKFLOW", text=True),
            Column("STATUS"),
            Column("CYCLE"),
            Column("TRIGGER", spare=2),
            Column("BY", spare=3),
            Column("STARTED"),
            Column("TOOK", right=True),
            Column("FAILED", text=True, spare=1),
        ],
        [
            [
                f"#{row.id}",
                f"{row.name} {version_word(row)}",
                marked(row.state),
                moment(row.cycle, row.time_zone),
                trigger_word(row),
                row.by,
                moment(row.started_at),
                span(row.started_at, row.ended_at),
                row.failed_node,
            ]
            for row in rows
        ],
    )


def _print_counts(context: Context, counts: api.RunCounts) -> None:
    if context.as_json:
        print_json([counts])
        return
    rows = [[marked(state), f"{count:,}"] for state, count in counts.states.items()]
    print_table([Column("STATUS"), Column("RUNS", right=True)], [*rows, ["all", f"{counts.total:,}"]])
