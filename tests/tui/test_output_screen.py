"""The graph of a run and what its nodes wrote, by keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.events import Key
from textual.pilot import Pilot

from stoker_shared.api import Stream
from stoker_tui.logs.source import Source
from stoker_tui.screens.output import OutputScreen
from stoker_tui.screens.run import RunScreen
from stoker_tui.widgets.dag_view import DagView
from tests.tui.fake import FakeLink, app_over, lines_of, press, settled, world
from tests.tui.logs.fakes import Memory
from tests.tui.widgets import test_log_view as log_views

WRITTEN = b"".join(b"row %d\n" % number for number in range(500)) + b"ValueError: no such column: price\n"


class WritingLink(FakeLink):
    """A link on which every attempt has written the same."""

    def output(self, run: int, node: str, attempt: int, stream: Stream) -> Source:
        self.asked.append(f"{run}/{node}/{attempt}/{stream}")
        return Memory(WRITTEN)


async def on_run(do: Callable[[Pilot, WritingLink], Awaitable[None]]) -> list[str]:
    """Open the failed run, do something, and give the screen."""
    link = WritingLink(world())
    app = app_over(link)
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, app)
        await press("2", "j", "enter")(pilot)
        await settled(pilot, app)
        await do(pilot, link)
        await pilot.pause()
        return lines_of(app)


async def test_arrows_go_along_the_edges_and_what_is_known_of_the_node_is_beside() -> None:
    async def walk(pilot: Pilot, link: WritingLink) -> None:
        assert isinstance(pilot.app.screen, RunScreen)
        graph = pilot.app.screen.query_one(DagView)
        assert graph.selected == "transform"
        await pilot.press("up", "down", "right")
        assert graph.selected == "audit"
        await pilot.press("down")

    lines = await on_run(walk)

    assert any("report  – skipped" in line for line in lines)


async def test_a_name_that_is_typed_is_no_key_for_anything_else() -> None:
    async def jump(pilot: Pilot, link: WritingLink) -> None:
        await pilot.press("slash", *"rep")

    lines = await on_run(jump)

    assert any("/rep  1 of 1" in line for line in lines)
    assert any("report  – skipped" in line for line in lines)


async def test_the_chart_of_when_nodes_ran_is_a_tab() -> None:
    async def turn(pilot: Pilot, link: WritingLink) -> None:
        await pilot.press("tab", "tab")

    lines = await on_run(turn)

    assert any("✖ transform" in line and line.endswith("2m00s") for line in lines)


async def test_the_output_of_the_selected_node_is_opened_searched_and_left() -> None:
    async def read(pilot: Pilot, link: WritingLink) -> None:
        await pilot.press("l")
        await pilot.pause()
        screen = pilot.app.screen
        assert isinstance(screen, OutputScreen)
        view = screen.output
        await log_views.settled(view, log_views.shows(view, "no such column"))
        assert "12/transform/1/both" in link.asked
        await pilot.press("slash", *"row 77", "enter")
        await log_views.settled(view, log_views.shows(view, "row 77"))
        await pilot.press("t")
        await log_views.settled(view, log_views.shows(view, "stdout"))
        assert "12/transform/1/stdout" in link.asked
        await pilot.press("escape")

    lines = await on_run(read)

    assert any("[graph]" in line for line in lines)


async def test_what_is_typed_right_behind_the_key_for_it_is_searched_for() -> None:
    async def read(pilot: Pilot, link: WritingLink) -> None:
        for character in "/rep":
            pilot.app.post_message(Key(character, character))
        pilot.app.post_message(Key("escape", None))
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunScreen)
        assert pilot.app.screen.query_one(DagView).selected == "report"
        await pilot.press("up", "l")
        await pilot.pause()
        screen = pilot.app.screen
        assert isinstance(screen, OutputScreen)
        view = screen.output
        await log_views.settled(view, log_views.shows(view, "no such column"))
        for character in "/row 77":
            pilot.app.post_message(Key(character, character))
        pilot.app.post_message(Key("enter", None))
        await log_views.settled(view, log_views.shows(view, "row 77"))

    await on_run(read)
