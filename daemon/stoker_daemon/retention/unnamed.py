"""Stored objects that nothing names any more: found, and removed when that has been so for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from stoker_daemon.engine import Engine
from stoker_daemon.objects import Objects
from stoker_daemon.projection import keeping
from stoker_daemon.retention import asking
from stoker_daemon.retention.asking import History, pieces
from stoker_daemon.retention.marking import named_by_job, named_by_plans, named_by_workflow
from stoker_shared.api import WentAway

CLAIMED = timedelta(days=1)
"""How long an object stays that nothing names: it may have been sent before what will name it."""

DOUBTED = timedelta(hours=1)
"""How long an object that nothing names must have been seen so: longer than any request takes."""


class Unnamed:
    """The objects that nothing names; ``plans`` are those of runs that are about to be made."""

    def __init__(
        self,
        engine: Engine,
        history: History,
        objects: Objects,
        now: Callable[[], datetime],
        plans: Callable[[], list[str]],
    ) -> None:
        self._engine = engine
        self._history = history
        self._objects = objects
        self._now = now
        self._plans = plans
        self._doubted: dict[str, datetime] = {}

    async def remove(self, went: WentAway) -> None:
        """Remove those that nothing names, and did not when it was last looked."""
        now, unnamed = self._now(), await self.found()
        self._doubted = {digest: self._doubted.get(digest, now) for digest in unnamed}
        since = (now - CLAIMED).timestamp()
        for digest, doubted in list(self._doubted.items()):
            if doubted <= now - DOUBTED:
                freed = await asyncio.to_thread(self._objects.remove, digest, since)
                if freed is not None:
                    went.objects += 1
                    went.object_bytes += freed
                del self._doubted[digest]

    async def found(self) -> set[str]:
        """Give the objects that nothing names and nobody claimed of late."""
        since = (self._now() - CLAIMED).timestamp()
        unnamed = await asyncio.to_thread(lambda: set(self._objects.unclaimed(since)))
        if not unnamed:
            return unnamed
        state = self._engine.state
        for jobs in pieces(list(state.jobs), asking.PAGE):
            for place in jobs:
                if job := state.jobs.get(place):
                    unnamed.difference_update(named_by_job(job))
            await asyncio.sleep(0)
        for workflows in pieces(list(state.workflows), asking.PAGE):
            for number in workflows:
                if workflow := state.workflows.get(number):
                    unnamed.difference_update(named_by_workflow(workflow))
            await asyncio.sleep(0)
        # In this order: a run that ends meanwhile is in the history before that is asked.
        active = [*self._plans(), *(run.plan for run in state.runs.values())]
        unnamed -= await asyncio.to_thread(named_by_plans, self._objects, active)
        last = ""
        while plans := await self._history.ask(keeping.plans, last, asking.PAGE):
            unnamed -= await asyncio.to_thread(named_by_plans, self._objects, plans)
            last = plans[-1]
        return unnamed
