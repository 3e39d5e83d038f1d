"""Laying out and drawing DAGs, and showing them in the terminal UI: the time to a step along an edge too."""

from __future__ import annotations

import asyncio
from pathlib import Path

from textual.app import App, ComposeResult

from stoker_tui.graph.drawing import Canvas
from stoker_tui.graph.layout import Layout, lay_out
from stoker_tui.graph.walking import Way
from stoker_tui.looks import TERMINAL, style
from stoker_tui.widgets.dag_view import DagView
from tests.bench import measure
from tests.bench.dags import Dag, layered
from tests.bench.size import Row, Size

_UPSTREAM = 2


class _Page(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.graph = DagView(lambda name: style(TERMINAL, name))

    def compose(self) -> ComposeResult:
        yield self.graph


def rows(place: Path, size: Size) -> list[Row]:
    """Measure each DAG in turn."""
    return [_measured(layered(*shape, _UPSTREAM), size) for shape in size.drawn]


def _measured(dag: Dag, size: Size) -> Row:
    layout = lay_out(dag)
    again = range(size.repeat)
    laid_out = [measure.took(lambda: lay_out(dag)) for _ in again]
    drawn = [measure.took(lambda: _draw(layout)) for _ in again]
    shown, steps = asyncio.run(_shown(dag, size.repeat))
    return {
        "nodes": len(dag),
        "edges": sum(map(len, dag.values())),
        "columns": layout.width,
        "rows": layout.height,
        "layout_ms": measure.milliseconds(laid_out),
        "drawing_ms": measure.milliseconds(drawn),
        "shown_ms": measure.milliseconds(shown),
        "step_ms": measure.milliseconds(steps),
    }


def _draw(layout: Layout) -> None:
    canvas = Canvas(layout)
    for row in range(layout.height):
        list(canvas.pieces(row))


async def _shown(dag: Dag, repeat: int) -> tuple[list[float], list[float]]:
    shown, steps = [], []
    states = dict.fromkeys(dag, "running")
    for _ in range(repeat):
        page = _Page()
        async with page.run_test(size=(140, 40)):
            shown.append(measure.took(lambda page=page: page.graph.show(dag, states)))
            steps.append(measure.took(lambda page=page: _step(page.graph)))
    return shown, steps


def _step(graph: DagView) -> None:
    """Go along an edge and draw the whole screen."""
    graph.go(Way.DOWN)
    for row in range(graph.size.height):
        graph.render_line(row)
