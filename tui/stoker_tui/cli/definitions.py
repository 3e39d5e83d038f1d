"""Commands on jobs."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import click

from stoker_shared import api
from stoker_tui.cli import completing, main
from stoker_tui.cli.common import USAGE, Context, command, give_up
from stoker_tui.cli.files import BadFile, config_of
from stoker_tui.cli.tables import Column, moment, print_json, print_table


@main.group()
def job() -> None:
    """Source files: publish, list, show.

    A job is a source file at a version. What runs is what was published, whoever edits the file later.

    \b
    Examples:
      stoker job publish etl/ingest.py
      stoker job list

    See also: stoker apply, stoker workflow.
    """


@command(job, "publish")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--as", "published_path", help="Path to publish it under [default: PATH, if relative].")
@click.option("-m", "--remarks", default="", help="What is new.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Default configuration.")
def publish_job(
    context: Context, path: Path, published_path: str | None, remarks: str, settings: tuple[str, ...]
) -> None:
    """Publish a source file (.py, .sql, .jar, .sh) as a job's next version.

    What runs is what was published, whoever edits the file later. Configuration: driver_memory=2g,
    main_class=..., conf.spark.sql.shuffle.partitions=8, env.NAME=value, timeout=3600.

    \b
    Examples:
      stoker job publish etl/ingest.py -m 'first cut'
      stoker job publish build/etl.jar --as etl/sums.jar --set main_class=com.example.Sums

    See also: stoker job list, stoker apply.
    """
    if published_path is None and (path.is_absolute() or ".." in path.parts):
        give_up(f"{path} is not below this directory; say with --as what to publish it as", USAGE)
    try:
        config = config_of(list(settings))
    except BadFile as error:
        give_up(str(error), USAGE)
    request = api.PublishJob(digest=context.client.send(path), config=config, remarks=remarks)
    published = context.client.publish_job(published_path or str(PurePosixPath(path)), request)
    if context.as_json:
        print_json([published])
    else:
        click.echo(f"{published.path} version {published.version} ({published.type.value})")


@command(job, "list")
def list_jobs(context: Context) -> None:
    """List the jobs, each at its latest version.

    \b
    Examples:
      stoker job list
      stoker job list --json | jq -r .path

    See also: stoker job show.
    """
    _print_versions(context, list(context.client.jobs()))


@command(job, "show")
@click.argument("path", shell_complete=completing.jobs)
def show_job(context: Context, path: str) -> None:
    """Show a job's versions, newest first.

    \b
    Example:
      stoker job show etl/ingest.py

    See also: stoker job list.
    """
    _print_versions(context, list(context.client.job_versions(path))[::-1])


def _print_versions(context: Context, versions: list[api.JobVersionView]) -> None:
    if context.as_json:
        print_json(versions)
        return
    print_table(
        [
            Column("PATH", text=True),
            Column("TYPE"),
            Column("VERSION", right=True),
            Column("SIZE", right=True, spare=2),
            Column("PUBLISHED", spare=1),
            Column("BY", spare=3),
            Column("REMARKS", text=True),
        ],
        [
            [
                version.path,
                version.type.value,
                str(version.version),
                f"{version.size:,}",
                moment(version.published_at),
                version.by,
                version.remarks or "-",
            ]
            for version in versions
        ],
    )
