"""The table that lists are shown in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from rich.style import Style
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from stoker_tui.cli.tables import Column as Shape
from stoker_tui.widgets.line_table import Column, LineTable, Sorting

Row = tuple[int, str]
MANY: Sequence[Row] = [(number, f"row {number}") for number in range(100_000)]


class Tables(App[None]):
    def __init__(self, rows: Sequence[Row]) -> None:
        super().__init__()
        self.rows = rows
        self.drawn: set[int] = set()

    def compose(self) -> ComposeResult:
        columns = [
            Column[Row](Shape("NUMBER", right=True), lambda row: [(str(row[0]), "")], lambda row: row[0]),
            Column[Row](Shape("NAME", text=True), self._cell_of, lambda row: row[1]),
            Column[Row](Shape("SPARE", spare=1), lambda row: [("to be left out", "")]),
        ]
        yield LineTable(
            columns,
            key=lambda row: row[0],
            styles=lambda name: Style.parse("reverse" if name == "cursor" else ""),
            fields={"name": lambda row: [row[1]]},
        )

    def _cell_of(self, row: Row) -> list[tuple[str, str]]:
        self.drawn.add(row[0])
        return [(row[1], "")]

    def on_mount(self) -> None:
        self.table.set_rows(self.rows)
        self.table.focus()

    @property
    def table(self) -> LineTable[Row]:
        return self.query_one(LineTable)


@asynccontextmanager
async def shown(
    rows: Sequence[Row], size: tuple[int, int] = (60, 12)
) -> AsyncIterator[tuple[LineTable[Row], Pilot]]:
    app = Tables(rows)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app.table, pilot


def lines(table: LineTable[Row]) -> list[str]:
    return [table.render_line(y).text.rstrip() for y in range(table.size.height)]


async def test_only_what_fits_is_shown_below_the_heads() -> None:
    async with shown(MANY) as (table, _):
        assert lines(table)[0].split() == ["NUMBER", "NAME", "SPARE"]
        assert lines(table)[1].split()[:3] == ["0", "row", "0"]
        assert len(lines(table)) == 12


async def test_a_spare_column_gives_way_where_it_is_narrow() -> None:
    async with shown(MANY[:9], (24, 12)) as (table, _):
        assert lines(table)[0].split() == ["NUMBER", "NAME"]


async def test_the_last_of_a_hundred_thousand_is_drawn_without_those_before_it() -> None:
    async with shown(MANY) as (table, pilot):
        assert isinstance(pilot.app, Tables)
        pilot.app.drawn.clear()
        table.go(99_999)
        await pilot.pause()

        assert lines(table)[-1].split()[:3] == ["99999", "row", "99999"]
        assert len(pilot.app.drawn) < 100


async def test_the_cursor_stays_on_its_row_when_rows_come_before_it() -> None:
    async with shown(MANY[10:40]) as (table, pilot):
        table.go(5)
        await pilot.pause()

        table.set_rows(MANY[:40])

        assert table.current == (15, "row 15")


async def test_who_is_at_the_top_stays_at_the_top_when_rows_come() -> None:
    async with shown(MANY[10:40]) as (table, _):
        table.set_rows(MANY[:40])

        assert table.current == (0, "row 0")


async def test_the_cursor_is_on_a_row_when_its_own_is_gone() -> None:
    async with shown(MANY[:20]) as (table, _):
        table.go(19)

        table.set_rows(MANY[:3])

        assert table.current == (2, "row 2")


async def test_a_filter_shows_what_it_asks_for_and_the_cursor_is_on_one_of_these() -> None:
    async with shown(MANY[:200]) as (table, _):
        table.go(150)

        assert table.filter_by("name:19") == ""

        assert [row[0] for row in table.rows] == [19, 119, *range(190, 200)]
        assert table.current in table.rows
        assert table.count == 200


async def test_marked_rows_are_acted_on_else_the_one_under_the_cursor() -> None:
    async with shown(MANY[:20]) as (table, _):
        assert table.chosen == [(0, "row 0")]
        table.mark()
        table.move(1)
        table.mark()

        assert [row[0] for row in table.chosen] == [0, 2]
        table.filter_by("name:19")
        assert [row[0] for row in table.chosen] == [19]


async def test_rows_are_sorted_by_a_column_either_way() -> None:
    async with shown(MANY[:12]) as (table, _):
        table.sort_by(Sorting(1))
        assert [row[0] for row in table.rows[:4]] == [0, 1, 10, 11]
        table.sort_by(Sorting(0, reverse=True))
        assert [row[0] for row in table.rows[:2]] == [11, 10]
        assert "NUMBER▼" in lines(table)[0]


async def test_of_rows_that_stay_the_same_nothing_is_drawn_again() -> None:
    async with shown(MANY[:9]) as (table, pilot):
        drawn: list[object] = []
        table.refresh = lambda *regions, **_: drawn.append(regions) or table  # type: ignore[method-assign]

        table.set_rows(MANY[:9])
        assert drawn == []
        table.set_rows([(0, "row X"), *MANY[1:9]])
        assert len(drawn) == 1
        await pilot.pause()
