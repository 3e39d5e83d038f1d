"""The database itself: opened, brought up to date, written, asked, and made anew when it is not what it was.

It holds the history of runs, how long they usually take, and the keys that requests came under of late. It
commits the position in the log together with its rows, in a thread of its own, and is brought up to date from
the log when it is absent, behind, ahead, damaged, of another log or of another shape. So nothing is lost with
it. It may be behind by records that change no row. What could not be written is tried again, and shown
meanwhile; where there is no file to be had, the history is kept in memory.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import ParamSpec, TypeVar

import msgspec

from stoker_daemon.planning.durations import usual
from stoker_daemon.projection import keeping, queries, tables
from stoker_daemon.projection.changes import (
    Change,
    KeyUsed,
    OutputGone,
    Passing,
    Removed,
    RunChange,
    Took,
    Trimmed,
    WorkflowGone,
    change_for,
    changes_by,
)
from stoker_daemon.projection.removing import take_away
from stoker_daemon.projection.selection import Intervals, Selection, Slice, microseconds, moment_at
from stoker_daemon.projection.tables import KEY_LIFETIME
from stoker_daemon.runlog.following import oldest
from stoker_daemon.runlog.segments import replay
from stoker_daemon.scheduling.backfill import PastRun
from stoker_shared import events as ev
from stoker_shared.api import RunRow
from stoker_shared.model import RunState
from stoker_shared.state import Run

AGAIN_SECONDS = 5.0
"""How long rows that could not be written wait until they are tried again."""

_IN_MEMORY = ":memory:"

_NOT_WRITABLE = (sqlite3.OperationalError, OSError)
"""What says that the file can't be used: a full or failing disk, a lock, rights."""

logger = logging.getLogger(__name__)
_T = TypeVar("_T")
_P = ParamSpec("_P")


class NotWritten(Exception):
    """The history is behind, since it could not be written."""


class Projection:
    """The database, written and read in one thread. Reads wait for the writes before them.

    Without a ``path`` it is made in memory, and nothing is written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="projection")
        self._db = sqlite3.connect(_IN_MEMORY, check_same_thread=False)
        self._runlog: Path
        self._log_id = ""
        self._seq = 0
        self._unwritten: dict[int, RunChange] = {}
        self._unwritten_took: dict[tuple[int, str, int], Took] = {}
        self._unwritten_keys: dict[tuple[str, str, str], KeyUsed] = {}
        self._unwritten_passing: list[Passing] = []
        self._again: asyncio.TimerHandle | None = None

    async def open(self, runlog: Path, log_id: str, seq: int) -> None:
        """Open the database and bring it to the log's position."""
        self._runlog, self._log_id, self._seq = runlog, log_id, seq
        await self._run(self._open)

    def write(self, changes: list[Change], seq: int) -> None:
        """Hand in what durable records up to ``seq`` changed."""
        loop = asyncio.get_running_loop()
        writing = loop.run_in_executor(self._thread, lambda: self._whole(self._write, changes, seq))
        writing.add_done_callback(self._written)

    async def runs(self, selection: Selection, part: Slice) -> list[RunRow]:
        """Give a page of the runs that are asked for."""
        return await self._run(self._whole, self._runs, selection, part)

    async def count(self, selection: Selection) -> dict[RunState, int]:
        """Give how many of the runs that are asked for are in each state, where any is."""
        return await self._run(self._whole, self._count, selection)

    async def usual(self, workflow: int) -> dict[str, float]:
        """Give the seconds that the workflow's nodes usually take, and, under "", its runs."""
        return await self._run(self._whole, self._usual, workflow)

    async def past_runs(self, asked: Intervals) -> dict[datetime, list[PastRun]]:
        """Give the runs for intervals of a workflow, debug aside, by cycle time and the oldest first."""
        return await self._run(self._whole, self._past_runs, asked)

    async def run(self, number: int) -> Run | None:
        """Give a finished run whole."""
        return await self._run(self._whole, self._finished_run, number)

    async def workspaces_of(self, numbers: list[int]) -> dict[int, str]:
        """Give the workspace of each of these runs that there is."""
        return await self._run(self._whole, self._workspaces_of, numbers)

    async def answered(self, user: str, key: ev.KeyUse, now: datetime) -> KeyUsed | None:
        """Give what came of an earlier request under that key on that route, unless it is too long ago."""
        return await self._run(self._whole, self._answered, user, key, now)

    async def ask(self, question: Callable[[sqlite3.Connection], _T]) -> _T:
        """Give what a question about what is kept (`keeping`) finds in what is written.

        Raises:
            NotWritten: what was handed in last is not written yet.
        """
        return await self._run(self._whole, self._ask, question)

    async def close(self) -> None:
        """Write what is pending, and end."""
        await self._run(self._close)
        self._thread.shutdown()
        if self._again:
            self._again.cancel()

    async def _run(self, call: Callable[_P, _T], *args: _P.args, **named: _P.kwargs) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(call, *args, **named))

    def _written(self, done: asyncio.Future[None]) -> None:
        """Try again, in a while, what could not be written."""
        if not (error := done.exception()):
            return
        logger.error("the history could not be written, and is tried again: %s", error)
        if not self._again:
            self._again = asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._write_again)

    def _write_again(self) -> None:
        self._again = None
        self.write([], self._seq)

    def _open(self) -> None:
        try:
            position = self._connect()
            begins = oldest(self._runlog)
            if position and position[0] == self._log_id and begins <= position[1] <= self._seq:
                self._whole(self._catch_up, position[1])
            else:
                self._make_anew()
        except _NOT_WRITABLE as error:
            self._make_in_memory(error)

    def _close(self) -> None:
        self._db.close()  # Looked up here: a write before may have made it anew.

    def _whole(self, call: Callable[_P, _T], *args: _P.args, **named: _P.kwargs) -> _T:
        """Call on a database that is whole: one that proves damaged is made anew first."""
        try:
            return call(*args, **named)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            logger.warning("%s is damaged: %s", self._path, error)
        try:
            self._make_anew()
        except _NOT_WRITABLE as error:
            self._make_in_memory(error)
        return call(*args, **named)

    def _connect(self) -> tuple[str, int] | None:
        """Open the file; give its log and position, or None where there is none of ours."""
        self._db = sqlite3.connect(self._path or _IN_MEMORY, check_same_thread=False, isolation_level=None)
        try:
            self._db.execute("pragma auto_vacuum = incremental")  # of a new file, before all else
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = normal")
            if not self._db.execute("select 1 from sqlite_master where name = 'position'").fetchone():
                return None
            log, seq, shape = self._db.execute("select * from position").fetchone()
        except (sqlite3.DatabaseError, TypeError, ValueError) as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            return None
        return (log, seq) if shape == tables.SHAPE else None

    def _make_in_memory(self, error: Exception) -> None:
        logger.warning("%s can't be used, and the history is kept in memory: %s", self._path, error)
        self._path = None
        self._make_anew()

    def _make_anew(self) -> None:
        """Make it from all that the log keeps, up to the newest position that is known to be on disk."""
        logger.info("making the history anew from the run log")
        self._db.close()
        self._forget_unwritten()
        if self._path:
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._connect()
        self._db.executescript(tables.TABLES)
        self._db.execute("insert into position values (?, 0, ?)", (self._log_id, tables.SHAPE))
        self._catch_up(None)

    def _catch_up(self, after: int | None) -> None:
        if after != self._seq:
            for batch in _batched(replay(self._runlog, after, until=self._seq), 1000):
                changes: list[Change] = []
                for record, run in batch:
                    if record:
                        changes += changes_by(record, run)
                    elif run:
                        changes.append(change_for(run, 0))
                self._write(changes, batch[-1][0].seq if batch[-1][0] else 0)
        self._db.executescript(tables.INDEXES)

    def _write(self, changes: list[Change], seq: int) -> None:
        """Write rows and the position they lead to, with those of earlier writes that failed."""
        for change in changes:
            match change:
                case RunChange():
                    self._unwritten[change.row.id] = change
                case Took():
                    self._unwritten_took[change.workflow, change.node, change.run] = change
                case KeyUsed():
                    self._unwritten_keys[change.user, change.key.route, change.key.id] = change
                case Removed() | OutputGone() | WorkflowGone() | Trimmed():
                    self._unwritten_passing.append(change)
        self._seq = max(self._seq, seq)
        with self._db:  # commits, or rolls back
            self._db.execute("begin")
            tables.write_runs(self._db, self._unwritten.values())
            tables.write_durations(self._db, self._unwritten_took.values())
            tables.write_keys(self._db, self._unwritten_keys.values())
            for passing in self._unwritten_passing:
                take_away(self._db, passing)
            self._db.execute("update position set seq = ?", (seq,))
        self._forget_unwritten()

    def _forget_unwritten(self) -> None:
        self._unwritten, self._unwritten_took, self._unwritten_keys = {}, {}, {}
        self._unwritten_passing = []

    def _ask(self, question: Callable[[sqlite3.Connection], _T]) -> _T:
        if self._unwritten or self._unwritten_took or self._unwritten_keys or self._unwritten_passing:
            raise NotWritten("the history could not be written yet")
        return question(self._db)

    def _removed(self) -> set[int]:
        """Give the runs that are still written, and not kept any more."""
        removed = [passing.runs for passing in self._unwritten_passing if isinstance(passing, Removed)]
        return {number for numbers in removed for number in numbers}

    def _answered(self, user: str, key: ev.KeyUse, now: datetime) -> KeyUsed | None:
        if unwritten := self._unwritten_keys.get((user, key.route, key.id)):
            return unwritten
        found = self._db.execute(
            "select body, number, at from keys where user = ? and route = ? and id = ? and at >= ?",
            (user, key.route, key.id, tables.spelled(now - KEY_LIFETIME)),
        ).fetchone()
        if found is None:
            return None
        body, number, at = found
        return KeyUsed(user, ev.KeyUse(key.id, key.route, body), number, datetime.fromisoformat(at))

    def _runs(self, selection: Selection, part: Slice) -> list[RunRow]:
        hidden = self._unwritten.keys() | (removed := self._removed())
        more = msgspec.structs.replace(part, limit=part.limit + len(hidden))
        written = [row for row in queries.find(self._db, selection, more) if row.id not in hidden]
        changed = [change.row for number, change in self._unwritten.items() if number not in removed]
        unwritten = [row for row in changed if selection.has(row)]
        return part.of([*written, *unwritten])

    def _count(self, selection: Selection) -> dict[RunState, int]:
        counted = Counter(queries.count(self._db, selection))
        removed = self._removed()
        for number in self._unwritten.keys() | removed:
            old = tables.row_of(self._db, number)
            if old and selection.has(old):
                counted[old.state.value] -= 1
            change = None if number in removed else self._unwritten[number]
            if change and selection.has(change.row):
                counted[change.row.state.value] += 1
        return {state: counted[state.value] for state in RunState if counted[state.value]}

    def _usual(self, workflow: int) -> dict[str, float]:
        recent = tables.read_durations(self._db, workflow)
        return {node: usual([one.seconds for one in several]) for node, several in recent.items()}

    def _past_runs(self, asked: Intervals) -> dict[datetime, list[PastRun]]:
        found = [pair for pair in queries.past_runs(self._db, asked) if pair[1].run not in self._unwritten]
        for change in self._unwritten.values():
            if run := asked.past_run(change.row):
                found.append((microseconds(change.row.cycle), run))
        found += self._past_removed(asked, {run.run for _, run in found})
        by_cycle: dict[datetime, list[PastRun]] = {}
        for cycle, run in sorted(found):
            by_cycle.setdefault(moment_at(cycle), []).append(run)
        return by_cycle

    def _workspaces_of(self, numbers: list[int]) -> dict[int, str]:
        found = {number: tables.row_of(self._db, number) for number in numbers}
        found |= {number: change.row for number, change in self._unwritten.items() if number in found}
        return {number: row.workspace for number, row in found.items() if row}

    def _past_removed(self, asked: Intervals, known: set[int]) -> Iterator[tuple[int, PastRun]]:
        """Give what is known of runs that are not kept any more."""
        for cycle, run, state, backfill in keeping.past_intervals(self._db, asked.workflow, *asked.cycles):
            if run not in known:
                yield cycle, PastRun(run, RunState(state), 0 < asked.backfill == backfill)

    def _finished_run(self, number: int) -> Run | None:
        if number in self._removed():
            return None
        if (unwritten := self._unwritten.get(number)) and unwritten.finished:
            return msgspec.json.decode(unwritten.finished.body, type=Run)
        found = self._db.execute("select body from runs where id = ?", (number,)).fetchone()
        return msgspec.json.decode(found[0], type=Run) if found and found[0] else None


def _batched(entries: Iterator[_T], size: int) -> Iterator[list[_T]]:
    while batch := list(islice(entries, size)):
        yield batch


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Tell damage (SQLITE_CORRUPT, SQLITE_NOTADB) from what sqlite3 has a class of its own for, or passes."""
    return type(error) is sqlite3.DatabaseError
