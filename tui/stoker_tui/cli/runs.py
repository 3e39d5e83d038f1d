"""Commands on runs: start, list, show, logs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import click

from stoker_shared import api
from stoker_shared.events import Lateness
from stoker_shared.model import RunState
from stoker_shared.terminal import TerminalCleaner
from stoker_shared.text import clean_line
from stoker_tui.cli import completing, main
from stoker_tui.cli.common import (
    DID_NOT_SUCCEED,
    UNREACHABLE,
    USAGE,
    Context,
    command,
    give_up,
    pairs,
    run_and_node,
)
from stoker_tui.cli.failures import print_failures
from stoker_tui.cli.follow import follow_run, leaving_it_running, wait_for_run
from stoker_tui.cli.plans import show_plan
from stoker_tui.cli.tables import Column, coloured, duration, moment, print_json, print_table, size, span
from stoker_tui.client import Client, LogPart
from stoker_tui.theme import marked, node_word, trigger_word, version_word

STREAMS = [stream.value for stream in api.Stream]

MOST_BACK = api.MAX_LIVE_RANGE
"""Bytes that `--tail` reads back at most: a line may be longer than fits in memory."""


_QUEUE_HELP = "In place of the workflow's; nodes with a queue of their own keep it."


@command(main, "run")
@click.argument("workflow", shell_complete=completing.workflows)
@click.option("--cycle", metavar="TIME", help="What the run is about: 2026-11-21, 2026-11-21T01:00, ...")
@click.option("--version", type=int, help="A published version [default: the latest].")
@click.option("--queue", default="", metavar="QUEUE", shell_complete=completing.queues, help=_QUEUE_HELP)
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="A variable for this run.")
@click.option("-m", "--remarks", default="", help="Why.")
@click.option("--debug", is_flag=True, help="Of the draft, on a development queue.")
@click.option("--plan", is_flag=True, help="Launch nothing: show what would be, and what is missing.")
@click.option("--wait", is_flag=True, help="Wait for its end; exit status 1 if it did not succeed.")
@click.option("-f", "--follow", is_flag=True, help="Wait, and show its progress.")
def start_run(
    context: Context,
    workflow: str,
    cycle: str | None,
    version: int | None,
    queue: str,
    variables: tuple[str, ...],
    remarks: str,
    debug: bool,
    plan: bool,
    wait: bool,
    follow: bool,
) -> None:
    """Start a run of a workflow, and wait for it or follow it.

    Prints the run's number at once. Ctrl-C while waiting leaves the run running. With --plan nothing is
    started: the exact command of every node is shown; the exit status is 1 if something is missing.

    \b
    Examples:
      stoker run sales
      stoker run sales --cycle 2026-11-21 --var region=us --follow
      stoker run sales --wait --json
      stoker run sales --debug --plan

    See also: stoker show, stoker logs, stoker stop.
    """
    request = api.StartRun(
        workflow=workflow,
        cycle=cycle,
        version=version,
        debug=debug,
        queue=queue,
        variables=pairs("--var", variables),
        remarks=remarks,
    )
    if plan:
        show_plan(context, request)
        return
    run = context.client.start_run(request)
    if not (wait or follow):
        print_json([run]) if context.as_json else click.echo(f"#{run.row.id}")
        return
    number = run.row.id
    with leaving_it_running(f"run #{number}", f"stoker show {number}", f"stoker stop {number}"):
        click.echo(f"run #{number} is created", err=True)
        ended = follow_run(context.client, run) if follow else wait_for_run(context.client, number)
    if context.as_json:
        print_json([ended])
    elif follow:
        print_failures(context.client, ended)
    else:
        click.echo(f"#{ended.row.id} {ended.row.state.value}")
        print_failures(context.client, ended, err=True)
    if ended.row.state is not RunState.SUCCEEDED:
        sys.exit(DID_NOT_SUCCEED)


@command(main, "show")
@click.argument("run", metavar="RUN", shell_complete=completing.runs)
def show_run(context: Context, run: str) -> None:
    """Show a run: its nodes, and why what failed did.

    \b
    Examples:
      stoker show 12
      stoker show 12 --json | jq .variables

    See also: stoker runs, stoker logs.
    """
    view = context.client.run(run_and_node(run)[0])
    if context.as_json:
        print_json([view])
    else:
        print_run(view)
        print_failures(context.client, view)


@command(main, "logs", json=False)
@click.argument("run", metavar="RUN", shell_complete=completing.runs)
@click.argument("node", required=False, shell_complete=completing.nodes)
@click.option("-f", "--follow", is_flag=True, help="Go on while it is written.")
@click.option("--attempt", type=click.IntRange(min=1), help="Which [default: the newest].")
@click.option(
    "--stream",
    type=click.Choice(STREAMS),
    default="both",
    show_default=True,
    help="Which; of both, which wrote first is known approximately only.",
)
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Only the last N lines.")
def show_log(
    context: Context,
    run: str,
    node: str | None,
    follow: bool,
    attempt: int | None,
    stream: str,
    tail: int | None,
) -> None:
    """Print what a node wrote. Without NODE: of every node that has begun, in turn.

    It is printed byte for byte into a pipe or file, and cleaned of what would command a terminal on one.
    """
    number, named = run_and_node(run)
    view = context.client.run(number)
    begun = [entry for entry in view.nodes if entry.attempts]
    chosen = [entry for entry in begun if (node or named) in (None, entry.name)]
    if not chosen:
        give_up(_nothing_to_show(view, node or named), USAGE)
    if follow and len(chosen) > 1:
        chosen = _only_running(chosen)
    for entry in chosen:
        if len(chosen) > 1:
            click.echo(f"==> {clean_line(entry.name)} <==")
        _write(
            _output(context.client, number, entry.name, attempt or len(entry.attempts), stream, tail, follow)
        )


def print_run(view: api.RunView) -> None:
    """Print a run for people."""
    _print_facts(view)
    click.echo("")
    _print_nodes(view.nodes)
    print_waiting(view)
    if view.deeds:
        click.echo("")
    for deed in view.deeds:
        click.echo(clean_line(f"{moment(deed.at)} {deed.by} {deed.what}"))


def _print_facts(view: api.RunView) -> None:
    row = view.row
    state = coloured(marked(row.state), row.state.value)
    click.echo(
        f"run #{row.id}  {clean_line(row.name)} {version_word(row)}  {state}  "
        f"{span(row.started_at, row.ended_at)}"
    )
    click.echo(f"cycle {moment(row.cycle, row.time_zone)} {row.time_zone}")
    click.echo(f"made {moment(row.created_at)}, {trigger_word(row)}, by {clean_line(row.by)}")
    if row.scheduled_at:
        click.echo(f"due {moment(row.scheduled_at, row.time_zone)} {row.time_zone}")
    _print_deadlines(view)
    if view.usual_seconds is not None:
        expected = f", expected to end {moment(view.expected_at)}" if view.expected_at else ""
        click.echo(f"usually takes {duration(view.usual_seconds)}{expected}")
    if row.remarks:
        click.echo(f"remarks: {clean_line(row.remarks)}")
    if view.stopping:
        click.echo(f"stop: {view.stopping.value}, by {view.stopped_by}")
    for setting, change in view.settings.items():
        click.echo(f"for this run: {clean_line(setting)}: {clean_line(change)}")


def _print_nodes(nodes: list[api.NodeView]) -> None:
    measured = any(attempt.cpu_seconds is not None for node in nodes for attempt in node.attempts)
    print_table(
        [
            Column("NODE", text=True),
            Column("STATUS"),
            Column("ATTEMPTS", right=True),
            Column("STARTED", spare=1),
            Column("TOOK", right=True),
            Column("USUAL", right=True, spare=2),
            *(
                [Column("CPU", right=True, spare=3), Column("MEMORY", right=True, spare=3)]
                if measured
                else []
            ),
            Column("JOB", text=True),
        ],
        [
            [
                node.name,
                node_word(node),
                _attempts(node),
                moment(node.attempts[-1].started_at if node.attempts else None),
                span(node.attempts[0].started_at, node.ended_at) if node.attempts else "-",
                duration(node.usual_seconds),
                *(_used(node) if measured else []),
                node.job,
            ]
            for node in nodes
        ],
    )


def _print_deadlines(view: api.RunView) -> None:
    deadlines = ((view.start_by, Lateness.START, "start"), (view.end_by, Lateness.END, "end"))
    for by, what, word in deadlines:
        if by:
            late = ", and did not: it is late" if what in view.late else ""
            click.echo(f"to {word} by {moment(by, view.row.time_zone)}{late}")


def print_waiting(view: api.RunView) -> None:
    """Print what each node that waits waits for."""
    waiting = [node for node in view.nodes if node.waiting]
    if waiting:
        click.echo("\nwaiting:")
    for node in waiting:
        click.echo(f"  {clean_line(node.name)}: {clean_line(node.waiting)}")


def _used(node: api.NodeView) -> list[str]:
    """Give what the newest attempt took, of CPU time and of memory."""
    newest = node.attempts[-1] if node.attempts else None
    return [duration(newest and newest.cpu_seconds), size(newest and newest.memory_peak)]


def _attempts(node: api.NodeView) -> str:
    adopted = any(attempt.adopted_at for attempt in node.attempts)
    return f"{len(node.attempts)}, adopted" if adopted else str(len(node.attempts))


def _output(
    client: Client, number: int, node: str, attempt: int, stream: str, tail: int | None, follow: bool
) -> Iterator[bytes]:
    if tail is None and follow:
        yield from _followed(client, number, node, attempt, stream, 0)
    elif tail is None:
        yield from client.read_log(number, node, attempt, stream)
    else:
        written = _last_lines(client, number, node, attempt, stream, tail)
        yield written.data
        if follow:
            yield from _followed(client, number, node, attempt, stream, written.end)


def _followed(
    client: Client, number: int, node: str, attempt: int, stream: str, offset: int
) -> Iterator[bytes]:
    """Give what is written until the attempt ends; say why where the daemon ends it before."""
    yield from client.follow_log(number, node, attempt, stream, offset)
    followed = next(entry for entry in client.run(number).nodes if entry.name == node)
    if not followed.attempts[attempt - 1].ended_at:
        why = f"the daemon ended it, as when it is restarted; {clean_line(node)} goes on: follow it again"
        give_up(why, UNREACHABLE)


def _last_lines(client: Client, number: int, node: str, attempt: int, stream: str, count: int) -> LogPart:
    """Read back from the end until there are enough lines, or no more can be read."""
    last = 64 * 1024
    while True:
        part = client.log(number, node, attempt, stream, last)
        start = _start_of_last(part.data, count)
        if start > 0 or count == 0 or part.start == 0 or last >= MOST_BACK or part.cut:
            break
        last = min(last * 4, MOST_BACK)
    if start == 0 < part.start and count:
        why = f"{part.cut:,} bytes before it were cut out" if part.cut else "a longer tail is not read"
        click.echo(f"stoker: this begins at byte {part.start:,} of {clean_line(node)}: {why}", err=True)
    return LogPart(part.data[start:], part.start + start)


def _start_of_last(data: bytes, count: int) -> int:
    """Give where the last ``count`` lines begin; 0 where there are no more than these."""
    start = len(data)
    for _ in range(count):
        if start == 0:
            break
        start = data.rfind(b"\n", 0, start - 1) + 1
    return start


def _write(chunks: Iterable[bytes]) -> None:
    if sys.stdout.isatty():
        cleaner = TerminalCleaner()
        try:
            for chunk in chunks:
                click.echo(cleaner.feed(chunk), nl=False)
        finally:
            click.echo(cleaner.finish(), nl=False)
        return
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def _only_running(nodes: list[api.NodeView]) -> list[api.NodeView]:
    running = [node for node in nodes if not node.ended_at]
    if len(running) != 1:
        names = ", ".join(clean_line(node.name) for node in nodes)
        give_up(f"name the node to follow: {names}", USAGE)
    return running


def _nothing_to_show(view: api.RunView, node: str | None) -> str:
    names = ", ".join(clean_line(entry.name) for entry in view.nodes)
    if node is None:
        return f"no node of run #{view.row.id} has begun"
    if node not in [entry.name for entry in view.nodes]:
        return f"run #{view.row.id} has no node {node!r}; it has {names}"
    return f"node {node!r} of run #{view.row.id} has not begun"
