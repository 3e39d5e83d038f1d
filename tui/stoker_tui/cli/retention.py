"""The command that lets go of what is not kept."""

from __future__ import annotations

import click

from stoker_shared.api import WentAway
from stoker_tui.cli import main
from stoker_tui.cli.common import Context, command
from stoker_tui.cli.tables import byte_size, print_json


@command(main, "prune")
@click.option("--dry-run", is_flag=True, help="Tell what would go, and change nothing.")
def prune(context: Context, dry_run: bool) -> None:
    """Let go of what is kept no longer, or tell what would go: finished runs, output, log.

    The daemon does it by itself every hour. What is kept is set in its configuration (keep_days and what
    follows it; `stokerd config` tells) and, for one workflow, by `keep` in its file. What is active stays.

    \b
    Examples:
      stoker prune --dry-run
      stoker prune

    See also: stoker status.
    """
    went = context.client.prune(dry_run=dry_run)
    if context.as_json:
        print_json([went])
        return
    for line in _told(went):
        click.echo(line)
    if dry_run:
        click.echo("nothing was changed")


def _told(went: WentAway) -> list[str]:
    return [
        f"runs          {went.runs:>9,}",
        f"only output   {went.outputs:>9,}",
        f"output        {byte_size(went.output_bytes):>9}",
        f"objects       {went.objects:>9,}  {byte_size(went.object_bytes)}",
        f"log segments  {went.segments:>9,}  {byte_size(went.log_bytes)}",
    ]
