"""The log's oldest segments let go, once what is kept of them is said again."""

from __future__ import annotations

import asyncio
from functools import partial

from stoker_daemon.commands.reruns import restoring
from stoker_daemon.engine import STOKER, Engine, Turn
from stoker_daemon.projection import keeping
from stoker_daemon.retention import asking
from stoker_daemon.retention.asking import History
from stoker_daemon.retention.deciding import Part, dispensable
from stoker_daemon.runlog import segments
from stoker_shared import events as ev
from stoker_shared.api import WentAway

NEVER_TRIMMED = 2
"""Newest segments that stay: the one that is written, and the one before, should its beginning be torn."""


class Trimmer:
    """Trims the log of an engine."""

    def __init__(self, engine: Engine, history: History) -> None:
        self._engine = engine
        self._history = history

    async def parts(self) -> list[Part]:
        """Give the log's segments that may go, the oldest first."""
        paths = await asyncio.to_thread(segments.paths, self._engine.log.directory)
        firsts = [segments.first_of(path) for path in paths]
        parts = []
        for path, first, end in zip(paths[:-NEVER_TRIMMED], firsts, firsts[1:], strict=False):
            weight = await self._history.ask(keeping.weight, first if parts else 0, end)
            parts.append(Part(first, end, path.stat().st_size, weight))
        return parts

    async def trim(self, by: str, went: WentAway) -> None:
        """Let go of what is worth it."""
        parts = await self.parts()
        if not (count := dispensable(parts)):
            return
        before = await asyncio.to_thread(self._begin_of, count)
        while await self._carry(before):
            pass
        await self._engine.submit(lambda turn: turn.record(ev.LogTrimmed(before), by))
        # In the history's thread, so that it is not making itself anew from them just now.
        await self._history.ask(lambda _: segments.remove_before(self._engine.log.directory, before))
        went.segments += count
        went.log_bytes += sum(part.size for part in parts[:count])

    def _begin_of(self, place: int) -> int:
        return segments.first_of(segments.paths(self._engine.log.directory)[place])

    async def _carry(self, before: int) -> bool:
        """Say some of what stands only before a place in the log again; tell whether there was any."""
        async with self._engine.settled:
            most = asking.RUNS_AT_ONCE, asking.FACTS_AT_ONCE
            carried = await self._history.ask(keeping.carried, before, *most)
            if carried:
                await self._engine.submit(partial(_carried, carried))
        return bool(carried)


def _carried(carried: keeping.Carried, turn: Turn) -> None:
    for number, body in carried.runs:
        for part in restoring(number, body):
            turn.record(part, STOKER)
    turn.record(ev.HistoryCarried(carried.past, carried.usual, carried.keys), STOKER)
