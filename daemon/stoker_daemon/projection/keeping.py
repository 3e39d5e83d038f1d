"""What of the history is kept, as what lets go of it asks: by age, by size, by where it stands in the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec

from stoker_daemon.projection.selection import moment_at
from stoker_daemon.projection.tables import Recent, row_of
from stoker_shared import events as ev
from stoker_shared.api import RunRow
from stoker_shared.model import RunState

FACT_BYTES, KEY_BYTES = 100, 300
"""About what a `PastInterval` and an `EarlierKey` take in the log."""

SPARE_PAGES, PAGES_AT_ONCE = 2000, 500
"""Unused pages that a database may have for what comes, and how many it gives back at once."""

RECENT_FACTOR = 4
"""How many times as much as in their table durations take in the log."""


class Group(NamedTuple):
    """The finished runs of a workflow that ``failed``, or did not, ``runs`` in number."""

    workflow: int
    failed: bool
    runs: int


class Ended(NamedTuple):
    """A finished run: when it ended (microseconds since 1970), whether it has output, the bytes of that."""

    run: int
    ended: int
    has_output: bool
    size: int
    seq: int
    weight: int


class Carried(NamedTuple):
    """What is kept and stands in the log only before some record: whole runs as JSON, and the rest."""

    runs: list[tuple[int, bytes]]
    past: tuple[ev.PastInterval, ...]
    usual: tuple[ev.UsualSeconds, ...]
    keys: tuple[ev.EarlierKey, ...]

    def __bool__(self) -> bool:
        return any(map(len, self))


_COLUMNS = "id, ended, output, coalesce(bytes, 0), seq, weight"


def group_after(db: sqlite3.Connection, last: Group | None) -> Group | None:
    """Give the next group there is."""
    place = (last.workflow, last.failed) if last else (-1, True)
    found = db.execute(
        "select workflow, failed from runs where ended is not null and (workflow, failed) > (?, ?) "
        "order by workflow, failed limit 1",
        place,
    ).fetchone()
    if found is None:
        return None
    (count,) = db.execute(
        "select count(*) from runs where ended is not null and workflow = ? and failed = ?", found
    ).fetchone()
    return Group(found[0], bool(found[1]), count)


def oldest(db: sqlite3.Connection, group: Group, after: Ended | None, limit: int) -> list[Ended]:
    """Give a page of a group, in the order in which they ended."""
    place = (after.ended, after.run) if after else (-1, -1)
    rows = db.execute(
        f"select {_COLUMNS} from runs where ended is not null and workflow = ? and failed = ? "  # noqa: S608
        "and (ended, id) > (?, ?) order by ended, id limit ?",
        (group.workflow, group.failed, *place, limit),
    )
    return [Ended(*row) for row in rows]


def with_output(db: sqlite3.Connection, *, failed: bool) -> Iterator[Ended]:
    """Give the runs that have output and failed, or did not, in the order in which they ended."""
    rows = db.execute(
        f"select {_COLUMNS} from runs where output = 1 and failed = ? order by ended, id",  # noqa: S608
        (failed,),
    )
    return (Ended(*row) for row in rows)


def output_bytes(db: sqlite3.Connection) -> int:
    """Give what the output of all finished runs takes, as far as it was measured."""
    (total,) = db.execute("select coalesce(sum(bytes), 0) from runs where output = 1").fetchone()
    return total


def not_measured(db: sqlite3.Connection, after: int, limit: int) -> list[int]:
    """Give runs whose output was not measured yet."""
    rows = db.execute(
        "select id from runs where output = 1 and bytes is null and id > ? order by id limit ?",
        (after, limit),
    )
    return [number for (number,) in rows]


def note_sizes(db: sqlite3.Connection, sizes: Iterable[tuple[int, int]]) -> None:
    """Note bytes that the output of runs takes, each before the run's number."""
    with db:
        db.execute("begin")
        db.executemany("update runs set bytes = ? where id = ? and output = 1", sizes)


def finished_rows(db: sqlite3.Connection, numbers: Iterable[int]) -> list[RunRow]:
    """Give the rows of those runs that are there and have finished."""
    rows = [row for number in numbers if (row := row_of(db, number))]
    return [row for row in rows if row.ended_at]


def without_output(db: sqlite3.Connection, numbers: Iterable[int]) -> set[int]:
    """Give those of some runs that are not in the history, or of which no output is kept."""
    kept = "select 1 from runs where id = ? and (ended is null or output = 1)"
    return {number for number in numbers if not db.execute(kept, (number,)).fetchone()}


def plans(db: sqlite3.Connection, after: str, limit: int) -> list[str]:
    """Give a page of the plans of finished runs, each once."""
    rows = db.execute(
        "select distinct plan from runs where plan is not null and plan > ? order by plan limit ?",
        (after, limit),
    )
    return [plan for (plan,) in rows]


def weight(db: sqlite3.Connection, first: int, end: int) -> int:
    """Give about how many bytes of the log it takes to carry what stands from ``first`` to before ``end``."""
    sums = (
        (1, "select coalesce(sum(weight), 0) from runs where seq >= ? and seq < ?"),
        (FACT_BYTES, "select count(*) from past where seq >= ? and seq < ?"),
        (RECENT_FACTOR, "select coalesce(sum(length(recent)), 0) from durations where seq >= ? and seq < ?"),
        (KEY_BYTES, "select count(*) from keys where seq >= ? and seq < ?"),
    )
    return sum(each * db.execute(text, (first, end)).fetchone()[0] for each, text in sums)


def carried(db: sqlite3.Connection, before: int, runs: int, facts: int) -> Carried:
    """Give some of what stands in the log only before a record: so many ``runs`` and ``facts`` at most."""
    whole = db.execute(
        "select id, body from runs where seq < ? order by seq limit ?", (before, runs)
    ).fetchall()
    past = db.execute(
        "select run, workflow, cycle, state, backfill from past where seq < ? order by seq limit ?",
        (before, facts),
    )
    usual = db.execute(
        "select workflow, node, recent from durations where seq < ? order by seq limit ?",
        (before, facts // 20),
    )
    keys = db.execute(
        "select user, id, route, body, number, at from keys where seq < ? order by seq limit ?",
        (before, facts),
    )
    return Carried(
        whole,
        tuple(
            ev.PastInterval(run, workflow, moment_at(cycle), RunState(state), backfill)
            for run, workflow, cycle, state, backfill in past
        ),
        tuple(
            ev.UsualSeconds(workflow, node, one.run, one.seconds)
            for workflow, node, recent in usual
            for one in msgspec.json.decode(recent, type=list[Recent])
            if one.seq < before
        ),
        tuple(
            ev.EarlierKey(user, ev.KeyUse(key, route, body), number, datetime.fromisoformat(at))
            for user, key, route, body, number, at in keys
        ),
    )


def past_intervals(
    db: sqlite3.Connection, workflow: int, start: int | None, end: int | None
) -> Iterator[tuple[int, int, str, int]]:
    """Give cycle time, number, state and backfill of the runs of a workflow that are not kept any more."""
    bounds = (start if start is not None else -(2**62), end if end is not None else 2**62)
    yield from db.execute(
        "select cycle, run, state, backfill from past where workflow = ? and cycle >= ? and cycle < ?",
        (workflow, *bounds),
    )


def give_back(db: sqlite3.Connection) -> bool:
    """Give some of the pages that the database does not use back to the disk; tell whether it had many."""
    (spare,) = db.execute("pragma freelist_count").fetchone()
    if spare <= SPARE_PAGES:
        return False
    db.execute(f"pragma incremental_vacuum({PAGES_AT_ONCE})").fetchall()
    return True
