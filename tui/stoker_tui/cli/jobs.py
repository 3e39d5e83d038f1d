"""Commands on jobs: published source files and what they are run with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import click
import msgspec

from stoker_shared import api
from stoker_shared.api import AttachedFile, AttachmentKind
from stoker_shared.events import Attachment
from stoker_shared.model import JobConfig
from stoker_shared.text import clean, clean_block
from stoker_tui.cli import completing, main
from stoker_tui.cli.common import USAGE, Context, command, give_up
from stoker_tui.cli.files import BadFile, config_of, without
from stoker_tui.cli.tables import Column, moment, print_json
from stoker_tui.client import Client, Refused

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@main.group()
def job() -> None:
    """Source files: publish, list, show, compare, configure.

    A job is a source file with a default configuration, at a version. What runs is what was published,
    whoever edits the file later.

    \b
    Examples:
      stoker job publish etl/ingest.py
      stoker job list

    See also: stoker apply, stoker workflow.
    """


@command(job, "publish")
@click.argument("path", type=_FILE)
@click.option("--as", "published_path", help="Path to publish it under [default: PATH, if relative].")
@click.option("-m", "--remarks", default="", help="What is new.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Default configuration.")
@click.option("--files", multiple=True, metavar="FILE", help="File to lie in the working directory.")
@click.option("--py-files", multiple=True, metavar="FILE", help="Python module, or .zip of them.")
@click.option("--jars", multiple=True, metavar="FILE", help="JAR for the class path.")
@click.option("--archives", multiple=True, metavar="FILE[#ALIAS]", help="Archive to be unpacked.")
@click.option("--no-attachments", is_flag=True, help="Attach none of the files of the version before.")
def publish_job(
    context: Context,
    path: Path,
    published_path: str | None,
    remarks: str,
    settings: tuple[str, ...],
    no_attachments: bool,
    **attached: tuple[str, ...],
) -> None:
    """Publish a source file as a job's next version.

    Its ending tells its type: .py, .sql, .jar, .ipynb (a notebook's code cells in order, as PySpark), .sh,
    .submit (arguments of spark-submit). What runs is what was published, whoever edits the file later.

    A changed draft, else the version before, hands on its configuration, over which --set lies, and its
    attached files, unless any are named. Configuration: driver_memory=2g, main_class=...,
    conf.spark.sql.shuffle.partitions=8, env.NAME=value, timeout=3600, args='--date ${ds}'.

    \b
    Examples:
      stoker job publish etl/ingest.py -m 'first cut'
      stoker job publish etl/ingest.py --py-files lib/dates.py --files conf/airports.csv
      stoker job publish build/etl.jar --as etl/sums.jar --set main_class=com.example.Sums

    See also: stoker job config, stoker job diff, stoker apply.
    """
    if published_path is None and (path.is_absolute() or ".." in path.parts):
        give_up(f"{path} is not below this directory; say with --as what to publish it as", USAGE)
    if no_attachments and any(attached.values()):
        give_up("--no-attachments is for none; name files, or leave them out", USAGE)
    changes = _config_of(settings)
    published_path = published_path or str(PurePosixPath(path))
    client = context.client
    view = _job_if_any(client, published_path)
    draft = view.draft if view and view.has_changes else None
    before = draft or (view and view.latest)
    beneath = before.config if before else JobConfig()
    digest = client.send(path)
    request = api.PublishJob(
        digest=digest,
        # What stays unset is that of the version before, whichever that is then.
        config=beneath.overlaid(changes) if settings or draft else None,
        attachments=again(draft.attachments) if draft else None,
        remarks=remarks,
    )
    if any(attached.values()) or no_attachments:
        request = msgspec.structs.replace(request, attachments=_sent(client, attached))
    if draft:
        # On the draft that was read: what somebody else saves meanwhile is not passed over.
        saved = api.SaveJob(
            digest=digest, config=request.config or JobConfig(), attachments=request.attachments or ()
        )
        client.save_job(published_path, saved, draft.revision)
    _print_published(context, client.publish_job(published_path, request))


@command(job, "list")
def list_jobs(context: Context) -> None:
    """List the jobs.

    \b
    Examples:
      stoker job list
      stoker job list --json | jq -r .path

    See also: stoker job show.
    """
    views = list(context.client.jobs())
    context.tell_all(
        views,
        [
            Column("PATH", text=True),
            Column("TYPE"),
            Column("VERSION", right=True),
            Column("DRAFT"),
            Column("SIZE", right=True, spare=2),
            Column("SAVED", spare=1),
            Column("BY", spare=3),
            Column("REMARKS", text=True),
        ],
        lambda view: [
            view.path,
            view.type.value,
            str(view.version or "-"),
            "changed" if view.has_changes else "-",
            f"{view.draft.size:,}",
            moment(view.draft.saved_at),
            view.draft.by,
            (view.latest and view.latest.remarks) or "-",
        ],
    )


@command(job, "show")
@click.argument("path", shell_complete=completing.jobs)
def show_job(context: Context, path: str) -> None:
    """Show a job: its latest version, with configuration and attached files, and whether its draft differs.

    \b
    Example:
      stoker job show etl/ingest.py

    See also: stoker job versions, stoker job diff.
    """
    view = context.client.job(path)
    if context.as_json:
        print_json([view])
        return
    shown = view.latest or view.draft
    if view.latest:
        what = f"version {view.version}, {moment(view.latest.published_at)} by {clean(view.latest.by)}"
        click.echo(f"{view.path}  {view.type.value}, {what}")
        if view.latest.remarks:
            click.echo(clean(view.latest.remarks))
    else:
        click.echo(f"{view.path}  {view.type.value}, not published")
    if view.has_changes:
        draft = view.draft
        saved = f"draft {draft.revision}, saved {moment(draft.saved_at)} by {clean(draft.by)}"
        told = f"differs; see it with `stoker job diff {view.path}`" if view.latest else "is shown here"
        click.echo(f"{saved}, {told}")
    click.echo("")
    click.echo(f"sha256  {shown.digest}  {shown.size:,} bytes")
    for attached in shown.attachments:
        click.echo(f"{_option(attached)} {clean(attached.name)}  {attached.size:,} bytes")
    _print_config(shown.config)


@command(job, "versions")
@click.argument("path", shell_complete=completing.jobs)
def list_versions(context: Context, path: str) -> None:
    """List a job's versions, newest first.

    \b
    Example:
      stoker job versions etl/ingest.py

    See also: stoker job diff, stoker job rollback.
    """
    versions = list(context.client.job_versions(path))[::-1]
    context.tell_all(
        versions,
        [
            Column("VERSION", right=True),
            Column("PUBLISHED"),
            Column("BY", spare=1),
            Column("SIZE", right=True, spare=2),
            Column("SHA256", spare=3),
            Column("REMARKS", text=True),
        ],
        lambda version: [
            str(version.version),
            moment(version.published_at),
            version.by,
            f"{version.size:,}",
            version.digest[:12],
            version.remarks or "-",
        ],
    )


@command(job, "diff")
@click.argument("path", shell_complete=completing.jobs)
@click.option("--from", "before", metavar="VERSION", help="What to compare [default: the latest version].")
@click.option("--to", "after", metavar="VERSION", help="With what [default: draft].")
def diff_job(context: Context, path: str, before: str | None, after: str | None) -> None:
    """Show how two versions of a job, or a version and the draft, differ: source, files, configuration.

    \b
    Examples:
      stoker job diff etl/ingest.py
      stoker job diff etl/ingest.py --from 1 --to 2

    See also: stoker job versions, stoker job rollback.
    """
    found = context.client.job_diff(path, before, after)
    if context.as_json:
        print_json([found])
        return
    if found.content:
        _print_content(found.content)
    for change in found.attachments:
        _print_change(clean(change.name), _digest(change.before), _digest(change.after))
    for change in found.config:
        _print_change(clean(change.field), change.before, change.after)


@command(job, "rollback")
@click.argument("path", shell_complete=completing.jobs)
@click.argument("version", type=click.IntRange(1))
@click.option("-m", "--remarks", default="", help="Why.")
def roll_back_job(context: Context, path: str, version: int, remarks: str) -> None:
    """Publish an earlier version of a job again: its source, files and configuration.

    \b
    Example:
      stoker job rollback etl/ingest.py 1 -m 'the new one loses rows'

    See also: stoker job versions, stoker job diff.
    """
    request = api.RollBackJob(version=version, remarks=remarks)
    _print_published(context, context.client.roll_back_job(path, request))


@command(job, "config")
@click.argument("path", shell_complete=completing.jobs)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set this.")
@click.option("--unset", "unset", multiple=True, metavar="KEY", help="Set it no more.")
@click.option("--publish", is_flag=True, help="Publish the draft as well.")
@click.option("-m", "--remarks", default="", help="What is new.")
def configure_job(
    context: Context,
    path: str,
    settings: tuple[str, ...],
    unset: tuple[str, ...],
    publish: bool,
    remarks: str,
) -> None:
    """Show or change the default configuration in a job's draft.

    Names: args, main_class, driver_cores, driver_memory, executor_cores, executor_memory,
    executor_instances, dynamic_allocation, min_executors, max_executors, memory_overhead, log_level,
    conf.PROPERTY, env.NAME, timeout.

    \b
    Examples:
      stoker job config etl/ingest.py
      stoker job config etl/ingest.py --set driver_memory=4g --set 'args=--date ${ds}' --publish
      stoker job config etl/ingest.py --unset conf.spark.sql.shuffle.partitions

    See also: stoker job show, stoker job diff.
    """
    changes = _config_of(settings)
    view = context.client.job(path)
    if settings or unset:
        try:
            config = without(view.draft.config, unset).overlaid(changes)
        except BadFile as error:
            give_up(str(error), USAGE)
        draft = view.draft
        request = api.SaveJob(digest=draft.digest, config=config, attachments=again(draft.attachments))
        view = context.client.save_job(path, request, draft.revision)
    if publish:
        draft = view.draft
        # By its content, not as the draft there is then: nobody publishes what somebody else saves meanwhile.
        request = api.PublishJob(
            digest=draft.digest,
            config=draft.config,
            attachments=again(draft.attachments),
            remarks=remarks,
        )
        _print_published(context, context.client.publish_job(path, request))
    elif context.as_json:
        print_json([view])
    else:
        _print_config(view.draft.config)


@command(job, "delete")
@click.argument("path", shell_complete=completing.jobs)
def delete_job(context: Context, path: str) -> None:
    """Delete a job that no workflow uses.

    Runs that were made of it keep what they use.

    \b
    Example:
      stoker job delete etl/old.py

    See also: stoker job list.
    """
    deleted = context.client.delete_job(path)
    context.tell(deleted, f"{deleted.path} deleted")


def _config_of(settings: tuple[str, ...]) -> JobConfig:
    try:
        return config_of(list(settings))
    except BadFile as error:
        give_up(str(error), USAGE)


def _job_if_any(client: Client, path: str) -> api.JobView | None:
    try:
        return client.job(path)
    except Refused as refused:
        if refused.problem.type != "not-found":
            raise
        return None


def _sent(client: Client, named: dict[str, tuple[str, ...]]) -> tuple[AttachedFile, ...]:
    """Send the files that options name, and give what to call them."""
    found: list[tuple[AttachmentKind, str, Path]] = []
    for kind in AttachmentKind:
        for given in named[kind.value]:
            file, mark, alias = given.partition("#") if kind is AttachmentKind.ARCHIVES else (given, "", "")
            if not Path(file).is_file():
                give_up(f"--{kind.value.replace('_', '-')} {file}: there is no such file", USAGE)
            found.append((kind, Path(file).name + mark + alias, Path(file)))
    return tuple(AttachedFile(kind=kind, name=name, digest=client.send(file)) for kind, name, file in found)


def again(attachments: Sequence[Attachment]) -> tuple[AttachedFile, ...]:
    """Give files that are attached already as what to attach."""
    return tuple(
        AttachedFile(kind=AttachmentKind(each.kind), name=each.name, digest=each.digest)
        for each in attachments
    )


def _print_published(context: Context, published: api.JobVersionView) -> None:
    if context.as_json:
        print_json([published])
        return
    click.echo(f"{published.path} version {published.version} ({published.type.value})")
    for attached in published.attachments:
        click.echo(f"  {_option(attached)} {clean(attached.name)}")


def _print_config(config: JobConfig) -> None:
    for name, value in config.settings().items():
        click.echo(f"{clean(name)}={clean(value)}")


def _print_content(content: api.ContentDiff) -> None:
    if content.text is None:
        before, after = content.before, content.after
        click.echo(f"source  {before.digest[:12]}, {before.size:,} bytes")
        click.echo(f"     -> {after.digest[:12]}, {after.size:,} bytes")
        return
    click.echo(clean_block(content.text), nl=False)
    if content.cut:
        click.echo(f"({content.cut:,} more lines)")


def _print_change(name: str, before: str | None, after: str | None) -> None:
    if before is not None:
        click.echo(f"-{name}={clean(before)}")
    if after is not None:
        click.echo(f"+{name}={clean(after)}")


def _digest(attached: Attachment | None) -> str | None:
    return attached and f"{_option(attached)} {attached.digest[:12]}, {attached.size:,} bytes"


def _option(attached: Attachment) -> str:
    return f"--{attached.kind.replace('_', '-')}"
