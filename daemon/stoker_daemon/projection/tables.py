"""The tables, and how they are written.

``entries`` has a line for each facet of each run, in which it is sorted each way: so a page of any list is a
stretch of an index, however many runs there are. ``counts`` says how many runs each facet has in each state.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from stoker_daemon.durations import RECENT
from stoker_shared.api import RunRow

from .changes import RunChange, Took
from .selection import Facet, facets_of, keys_of

SHAPE = 5
"""Number of the tables' shape; a database of another is made anew from the log."""

TABLES = """
create table position (log text not null, seq integer not null, shape integer not null);
create table runs (id integer primary key, row blob not null, body blob);
create table facets (
    id integer primary key,
    workspace text not null,
    kind text not null,
    value text not null,
    unique (workspace, kind, value)
);
create table entries (
    facet integer not null,
    run integer not null,
    state text not null,
    started integer not null,
    cycle integer not null,
    duration integer not null,
    primary key (facet, run)
) without rowid;
create table counts (
    facet integer not null,
    state text not null,
    runs integer not null,
    primary key (facet, state)
) without rowid;
create table durations (
    workflow integer not null,
    node text not null,
    recent text not null,
    primary key (workflow, node)
) without rowid;
create table keys (
    user text not null,
    route text not null,
    id text not null,
    body text not null,
    number integer not null,
    at text not null,
    primary key (user, route, id)
) without rowid;
create index keys_by_age on keys (at);
"""

INDEXES = """
create index if not exists entries_by_started on entries (facet, started, run);
create index if not exists entries_by_cycle on entries (facet, cycle, run);
create index if not exists entries_by_duration on entries (facet, duration, run);
"""
"""Made after the tables are filled from the log, which takes a fraction of the time."""

_ENTRY = """
insert into entries (facet, run, state, started, cycle, duration) values (?, ?, ?, ?, ?, ?)
on conflict do update set state = excluded.state, started = excluded.started, cycle = excluded.cycle,
    duration = excluded.duration
"""
_COUNT = """
insert into counts (facet, state, runs) values (?, ?, ?)
on conflict do update set runs = runs + excluded.runs
"""


def write_runs(db: sqlite3.Connection, changes: Iterable[RunChange]) -> None:
    """Write the rows of runs, with everything they are found and counted by."""
    facets = _Facets(db)
    gone, entries, counts = [], [], Counter[tuple[int, str]]()
    rows = []
    for change in changes:
        row, old = change.row, row_of(db, change.row.id)
        numbers = {facet: facets.number(row.workspace, facet) for facet in facets_of(row)}
        before = {facet: facets.number(old.workspace, facet) for facet in facets_of(old)} if old else {}
        gone += [(number, row.id) for facet, number in before.items() if facet not in numbers]
        counts.subtract((number, old.state.value) for number in before.values() if old)
        counts.update((number, row.state.value) for number in numbers.values())
        _, *keys = keys_of(row)
        entries += [(number, row.id, row.state.value, *keys) for number in numbers.values()]
        rows.append((row.id, msgspec.json.encode(row), change.body))
    db.executemany("delete from entries where facet = ? and run = ?", gone)
    db.executemany(_ENTRY, entries)
    db.executemany(_COUNT, [(*key, count) for key, count in counts.items() if count])
    db.executemany("insert or replace into runs (id, row, body) values (?, ?, ?)", rows)


def row_of(db: sqlite3.Connection, number: int) -> RunRow | None:
    """Give a run's row as it is written."""
    found = db.execute("select row from runs where id = ?", (number,)).fetchone()
    return msgspec.json.decode(found[0], type=RunRow) if found else None


def write_durations(db: sqlite3.Connection, took: Iterable[Took]) -> None:
    """Write how long the newest runs and their nodes took: of each as many as tell what is usual."""
    by_workflow: dict[int, list[Took]] = {}
    for one in took:
        by_workflow.setdefault(one.workflow, []).append(one)
    for workflow, several in by_workflow.items():
        known = dict(read_durations(db, workflow))
        changed: dict[str, dict[int, float]] = {}
        for one in several:
            changed.setdefault(one.node, dict(known.get(one.node, {})))[one.run] = one.seconds
        db.executemany(
            "insert or replace into durations (workflow, node, recent) values (?, ?, ?)",
            [(workflow, node, msgspec.json.encode(_newest(recent))) for node, recent in changed.items()],
        )


def read_durations(db: sqlite3.Connection, workflow: int) -> Mapping[str, dict[int, float]]:
    """Give how long the newest runs of a workflow took, by node and run."""
    rows = db.execute("select node, recent from durations where workflow = ?", (workflow,))
    return {node: dict(msgspec.json.decode(recent, type=list[tuple[int, float]])) for node, recent in rows}


def _newest(recent: Mapping[int, float]) -> list[tuple[int, float]]:
    return sorted(recent.items())[-RECENT:]


class _Facets:
    """The numbers of facets, given out as they come up."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[tuple[str, Facet], int] = {}

    def number(self, workspace: str, facet: Facet) -> int:
        key = workspace, facet
        if key not in self._known:
            self._known[key] = number_of(self._db, workspace, facet) or self._give(workspace, facet)
        return self._known[key]

    def _give(self, workspace: str, facet: Facet) -> int:
        insert = "insert into facets (workspace, kind, value) values (?, ?, ?)"
        given = self._db.execute(insert, (workspace, *facet)).lastrowid
        assert given  # noqa: S101 - an insert has one
        return given


def number_of(db: sqlite3.Connection, workspace: str, facet: Facet) -> int | None:
    """Give the number of a facet that some run has had."""
    select = "select id from facets where workspace = ? and kind = ? and value = ?"
    found = db.execute(select, (workspace, *facet)).fetchone()
    return found[0] if found else None
