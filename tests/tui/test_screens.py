"""Screens as they look, on a clock that stands still, before a daemon that is none.

What they look like is in `tests/data/screens`; STOKER_SCREENS=write writes it anew.
"""

from __future__ import annotations

import os
import time
import unicodedata
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from textual.pilot import Pilot

from stoker_tui.app import StokerApp
from stoker_tui.looks import TERMINAL
from stoker_tui.theme import THEME_NAMES
from tests.harness import PATIENCE
from tests.tui.fake import STATUS, app_over, lines_of, press, settled, styled_lines_of
from tests.tui.worlds import HOSTILE, ShownLink, empty, full, hard_names, hostile

SCREENS = Path(__file__).parents[1] / "data" / "screens"
NARROW, WIDE = (80, 24), (140, 40)
WRITE = os.environ.get("STOKER_SCREENS") == "write"


class Tour(NamedTuple):
    """Screens that are seen one after the other: what keys lead to each, by its name.

    Those that are ``wide`` are also seen on a large terminal.
    """

    world: dict[str, Any]
    stops: dict[str, tuple[str, ...]]
    wide: Collection[str] = ()
    ascii_only: bool = False
    there: bool = True


LOST, FULL, NAMES, EMPTY = "lost", "full", "names", "empty"
"""Keys that are none: the daemon is lost, or comes back with another world."""

WORLDS = {FULL: full, NAMES: hard_names, EMPTY: empty}

LISTS = {
    "workflows": (),
    "runs": ("2",),
    "backfills": ("3",),
    "jobs": ("4",),
    "queues": ("5",),
    "variables": ("6",),
    "workspaces": ("7",),
}
TOURS = {
    "workflow": Tour(
        full(),
        {
            "workflows": (),
            "help": ("question_mark",),
            "start": ("escape", "end", "r"),
            "backfilling": ("escape", "b"),
            "preview": ("typed:2026-11-19", "tab", "typed:2026-11-21", "enter"),
            "plan": ("escape", "escape", "i", "enter"),
            "workflow": ("escape", "escape", "enter"),
            "nodes": ("tab",),
            "runs": ("tab",),
            "versions": ("tab",),
            "difference": ("c", "end", "enter"),
            "difference-graph": ("tab",),
            "schedule": ("escape", "tab"),
            "settings": ("tab",),
        },
        wide=("workflows", "workflow", "preview"),
    ),
    "edit": Tour(
        full(),
        {
            "graph": ("end", "e"),
            "changed": ("D",),
            "node": ("enter",),
            "schedule": ("escape", "t"),
            "settings": ("escape", "w"),
            "publish": ("escape", "p"),
        },
        wide=("changed", "publish"),
    ),
    "run": Tour(
        full(),
        {
            "runs": ("2",),
            "stop": ("x",),
            "run": ("n", "j", "enter"),
            "rerun": ("R",),
            "why": ("escape", "w"),
            "nodes": ("escape", "tab"),
            "gantt": ("tab",),
            "events": ("tab",),
            "log": ("tab", "l"),
            "filtered": ("2", "2", "slash", "typed:status:run", "enter"),
            "lost": ("escape", "j", "enter", LOST),
        },
        wide=("runs", "run", "gantt", "log", "lost"),
    ),
    "others": Tour(
        full(),
        {
            "backfills": ("3",),
            "backfill": ("enter",),
            "backfill-runs": ("tab",),
            "jobs": ("4",),
            "job": ("enter",),
            "configuration": ("e", "j", "enter", "typed:x", "tab", "typed:4"),
            "leaving": ("escape", "escape"),
            "queues": ("j", "enter", "5"),
            "queue": ("enter",),
            "variables": ("6",),
            "workspaces": ("7",),
            "palette": ("colon", "typed:back"),
        },
        wide=("backfills", "backfill"),
    ),
    "empty": Tour(empty(), LISTS, wide=("workflows",)),
    "no-daemon": Tour({}, {"workflows": (), "runs": ("2",)}, wide=("workflows",), there=False),
    "names": Tour(
        hard_names(),
        {**LISTS, "run": ("2", "j", "enter"), "run-nodes": ("tab",), "run-gantt": ("tab",), "log": ("l",)},
        wide=("workflows", "run"),
    ),
    "ascii": Tour(
        full(),
        {
            "workflows": (),
            "workflow": ("end", "enter"),
            "run": ("2", "j", "enter"),
            "gantt": ("tab", "tab"),
            "backfills": ("3",),
            "lost": ("2", LOST),
            "names-run": (NAMES, "tab", "tab"),
            "names-runs": ("escape",),
            "empty": (EMPTY,),
            "publish": (FULL, "1", "e", "D", "p"),
        },
        wide=("run", "names-run"),
        ascii_only=True,
    ),
}


@pytest.mark.parametrize("name", TOURS)
async def test_screens_look_as_they_did(name: str, tmp_path: Path) -> None:
    tour = TOURS[name]
    link = ShownLink(tour.world, there=tour.there)
    app = app_over(link, unsaved=tmp_path, ascii_only=tour.ascii_only)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot, app)
        for stop, keys in tour.stops.items():
            await led(pilot, link, keys)
            await looks(pilot, f"{name}/{stop}-80", lines_of)
            if stop in tour.wide:
                await looks_wide(pilot, f"{name}/{stop}-140", lines_of)


@pytest.mark.parametrize("name", ["workflow", "edit", "run", "others"])
async def test_nothing_that_would_command_the_terminal_is_on_any_screen(name: str, tmp_path: Path) -> None:
    link = ShownLink({path: hostile(answer) for path, answer in full().items()}, said=HOSTILE.encode())
    app = app_over(link, unsaved=tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot, app)
        seen = ""
        for keys in TOURS[name].stops.values():
            await led(pilot, link, keys)
            seen += "".join(lines_of(app))
        assert not [character for character in seen if unicodedata.category(character) in ("Cc", "Cf")]
        assert "gnp.exe" in seen


COLOURED = {"runs": ("2", "g", "space"), "run": ("enter",), "rerun": ("R",)}
AND_BACK = ("escape", "escape", "escape")
OTHERWISE = {"lost": ("enter", LOST), "names": (NAMES,), "empty": ("escape", EMPTY)}


async def test_colours_are_those_of_the_theme() -> None:
    link = ShownLink(full())
    app = app_over(link)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot, app)
        for theme in THEME_NAMES:
            app.theme = theme
            for stop, keys in COLOURED.items():
                await press(*keys)(pilot)
                await looks(pilot, f"colours/{stop}-{theme}", styled_lines_of)
            await press(*AND_BACK)(pilot)
        app.theme = TERMINAL
        await otherwise(pilot, link, TERMINAL)


async def test_where_no_colours_are_wanted_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    link = ShownLink(full())
    app = app_over(link, no_colour=True)
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot, app)
        for stop, keys in COLOURED.items():
            await press(*keys)(pilot)
            await looks(pilot, f"colours/{stop}-none", styled_lines_of)
        await press(*AND_BACK)(pilot)
        await otherwise(pilot, link, "none")


async def otherwise(pilot: Pilot, link: ShownLink, colours: str) -> None:
    """See a run without its daemon, one whose names are hard to draw, and an empty list."""
    for stop, keys in OTHERWISE.items():
        await led(pilot, link, keys)
        await looks(pilot, f"colours/{stop}-{colours}", styled_lines_of)
        if stop == "names":
            await looks_wide(pilot, f"colours/{stop}-{colours}-140", styled_lines_of)


async def led(pilot: Pilot, link: ShownLink, keys: Iterable[str]) -> None:
    """Press keys, lose the daemon, or have it come back with another world."""
    for key in keys:
        assert link.listener is not None
        if key == LOST:
            link.listener.disconnected("it has ended")
        elif key in WORLDS:
            link.answers = WORLDS[key]()
            link.listener.connected(STATUS)
        else:
            await press(key)(pilot)


async def looks_wide(pilot: Pilot, name: str, draw: Callable[[StokerApp], list[str]]) -> None:
    """See it on a large terminal."""
    await pilot.resize_terminal(*WIDE)
    await looks(pilot, name, draw)
    await pilot.resize_terminal(*NARROW)


async def looks(pilot: Pilot, name: str, draw: Callable[[StokerApp], list[str]]) -> None:
    """See that the screen becomes what it was, or write down what it is."""
    app = pilot.app
    assert isinstance(app, StokerApp)
    await settled(pilot, app)
    file = SCREENS / f"{name}.txt"
    if WRITE:
        await pilot.pause(0.3)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(draw(app)) + "\n")
    expected = file.read_text().split("\n")[:-1]
    end = time.monotonic() + PATIENCE
    while draw(app) != expected and time.monotonic() < end:
        await pilot.pause(0.02)
    assert draw(app) == expected
