"""Makes the runs of schedules when they are due.

One heap has the next tick of every workflow whose scheduling is on. The clock is looked at when the first of
them is due and every half minute besides, so that a clock that was set and a host that slept are noticed.
What is made is decided from the state in the engine's turn; nothing here needs to outlive the daemon.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from stoker_daemon.beside import end, first_of
from stoker_daemon.commands.ticks import make_ready, make_runs
from stoker_daemon.engine import LONGEST_SLEEP, Engine, Turn
from stoker_daemon.objects import Objects
from stoker_daemon.problems import Refused
from stoker_daemon.scheduling.due import ahead_of, next_tick
from stoker_shared import events as ev

MOST_READY = 100
"""Workflows whose plans are frozen together."""

RETRY = timedelta(seconds=30)
"""After which what could not be done is tried again."""

_CHANGING = frozenset(
    {
        ev.WorkflowScheduling,
        ev.WorkflowPublished,
        ev.WorkflowRenamed,
        ev.WorkflowDeleted,
        ev.TickSkipped,
        ev.RunCreated,
        ev.RunFinished,
    }
)
"""Events after which another tick may be the next of a workflow."""

logger = logging.getLogger(__name__)


class Scheduler:
    """The schedules of an engine's workflows, at work from `start` on.

    ``host`` is the host's time zone, ``now`` gives UTC, and ``sleep`` waits so many seconds.
    """

    def __init__(
        self,
        engine: Engine,
        objects: Objects,
        host: ZoneInfo,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._engine = engine
        self._objects = objects
        self._host = host
        self._now = now
        self._sleep = sleep
        self._heap: list[tuple[datetime, int]] = []
        self._next: dict[int, datetime] = {}
        """When each workflow is to be looked at. Other entries of the heap are no more valid."""
        self._noticed: dict[int, datetime] = {}
        """The workflows that have ticks now, and when that was noticed first."""
        self._crowded: set[int] = set()
        self._changed = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin with what is due already."""
        self._engine.listeners.append(self._hear)
        self._work = asyncio.create_task(self._run())

    def soonest(self, count: int) -> list[tuple[datetime, int]]:
        """Give the workflows that tick next, by their numbers, with their ticks."""
        return heapq.nsmallest(count, ((moment, number) for number, moment in self._next.items()))

    async def close(self) -> None:
        """Make no more runs."""
        if self._work:
            self._engine.listeners.remove(self._hear)
            await end(self._work)
            self._work = None

    async def _run(self) -> None:
        for count, number in enumerate(list(self._engine.state.workflows)):
            self._look_up(number)
            if count % MOST_READY == 0:
                await asyncio.sleep(0)
        while not self._engine.failed.done():
            try:
                self._notice()
                if self._noticed:
                    await self._make()
                else:
                    await self._rest()
            except Exception as error:
                # Nothing is lost: it is all in the state. A refusal is for want of room on the disk.
                log = logger.warning if isinstance(error, Refused) else logger.exception
                log("runs that are due can't be made, and are tried again: %s", error)
                self._try_again()
                await self._sleep(RETRY.total_seconds())

    def _hear(self, turn: Turn) -> None:
        """Look at the workflows again that a turn's records changed."""
        events = [record.event for record in turn.records if type(record.event) in _CHANGING]
        for number in {number for event in events if (number := self._concerned(event, turn))}:
            self._crowded.discard(number)
            self._look_up(number)

    def _concerned(self, event: ev.EventType | ev.Unknown, turn: Turn) -> int:
        match event:
            case (
                ev.WorkflowScheduling()
                | ev.WorkflowPublished()
                | ev.WorkflowRenamed()
                | ev.WorkflowDeleted()
                | ev.TickSkipped()
            ):
                return event.workflow
            case ev.RunCreated(trigger=ev.Trigger.SCHEDULE):
                return event.workflow
            case ev.RunFinished():
                number = turn.touched[event.run].workflow
                return number if number in self._crowded else 0
        return 0

    def _look_up(self, number: int) -> None:
        """Put a workflow's next tick on the heap."""
        self._next.pop(number, None)
        if (workflow := self._engine.state.workflows.get(number)) is None:
            return
        try:
            tick = next_tick(ahead_of(workflow, self._host))
        except Exception:
            logger.exception("the next tick of workflow %r can't be told; it is tried again", workflow.name)
            tick = self._now() + RETRY
        if tick:
            self._await(tick, number)

    def _await(self, moment: datetime, number: int) -> None:
        self._next[number] = moment
        heapq.heappush(self._heap, (moment, number))
        if self._heap[0] == (moment, number):
            self._changed.set()

    def _notice(self) -> None:
        now = self._now()
        while self._heap and self._heap[0][0] <= now:
            moment, number = heapq.heappop(self._heap)
            if self._next.get(number) == moment:
                del self._next[number]
                self._noticed.setdefault(number, now)

    async def _make(self) -> None:
        """Make runs for some of the workflows that have ticks."""
        self._engine.admit()
        some = dict(islice(self._noticed.items(), MOST_READY))
        ready = await make_ready(self._engine.state, self._objects, some)
        left = ready
        while left:
            left = await self._engine.submit(make_runs(left, self._host, self._crowded))
        for number in some:
            del self._noticed[number]
        for number in some.keys() - self._next.keys() - self._crowded:
            self._look_up(number)
        unreadable = some.keys() - {each.workflow for each in ready}
        for number in unreadable & self._next.keys():
            self._await(max(self._next[number], self._now() + RETRY), number)

    async def _rest(self) -> None:
        """Wait for the next tick, or until another one comes before it."""
        self._changed.clear()
        seconds = LONGEST_SLEEP
        if self._heap:
            seconds = min(max((self._heap[0][0] - self._now()).total_seconds(), 0), LONGEST_SLEEP)
        await first_of(self._sleep(seconds), self._changed.wait())

    def _try_again(self) -> None:
        """Put back what was noticed: what is missed by the time it is noticed again is that then."""
        for number in self._noticed:
            self._look_up(number)
        self._noticed.clear()
