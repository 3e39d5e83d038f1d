"""The history of runs for queries: `stoker.db`, a projection of the run log.

It commits the position in the log together with its rows, in a thread of its own, and is brought up to date
from the log when it is absent, behind, ahead, of another log or of another shape. Nothing is lost with it. It
may be behind by records that change no row.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import ParamSpec, TypeVar

import msgspec

from stoker_daemon.runlog.segments import replay
from stoker_daemon.views import run_row
from stoker_shared import events as ev
from stoker_shared.api import RunRow
from stoker_shared.model import RunState
from stoker_shared.state import Run

SHAPE = 2
"""Number of the tables' shape; a database of another is made anew from the log."""

_TABLES = """
create table position (log text not null, seq integer not null, shape integer not null);
create table runs (
    id integer primary key,
    workspace text not null,
    name text not null,
    state text not null,
    created_at text not null,
    row blob not null,
    body blob
);
create index runs_by_workspace on runs (workspace, id);
create index runs_by_workflow on runs (workspace, name, id);
create index runs_by_state on runs (workspace, state, id);
"""

logger = logging.getLogger(__name__)
_T = TypeVar("_T")
_P = ParamSpec("_P")


class Change(msgspec.Struct):
    """One row to write; ``body`` is the whole run once it has finished."""

    row: RunRow
    body: bytes | None = None


_ROW_EVENTS = ev.RunCreated | ev.RunStarted | ev.RunFinished


def change_by(record: ev.Record, run: Run | None) -> Change | None:
    """Give what a record means for the history; ``run`` is the one it is about, as it stands after it."""
    if run is None or not isinstance(record.event, _ROW_EVENTS):
        return None
    return change_for(run)


def change_for(run: Run) -> Change:
    """Give the row of a run as it stands."""
    return Change(run_row(run), msgspec.json.encode(run) if run.ended_at else None)


class Projection:
    """The database, written and read in one thread. Reads wait for the writes before them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="projection")
        self._db: sqlite3.Connection
        self._unwritten: list[Change] = []

    async def open(self, runlog: Path, log_id: str, seq: int) -> None:
        """Open the database and bring it to the log's position."""
        await self._run(self._open, runlog, log_id, seq)

    def write(self, changes: list[Change], seq: int) -> None:
        """Hand in what durable records up to ``seq`` changed."""
        self._thread.submit(self._write, changes, seq).add_done_callback(_log_failure)

    async def runs(
        self, workspace: str, name: str | None, state: RunState | None, before: int | None, limit: int
    ) -> list[RunRow]:
        """Give rows, newest first, optionally of one workflow or state and numbered below ``before``."""
        return await self._run(self._runs, workspace, name, state, before, limit)

    async def run(self, number: int) -> Run | None:
        """Give a finished run whole."""
        return await self._run(self._finished_run, number)

    async def close(self) -> None:
        """Write what is pending, and end."""
        await self._run(self._db.close)
        self._thread.shutdown()

    async def _run(self, call: Callable[_P, _T], *args: _P.args, **named: _P.kwargs) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(call, *args, **named))

    def _open(self, runlog: Path, log_id: str, seq: int) -> None:
        if not self._continued(runlog, log_id, seq):
            logger.info("making %s anew from the run log", self._path.name)
            self._anew(log_id)
            self._catch_up(runlog, None)

    def _continued(self, runlog: Path, log_id: str, seq: int) -> bool:
        """Bring what is there to the log's position; False where it can't be used."""
        position = self._connect()
        if position is None or position[0] != log_id or position[1] > seq:
            return False
        try:
            if position[1] < seq:
                self._catch_up(runlog, position[1])
        except sqlite3.DatabaseError as error:
            logger.warning("%s can't be used: %s", self._path.name, error)
            return False
        return True

    def _connect(self) -> tuple[str, int] | None:
        """Open the file; give its log and position, or None where it can't be used."""
        self._db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        try:
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = normal")
            log, seq, shape = self._db.execute("select log, seq, shape from position").fetchone()
        except (sqlite3.DatabaseError, TypeError):
            return None
        return (log, seq) if shape == SHAPE else None

    def _anew(self, log_id: str) -> None:
        self._db.close()
        self._unwritten = []
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._connect()
        self._db.executescript(_TABLES)
        self._db.execute("insert into position values (?, 0, ?)", (log_id, SHAPE))

    def _catch_up(self, runlog: Path, after: int | None) -> None:
        for batch in _batched(replay(runlog, after), 1000):
            changes = [change_by(record, run) if record else change_for(run) for record, run in batch if run]
            seq = batch[-1][0].seq if batch[-1][0] else 0
            self._write([change for change in changes if change], seq)

    def _write(self, changes: list[Change], seq: int) -> None:
        """Write rows and the position they lead to, with those of earlier writes that failed."""
        self._unwritten += changes
        with self._db:  # commits, or rolls back
            self._db.execute("begin")
            self._db.executemany(
                "insert or replace into runs (id, workspace, name, state, created_at, row, body) "
                "values (?, ?, ?, ?, ?, ?, ?)",
                [_values(change) for change in self._unwritten],
            )
            self._db.execute("update position set seq = ?", (seq,))
        self._unwritten = []

    def _runs(
        self, workspace: str, name: str | None, state: RunState | None, before: int | None, limit: int
    ) -> list[RunRow]:
        wanted = {"workspace = ?": workspace, "name = ?": name, "state = ?": state, "id < ?": before}
        filters = {clause: value for clause, value in wanted.items() if value is not None}
        rows = self._db.execute(
            f"select row from runs where {' and '.join(filters)} order by id desc limit ?",  # noqa: S608
            (*filters.values(), limit),
        )
        return [msgspec.json.decode(row, type=RunRow) for (row,) in rows]

    def _finished_run(self, number: int) -> Run | None:
        found = self._db.execute("select body from runs where id = ?", (number,)).fetchone()
        return msgspec.json.decode(found[0], type=Run) if found and found[0] else None


def _values(change: Change) -> tuple[object, ...]:
    row = change.row
    created = row.created_at.isoformat()
    encoded = msgspec.json.encode(row)
    return row.id, row.workspace, row.name, row.state, created, encoded, change.body


def _batched(entries: Iterator[_T], size: int) -> Iterator[list[_T]]:
    while batch := list(islice(entries, size)):
        yield batch


def _log_failure(done: Future[None]) -> None:
    if error := done.exception():
        logger.error(
            "stoker.db could not be written; the next write or start makes up for it", exc_info=error
        )
