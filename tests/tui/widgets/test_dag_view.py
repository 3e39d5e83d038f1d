"""The graph on the screen: walking, zooming, jumping, and states that change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from stoker_shared.dag import Upstream
from stoker_tui.graph.placing import Zoom
from stoker_tui.graph.walking import Way
from stoker_tui.widgets.dag_view import DagView, Styles
from tests.tui.widgets.looks import coloured, plain

SALES: Upstream = {
    "ingest": [],
    "transform": ["ingest"],
    "audit": ["ingest"],
    "每日订单": ["ingest"],
    "report": ["transform", "audit"],
    "mail": ["report", "ingest"],
}
STATES = {
    "ingest": "succeeded",
    "transform": "running",
    "audit": "retrying",
    "每日订单": "failed",
    "report": "pending",
    "mail": "skipped",
}


class Page(App[None]):
    """A screen with nothing but a graph."""

    def __init__(self, upstream: Upstream, styles: Styles = plain, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.graph = DagView(styles, ascii_only=ascii_only)
        self.upstream = upstream
        self.selected: list[str | None] = []

    def compose(self) -> ComposeResult:
        yield self.graph

    def on_mount(self) -> None:
        self.graph.show(self.upstream, STATES if self.upstream is SALES else {})
        self.graph.focus()

    def on_dag_view_selected(self, message: DagView.Selected) -> None:
        self.selected.append(message.node)


def screen(view: DagView) -> list[str]:
    return [view.render_line(row).text.rstrip() for row in range(view.size.height)]


async def test_a_step_selects_the_next_node_along_an_edge_and_says_so() -> None:
    page = Page(SALES)
    async with page.run_test() as pilot:
        for way in (Way.DOWN, Way.LEFT, Way.DOWN):
            page.graph.go(way)
        await pilot.pause()

        assert page.selected == ["ingest", "audit", "transform", "report"]


async def test_going_up_leads_back_where_it_came_from() -> None:
    page = Page(SALES)
    async with page.run_test():
        page.graph.select("transform")
        for way in (Way.DOWN, Way.UP):
            page.graph.go(way)
        assert page.graph.selected == "transform"

        page.graph.select("audit")
        for way in (Way.DOWN, Way.UP):
            page.graph.go(way)
        assert page.graph.selected == "audit"


async def test_what_is_selected_is_brought_into_view() -> None:
    chain = {str(index): [str(index - 1)] if index else [] for index in range(40)}
    page = Page(chain)
    async with page.run_test(size=(80, 24)) as pilot:
        page.graph.select("39")
        await pilot.pause()

        assert any("│ 39 │" in line for line in screen(page.graph))


async def test_a_state_that_changes_is_shown_in_its_place() -> None:
    page = Page(SALES)
    async with page.run_test():
        before = screen(page.graph)

        page.graph.show_states({**STATES, "transform": "succeeded"})

        assert screen(page.graph) == [line.replace("● transform", "✔ transform") for line in before]


async def test_the_same_nodes_with_other_states_are_not_laid_out_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = Page(SALES)
    async with page.run_test():
        monkeypatch.setattr("stoker_tui.widgets.dag_view.lay_out", None)

        page.graph.show(dict(SALES), {**STATES, "mail": "running"})

        assert any("● mail" in line for line in screen(page.graph))


async def test_zooming_out_leads_over_rows_and_dots_to_a_list_and_in_again() -> None:
    page = Page(SALES)
    async with page.run_test():
        seen = []
        for _ in range(4):
            page.graph.zoom_out()
            seen.append((page.graph.zoom, screen(page.graph)[0].strip()))
        page.graph.zoom_in()

        assert seen == [
            (Zoom.ROWS, "[✔ ingest]"),
            (Zoom.DOTS, "(✔)"),
            (None, "✔ ingest"),
            (None, "✔ ingest"),
        ]
        assert page.graph.zoom is Zoom.DOTS


async def test_what_is_wider_than_makes_sense_opens_smaller() -> None:
    wide = {"a": []} | {f"a_rather_long_name_{index}": ["a"] for index in range(60)}
    wider = {"a": []} | {f"b{index}": ["a"] for index in range(300)}
    for upstream, zoom in ((wide, Zoom.DOTS), (wider, None)):
        page = Page(upstream)
        async with page.run_test():
            assert page.graph.zoom is zoom


async def test_typing_a_name_selects_the_node_that_has_it() -> None:
    page = Page(SALES)
    async with page.run_test(size=(80, 24)) as pilot:
        page.graph.jump()
        await pilot.press("a", "i")
        assert screen(page.graph)[-1] == "/ai  1 of 1"
        await pilot.press("enter")

        assert (page.graph.selected, page.graph.typing) == ("mail", False)


async def test_typing_on_a_name_goes_through_all_that_have_it_from_those_that_begin_with_it() -> None:
    page = Page(SALES)
    async with page.run_test() as pilot:
        page.graph.jump()
        await pilot.press("t")
        seen = [page.graph.selected]
        await pilot.press("tab")
        seen.append(page.graph.selected)
        await pilot.press("escape")

        assert seen == ["ingest", "audit"]


async def test_a_click_selects_and_a_second_one_opens() -> None:
    page = Page(SALES)
    async with page.run_test(size=(80, 24)) as pilot:
        row = next(row for row, line in enumerate(screen(page.graph)) if "report" in line)
        column = screen(page.graph)[row].index("report")
        await pilot.click(DagView, offset=(column, row))

        assert page.graph.selected == "report"


async def test_a_graph_that_changes_keeps_what_is_selected_while_it_is_there() -> None:
    page = Page(SALES)
    async with page.run_test():
        page.graph.select("audit")
        page.graph.show({"x": [], "audit": ["x"]}, {})
        assert page.graph.selected == "audit"

        page.graph.show({"x": []}, {})
        assert page.graph.selected == "x"

        page.graph.show({}, {})
        assert page.graph.selected is None


async def test_a_cycle_is_refused() -> None:
    page = Page(SALES)
    async with page.run_test():
        with pytest.raises(ValueError, match="a -> a"):
            page.graph.show({"a": ["a"]}, {})


async def test_hostile_names_are_never_sent_raw() -> None:
    page = Page({"\x1b]52;c;aGk=\x07": [], "\u202eabc\x9b1m": ["\x1b]52;c;aGk=\x07"]})
    async with page.run_test():
        for _ in range(4):
            drawn = "".join(screen(page.graph))
            page.graph.zoom_out()

            assert not set("\x1b\x07\x9b\u202e") & set(drawn)


@pytest.mark.parametrize(
    ("size", "styles", "ascii_only"),
    [((80, 24), coloured, False), ((140, 40), plain, False), ((80, 24), plain, True)],
    ids=["coloured", "plain-wide", "ascii"],
)
def test_a_graph_looks_so(
    snap_compare: Callable[..., bool], size: tuple[int, int], styles: Styles, ascii_only: bool
) -> None:
    async def choose(pilot: Pilot[Any]) -> None:
        page = pilot.app
        assert isinstance(page, Page)
        page.graph.select("transform")
        await pilot.pause()

    page = Page(SALES, styles, ascii_only=ascii_only)
    assert snap_compare(page, terminal_size=size, run_before=choose)
