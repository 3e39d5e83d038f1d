"""What the daemon knows, as completions: none where it does not answer at once, as nobody waits for a Tab."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import click
from click.shell_completion import CompletionItem

from stoker_shared import api
from stoker_shared.api import RunView
from stoker_shared.api.backfills import BackfillsQuery
from stoker_shared.completion import matching
from stoker_shared.paths import SocketPathTooLong, socket_path
from stoker_shared.text import clean_line, fit
from stoker_tui.cli.tables import moment
from stoker_tui.client import Client, NotStoker, Refused, Unreachable
from stoker_tui.theme import marked, node_word

_PATIENCE_SECONDS = 1.0
_RUNS = 30

_Found = Iterator[tuple[str, str]]
_Completing = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _completing(find: Callable[[Client, click.Context, str], _Found]) -> _Completing:
    """Make what finds values and their descriptions a parameter's ``shell_complete``."""

    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            workspace = context.params.get("workspace") or "default"
            client = Client(socket_path(os.environ), workspace, patience=_PATIENCE_SECONDS)
            return matching(incomplete, find(client, context, incomplete))
        except (Unreachable, NotStoker, Refused, SocketPathTooLong, UnicodeError):
            return []

    return complete


def _workflows(client: Client, _: click.Context, __: str) -> _Found:
    for row in client.workflows():
        yield row.name, f"version {row.version}" if row.version else "draft"


def _workspaces(client: Client, _: click.Context, __: str) -> _Found:
    for workspace in client.workspaces():
        yield workspace.name, workspace.description


def _variables(client: Client, _: click.Context, __: str) -> _Found:
    for variable in client.variables():
        yield variable.name, "secret" if variable.secret else fit(clean_line(variable.value), 40)


def _jobs(client: Client, _: click.Context, __: str) -> _Found:
    for job in client.jobs():
        yield job.path, f"version {job.version}" if job.version else "draft"


def _queues(client: Client, _: click.Context, __: str) -> _Found:
    for queue in client.queues():
        yield queue.name, f"{queue.active} active, {queue.waiting} waiting"


def _runs(client: Client, _: click.Context, __: str) -> _Found:
    for row in client.runs(api.RunsQuery(), _RUNS):
        yield str(row.id), f"{row.name} {moment(row.cycle, row.time_zone)} {marked(row.state)}"


def _backfills(client: Client, _: click.Context, __: str) -> _Found:
    for view in client.backfills(BackfillsQuery(), _RUNS):
        yield f"B{view.id}", f"{view.workflow} {marked(view.state)}"


def _targets(client: Client, context: click.Context, incomplete: str) -> _Found:
    number, slash, _ = incomplete.partition("/")
    if slash and number.isdecimal():
        yield from ((f"{number}/{name}", word) for name, word in _nodes_of(client.run(int(number))))
    else:
        yield from _runs(client, context, incomplete)


def _nodes(client: Client, context: click.Context, _: str) -> _Found:
    run = str(context.params.get("run") or "").removeprefix("#")
    if run.isdecimal():
        yield from _nodes_of(client.run(int(run)))


def _nodes_of(view: RunView) -> _Found:
    return ((node.name, node_word(node)) for node in view.nodes)


workflows, jobs, runs = _completing(_workflows), _completing(_jobs), _completing(_runs)
queues, backfills = _completing(_queues), _completing(_backfills)
workspaces, variables = _completing(_workspaces), _completing(_variables)
targets, nodes = _completing(_targets), _completing(_nodes)
