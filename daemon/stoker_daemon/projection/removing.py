"""How what is not kept any more is taken out of the tables."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import msgspec

from stoker_daemon.projection.changes import OutputGone, Passing, Removed, Trimmed, WorkflowGone, finished
from stoker_daemon.projection.selection import facets_of, microseconds
from stoker_daemon.projection.tables import Facets, forget_keys, row_of
from stoker_shared import events as ev
from stoker_shared.state import Run


def take_away(db: sqlite3.Connection, passing: Passing) -> None:
    """Carry out what takes something away. What is there no more is as well gone."""
    match passing:
        case Removed():
            _remove_runs(db, passing.runs)
            _write_past(db, passing.past, passing.seq)
        case OutputGone():
            for number in passing.runs:
                _remove_output(db, number, passing.at)
        case WorkflowGone():
            db.execute("delete from past where workflow = ?", (passing.workflow,))
            db.execute("delete from durations where workflow = ?", (passing.workflow,))
        case Trimmed():
            forget_keys(db, passing.at)


def _remove_runs(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    facets, entries, counts = Facets(db), [], Counter[tuple[int, str]]()
    rows = [row for number in numbers if (row := row_of(db, number))]
    for row in rows:
        for facet in facets_of(row):
            number = facets.number(row.workspace, facet)
            entries.append((number, row.id))
            counts[number, row.state.value] += 1
    db.executemany("delete from entries where facet = ? and run = ?", entries)
    db.executemany("delete from runs where id = ?", [(row.id,) for row in rows])
    db.executemany(
        "update counts set runs = runs - ? where facet = ? and state = ?",
        [(count, *key) for key, count in counts.items()],
    )
    _forget_facets(db, {facet for facet, _ in counts})


def _forget_facets(db: sqlite3.Connection, facets: Iterable[int]) -> None:
    """Forget those that no run has any more: tags may have other values in every run."""
    for facet in facets:
        db.execute("delete from counts where facet = ? and runs = 0", (facet,))
        db.execute(
            "delete from facets where id = ? and not exists (select 1 from counts where facet = facets.id)",
            (facet,),
        )


def _write_past(db: sqlite3.Connection, past: Iterable[ev.PastInterval], seq: int) -> None:
    db.executemany(
        "insert or replace into past (workflow, cycle, run, state, backfill, seq) values (?, ?, ?, ?, ?, ?)",
        [
            (one.workflow, microseconds(one.cycle), one.run, one.state.value, one.backfill, seq)
            for one in past
        ],
    )


def _remove_output(db: sqlite3.Connection, number: int, at: datetime) -> None:
    found = db.execute("select body, seq from runs where id = ? and ended is not null", (number,)).fetchone()
    if found is None:
        return
    run = msgspec.json.decode(found[0], type=Run)
    run.output_removed_at = at
    end = finished(run, found[1])
    db.execute(
        "update runs set body = ?, weight = ?, output = ?, bytes = null where id = ?",
        (end.body, len(end.body), end.has_output, number),
    )
