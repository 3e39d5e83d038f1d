"""How a backfill is to be made: a dialog, and what it would do with each interval before it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from textual.app import ComposeResult

from stoker_shared import api
from stoker_shared.api.backfills import BackfillPreview, CreateBackfill, IntervalView
from stoker_shared.model import BackfillOrder, Intervals
from stoker_shared.schedules import place_of
from stoker_shared.variables import DATES, FACTS
from stoker_tui.actions import Kind
from stoker_tui.cli.tables import Column as Shape
from stoker_tui.screens import cells, fields
from stoker_tui.screens.asking import Asking, BadField, Field, pairs_in
from stoker_tui.screens.page import Page, focus_first
from stoker_tui.theme import GLYPHS
from stoker_tui.times import ahead, local
from stoker_tui.widgets.frame import Line
from stoker_tui.widgets.line_table import Column, LineTable
from stoker_tui.widgets.pieces import Piece, Pieces


def backfill_dialog(
    row: api.WorkflowRow,
    *,
    queues: Sequence[str],
    zone: str,
    today: date,
    preview: Callable[[CreateBackfill], Awaitable[None]],
) -> Asking[None]:
    """Ask what is to be made, at first yesterday's; it stays until that is made, or given up."""

    async def done(asking: Asking[None]) -> None:
        await preview(_request(row, asking))

    every = [] if row.schedule else [Field("every", "15m, 6h, 1d, 1w, 1M: how long an interval is")]
    yesterday = (today - timedelta(days=1)).isoformat()
    asked = [
        Field("from", "first cycle, itself included", value=yesterday),
        Field("to", "last cycle, itself included", value=yesterday),
        *every,
        Field("only", choices=[each.value for each in Intervals]),
        Field("order", choices=[each.value for each in BackfillOrder]),
        Field("parallel", "1: runs active at once"),
        Field("stop after", "failed runs, then it pauses; never"),
        Field("queue", f"{row.queue}, the workflow's", queues),
        Field("version", "the latest, when a run is made"),
        Field("variables", "region=eu name='two words'"),
        Field("remarks", "why"),
        Field("notify", "who is told if it fails: a@example.com b@example.com"),
    ]
    note = f"a day, or a time such as 2026-10-01T06:00, in {zone}"
    return Asking(f"Backfill {row.name}", asked, "preview", done, note=note)


def _request(row: api.WorkflowRow, asking: Asking) -> CreateBackfill:
    for name in ("from", "to"):
        if not asking.typed(name):
            raise BadField(f"{name}: write a date or a time, such as 2026-10-01 or 2026-10-01T06:00")
    return CreateBackfill(
        workflow=row.name,
        first=asking.typed("from"),
        last=asking.typed("to"),
        intervals=Intervals(asking.typed("only")),
        every=asking.typed("every"),
        order=BackfillOrder(asking.typed("order")),
        parallel=asking.number("parallel") or 1,
        stop_after=asking.number("stop after") or 0,
        queue=asking.typed("queue"),
        version=asking.number("version"),
        variables=pairs_in("variables", asking.typed("variables")),
        remarks=asking.typed("remarks"),
        notify=tuple(asking.typed("notify").replace(",", " ").split()),
    )


class PreviewScreen(Page):
    """What a backfill would do, interval by interval, and the key that makes it."""

    def __init__(self, request: CreateBackfill, preview: BackfillPreview) -> None:
        super().__init__()
        self._request = request
        self._preview = preview
        self._said = "enter makes it; esc goes back to what was typed"
        self._table: LineTable[IntervalView] | None = None

    @property
    def crumbs(self) -> Sequence[str]:
        """Say where it is."""
        return ["workflows", self._preview.workflow, "preview"]

    @property
    def table(self) -> LineTable[IntervalView] | None:
        """The intervals."""
        return self._table

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give what would be made."""
        return {Kind.PREVIEW: [self._request]}

    def body(self) -> ComposeResult:
        """Give how many there are, and each of them."""
        ascii_only = self.stoker.ascii_only
        yield Line(self.styles_of, ascii_only=ascii_only, most=2, id="title")
        yield Line(self.styles_of, ascii_only=ascii_only, id="more")
        self._table = LineTable(
            self._columns(),
            key=lambda interval: interval.cycle,
            styles=self.styles_of,
            fields=fields.INTERVAL,
            ascii_only=ascii_only,
            id="intervals",
        )
        yield self._table

    def draw(self) -> None:
        """Show what it would do."""
        preview = self._preview
        self.query_one("#title", Line).show(_title(preview, self._request))
        more = preview.total - len(preview.items)
        notes = [f"and {more:,} more intervals" if more else ""]
        if preview.own_queue:
            notes.append(f"keep a queue of their own: {', '.join(preview.own_queue)}")
        self.query_one("#more", Line).show([(f" {'; '.join(filter(None, notes))}", "dim")])
        if self._table is not None:
            self._table.empty = ("there is no interval in that range",)
            self._table.set_rows(preview.items)
            focus_first(self, self._table)

    def _columns(self) -> Sequence[Column[IntervalView]]:
        zone = self._preview.time_zone
        return [
            Column(Shape("CYCLE"), lambda one: cells.plain(local(one.cycle, zone)), lambda one: one.cycle),
            Column(Shape("ENDS", spare=2), lambda one: cells.dim(local(one.ends_at, zone))),
            Column(Shape("RUN"), _run, lambda one: one.run),
            Column(Shape("WOULD"), lambda one: would(one, self.stoker.now()), lambda one: not one.made),
            Column(Shape("VARIABLES", text=True, spare=1), _variables),
        ]


def _title(preview: BackfillPreview, request: CreateBackfill) -> Pieces:
    made = f" {preview.made:,} of {preview.total:,} intervals get a run"
    later = f", {preview.waiting:,} later" if preview.waiting else ""
    pieces: list[Piece] = [
        (made, "strong" if preview.made else "warning"),
        (later, "pending"),
        (f"  v{preview.version}", ""),
        (f"  {request.order.value} first, {request.parallel} at once", ""),
    ]
    if request.intervals is not Intervals.ALL:
        pieces.append((f"  only {request.intervals.value}", ""))
    return [*pieces, (f"  {place_of(preview.time_zone)}", "dim")]


def _run(interval: IntervalView) -> Pieces:
    if interval.state is None:
        return [("none", "dim")]
    state = interval.state.value
    return [(f"{GLYPHS[state]} #{interval.run} {state}", state)]


def would(interval: IntervalView, now: datetime) -> Pieces:
    """Say what a backfill would do with an interval."""
    if not interval.made:
        return [("nothing, it has a run" if interval.run else "nothing, it has no run", "dim")]
    if interval.ends_at > now:
        return [(f"a run {ahead(interval.ends_at, now)}", "pending")]
    return [("another run" if interval.run else "a run", "running")]


def _variables(interval: IntervalView) -> Pieces:
    shown = {
        name: value
        for name, value in interval.variables.items()
        if name == "ds" or name not in (*DATES, *FACTS)
    }
    return [("  ".join(f"{name}={value}" for name, value in shown.items()), "dim")]
