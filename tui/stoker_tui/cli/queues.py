"""Commands on queues."""

from __future__ import annotations

import click
import msgspec

from stoker_shared.api import QueuedNode, QueueView
from stoker_shared.model import Environment, QueueSpec
from stoker_shared.text import clean_line
from stoker_tui.cli import completing, main
from stoker_tui.cli.common import USAGE, Context, command, give_up
from stoker_tui.cli.tables import Column, moment, print_json, print_table
from stoker_tui.client import Client, Refused

_NOT_FOUND = 404
_NONE = "none"


@main.group()
def queue() -> None:
    """Queues that nodes wait in: list, show, set, delete.

    A queue is a pool with a limit in CU (1 CU is 1 core and 4 GiB) and a place where its Spark jobs run.

    \b
    Examples:
      stoker queue list
      stoker queue set nightly --limit 40 --master yarn --deploy-mode cluster

    See also: stoker run --queue, stoker show.
    """


@command(queue, "list")
def list_queues(context: Context) -> None:
    """List the queues.

    \b
    Examples:
      stoker queue list
      stoker queue list --json | jq 'select(.waiting > 0)'

    See also: stoker queue show.
    """
    views = list(context.client.queues())
    context.tell_all(
        views,
        [
            Column("QUEUE", text=True),
            Column("FOR", spare=1),
            Column("CU", right=True),
            Column("NODES", right=True),
            Column("WAITING", right=True),
            Column("MASTER", text=True, spare=2),
        ],
        lambda view: [
            view.name,
            view.spec.environment.value,
            _of(view.cu, view.spec.limit),
            _of(view.active, view.spec.nodes),
            str(view.waiting),
            view.spec.master,
        ],
    )


@command(queue, "show")
@click.argument("name", shell_complete=completing.queues)
def show_queue(context: Context, name: str) -> None:
    """Show a queue: what it allows, what is active in it, what waits for it.

    \b
    Examples:
      stoker queue show root_queue
      stoker queue show root_queue --json | jq '.next[0]'

    See also: stoker queue set.
    """
    view = context.client.queue(name)
    _print_queue(context, view)


@command(queue, "set")
@click.argument("name", shell_complete=completing.queues)
@click.option("--limit", metavar="CU", help=f"How much may be active in it, or {_NONE}.")
@click.option("--nodes", metavar="N", help=f"How many nodes may be active in it, or {_NONE}.")
@click.option("--environment", type=click.Choice([each.value for each in Environment]), help="Its runs.")
@click.option("--master", help="Where its Spark jobs run: local[*], spark://..., yarn, k8s://...")
@click.option("--deploy-mode", type=click.Choice(["client", "cluster"]), help="Where their drivers run.")
@click.option("--spark-home", metavar="PATH", help=f"Their Spark, or {_NONE} for the daemon's.")
@click.option("--proxy-user", metavar="USER", help=f"As whom they run on the cluster, or {_NONE}.")
@click.option("--conf", multiple=True, metavar="KEY=VALUE", help="A Spark property; KEY= takes it away.")
@click.option("--env", multiple=True, metavar="KEY=VALUE", help="An environment variable; KEY= likewise.")
def set_queue(context: Context, name: str, **options: str | tuple[str, ...] | None) -> None:
    """Make a queue, or change what is given of one. What is active in it goes on.

    \b
    Examples:
      stoker queue set root_queue --limit 16
      stoker queue set nightly --limit 40 --master yarn --conf spark.yarn.queue=night
      stoker queue set nightly --nodes none

    See also: stoker queue show, stoker queue delete.
    """
    spec = _known(context.client, name) or QueueSpec()
    view = context.client.save_queue(name, _changed(spec, options))
    _print_queue(context, view)


@command(queue, "delete", json=False)
@click.argument("name", shell_complete=completing.queues)
def delete_queue(context: Context, name: str) -> None:
    """Remove a queue that no workflow and no active run uses.

    \b
    Examples:
      stoker queue delete nightly

    See also: stoker queue list.
    """
    context.client.delete_queue(name)
    click.echo(f"deleted queue {clean_line(name)}")


def _known(client: Client, name: str) -> QueueSpec | None:
    try:
        return client.queue(name).spec
    except Refused as refused:
        if refused.problem.status == _NOT_FOUND:
            return None
        raise


def _changed(spec: QueueSpec, options: dict[str, str | tuple[str, ...] | None]) -> QueueSpec:
    values = msgspec.to_builtins(spec)
    for field, given in options.items():
        option = f"--{field.replace('_', '-')}"
        if isinstance(given, tuple):
            values[field] = _merged(values.get(field, {}), given, option)
        elif given is not None:
            values[field] = None if given == _NONE else given
            if field in ("limit", "nodes") and given != _NONE:
                values[field] = _number(given, option)
    return msgspec.convert(values, QueueSpec)


def _number(text: str, option: str) -> int:
    if not text.isdecimal():
        give_up(f"{option} {text}: write a number, or {_NONE}", USAGE)
    return int(text)


def _merged(known: dict[str, str], given: tuple[str, ...], option: str) -> dict[str, str]:
    merged = dict(known)
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals:
            give_up(f"{option} {pair}: write it as KEY=VALUE", USAGE)
        merged[key] = value
    return {key: value for key, value in merged.items() if value}


def _print_queue(context: Context, view: QueueView) -> None:
    if context.as_json:
        print_json([view])
        return
    spec = view.spec
    click.echo(
        f"queue {clean_line(view.name)}, for {spec.environment.value}: {_of(view.cu, spec.limit)} CU and "
        f"{_of(view.active, spec.nodes)} nodes active, {view.waiting} waiting"
    )
    settings = {"master": spec.master, "deploy mode": spec.deploy_mode}
    settings |= {"Spark home": spec.spark_home or "", "proxy user": spec.proxy_user or ""}
    settings |= spec.conf | spec.env
    for key, value in settings.items():
        if value:
            click.echo(f"  {clean_line(key)}: {clean_line(value)}")
    _print_nodes("ACTIVE", view.holding)
    _print_nodes("WAITING", view.next)


def _print_nodes(title: str, nodes: list[QueuedNode]) -> None:
    if nodes:
        click.echo("")
        print_table(
            [
                Column(title, text=True),
                Column("WORKFLOW", text=True),
                Column("CU", right=True),
                Column("SINCE"),
            ],
            [[f"#{node.run}/{node.node}", node.workflow, str(node.cu), moment(node.since)] for node in nodes],
        )


def _of(used: int, limit: int | None) -> str:
    return str(used) if limit is None else f"{used}/{limit}"
