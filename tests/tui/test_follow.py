"""The picture of a run that is followed."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from rich.console import Console

from stoker_shared import api
from stoker_tui.cli.follow import _LastLines, _picture
from stoker_tui.client import Client
from tests.tui.fake import FAILED_RUN, node, run_row


def pictured(view: api.RunView, columns: int, rows: int) -> list[str]:
    console = Console(file=StringIO(), width=columns, height=rows)
    with console.capture() as captured:
        console.print(_picture(view, _LastLines(Client(Path("/nowhere"))), console.size))
    return [line.rstrip() for line in captured.get().splitlines()]


def frames(lines: list[str]) -> Iterator[str]:
    return (line for line in lines if "╭" in line)


def test_the_graph_is_drawn_where_there_is_room_for_it_and_for_all_nodes() -> None:
    large, small, none = (pictured(FAILED_RUN, 80, rows) for rows in (24, 14, 10))

    assert len(list(frames(large))) == 3
    assert "[✖ transform]  [✔ audit]" in small
    assert not list(frames(small))
    assert none == [line for line in large if line in none]
    assert [len(lines) for lines in (large, small, none)] == [18, 12, 5]


def test_a_graph_that_is_too_wide_is_left_out() -> None:
    nodes = [node("a", "succeeded"), *(node(f"rather_long_{n}", "running", ("a",)) for n in range(9))]

    lines = pictured(api.RunView(run_row(1, state="running"), nodes), 80, 50)

    assert len(lines) == 11


def test_a_name_that_commands_a_terminal_is_shown_and_not_obeyed() -> None:
    nodes = [node("a", "succeeded"), node("\x1b[31m\x9b", "pending", ("a",))]

    lines = pictured(api.RunView(run_row(1, state="running"), nodes), 80, 50)

    assert any("│ ◌ ␛[31m� │" in line for line in lines)
    assert not set("\x1b\x9b") & set("".join(lines))
