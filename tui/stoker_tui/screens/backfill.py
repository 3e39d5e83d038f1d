"""A backfill: how far it has come, what it was made with, and its runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from textual.app import ComposeResult
from textual.widgets import ContentSwitcher

from stoker_shared import api
from stoker_shared.api.backfills import BackfillView
from stoker_shared.model import Intervals, RunState
from stoker_shared.schedules import place_of
from stoker_tui.actions import Kind
from stoker_tui.mirror import Topic
from stoker_tui.screens import cells, fields
from stoker_tui.screens.lists import run_columns
from stoker_tui.screens.page import focus_first
from stoker_tui.screens.tabs import TabbedPage
from stoker_tui.theme import GLYPHS
from stoker_tui.times import lasted, local, took
from stoker_tui.topics import Backfill, Runs
from stoker_tui.widgets.frame import Line
from stoker_tui.widgets.line_table import LineTable
from stoker_tui.widgets.pane import Pane
from stoker_tui.widgets.pieces import Piece, Pieces

MOST_FAILED = 10
"""How many of its runs that did not succeed are named."""

_BAR = 60


class BackfillScreen(TabbedPage):
    """One backfill."""

    TABS = ("progress", "runs")

    def __init__(self, number: int) -> None:
        super().__init__()
        self._topic = Backfill(number)
        self._runs = Runs(backfill=number)
        self._table: LineTable[api.RunRow] | None = None

    @property
    def topics(self) -> Sequence[Topic]:
        """The backfill and its runs."""
        return (self._topic, self._runs)

    @property
    def crumbs(self) -> Sequence[str]:
        """Say where it is."""
        known = self._topic.value
        return ["backfills", f"B{self._topic.number}" + (f" {known.workflow}" if known else "")]

    @property
    def table(self) -> LineTable[api.RunRow] | None:
        """Its runs, where they are shown."""
        return self._table if self.tab == "runs" else None

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the backfill, and where its runs are shown those chosen instead: many keys are for both."""
        known = self._topic.value
        if self.table is not None:
            return {Kind.RUN: self.table.chosen, Kind.TABS: [None]}
        return {Kind.BACKFILL: [known] if known else [], Kind.TABS: [None]}

    def body(self) -> ComposeResult:
        """Give what is known of the backfill."""
        ascii_only = self.stoker.ascii_only
        yield Line(self.styles_of, ascii_only=ascii_only, most=2, id="title")
        yield Line(self.styles_of, ascii_only=ascii_only, id="tabline")
        self._table = LineTable(
            run_columns(self, named=False),
            key=lambda row: row.id,
            styles=self.styles_of,
            fields=fields.RUN,
            ascii_only=ascii_only,
            id="runs",
        )
        with ContentSwitcher(id="tabs", initial="progress"):
            yield Pane(self.styles_of, ascii_only=ascii_only, id="progress")
            yield self._table

    def open(self) -> None:
        """Open the run under the cursor."""
        if self.table is not None and self.table.current is not None:
            self.stoker.open_run(self.table.current.id)

    def draw(self) -> None:
        """Show the backfill."""
        self.draw_tabs()
        view, now = self._topic.value, self.stoker.now()
        if view is None or self._table is None:
            self.query_one("#title", Line).show([(f" {self.why_nothing(self._topic)}", "dim")])
            return
        runs = list((self._runs.value or {}).values())
        self.query_one("#title", Line).show(_title(view, now))
        self._table.empty = ("no runs yet",)
        self._table.set_rows(runs)
        self.query_one("#progress", Pane).set_lines(progress_lines(view, runs, now, self.stoker.zone))
        focus_first(self, self.shown)

    def on_line_table_near_end(self, event: LineTable.NearEnd) -> None:
        """Have older runs asked for."""
        self.stoker.ask_older(self._runs)


def _title(view: BackfillView, now: datetime) -> Pieces:
    first, last = (local(cycle, view.time_zone) for cycle in (view.first, view.last))
    return [
        (" ", ""),
        *cells.backfill_state(view),
        (f" {lasted(view.created_at, view.ended_at, now)}", ""),
        (f"  {first} to {last} {place_of(view.time_zone)}", ""),
        (f"  {view.remarks}", "dim"),
    ]


def progress_lines(
    view: BackfillView, runs: Sequence[api.RunRow], now: datetime, zone: str
) -> Iterator[Pieces]:
    """Give how far a backfill has come, what it waits for, what failed, and what it was made with."""
    yield cells.backfill_bar(view, _BAR)
    yield _counts(view)
    if left := cells.backfill_left(view, now):
        yield [("ended ", "dim"), *left] if view.ended_at else left
    if view.active:
        states = {row.id: row.state.value for row in runs}
        yield [("active ", "dim"), *(piece for number in view.active for piece in _active(number, states))]
    if view.retrying:
        yield [("it makes runs again for what failed", "retrying")]
    yield []
    failed = [row for row in _latest(runs) if row.state in (RunState.FAILED, RunState.STOPPED)]
    for row in failed[:MOST_FAILED]:
        state = row.state.value
        yield [
            (f"{GLYPHS[state]} {state} ", state),
            (f"#{row.id}  cycle {local(row.cycle, row.time_zone)}", ""),
            (f"  took {took(((row.ended_at or now) - row.started_at).total_seconds())}", "dim")
            if row.started_at
            else ("", ""),
        ]
    if len(failed) > MOST_FAILED:
        yield [(f"and {len(failed) - MOST_FAILED} more: tab, then /status:failed", "dim")]
    if failed:
        yield []
    yield from _settings(view, zone)
    if view.deeds:
        yield []
    for deed in view.deeds:
        yield [(f"{local(deed.at, zone, seconds=True)}  ", "dim"), (f"{deed.by} {deed.what}", "")]


def _active(number: int, states: Mapping[int, str]) -> Pieces:
    state = states.get(number, RunState.PENDING.value)
    return [(f"{GLYPHS[state]} #{number}  ", state)]


def _counts(view: BackfillView) -> Pieces:
    counts = [
        (view.succeeded, "succeeded", "succeeded"),
        (view.failed, "failed", "failed"),
        (len(view.active), "active", "running"),
        (view.passed, "needed no run", "dim"),
        (view.total - view.seen, "to come", "pending"),
    ]
    shown: list[Piece] = [(f"{count:,} {what}   ", look) for count, what, look in counts if count]
    return [(f"{view.total:,} intervals:  ", ""), *shown]


def _latest(runs: Sequence[api.RunRow]) -> list[api.RunRow]:
    """Give of each interval the run that was made last, the oldest interval first."""
    latest = {row.cycle: row for row in sorted(runs, key=lambda row: row.id)}
    return sorted(latest.values(), key=lambda row: row.cycle)


def _settings(view: BackfillView, zone: str) -> Iterator[Pieces]:
    only = "all intervals" if view.intervals is Intervals.ALL else f"only {view.intervals.value} intervals"
    stop = f", pauses after {view.stop_after} failed" if view.stop_after else ""
    yield [(f"{only}, {view.order.value} first, {view.parallel} at once{stop}", "")]
    yield [(f"made {local(view.created_at, zone)} by {view.by}", "")]
    settings = {
        "every": view.every,
        "queue": view.queue,
        "version": f"v{view.version}" if view.version else "",
        "notify": ", ".join(view.notify),
        **{f"variable {name}": value for name, value in view.variables.items()},
        "remarks": view.remarks,
    }
    for name, value in settings.items():
        if value:
            yield [(f"{name} ", "dim"), (value, "")]
