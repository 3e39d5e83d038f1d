"""Screens as they look, on a clock that stands still, before a daemon that is none.

What they look like is in `tests/data/screens`; STOKER_SCREENS=write writes it anew.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stoker_shared import api
from tests.tui.fake import (
    FAILED_RUN,
    Do,
    FakeLink,
    app_over,
    lines_of,
    press,
    run_row,
    settled,
    workflow_row,
    world,
)

SCREENS = Path(__file__).parents[1] / "data" / "screens"
NARROW, WIDE = (80, 24), (140, 40)

WIDE_NAMES = {
    "WORKFLOWS": [
        workflow_row(1, "売上の日次集計と監査レポートの作成", last_run=12),
        workflow_row(2, "n" * 64, active_runs=[13], last_run=13, tags={"team": "x" * 200}),
        workflow_row(3, "naïve résumé 🚀", last_run=0),
    ],
}
LONG_RUN = api.RunView(
    run_row(12, "n" * 64, "failed", remarks="r" * 500, by="a-user-with-a-long-name"),
    [
        msgspec.structs.replace(node, name=f"{node.name}-" + "長い名前" * 14, upstream=())
        for node in FAILED_RUN.nodes
    ],
)


async def screen(
    answers: dict[str, Any], size: tuple[int, int], do: Do | None = None, *, there: bool = True, **more: Any
) -> list[str]:
    """Give the screen after some keys."""
    app = app_over(FakeLink(answers, there=there), **more)
    async with app.run_test(size=size) as pilot:
        await settled(pilot, app)
        if do is not None:
            await do(pilot)
            await settled(pilot, app)
        return lines_of(app)


CASES: dict[str, tuple[dict[str, Any], tuple[int, int], Do | None, dict[str, Any]]] = {
    "workflows-80": (world(), NARROW, None, {}),
    "workflows-140": (world(), WIDE, None, {}),
    "workflows-ascii-80": (world(), NARROW, None, {"ascii_only": True}),
    "workflows-wide-names-80": (world(**WIDE_NAMES), NARROW, None, {}),
    "workflows-none-80": (world(WORKFLOWS=[], RUNS=[]), NARROW, None, {}),
    "no-daemon-80": ({}, NARROW, None, {"there": False}),
    "runs-filtered-80": (world(), NARROW, press("2", "slash", *"status:run", "enter"), {}),
    "run-failed-80": (world(), NARROW, press("2", "j", "enter"), {}),
    "run-failed-140": (world(), WIDE, press("2", "j", "enter"), {}),
    "run-long-names-80": (world() | {"/v1/runs/12": LONG_RUN}, NARROW, press("2", "j", "enter"), {}),
    "workflow-schedule-80": (world(), NARROW, press("j", "j", "enter", *["tab"] * 4), {}),
    "job-80": (world(), NARROW, press("4", "enter"), {}),
    "form-80": (world(), NARROW, press("4", "e", "j", "enter", "x", "tab", "4"), {}),
    "backfills-140": (world(), WIDE, press("3"), {}),
    "queue-80": (world(), NARROW, press("5", "enter"), {}),
    "start-80": (world(), NARROW, press("j", "j", "r"), {}),
    "stop-80": (world(), NARROW, press("2", "x"), {}),
    "help-80": (world(), NARROW, press("question_mark"), {}),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_screen_looks_as_it_did(name: str) -> None:
    answers, size, do, more = CASES[name]

    lines = await screen(answers, size, do, **more)

    file = SCREENS / f"{name}.txt"
    if os.environ.get("STOKER_SCREENS") == "write":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines) + "\n")
    assert lines == file.read_text().split("\n")[:-1]
