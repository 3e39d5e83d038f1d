"""What makes the runs of backfills: beside the engine, with a clock that is handed in.

Each backfill that is running has a worker. It looks ahead a little (a `_Chunk`): walks over the intervals
that come next, asks the history about them where that decides, and stores what the runs are made of. One
command of the engine then makes as many of them as may be active, after it has looked whether all of that is
still so; and the next ones when one of them has ended. Nothing of it is needed after a crash: all follows
from the state.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime
from itertools import islice

import msgspec

from stoker_daemon.commands.common import latest_job, read_definition
from stoker_daemon.commands.making import Wanted, creation, frozen_plan
from stoker_daemon.commands.variables import plain_variables
from stoker_daemon.commands.workflows import published_version
from stoker_daemon.engine import LONGEST_SLEEP, STOKER, Engine, Turn
from stoker_daemon.objects import Objects
from stoker_daemon.preparing.plan import Plan
from stoker_daemon.problems import Refused, conflict
from stoker_daemon.projection import Intervals as AskedIntervals
from stoker_daemon.projection import Projection, Range, microseconds
from stoker_daemon.scheduling import backfill
from stoker_daemon.scheduling.backfill import Candidate, Interval
from stoker_shared import events as ev
from stoker_shared.model import BackfillState, Intervals, WorkflowSpec
from stoker_shared.state import Backfill, JobVersion, State, WorkflowVersion

AT_A_TIME = 250
"""Intervals that a worker looks ahead."""

AGAIN_SECONDS = 5.0
"""How long a worker waits that could not do its work, for want of room or because the history failed."""

logger = logging.getLogger(__name__)


class _Made(msgspec.Struct, frozen=True):
    """What runs are made of: a version, and its plan over these jobs, stored as ``digest``."""

    version: WorkflowVersion
    spec: WorkflowSpec
    jobs: list[JobVersion]
    plan: Plan
    digest: str

    def is_current(self, state: State, held: Backfill) -> bool:
        """Tell whether a run made now would be made of the same."""
        try:
            version = published_version(state.workflows[held.workflow], held.version or None)
            jobs = [latest_job(state, held.workspace, node.job) for node in self.spec.nodes]
        except (KeyError, Refused):
            return False
        variables = plain_variables(state, held.workspace)
        return (version, jobs, variables) == (self.version, self.jobs, self.plan.workspace_variables)


class _Chunk:
    """The next intervals of a backfill that stands at ``place``; what was known of those ``doubted`` may not
    be so any more.

    ``more`` may have ended behind them; ``is_end``: there are none behind them. ``refusal`` is why no runs
    can be made of them.
    """

    def __init__(self, held: Backfill) -> None:
        self.workflow = held.workflow
        self.place = _place(held)
        self.candidates: deque[Candidate] = deque()
        self.retries = held.retried is not None
        self.asks = self.retries or held.intervals is not Intervals.ALL
        self.doubted: set[datetime] = set()
        self.more = self.is_end = False
        self.made: _Made | None = None
        self.refusal = ""


class Backfiller:
    """Keeps a worker for each backfill that is running."""

    def __init__(
        self, engine: Engine, objects: Objects, projection: Projection, now: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._objects = objects
        self._projection = projection
        self._now = now
        self._workers: dict[int, _Worker] = {}

    def start(self) -> None:
        """Go on with what is running, and listen for what comes."""
        self._engine.listeners.append(self._heard)
        for number in self._engine.state.backfills:
            self._look(number)

    def look(self) -> None:
        """Look at the clock, and at every backfill anew."""
        for worker in self._workers.values():
            worker.look_anew()

    def plans(self) -> list[str]:
        """Give the stored plans that runs are to be made of, which no run may name yet."""
        return [digest for worker in self._workers.values() for digest in worker.plans()]

    def close(self) -> None:
        """Make no more runs, if it ever began to."""
        if self._heard in self._engine.listeners:
            self._engine.listeners.remove(self._heard)
        for worker in self._workers.values():
            worker.close()

    def _heard(self, turn: Turn) -> None:
        for worker in self._workers.values():
            worker.doubt(turn)
        for number in turn.backfills:
            self._look(number)

    def _look(self, number: int) -> None:
        held = self._engine.state.backfills.get(number)
        if held and held.state is BackfillState.RUNNING:
            if number not in self._workers:
                self._workers[number] = _Worker(
                    number, self._engine, self._objects, self._projection, self._now
                )
            self._workers[number].look()
        elif worker := self._workers.pop(number, None):
            worker.close()


class _Worker:
    """Makes the runs of one backfill while it is running."""

    def __init__(
        self,
        number: int,
        engine: Engine,
        objects: Objects,
        projection: Projection,
        now: Callable[[], datetime],
    ) -> None:
        self._number = number
        self._engine = engine
        self._objects = objects
        self._projection = projection
        self._now = now
        self._chunk: _Chunk | None = None
        self._made: _Made | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._is_asked = self._is_closed = False
        self._timer: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """Do what is to be done next, if there is anything that can be done now."""
        held = self._engine.state.backfills.get(self._number)
        if self._is_closed or self._is_asked or self._preparing or held is None or not held.is_left:
            return
        chunk = self._chunk
        if self._engine.held():
            self._look_in(AGAIN_SECONDS)
        elif chunk is None or chunk.place != _place(held) or (chunk.more and not chunk.candidates):
            self._chunk = _Chunk(held)
            self._preparing = asyncio.create_task(self._prepare(self._chunk, msgspec.structs.replace(held)))
        elif chunk.refusal or _can_take(held, chunk):
            self._is_asked = True
            self._engine.post(self._make)

    def look_anew(self) -> None:
        """Forget what was prepared, and look."""
        self._timer = None
        if not self._preparing:
            self._chunk = None
            self.look()

    def doubt(self, turn: Turn) -> None:
        """Hear which runs were touched."""
        if self._chunk and self._chunk.asks:
            self._chunk.doubted |= _touched(turn, self._chunk.workflow)

    def plans(self) -> list[str]:
        """Give the stored plans that its next runs are made of."""
        chunk = self._chunk.made if self._chunk else None
        return [made.digest for made in (self._made, chunk) if made]

    def close(self) -> None:
        """Do nothing more."""
        self._is_closed = True
        if self._timer:
            self._timer.cancel()
        if self._preparing:
            self._preparing.cancel()

    def _look_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer and self._timer.when() <= loop.time() + seconds:
            return
        if self._timer:
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self.look_anew)

    # Ahead of the engine.

    async def _prepare(self, chunk: _Chunk, held: Backfill) -> None:
        try:
            await self._fill(chunk, held)
        except Refused as refusal:
            logger.warning("backfill B%d can't go on yet: %s", self._number, refusal)
            self._chunk = None
        except Exception:
            logger.exception("backfill B%d can't go on yet", self._number)
            self._chunk = None
        finally:
            self._preparing = None
        if self._chunk:
            self.look()
        else:
            self._look_in(AGAIN_SECONDS)

    async def _fill(self, chunk: _Chunk, held: Backfill) -> None:
        now = self._now()
        intervals, next_end = await asyncio.to_thread(_walk, held, now)
        candidates = await self._judged(chunk, held, intervals)
        if any(candidate.made for candidate in candidates):
            await self._make_ready(chunk, held)
        chunk.candidates.extend(candidates)
        chunk.more = len(intervals) == AT_A_TIME
        chunk.is_end = not chunk.more and next_end is None
        if next_end:
            self._look_in(min((next_end - now).total_seconds(), LONGEST_SLEEP))

    async def _judged(self, chunk: _Chunk, held: Backfill, intervals: list[Interval]) -> list[Candidate]:
        if not chunk.asks or not intervals:
            return [backfill.judged(held, interval, ()) for interval in intervals]
        # The history knows what is on disk; what is touched from here on is doubted.
        await self._engine.durable()
        cycles = [interval.cycle for interval in intervals]
        within = Range(microseconds(min(cycles)), microseconds(max(cycles)) + 1)
        asked = AskedIntervals(held.workspace, held.workflow, within, held.id)
        known = await self._projection.past_runs(asked)
        return [backfill.judged(held, interval, known.get(interval.cycle, ())) for interval in intervals]

    async def _make_ready(self, chunk: _Chunk, held: Backfill) -> None:
        state = self._engine.state
        if self._made is None or not self._made.is_current(state, held):
            self._made = None
            try:
                version, spec = _version(state, self._objects, held)
                plan = frozen_plan(state, held.workspace, spec)
                jobs = [latest_job(state, held.workspace, node.job) for node in spec.nodes]
            except Refused as refusal:
                chunk.refusal = refusal.words
                return
            digest = await asyncio.to_thread(self._objects.put, msgspec.json.encode(plan))
            self._made = _Made(version, spec, jobs, plan, digest)
        chunk.made = self._made

    # In a turn of the engine.

    def _make(self, turn: Turn) -> None:
        """Make the next runs, as many as may be active, of what was prepared, where that is still so."""
        self._is_asked = False
        held, chunk = turn.state.backfills.get(self._number), self._chunk
        if self._is_closed or held is None or held.state is not BackfillState.RUNNING:
            return
        before = len(turn.records)
        if (
            chunk
            and chunk.place == _place(held)
            and (chunk.made is None or chunk.made.is_current(turn.state, held))
        ):
            self._carry_out(turn, held, chunk)
        if len(turn.records) == before:
            self._chunk = None
            asyncio.get_running_loop().call_soon(self.look)

    def _carry_out(self, turn: Turn, held: Backfill, chunk: _Chunk) -> None:
        if chunk.refusal:
            turn.record(ev.BackfillPaused(held.id, chunk.refusal), STOKER)
            return
        doubted = chunk.doubted | _touched(turn, held.workflow) if chunk.asks else ()
        for step in backfill.take(held, chunk.candidates, doubted):
            if isinstance(step, ev.BackfillPassed):
                turn.record(step, STOKER)
                continue
            try:
                event = _creation(turn.state, held, step, chunk.made)
            except Refused as refusal:
                turn.record(ev.BackfillPaused(held.id, refusal.words), STOKER)
                return
            turn.record(event, held.by)
        if chunk.is_end and not chunk.candidates:
            for passed in backfill.rest(held) if chunk.retries is (held.retried is not None) else ():
                turn.record(passed, STOKER)
            self._chunk = None
        chunk.place = _place(held)


def _walk(held: Backfill, now: datetime) -> tuple[list[Interval], datetime | None]:
    """Give the intervals that come next, and when the first that is still to end does."""
    ticks = backfill.timetable_of(held)
    intervals = list(islice(backfill.due(held, ticks, now), AT_A_TIME))
    return intervals, backfill.next_end(held, ticks, now) if held.retried is None else None


def _place(held: Backfill) -> tuple[datetime, datetime, datetime | None]:
    return held.ahead, held.back, held.retried


def _can_take(held: Backfill, chunk: _Chunk) -> bool:
    return len(held.active) < held.parallel if chunk.candidates else chunk.is_end


def _touched(turn: Turn, workflow: int) -> set[datetime]:
    return {run.cycle for run in turn.touched.values() if run.workflow == workflow}


def _version(state: State, objects: Objects, held: Backfill) -> tuple[WorkflowVersion, WorkflowSpec]:
    workflow = state.workflows.get(held.workflow)
    if workflow is None:
        raise conflict(f"workflow {held.name!r} was deleted")
    version = published_version(workflow, held.version or None)
    return version, read_definition(objects, version.digest)


def _creation(state: State, held: Backfill, candidate: Candidate, made: _Made | None) -> ev.RunCreated:
    assert made  # noqa: S101 - it is made ready where there is a candidate of which a run is made
    return creation(
        state,
        Wanted(
            workflow=state.workflows[held.workflow],
            spec=made.spec,
            version=made.version.version,
            cycle=candidate.interval.cycle,
            time_zone=held.time_zone,
            trigger=ev.Trigger.BACKFILL,
            queue=held.queue,
            variables=held.variables,
            remarks=held.remarks,
            scheduled_at=candidate.interval.ends_at,
            backfill=held.id,
            retry_of=candidate.retry_of,
        ),
        made.plan,
        made.digest,
    )
