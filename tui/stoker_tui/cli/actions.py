"""Commands that act on runs and their nodes: stop, pause, resume, rerun, succeed."""

from __future__ import annotations

import click

from stoker_shared import api
from stoker_tui.cli import completing, main
from stoker_tui.cli.common import USAGE, Context, command, give_up, pairs, run_and_node


@command(main, "stop")
@click.argument("target", metavar="RUN[/NODE]", shell_complete=completing.targets)
def stop(context: Context, target: str) -> None:
    """Stop a run, or one node of it.

    Every process of it is ended, and is shown stopping until that is proved.

    \b
    Examples:
      stoker stop 12
      stoker stop 12/ingest

    See also: stoker runs --status running, stoker show.
    """
    context.tell(context.client.stop(*run_and_node(target)), f"stopping {target}")


@command(main, "pause")
@click.argument("run", metavar="RUN", shell_complete=completing.runs)
def pause(context: Context, run: str) -> None:
    """Pause a run: what runs of it goes on, nothing new is started.

    A run timeout goes on counting.

    \b
    Examples:
      stoker pause 12

    See also: stoker resume, stoker stop.
    """
    context.tell(context.client.pause(_run(run)), f"paused {run}")


@command(main, "resume")
@click.argument("run", metavar="RUN", shell_complete=completing.runs)
def resume(context: Context, run: str) -> None:
    """Let a paused run go on.

    \b
    Examples:
      stoker resume 12

    See also: stoker pause, stoker show.
    """
    context.tell(context.client.resume(_run(run)), f"resumed {run}")


@command(main, "rerun")
@click.argument("target", metavar="RUN[/NODE]", shell_complete=completing.targets)
@click.option("--failed", is_flag=True, help="Of the run, only what did not succeed.")
@click.option("--downstream", is_flag=True, help="With the node also all that is downstream of it.")
@click.option("--latest-jobs", is_flag=True, help="With the newest published versions of their jobs.")
@click.option(
    "--set", "settings", multiple=True, metavar="SETTING=VALUE", help="Change it for this run only."
)
def rerun(
    context: Context,
    target: str,
    failed: bool,
    downstream: bool,
    latest_jobs: bool,
    settings: tuple[str, ...],
) -> None:
    """Run a run again, only what did not succeed of it, or one node.

    It stays the same run: attempts are added, and earlier ones and their output stay. Nodes have their
    retries anew. SETTING is NODE.FIELD, or FIELD for every node that is rerun; FIELD is
    config.executor_memory and the like, config.conf.KEY, config.env.NAME, args (a JSON array), timeout, or
    retries.

    \b
    Examples:
      stoker rerun 12
      stoker rerun 12 --failed --set transform.config.executor_memory=8g
      stoker rerun 12/ingest --downstream --latest-jobs

    See also: stoker succeed, stoker show.
    """
    number, node = run_and_node(target)
    changed = pairs("--set", settings)
    if node is None:
        if downstream:
            give_up("--downstream is of a node: write it as 12/ingest", USAGE)
        request = api.RerunRun(failed=failed, latest_jobs=latest_jobs, settings=changed)
        view = context.client.rerun(number, request)
    else:
        if failed:
            give_up("--failed is of a run: name no node", USAGE)
        request = api.RerunNode(downstream=downstream, latest_jobs=latest_jobs, settings=changed)
        view = context.client.rerun_node(number, node, request)
    context.tell(view, f"rerunning {target}")


@command(main, "succeed")
@click.argument("target", metavar="RUN/NODE", shell_complete=completing.targets)
@click.option("--downstream", is_flag=True, help="What waited on it runs.")
def succeed(context: Context, target: str, downstream: bool) -> None:
    """Set a node that did not succeed successful.

    Without --downstream, nodes that were skipped stay skipped.

    \b
    Examples:
      stoker succeed 12/ingest --downstream

    See also: stoker rerun, stoker show.
    """
    number, node = run_and_node(target)
    if node is None:
        give_up(f"name the node of run {target}: write it as 12/ingest", USAGE)
    view = context.client.succeed(number, node, api.SucceedNode(downstream=downstream))
    context.tell(view, f"set {target} successful")


def _run(text: str) -> int:
    number, node = run_and_node(text)
    if node is not None:
        give_up(f"{text!r} is a node; only a whole run can be paused and resumed", USAGE)
    return number
