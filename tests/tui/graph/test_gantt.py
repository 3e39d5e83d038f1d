"""A run's nodes over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from stoker_shared.api import AttemptView, NodeView
from stoker_shared.model import AttemptState, NodeState
from stoker_shared.text import width
from stoker_tui.graph.gantt import gantt

START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def attempt(number: int, start: float, end: float | None, status: int | None = None) -> AttemptView:
    state = AttemptState.RUNNING if end is None else AttemptState.ENDED
    return AttemptView(number, state, at(start), at(start), None, None if end is None else at(end), status)


def node(
    name: str, state: NodeState, *attempts: AttemptView, upstream: tuple[str, ...] = (), usually: float = 0
) -> NodeView:
    ended = attempts[-1].ended_at if attempts and state is not NodeState.RETRYING else None
    view = NodeView(name, "a.py", state, upstream, ended_at=ended, attempts=list(attempts))
    view.expected_at = at(usually) if usually else None
    return view


def drawn(nodes: list[NodeView], now: float, cells: int = 80) -> list[str]:
    return ["".join(text for text, _ in line) for line in gantt(nodes, START, at(now), cells)]


def test_nodes_wait_run_are_tried_again_and_go_on_as_long_as_usual() -> None:
    nodes = [
        node("report", NodeState.PENDING, upstream=("audit", "每日订单")),
        node("ingest", NodeState.SUCCEEDED, attempt(1, 0, 60, 0)),
        node(
            "每日订单", NodeState.RETRYING, attempt(1, 62, 100, 1), attempt(2, 130, None),
            upstream=("ingest",), usually=300,
        ),
        node("audit", NodeState.FAILED, attempt(1, 80, 140, 2), upstream=("ingest",)),
    ]  # fmt: skip

    assert drawn(nodes, 200) == [
        "           |0s         |1m00s      |2m00s      |3m00s      |4m00s               ",
        "✔ ingest   ━━━━━━━━━━━━━                                                   1m00s",
        "↻ 每日订单             ━━━━━━━━✖╌╌╌╌╌━━━━━━━━━━━━━━▸···················    2m18s",
        "✖ audit                ╌╌╌╌━━━━━━━━━━━━✖                                   1m00s",
        "◌ report                                                                        ",
    ]


def test_a_bar_has_the_style_of_how_it_came_out() -> None:
    nodes = [node("a", NodeState.SUCCEEDED, attempt(1, 0, 50, 1), attempt(2, 50, 100, 0))]

    (_, line) = gantt(nodes, START, at(500), 60)

    assert [style for _, style in line if style] == ["succeeded", "failed", "succeeded"]


def test_the_scale_ends_with_the_run() -> None:
    nodes = [node("a", NodeState.SUCCEEDED, attempt(1, 0, 100, 0))]

    assert drawn(nodes, 100) == drawn(nodes, 10_000)


def test_a_run_without_nodes_has_no_chart() -> None:
    assert gantt([], START, at(5), 80) == []


seconds = st.floats(-5, 1e7)
nodes = st.builds(
    lambda name, state, starts, length, ended: node(
        name,
        state,
        *(
            attempt(number, start, start + length if ended else None, number % 2)
            for number, start in enumerate(sorted(starts), 1)
        ),
    ),
    st.text(min_size=1, max_size=40),
    st.sampled_from(NodeState),
    st.lists(seconds, max_size=4),
    st.floats(0, 1e6),
    st.booleans(),
)


@given(st.lists(nodes, min_size=1, max_size=6), seconds, st.integers(30, 200))
def test_every_line_has_just_the_cells_there_are(nodes: list[NodeView], now: float, cells: int) -> None:
    lines = gantt(nodes, START, at(now), cells)

    assert len(lines) == len(nodes) + 1
    assert {width("".join(text for text, _ in line)) for line in lines} == {cells}
