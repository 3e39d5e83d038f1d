"""What is kept beside the run log: objects, and a history that stands in for `stoker.db`.

Both are made of dictionaries, for speed; what records mean for the history is the daemon's own `changes_by`,
and after a crash it catches up with the daemon's own `replay`.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, insort
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec

from stoker_daemon.projection import Change, Intervals, KeyUsed, RunChange, changes_by, microseconds
from stoker_daemon.projection.changes import Finished
from stoker_daemon.projection.database import KEY_LIFETIME
from stoker_daemon.runlog.segments import replay
from stoker_daemon.scheduling.backfill import PastRun
from stoker_shared import events as ev
from stoker_shared.api import RunRow
from stoker_shared.state import Run


class Objects:
    """Content by digest, on disk as soon as it is put."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        digest = sha256(content).hexdigest()
        self._contents[digest] = content
        return digest

    def put_all(self, contents: Iterable[bytes]) -> list[str]:
        return [self.put(content) for content in contents]

    def read(self, digest: str) -> bytes:
        return self._contents[digest]


class Database:
    """What of the history is on disk: finished runs, and what came of requests, up to a position."""

    def __init__(self) -> None:
        self.seq = 0
        self.finished: dict[int, bytes] = {}
        self.used: dict[tuple[str, str, str], KeyUsed] = {}
        self.rows: dict[int, RunRow] = {}
        self.cycles: dict[int, list[tuple[int, int]]] = {}

    def write(self, changes: list[Change], seq: int) -> None:
        """Write in one transaction."""
        for change in changes:
            if isinstance(change, RunChange):
                self._keep(change.row)
            match change:
                case RunChange(finished=Finished(body=body)):
                    self.finished[change.row.id] = body
                case RunChange():
                    self.finished.pop(change.row.id, None)
                case KeyUsed():
                    self.used[change.user, change.key.route, change.key.id] = change
        self.seq = max(self.seq, seq)

    def past_runs(self, asked: Intervals) -> dict[datetime, list[PastRun]]:
        """Give what `Projection.past_runs` does."""
        found: dict[datetime, list[PastRun]] = {}
        known = self.cycles.get(asked.workflow, [])
        for _, number in known[bisect_left(known, (asked.cycles.start or 0, 0)) :]:
            row = self.rows[number]
            if not asked.cycles.holds(microseconds(row.cycle)):
                break
            if run := asked.past_run(row):
                found.setdefault(row.cycle, []).append(run)
        return found

    def _keep(self, row: RunRow) -> None:
        if row.id not in self.rows:
            insort(self.cycles.setdefault(row.workflow, []), (microseconds(row.cycle), row.id))
        self.rows[row.id] = row

    def catch_up(self, runlog: Path, seq: int) -> None:
        """Take in what the log has and this has not."""
        assert self.seq <= seq, f"the history is at {self.seq}, ahead of the log, which is at {seq}"
        if self.seq < seq:
            records = [(record, run) for record, run in replay(runlog, self.seq, until=seq) if record]
            for record, run in records:
                self.write(changes_by(record, run), record.seq)


class History:
    """The history of one life of the daemon. Reads wait for the writes before them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, changes: list[Change], seq: int) -> None:
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, self._database.write, changes, seq)

    async def run(self, number: int) -> Run | None:
        body = await asyncio.to_thread(self._database.finished.get, number)
        return msgspec.json.decode(body, type=Run) if body else None

    async def past_runs(self, asked: Intervals) -> dict[datetime, list[PastRun]]:
        return await asyncio.to_thread(self._database.past_runs, asked)

    async def answered(self, user: str, key: ev.KeyUse, now: datetime) -> KeyUsed | None:
        used = await asyncio.to_thread(self._database.used.get, (user, key.route, key.id))
        return used if used and used.at >= now - KEY_LIFETIME else None
