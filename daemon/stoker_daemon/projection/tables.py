"""The tables, and how they are written.

``entries`` has a line for each facet of each run, in which it is sorted each way: so a page of any list is a
stretch of an index, however many runs there are. ``counts`` says how many runs each facet has in each state.

What can be read from the log from some record on has its ``seq``, so that it can be told what would be lost
with the log's oldest segments. Of runs that have finished, and of them only, ``runs`` also has what they are
let go by; ``bytes`` is what their output takes, once that was measured: the one thing that is not in the log.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from stoker_daemon.planning.durations import RECENT
from stoker_daemon.projection.changes import KeyUsed, RunChange, Took
from stoker_daemon.projection.selection import Facet, facets_of, keys_of, microseconds
from stoker_shared.api import RunRow
from stoker_shared.model import RunState

KEY_LIFETIME = timedelta(days=7)
"""How long a request's key is kept."""

SHAPE = 6
"""Number of the tables' shape; a database of another is made anew from the log."""

TABLES = """
create table position (log text not null, seq integer not null, shape integer not null);
create table runs (
    id integer primary key,
    workflow integer not null,
    failed integer,
    ended integer,
    output integer,
    bytes integer,
    seq integer,
    weight integer,
    plan text,
    row blob not null,
    body blob
);
create table past (
    workflow integer not null,
    cycle integer not null,
    run integer not null,
    state text not null,
    backfill integer not null,
    seq integer not null,
    primary key (workflow, cycle, run)
) without rowid;
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
    seq integer not null,
    primary key (workflow, node)
) without rowid;
create table keys (
    user text not null,
    route text not null,
    id text not null,
    body text not null,
    number integer not null,
    at text not null,
    seq integer not null,
    primary key (user, route, id)
) without rowid;
create index keys_by_age on keys (at);
"""

INDEXES = """
create index if not exists entries_by_started on entries (facet, started, run);
create index if not exists entries_by_cycle on entries (facet, cycle, run);
create index if not exists entries_by_duration on entries (facet, duration, run);
create index if not exists runs_by_end on runs (workflow, failed, ended) where ended is not null;
create index if not exists runs_by_output on runs (failed, ended, bytes) where output = 1;
create index if not exists runs_not_measured on runs (id) where output = 1 and bytes is null;
create index if not exists runs_by_plan on runs (plan) where plan is not null;
create index if not exists runs_by_seq on runs (seq, weight) where seq is not null;
create index if not exists past_by_seq on past (seq);
create index if not exists durations_by_seq on durations (seq);
create index if not exists keys_by_seq on keys (seq);
"""
"""Made after the tables are filled from the log, which takes a fraction of the time."""

_RUN = """
insert into runs (id, workflow, failed, ended, output, seq, weight, plan, row, body)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict do update set failed = excluded.failed, ended = excluded.ended, output = excluded.output,
    seq = excluded.seq, weight = excluded.weight, plan = excluded.plan, row = excluded.row,
    body = excluded.body, bytes = case when body is excluded.body then bytes end
"""
_ENTRY = """
insert into entries (facet, run, state, started, cycle, duration) values (?, ?, ?, ?, ?, ?)
on conflict do update set state = excluded.state, started = excluded.started, cycle = excluded.cycle,
    duration = excluded.duration
"""
_COUNT = """
insert into counts (facet, state, runs) values (?, ?, ?)
on conflict do update set runs = runs + excluded.runs
"""


class Recent(NamedTuple):
    """How long one run, or a node of it, took; it can be read from the log from ``seq`` on."""

    run: int
    seconds: float
    seq: int


def write_runs(db: sqlite3.Connection, changes: Iterable[RunChange]) -> None:
    """Write the rows of runs, with everything they are found and counted by."""
    facets = Facets(db)
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
        rows.append(_columns(change))
    db.executemany("delete from entries where facet = ? and run = ?", gone)
    db.executemany(_ENTRY, entries)
    db.executemany(_COUNT, [(*key, count) for key, count in counts.items() if count])
    db.executemany(_RUN, rows)


def _columns(change: RunChange) -> tuple[object, ...]:
    row, end = change.row, change.finished
    encoded = msgspec.json.encode(row)
    if end is None:
        return row.id, row.workflow, None, None, None, None, None, None, encoded, None
    failed, ended = row.state is not RunState.SUCCEEDED, microseconds(end.ended_at)
    return (
        *(row.id, row.workflow, failed, ended, end.has_output, end.seq, len(end.body), end.plan),
        *(encoded, end.body),
    )


def write_keys(db: sqlite3.Connection, keys: Iterable[KeyUsed]) -> None:
    """Write keys that requests came under, and forget those that are too old beside them."""
    used = list(keys)
    if not used:
        return
    db.executemany(
        "insert or replace into keys (user, route, id, body, number, at, seq) values (?, ?, ?, ?, ?, ?, ?)",
        [
            (use.user, use.key.route, use.key.id, use.key.body, use.number, spelled(use.at), use.seq)
            for use in used
        ],
    )
    forget_keys(db, max(use.at for use in used))


def forget_keys(db: sqlite3.Connection, now: datetime) -> None:
    """Forget the keys that are too old."""
    db.execute("delete from keys where at < ?", (spelled(now - KEY_LIFETIME),))


def spelled(moment: datetime) -> str:
    """Spell a UTC moment so that the order of texts is the order in time."""
    return moment.isoformat(timespec="microseconds")


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
        changed: dict[str, dict[int, Recent]] = {}
        for one in several:
            recent = changed.setdefault(one.node, {each.run: each for each in known.get(one.node, ())})
            recent[one.run] = Recent(one.run, one.seconds, one.seq)
        db.executemany(
            "insert or replace into durations (workflow, node, recent, seq) values (?, ?, ?, ?)",
            [(workflow, node, *_newest(recent)) for node, recent in changed.items()],
        )


def read_durations(db: sqlite3.Connection, workflow: int) -> Mapping[str, list[Recent]]:
    """Give how long the newest runs of a workflow took, by node."""
    rows = db.execute("select node, recent from durations where workflow = ?", (workflow,))
    return {node: msgspec.json.decode(recent, type=list[Recent]) for node, recent in rows}


def _newest(recent: Mapping[int, Recent]) -> tuple[bytes, int]:
    newest = sorted(recent.values())[-RECENT:]
    return msgspec.json.encode(newest), min(one.seq for one in newest)


class Facets:
    """The numbers of facets, given out as they come up."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[tuple[str, Facet], int] = {}

    def number(self, workspace: str, facet: Facet) -> int:
        """Give a facet's number."""
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
