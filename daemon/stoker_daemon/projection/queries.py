"""How runs are found and counted in the tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import msgspec

from stoker_daemon.projection.selection import (
    ALL,
    BACKFILL,
    NONE,
    STATE,
    TRIGGER,
    WORKFLOW,
    Facet,
    Intervals,
    PastRun,
    Range,
    Selection,
    Slice,
)
from stoker_daemon.projection.tables import number_of
from stoker_shared import events as ev
from stoker_shared.api import RunOrder, RunRow
from stoker_shared.model import RunState

_KEYS = {
    RunOrder.NEWEST: "run",
    RunOrder.STARTED: "started",
    RunOrder.CYCLE: "cycle",
    RunOrder.DURATION: "duration",
}


MANY = 5000
"""Runs in a range from which on it costs less to go through all in their order than to sort those in it."""


def find(db: sqlite3.Connection, selection: Selection, part: Slice) -> list[RunRow]:
    """Give a page of the runs that are asked for."""
    where = _where(db, selection)
    if where is None:
        return []
    key = _KEYS[part.order]
    source = "entries e"
    if _is_wide(db, selection, where, key):
        source += " not indexed" if part.order is RunOrder.NEWEST else f" indexed by entries_by_{key}"
    if part.after:
        where += _Clause(f"(e.{key}, e.run) < (?, ?)", part.after)
    rows = db.execute(
        f"select runs.row from {source} cross join runs on runs.id = e.run where {where.text} "  # noqa: S608
        f"order by e.{key} desc, e.run desc limit ?",
        (*where.values, part.limit),
    )
    return [msgspec.json.decode(row, type=RunRow) for (row,) in rows]


def count(db: sqlite3.Connection, selection: Selection) -> dict[str, int]:
    """Give how many of the runs asked for are in each state. At once for one facet, state aside."""
    states = {facet.value for facet in selection.facets if facet.kind == STATE}
    others = [facet for facet in selection.facets if facet.kind != STATE] or [Facet(ALL)]
    if len(states) < 2 and len(others) == 1 and selection.cycle == selection.started == Range():
        counted = _counts(db, number_of(db, selection.workspace, others[0]))
        return {state: runs for state, runs in counted.items() if runs and (not states or state in states)}
    where = _where(db, selection)
    if where is None:
        return {}
    return dict(
        db.execute(
            f"select e.state, count(*) from entries e where {where.text} group by e.state",  # noqa: S608
            where.values,
        )
    )


def past_runs(db: sqlite3.Connection, asked: Intervals) -> Iterator[tuple[int, PastRun]]:
    """Give the runs for the intervals that are asked for, each after its cycle time in microseconds."""
    workflow, debug, backfill = (
        number_of(db, asked.workspace, facet)
        for facet in (
            Facet(WORKFLOW, str(asked.workflow)),
            Facet(TRIGGER, ev.Trigger.DEBUG.value),
            Facet(BACKFILL, str(asked.backfill)),
        )
    )
    where = _Clause("e.facet = ?", (workflow,)) + _within("cycle", asked.cycles)
    rows = db.execute(
        "select e.cycle, e.run, e.state, exists (select 1 from entries where facet = ? and run = e.run) "  # noqa: S608
        f"from entries e where {where.text} "
        "and not exists (select 1 from entries where facet = ? and run = e.run)",
        (backfill, *where.values, debug),
    )
    for cycle, run, state, own in rows:
        yield cycle, PastRun(run, RunState(state), bool(own))


class _Clause:
    """A part of a condition with the values in it."""

    def __init__(self, text: str, values: tuple[object, ...]) -> None:
        self.text = text
        self.values = values

    def __add__(self, other: _Clause) -> _Clause:
        return _Clause(f"{self.text} and {other.text}", (*self.values, *other.values))


def _where(db: sqlite3.Connection, selection: Selection) -> _Clause | None:
    """Give the condition on entries ``e``, those of the rarest facet; None where no run has one of them."""
    numbers = [number_of(db, selection.workspace, facet) for facet in selection.facets or (Facet(ALL),)]
    if None in numbers:
        return None
    rarest, *others = sorted(numbers, key=lambda number: sum(_counts(db, number).values()))
    where = _Clause("e.facet = ?", (rarest,))
    for number in others:
        where += _Clause("exists (select 1 from entries where facet = ? and run = e.run)", (number,))
    if selection.started != Range():
        where += _within("started", selection.started) + _Clause("e.started <> ?", (NONE,))
    if selection.cycle != Range():
        where += _within("cycle", selection.cycle)
    return where


def _is_wide(db: sqlite3.Connection, selection: Selection, where: _Clause, key: str) -> bool:
    """Tell whether a range of something else than what is sorted by has many runs."""
    spans = {"started": selection.started, "cycle": selection.cycle}
    asked = [(column, span) for column, span in spans.items() if span != Range() and column != key]
    if not asked:
        return False
    within = _Clause("e.facet = ?", where.values[:1]) + _within(*asked[0])
    some = f"select 1 from entries e where {within.text} limit ?"  # noqa: S608
    (found,) = db.execute(f"select count(*) from ({some})", (*within.values, MANY)).fetchone()  # noqa: S608
    return found == MANY


def _within(column: str, span: Range) -> _Clause:
    bounds = [(f"e.{column} >= ?", span.start), (f"e.{column} < ?", span.end)]
    parts = [_Clause(text, (value,)) for text, value in bounds if value is not None]
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _counts(db: sqlite3.Connection, facet: int | None) -> dict[str, int]:
    return dict(db.execute("select state, runs from counts where facet = ?", (facet,)))
