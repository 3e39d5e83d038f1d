"""Commands on workflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import msgspec

from stoker_shared import api
from stoker_shared.model import WorkflowSpec
from stoker_shared.schedules import in_words
from stoker_shared.text import clean, clean_line
from stoker_shared.writing import written
from stoker_tui.cli import completing, main
from stoker_tui.cli.common import REFUSED, USAGE, Context, command, give_up, with_faults
from stoker_tui.cli.differences import print_changes, print_graph
from stoker_tui.cli.schedule_views import print_scheduling
from stoker_tui.cli.tables import Column, moment, print_drawing, print_json, print_table
from stoker_tui.graph.drawing import draw

_REVISION = "draft:"
_ASCII = click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII only.")
_NAME = click.argument("name", shell_complete=completing.workflows)


@main.group()
def workflow() -> None:
    """Workflows: list, show, compare, publish, switch on, rename.

    A workflow is a DAG of jobs, edited as a draft and published as version 1, 2, 3 ... Its schedule starts
    runs while it is on.

    \b
    Examples:
      stoker workflow list
      stoker workflow show sales
      stoker workflow diff sales
      stoker workflow publish sales -m 'another region'
      stoker workflow on sales

    See also: stoker apply, stoker export, stoker run.
    """


@command(workflow, "list")
def list_workflows(context: Context) -> None:
    """List the workflows. Queue, schedule and tags are those of the latest version.

    \b
    Examples:
      stoker workflow list
      stoker workflow list --json | jq -r .name

    See also: stoker workflow show, stoker runs.
    """
    rows = list(context.client.workflows())
    context.tell_all(
        rows,
        [
            Column("NAME", text=True),
            Column("VERSION", right=True),
            Column("DRAFT"),
            Column("QUEUE", spare=4),
            Column("SCHEDULE", text=True),
            Column("SWITCH"),
            Column("NEXT RUN", spare=5),
            Column("TAGS", text=True),
            Column("SAVED", spare=2),
            Column("BY", spare=3),
            Column("LAST RUN", right=True, spare=1),
            Column("ACTIVE RUNS", text=True),
        ],
        lambda row: [
            row.name,
            str(row.version or "-"),
            "changed" if row.has_changes else "-",
            row.queue,
            in_words(row.schedule),
            "on" if row.scheduling else "off",
            moment(row.next_at),
            pairs(row.tags) or "-",
            moment(row.saved_at),
            row.saved_by,
            f"#{row.last_run}" if row.last_run else "-",
            " ".join(f"#{number}" for number in row.active_runs) or "-",
        ],
    )


@command(workflow, "show")
@_NAME
@click.option("--version", type=int, help="A published version [default: the draft].")
@click.option("--revision", type=int, help="A draft that was replaced; the last 20 are kept.")
@click.option("--graph", is_flag=True, help="Only the DAG, drawn.")
@_ASCII
def show_workflow(
    context: Context, name: str, version: int | None, revision: int | None, graph: bool, ascii_only: bool
) -> None:
    """Show a workflow: its fields, its nodes, and the DAG drawn.

    \b
    Examples:
      stoker workflow show sales
      stoker workflow show sales --graph | less -S
      stoker workflow show sales --version 2 --ascii

    See also: stoker workflow versions, stoker workflow diff, stoker export.
    """
    if version is not None and revision is not None:
        give_up("give --version or --revision, not both", USAGE)
    view = context.client.workflow(name, version, revision)
    if context.as_json:
        print_json([view])
        return
    if graph:
        print_drawing(drawn(view.spec, ascii_only))
        return
    what = f"version {version}" if version else f"draft {revision or view.row.revision}"
    click.echo(f"{view.spec.workflow}  {what}, latest version {view.row.version or '-'}")
    if view.spec.description:
        click.echo(clean(view.spec.description))
    click.echo("")
    _print_fields(view.spec)
    if view.spec.schedule or view.row.scheduling:
        print_scheduling(context.client.scheduling(name))
    print_drawing(drawn(view.spec, ascii_only))
    click.echo("")
    print_table(
        [
            Column("NODE", text=True),
            Column("JOB", text=True),
            Column("UPSTREAM", text=True),
            Column("RETRIES", right=True),
            Column("QUEUE", spare=1),
        ],
        [
            [
                node.name,
                node.job,
                ", ".join(node.upstream) or "-",
                str(view.spec.retries if node.retries is None else node.retries),
                node.queue or view.spec.queue,
            ]
            for node in view.spec.nodes
        ],
    )


@command(workflow, "versions")
@_NAME
def list_versions(context: Context, name: str) -> None:
    """List a workflow's versions, newest first: who published each, when, and why.

    \b
    Example:
      stoker workflow versions sales

    See also: stoker workflow diff, stoker workflow rollback.
    """
    context.tell_all(
        list(context.client.workflow_versions(name))[::-1],
        [
            Column("VERSION", right=True),
            Column("PUBLISHED"),
            Column("BY", spare=1),
            Column("REMARKS", text=True),
        ],
        lambda each: [str(each.version), moment(each.at), each.by, each.remarks or "-"],
    )


@command(workflow, "diff")
@_NAME
@click.argument("before", metavar="[FROM]", required=False)
@click.argument("after", metavar="[TO]", default="draft")
@click.option("--graph", is_flag=True, help="Draw both DAGs as one: + new, - gone, ~ changed.")
@_ASCII
def diff_workflow(
    context: Context, name: str, before: str | None, after: str, graph: bool, ascii_only: bool
) -> None:
    """Show what differs between two definitions of a workflow: the latest version and the draft, or others.

    FROM and TO are a version's number, `draft`, or a draft that was replaced, as draft:4.

    \b
    Examples:
      stoker workflow diff sales
      stoker workflow diff sales 2 3 --graph
      stoker workflow diff sales draft:4

    See also: stoker workflow versions, stoker workflow publish.
    """
    found = context.client.diff_workflow(name, before, after)
    if context.as_json:
        print_json([found])
        return
    names = f"{_place(found.before)} -> {_place(found.after)}"
    if not found.difference.changes:
        click.echo(f"{name}: {names}: no difference")
        return
    click.echo(f"{name}: {names}")
    print_changes(found.difference)
    if graph:
        print_graph(found.difference, ascii_only)


@command(workflow, "publish")
@_NAME
@click.option("-m", "--remarks", default="", help="What is new.")
@click.option("--dry-run", is_flag=True, help="Show what it would come to, and change nothing.")
def publish_workflow(context: Context, name: str, remarks: str, dry_run: bool) -> None:
    """Make a workflow's draft its next version, and show what that changes.

    \b
    Examples:
      stoker workflow publish sales --dry-run
      stoker workflow publish sales -m 'another region'

    See also: stoker workflow diff, stoker apply --publish.
    """
    preview = context.client.preview_publishing(name)
    if not context.as_json and preview.version > 1:
        click.echo(f"{name}: {_place(str(preview.version - 1))} -> draft")
        print_changes(preview.difference)
    if not dry_run:
        publish(context, name, remarks)
        return
    if context.as_json:
        print_json([preview])
    elif not preview.errors:
        click.echo(f"{name} would be version {preview.version}")
    _warn(name, preview.warnings)
    if preview.errors:
        give_up(with_faults(f"{name} can't be published", preview.errors), REFUSED)


@command(workflow, "rollback")
@_NAME
@click.argument("version", type=int)
@click.option("-m", "--remarks", default="", help="Why [default: as version VERSION].")
def roll_back_workflow(context: Context, name: str, version: int, remarks: str) -> None:
    """Make what VERSION was the next version, and the draft.

    The draft there was is kept: `stoker workflow show NAME --revision N`.

    \b
    Example:
      stoker workflow rollback sales 2 -m 'the new region is not ready'

    See also: stoker workflow versions.
    """
    _print_version(context, name, context.client.roll_back_workflow(name, version, remarks))


@command(workflow, "clone")
@_NAME
@click.argument("new_name")
def clone_workflow(context: Context, name: str, new_name: str) -> None:
    """Make a new workflow with the draft of this one. It has no versions and no runs.

    \b
    Example:
      stoker workflow clone sales sales_us

    See also: stoker workflow rename, stoker export.
    """
    _print_draft(context, context.client.clone_workflow(name, new_name))


@command(workflow, "rename")
@_NAME
@click.argument("new_name")
def rename_workflow(context: Context, name: str, new_name: str) -> None:
    """Give a workflow another name. Its versions and its history stay with it.

    \b
    Example:
      stoker workflow rename sales daily_sales

    See also: stoker workflow clone.
    """
    _print_draft(context, context.client.rename_workflow(name, new_name))


@command(workflow, "delete")
@_NAME
def delete_workflow(context: Context, name: str) -> None:
    """Delete a workflow that has no active runs. The runs it had stay in the history.

    \b
    Example:
      stoker workflow delete sales

    See also: stoker export.
    """
    deleted = context.client.delete_workflow(name)
    context.tell(deleted, f"{name} is deleted; its runs stay in the history")


def publish(context: Context, name: str, remarks: str) -> None:
    """Publish a workflow's draft, and print which version that made."""
    _print_version(context, name, context.client.publish_workflow(name, remarks))


def drawn(spec: WorkflowSpec, ascii_only: bool = False) -> str:
    """Give the DAG of a definition, drawn."""
    upstream = {node.name: node.upstream for node in spec.nodes}
    return draw({name: name for name in upstream}, upstream, ascii_only=ascii_only)


def pairs(values: Mapping[str, str]) -> str:
    """Give keys and values in one line."""
    return " ".join(f"{key}={value}" for key, value in values.items())


def _print_fields(spec: WorkflowSpec) -> None:
    """Print the fields of the workflow itself that are not as they are by default."""
    shown = msgspec.structs.replace(spec, nodes=(), description="", schedule=None)
    fields = {name: _field(value) for name, value in written(shown).items() if name != "workflow"}
    if spec.schedule:
        fields["schedule"] = in_words(spec.schedule)
    for name, value in fields.items():
        click.echo(f"{name}: {clean(value)}")
    if fields:
        click.echo("")


def _field(value: Any) -> str:
    if isinstance(value, dict):
        return pairs(value)
    return ", ".join(value) if isinstance(value, list) else str(value)


def _print_version(context: Context, name: str, made: api.PublishedVersion) -> None:
    if context.as_json:
        print_json([context.client.workflow(name)])
    else:
        click.echo(f"{name} version {made.version}")
    _warn(name, made.warnings)


def _warn(name: str, warnings: list[str]) -> None:
    for warning in warnings:
        click.echo(f"stoker: warning: {clean_line(f'{name}: {warning}')}", err=True)


def _print_draft(context: Context, view: api.WorkflowView) -> None:
    context.tell(view, f"{view.row.name} draft {view.row.revision}")


def _place(place: str) -> str:
    """Give a place in a workflow in words."""
    if not place:
        return "nothing"
    if place.startswith(_REVISION):
        return f"draft {place.removeprefix(_REVISION)}"
    return place if place == "draft" else f"version {place}"
