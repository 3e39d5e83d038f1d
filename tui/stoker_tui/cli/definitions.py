"""Commands that define workflows, and files of them."""

from __future__ import annotations

from pathlib import Path

import click

from stoker_shared import api
from stoker_shared.drawing import draw
from stoker_shared.model import WorkflowSpec
from stoker_tui.cli import completing, main
from stoker_tui.cli.common import REFUSED, Context, command, give_up
from stoker_tui.cli.files import BadFile, read_workflow
from stoker_tui.cli.tables import Column, moment, print_drawing, print_json, print_table
from stoker_tui.client import Client, Refused


@main.group()
def workflow() -> None:
    """Workflows: list, show, publish.

    A workflow is a DAG of jobs, edited as a draft and published as version 1, 2, 3 ...

    \b
    Examples:
      stoker workflow list
      stoker workflow show sales

    See also: stoker apply, stoker run.
    """


@command(workflow, "list")
def list_workflows(context: Context) -> None:
    """List the workflows.

    \b
    Examples:
      stoker workflow list
      stoker workflow list --json | jq -r .name

    See also: stoker workflow show, stoker runs.
    """
    rows = list(context.client.workflows())
    if context.as_json:
        print_json(rows)
        return
    print_table(
        [
            Column("NAME", text=True),
            Column("VERSION", right=True),
            Column("DRAFT"),
            Column("SAVED", spare=1),
            Column("BY", spare=2),
            Column("ACTIVE RUNS", text=True),
        ],
        [
            [
                row.name,
                str(row.version or "-"),
                "changed" if row.has_changes else "-",
                moment(row.saved_at),
                row.saved_by,
                " ".join(f"#{number}" for number in row.active_runs) or "-",
            ]
            for row in rows
        ],
    )


@command(workflow, "show")
@click.argument("name", shell_complete=completing.workflows)
@click.option("--version", type=int, help="A published version [default: the draft].")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII only.")
def show_workflow(context: Context, name: str, version: int | None, ascii_only: bool) -> None:
    """Show a workflow: its nodes, and the DAG drawn.

    \b
    Examples:
      stoker workflow show sales
      stoker workflow show sales --version 2 --ascii

    See also: stoker workflow list, stoker run.
    """
    view = context.client.workflow(name, version)
    if context.as_json:
        print_json([view])
        return
    what = f"version {version}" if version else f"draft {view.row.revision}"
    click.echo(f"{view.spec.workflow}  {what}, latest version {view.row.version or '-'}")
    if view.spec.description:
        click.echo(view.spec.description)
    click.echo("")
    print_drawing(drawn(view.spec, ascii_only))
    click.echo("")
    print_table(
        [
            Column("NODE", text=True),
            Column("JOB", text=True),
            Column("UPSTREAM", text=True),
            Column("RETRIES", right=True),
        ],
        [
            [node.name, node.job, ", ".join(node.upstream) or "-", str(_retries(view.spec, node.retries))]
            for node in view.spec.nodes
        ],
    )


@command(workflow, "publish")
@click.argument("name", shell_complete=completing.workflows)
@click.option("-m", "--remarks", default="", help="What is new.")
def publish_workflow(context: Context, name: str, remarks: str) -> None:
    """Make a workflow's draft its next version.

    \b
    Example:
      stoker workflow publish sales -m 'another region'

    See also: stoker apply --publish.
    """
    _publish(context, name, remarks)


@command(main, "apply")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--publish", is_flag=True, help="Publish each as well.")
@click.option("-m", "--remarks", default="", help="What is new.")
def apply_files(context: Context, paths: tuple[Path, ...], publish: bool, remarks: str) -> None:
    """Save workflow files (YAML) as drafts, or publish them.

    A directory stands for the files in it. All are read before the first is saved, so that a mistake in one
    changes nothing.

    \b
    Examples:
      stoker apply sales.yaml
      stoker apply --publish workflows/ -m 'retries for all'

    See also: stoker workflow show, stoker job publish.
    """
    try:
        specs = [read_workflow(path) for path in _files(paths)]
    except BadFile as error:
        give_up(str(error), REFUSED)
    for spec in specs:
        saved = save(context.client, spec)
        if not context.as_json:
            click.echo(f"{spec.workflow} draft {saved.row.revision}")
        elif not publish:
            print_json([saved])
        if publish:
            _publish(context, spec.workflow, remarks)


def save(client: Client, spec: WorkflowSpec) -> api.WorkflowView:
    """Save a definition over the draft there is now, if there is one."""
    try:
        revision = client.workflow(spec.workflow).row.revision
    except Refused as refused:
        if refused.problem.type != "not-found":
            raise
        revision = None
    return client.save_workflow(spec, revision)


def drawn(spec: WorkflowSpec, ascii_only: bool = False) -> str:
    """Give the DAG of a definition, drawn."""
    upstream = {node.name: node.upstream for node in spec.nodes}
    return draw({name: name for name in upstream}, upstream, ascii_only=ascii_only)


def _publish(context: Context, name: str, remarks: str) -> None:
    version = context.client.publish_workflow(name, remarks)
    if context.as_json:
        print_json([context.client.workflow(name)])
    else:
        click.echo(f"{name} version {version}")


def _files(paths: tuple[Path, ...]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        found = sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path]
        if not found:
            raise BadFile(f"{path}: there is no .yaml file in it")
        files += found
    return files


def _retries(spec: WorkflowSpec, own: int | None) -> int:
    return spec.retries if own is None else own
