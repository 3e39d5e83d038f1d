"""What lets go, pass by pass: beside the engine, in pieces of which none holds up the loop.

What goes is recorded before it is removed. What a crash left half removed is removed by the next pass: output
of which nothing is kept by what lies there, segments and objects by deciding anew.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Container, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic

import msgspec

from stoker_daemon.beside import end, first_of
from stoker_daemon.config import Config
from stoker_daemon.engine import STOKER, Engine, Turn
from stoker_daemon.objects import Objects
from stoker_daemon.problems import Refused
from stoker_daemon.projection import NotWritten, Projection, keeping
from stoker_daemon.projection.keeping import Ended, Group
from stoker_daemon.retention import asking, deciding, output
from stoker_daemon.retention.asking import History, pieces
from stoker_daemon.retention.trimming import Trimmer
from stoker_daemon.retention.unnamed import Unnamed
from stoker_daemon.views import in_force
from stoker_shared import events as ev
from stoker_shared.api import RunRow, WentAway
from stoker_shared.model import Keep

FIRST_SECONDS, EVERY_SECONDS, AGAIN_SECONDS = 10.0, 3600.0, 60.0
"""How long after the start the first pass comes, then between passes, and after one that failed."""

EVERY_RUNS, FEW_RUNS = 1000, 100
"""Finished runs after which a pass comes early, and those below which one takes its time."""

logger = logging.getLogger(__name__)


class _Kept(msgspec.Struct):
    """What of a definition is looked at."""

    keep: Keep = Keep()


class Retention:
    """Lets go of what the settings and the workflows do not keep; ``plans`` are named by nothing yet.

    The ``config`` may be replaced by another one at any time.
    """

    def __init__(
        self,
        engine: Engine,
        projection: Projection,
        objects: Objects,
        config: Config,
        now: Callable[[], datetime],
        plans: Callable[[], list[str]] = list,
    ) -> None:
        self._engine = engine
        self._history = history = History(engine, projection)
        self._objects = objects
        self.config = config
        self._logs = config.data / "logs"
        self._now = now
        self._unnamed = Unnamed(engine, history, objects, now, plans)
        self._trimmer = Trimmer(engine, history)
        self._has_orphans = True
        self._passing = asyncio.Lock()
        self._asked = asyncio.Event()
        self._finished = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Make a pass in a moment, and from then on."""
        self._engine.listeners.append(self._heard)
        self._task = asyncio.create_task(self._always())

    async def close(self) -> None:
        """Make no more passes."""
        await end(self._task)

    def ask(self) -> None:
        """Have the next pass come at once."""
        self._asked.set()

    async def look(self) -> WentAway:
        """Tell what would go now, and change nothing; sizes are measured where they are not known."""
        async with self._passing:
            await self._measure()
            went = WentAway()
            parts = await self._trimmer.parts()
            lighter = Counter[int | None]()
            gone: set[int] = set()
            async for leaving in self._leaving():
                went.runs += len(leaving.removed)
                went.outputs += len(leaving.cleared)
                for run in leaving.removed:
                    lighter[deciding.part_of(parts, run.seq)] += run.weight - keeping.FACT_BYTES
                for run in (*leaving.removed, *leaving.cleared):
                    went.output_bytes += run.size
                    gone.add(run.run)
            if self.config.keep_bytes:
                total = await self._history.ask(keeping.output_bytes) - went.output_bytes
                more, size = await self._history.ask(_overflow_without, self.config, total, gone)
                went.outputs += more
                went.output_bytes += size
            unnamed = await self._unnamed.found()
            went.objects = len(unnamed)
            went.object_bytes = await asyncio.to_thread(lambda: sum(map(self._objects.size, unnamed)))
            parts = [part._replace(weight=part.weight - lighter[place]) for place, part in enumerate(parts)]
            for part in parts[: deciding.dispensable(parts)]:
                went.segments += 1
                went.log_bytes += part.size
            return went

    async def run(self, by: str) -> WentAway:
        """Let go of what is not kept, and tell what went."""
        began = monotonic()
        async with self._passing:
            self._finished = 0
            went = WentAway()
            await self._take_away_orphans(went)
            async for leaving in self._leaving():
                for runs in pieces(leaving.removed, asking.RUNS_AT_ONCE):
                    went.runs += await self._record(by, runs, whole=True)
                for runs in pieces(leaving.cleared, asking.RUNS_AT_ONCE):
                    went.outputs += await self._record(by, runs, whole=False)
                await self._remove_output(went)
            if self.config.keep_bytes:
                await self._measure()
                while runs := await self._history.ask(_overflowing, self.config):
                    cleared = await self._record(by, runs, whole=False)
                    if not cleared:
                        break  # All of these are needed yet.
                    went.outputs += cleared
                    await self._remove_output(went)
            await self._unnamed.remove(went)
            await self._trimmer.trim(by, went)
            await self._shrink()
        if any(msgspec.structs.astuple(went)):
            logger.info("let go of %s in %.1f s", msgspec.json.encode(went).decode(), monotonic() - began)
        return went

    async def _always(self) -> None:
        pause = FIRST_SECONDS
        while True:
            await first_of(self._asked.wait(), seconds=pause)
            self._asked.clear()
            try:
                await self.run(STOKER)
                pause = EVERY_SECONDS
            except (Refused, NotWritten, OSError, sqlite3.Error) as error:
                logger.warning("could not let go of what is not kept, and will try again: %s", error)
                pause = AGAIN_SECONDS
            except Exception:
                logger.exception("could not let go of what is not kept, and will try again")
                pause = AGAIN_SECONDS

    def _heard(self, turn: Turn) -> None:
        self._finished += sum(isinstance(record.event, ev.RunFinished) for record in turn.records)
        if self._finished >= EVERY_RUNS:
            self._asked.set()

    async def _leaving(self) -> AsyncIterator[deciding.Leaving]:
        """Give what goes by age and count, a page at a time, group by group."""
        group: Group | None = None
        while group := await self._history.ask(keeping.group_after, group):
            kept = await asyncio.to_thread(self._limits, group)
            left, after = group.runs, None
            while True:
                page = await self._history.ask(keeping.oldest, group, after, asking.PAGE)
                leaving = deciding.leaving(page, left, kept, self._now())
                if leaving.removed or leaving.cleared:
                    yield leaving
                if leaving.is_all:
                    break
                left, after = left - len(page), page[-1]

    def _limits(self, group: Group) -> deciding.Limits:
        workflow = self._engine.state.workflows.get(group.workflow)
        keep = None
        if workflow:
            content = self._objects.path(in_force(workflow)).read_bytes()
            keep = msgspec.json.decode(content, type=_Kept).keep
        return deciding.limits(self.config, keep, failed=group.failed)

    async def _record(self, by: str, runs: Sequence[Ended], *, whole: bool) -> int:
        """Record that runs, or only what they wrote, are kept no more; from then on nobody finds them."""
        async with self._engine.settled:
            numbers = [run.run for run in runs]
            rows = await self._history.ask(keeping.finished_rows, numbers)
            state = self._engine.state
            # Who is still to be told of a run is told with what it wrote.
            needed = state.runs.keys() | {notice.run for notice in state.notices.values()}
            going = [row for row in rows if row.id not in needed]
            if going:
                await self._engine.submit(partial(_recorded, going, whole, by), makes_room=True)
                had_orphans, self._has_orphans = self._has_orphans, True
                await asyncio.to_thread(output.put_aside, self._logs, [row.id for row in going])
                self._has_orphans = had_orphans
        return len(going)

    async def _remove_output(self, went: WentAway) -> None:
        """Remove what was put aside."""
        for path in await asyncio.to_thread(output.set_aside, self._logs):
            began = monotonic()
            try:
                went.output_bytes += await asyncio.to_thread(output.remove, path)
            except (OSError, RecursionError) as error:
                logger.warning("%s can't be removed: %s", path, error)
            # What others write waits behind names that are removed: half the time the disk is theirs, unless
            # so many runs end meanwhile that what goes would fall behind.
            if self._finished < FEW_RUNS:
                await asyncio.sleep(monotonic() - began)

    async def _take_away_orphans(self, went: WentAway) -> None:
        """Remove the output of which nothing is kept any more: a crash came before it was."""
        if self._has_orphans:
            last = self._engine.state.counters.run
            numbers = await asyncio.to_thread(output.directories, self._logs)
            for some in pieces([number for number in numbers if number <= last], 500):
                async with self._engine.settled:
                    known = await self._history.ask(keeping.without_output, some)
                    orphans = [number for number in known if number not in self._engine.state.runs]
                    if orphans:
                        await asyncio.to_thread(output.put_aside, self._logs, orphans)
        await self._remove_output(went)
        self._has_orphans = False

    async def _measure(self) -> None:
        """Find out what the output of runs takes that have finished since it was last done."""
        last = 0
        while numbers := await self._history.ask(keeping.not_measured, last, asking.RUNS_AT_ONCE):
            async with self._engine.settled:
                sizes = await asyncio.to_thread(_measured, self._logs, numbers)
                await self._history.ask(keeping.note_sizes, sizes)
            last = numbers[-1]

    async def _shrink(self) -> None:
        """Give back what the history takes of the disk without need."""
        while await self._history.ask(keeping.give_back):
            pass


def _recorded(rows: list[RunRow], whole: bool, by: str, turn: Turn) -> None:
    numbers = tuple(row.id for row in rows)
    if not whole:
        turn.record(ev.OutputRemoved(numbers), by)
        return
    past = tuple(
        ev.PastInterval(row.id, row.workflow, row.cycle, row.state, row.backfill)
        for row in rows
        if row.trigger is not ev.Trigger.DEBUG and row.workflow in turn.state.workflows
    )
    turn.record(ev.RunsRemoved(numbers, past), by)


def _overflowing(db: sqlite3.Connection, config: Config) -> list[Ended]:
    """Give the next runs whose output goes for want of room."""
    total = keeping.output_bytes(db)
    runs = deciding.overflowing(total, config.keep_bytes, _by_due(db, config))
    return list(islice(runs, asking.RUNS_AT_ONCE))


def _overflow_without(
    db: sqlite3.Connection, config: Config, total: int, gone: Container[int]
) -> tuple[int, int]:
    """Give how many runs lose their output for want of room when some are gone, and the bytes of that."""
    rest = (run for run in _by_due(db, config) if run.run not in gone)
    sizes = [run.size for run in deciding.overflowing(total, config.keep_bytes, rest)]
    return len(sizes), sum(sizes)


def _by_due(db: sqlite3.Connection, config: Config) -> Iterator[Ended]:
    return deciding.by_due(
        config, keeping.with_output(db, failed=False), keeping.with_output(db, failed=True)
    )


def _measured(logs: Path, numbers: Iterable[int]) -> list[tuple[int, int]]:
    return [(output.measured(logs, number), number) for number in numbers]
