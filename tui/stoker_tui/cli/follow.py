"""Following a run to its end: live on a terminal, plain lines when piped."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import click
import msgspec
from rich.console import Console, ConsoleDimensions, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from stoker_shared import api
from stoker_shared.interruption import Interrupted, interruptible
from stoker_shared.model import NodeState
from stoker_shared.text import clean_line
from stoker_tui.cli.tables import moves_cursor, span
from stoker_tui.client import Client, Refused, Unreachable
from stoker_tui.graph.drawing import Canvas
from stoker_tui.graph.layout import lay_out
from stoker_tui.graph.placing import Zoom
from stoker_tui.theme import COLOURS, GLYPHS, marked, node_look, node_word

_T = TypeVar("_T")

PATIENCE_SECONDS = 60
"""How long a daemon may be gone (it may be restarting; jobs go on) before following ends."""

_TICK_SECONDS = 0.25
_LOG_SECONDS = 1.0
_MOST_ROWS = 15
_LEAST_CELLS = 20
"""Cells that a node takes at least in a drawing, roughly: what can't fit is not laid out again and again."""


@contextmanager
def leaving_it_running(what: str, see: str, stop: str) -> Iterator[None]:
    """Say on Ctrl-C that what is waited for goes on, and the commands that lead back to it."""
    try:
        with interruptible():
            yield
    except Interrupted:
        click.echo(f"\n{what} goes on: see it with `{see}`, stop it with `{stop}`", err=True)
        raise


def wait_for_run(client: Client, number: int) -> api.RunView:
    """Wait for a run's end, over restarts of the daemon."""
    return deque(_views(client, number), maxlen=1).pop()


def follow_run(client: Client, run: api.RunView) -> api.RunView:
    """Show a run's progress to its end: as a live picture, or as a line a change where no cursor moves."""
    return _live(client, run) if moves_cursor(os.environ) else _plain(client, run)


def _views(client: Client, number: int) -> Iterator[api.RunView]:
    """Give the run whenever something happened to it or a moment passed, the ended one last."""
    changed, over = threading.Event(), threading.Event()
    changed.set()
    threading.Thread(target=_watch, args=[client, number, changed, over], daemon=True).start()
    try:
        view = patiently(partial(client.run, number))
        while not view.row.ended_at:
            yield view
            if changed.wait(_TICK_SECONDS):
                changed.clear()
                view = patiently(partial(client.run, number))
        yield view
    finally:
        over.set()


class _About(msgspec.Struct):
    run: int = 0


def _watch(client: Client, number: int, changed: threading.Event, over: threading.Event) -> None:
    """Set ``changed`` at every event of the run, until nobody wants to know any more."""
    link = Client(client.path)
    while not over.is_set():
        try:
            position = link.position()
            # What happened up to here is seen by looking once more, what happens from here on is streamed.
            changed.set()
            for line in link.events(position):
                if over.is_set():
                    return
                if msgspec.json.decode(line, type=_About).run == number:
                    changed.set()
        except (Unreachable, Refused):
            changed.set()
            time.sleep(1)


def patiently(ask: Callable[[], _T]) -> _T:
    """Ask the daemon, giving a restarting one time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except Unreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _plain(client: Client, run: api.RunView) -> api.RunView:
    seen = {node.name: _standing(node) for node in run.nodes if node.state is NodeState.PENDING}
    view = run
    for view in _views(client, run.row.id):
        for node in view.nodes:
            if seen.get(node.name) != (standing := _standing(node)):
                seen[node.name] = standing
                _say(f"{clean_line(node.name)} {standing}")
    _say(_headline(view))
    return view


def _say(what: str) -> None:
    click.echo(f"{datetime.now(UTC).astimezone():%H:%M:%S} {what}")


def _standing(node: api.NodeView) -> str:
    attempt = f" (attempt {len(node.attempts)})" if len(node.attempts) > 1 else ""
    took = (
        f" in {span(node.attempts[0].starting_at, node.ended_at)}" if node.attempts and node.ended_at else ""
    )
    return f"{node_word(node)}{attempt}{took}"


def _headline(view: api.RunView) -> str:
    row = view.row
    return f"run #{row.id} {clean_line(row.name)} {marked(row.state)} {span(row.started_at, row.ended_at)}"


def _live(client: Client, run: api.RunView) -> api.RunView:
    last_lines = _LastLines(client)
    view = run
    console = Console()
    with Live(console=console, auto_refresh=False, transient=False) as live:
        for view in _views(client, run.row.id):
            live.update(_picture(view, last_lines, console.size), refresh=True)
    return view


class _LastLines:
    """The last line that each running node wrote, asked for once a second."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, tuple[float, str]] = {}

    def of(self, view: api.RunView, node: api.NodeView) -> str:
        """Give the last line of a node's newest attempt."""
        asked, line = self._known.get(node.name, (0.0, ""))
        if not node.ended_at and time.monotonic() - asked > _LOG_SECONDS:
            line = self._ask(view.row.id, node) or line
            self._known[node.name] = (time.monotonic(), line)
        return line

    def _ask(self, number: int, node: api.NodeView) -> str:
        for stream in ("stdout", "stderr"):
            try:
                part = self._client.log(number, node.name, len(node.attempts), stream, 4096)
            except (Unreachable, Refused):
                return ""
            lines = part.data.decode(errors="replace").strip().splitlines()
            if lines:
                return clean_line(lines[-1])
        return ""


def _picture(view: api.RunView, last_lines: _LastLines, size: ConsoleDimensions) -> RenderableType:
    table = Table.grid(padding=(0, 2), expand=True)
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", style="dim", ratio=1)
    for node in _shown(view.nodes):
        took = span(node.attempts[0].starting_at, node.ended_at) if node.attempts else ""
        line = last_lines.of(view, node) if node.attempts and not node.ended_at else clean_line(node.detail)
        status = Text(_status(node), style=COLOURS[node.state.value])
        table.add_row(status, Text(clean_line(node.name)), Text(took), Text(line))
    hidden = len(view.nodes) - min(len(view.nodes), _MOST_ROWS)
    rest = [Text(f"... and {hidden} more nodes", style="dim")] if hidden else []
    rows = 1 + table.row_count + len(rest)
    graph = _graph(view, size.width, size.height - rows - 1)
    return Group(Text(_headline(view), style=COLOURS[view.row.state.value]), *graph, table, *rest)


def _graph(view: api.RunView, columns: int, rows: int) -> list[RenderableType]:
    """Give the DAG in the colours of its nodes' states, as large as there is room for; else nothing."""
    nodes = {node.name: node for node in view.nodes}
    if not 1 < len(nodes) <= columns * rows // _LEAST_CELLS:
        return []
    upstream = {name: node.upstream for name, node in nodes.items()}
    labels = {name: f"{GLYPHS[node_look(node)]} {name}" for name, node in nodes.items()}
    for zoom in (Zoom.BOXES, Zoom.ROWS):
        layout = lay_out(upstream, labels, zoom)
        if layout.width <= columns and layout.height <= rows:
            canvas = Canvas(layout)
            return [
                Text.assemble(
                    *(
                        (piece.text, COLOURS[nodes[piece.node].state.value] if piece.node else "dim")
                        for piece in canvas.pieces(row)
                    )
                )
                for row in range(layout.height)
            ]
    return []


def _status(node: api.NodeView) -> str:
    attempt = f" {len(node.attempts)}" if node.state is NodeState.RETRYING else ""
    return f"{node_word(node)}{attempt}"


def _shown(nodes: list[api.NodeView]) -> list[api.NodeView]:
    """Give the nodes there is room for: what is under way before what has ended before what has not begun."""
    order = {NodeState.RUNNING: 0, NodeState.RETRYING: 0, NodeState.FAILED: 1, NodeState.PENDING: 3}
    chosen = sorted(nodes, key=lambda node: order.get(node.state, 2))[:_MOST_ROWS]
    return [node for node in nodes if node in chosen]
