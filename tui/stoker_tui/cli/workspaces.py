"""Commands on workspaces and their variables."""

from __future__ import annotations

import sys

import click

from stoker_shared.secrecy import MASK
from stoker_tui.cli import completing, main
from stoker_tui.cli.common import USAGE, Context, command, give_up
from stoker_tui.cli.tables import Column, moment


@main.group()
def workspace() -> None:
    """Namespaces of jobs and workflows: list, create, delete.

    A workspace has jobs, workflows and variables of its own; `default` is there from the start. Every command
    takes the workspace that its names are in as -w.

    \b
    Examples:
      stoker workspace create marketing
      stoker workflow list -w marketing

    See also: stoker variable.
    """


@main.group()
def variable() -> None:
    """Variables of a workspace, secrets among them: list, set, unset.

    They reach every job of the workspace: as ${name} where a definition says so, as STOKER_NAME in its
    environment. A variable of that name in a workflow, a node or a run wins over it.

    \b
    Examples:
      stoker variable set region eu
      stoker variable set lake_key --secret

    See also: stoker run --var, stoker workspace.
    """


@command(workspace, "list")
def list_workspaces(context: Context) -> None:
    """List the workspaces.

    \b
    Examples:
      stoker workspace list
      stoker workspace list --json | jq -r .name

    See also: stoker workspace create.
    """
    workspaces = list(context.client.workspaces())
    counts = ("jobs", "workflows", "variables", "active_runs")
    context.tell_all(
        workspaces,
        [
            Column("NAME", text=True),
            *(Column(count.replace("_", " ").upper(), right=True) for count in counts),
            Column("DESCRIPTION", text=True, spare=1),
        ],
        lambda each: [each.name, *(str(getattr(each, count)) for count in counts), each.description or "-"],
    )


@command(workspace, "create", json=False)
@click.argument("name")
@click.option("-d", "--description", help="What it is for.")
def create_workspace(context: Context, name: str, description: str | None) -> None:
    """Make a workspace, or describe one that is there otherwise.

    \b
    Example:
      stoker workspace create marketing -d 'campaigns and their figures'

    See also: stoker workspace list, stoker workspace delete.
    """
    click.echo(context.client.save_workspace(name, description).name)


@command(workspace, "delete", json=False)
@click.argument("name", shell_complete=completing.workspaces)
def delete_workspace(context: Context, name: str) -> None:
    """Remove a workspace that has nothing in it.

    Its finished runs stay in the history.

    \b
    Example:
      stoker workspace delete marketing

    See also: stoker workspace list.
    """
    context.client.delete_workspace(name)


@command(variable, "list")
def list_variables(context: Context) -> None:
    """List the workspace's variables; of a secret everything but its value.

    \b
    Examples:
      stoker variable list
      stoker variable list -w marketing --json | jq -r .name

    See also: stoker variable set.
    """
    context.tell_all(
        context.client.variables(),
        [Column("NAME", text=True), Column("VALUE", text=True), Column("SET"), Column("BY", spare=1)],
        lambda each: [each.name, MASK if each.secret else each.value, moment(each.at), each.by],
    )


@command(variable, "set", json=False)
@click.argument("name", shell_complete=completing.variables)
@click.argument("value", required=False)
@click.option("--secret", is_flag=True, help="Keep the value secret; it is asked for, or read from stdin.")
def set_variable(context: Context, name: str, value: str | None, secret: bool) -> None:
    """Set a variable of the workspace.

    A secret's value is shown by nothing that Stoker prints. It is not given as an argument, which `ps` would
    show: a terminal is asked for it, and from a pipe it is read whole, less one newline at its end.

    Runs that were created before keep the values they have, but for secrets, which are read at each launch.

    \b
    Examples:
      stoker variable set region eu
      stoker variable set lake_key --secret
      stoker variable set lake_key --secret < key.txt

    See also: stoker variable list, stoker variable unset.
    """
    if secret and value is not None:
        give_up(
            "a secret's value is not given as an argument, which `ps` and the shell's history show: leave "
            "it out and type it, or pipe it in",
            USAGE,
        )
    if not secret and value is None:
        give_up(f"to what? `stoker variable set {name} VALUE`, or with --secret", USAGE)
    context.client.set_variable(name, _secret(name) if value is None else value, secret=secret)
    click.echo(name)


@command(variable, "unset", json=False)
@click.argument("name", shell_complete=completing.variables)
def unset_variable(context: Context, name: str) -> None:
    """Remove a variable of the workspace.

    \b
    Example:
      stoker variable unset region

    See also: stoker variable list.
    """
    context.client.unset_variable(name)


def _secret(name: str) -> str:
    """Ask for a secret's value on a terminal, unseen, or read it from what is piped in."""
    if sys.stdin.isatty():
        return click.prompt(f"value of {name} (not shown)", hide_input=True, err=True)
    try:
        return sys.stdin.buffer.read().decode().removesuffix("\n")
    except UnicodeDecodeError:
        give_up("the value on stdin is not text in UTF-8; encode it, with base64 for example", USAGE)
