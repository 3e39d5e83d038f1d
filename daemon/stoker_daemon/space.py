"""The disk with the data, watched so that it is seen coming that it is full."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from stoker_daemon.beside import end
from stoker_daemon.engine import STOKER, Engine
from stoker_shared import events as ev
from stoker_shared.api import Space

LOOK_SECONDS = 30.0
"""How long between looks."""

ENOUGH = 1.1
"""How many times the bytes below which it is low must be free for it not to be low any more."""

LOOKED_BACK = 3600.0
"""Seconds of the past from which it is told how fast the disk fills."""

LOOKED_AHEAD = 24 * 3600.0
"""Seconds ahead within which it must be full for that to be told."""

PARTS = 6
"""Parts of the past: in each of them the disk must have filled for it to be steady."""

MOST_OF_A_PART = 2.0
"""How many times its share may have come in one part: what comes at one blow is not steady."""

logger = logging.getLogger(__name__)


class Look(NamedTuple):
    """How many bytes were free at a moment, in seconds of a clock that only goes forward."""

    at: float
    free: int


def full_in(looks: Sequence[Look]) -> float | None:
    """Give in how many seconds nothing is free, if it goes on as it did; None unless it is steady and near.

    Half of what is looked back on must have been seen.
    """
    if len(looks) <= PARTS or (seconds := looks[-1].at - looks[0].at) < LOOKED_BACK / 2:
        return None
    edges = [looks[part * (len(looks) - 1) // PARTS] for part in range(PARTS + 1)]
    losses = [before.free - after.free for before, after in pairwise(edges)]
    lost = sum(losses)
    if min(losses) <= 0 or max(losses) > MOST_OF_A_PART * lost / PARTS:
        return None
    left = looks[-1].free / lost * seconds
    return left if left <= LOOKED_AHEAD else None


def is_low(free: int, below: int, *, was_low: bool) -> bool:
    """Tell whether so few bytes are free that it is to be told; once it is, it takes some more to end it."""
    return free < below * (ENOUGH if was_low else 1)


class SpaceWatch:
    """Looks how much is free, and records when that becomes little, and enough again."""

    def __init__(
        self,
        engine: Engine,
        data: Path,
        below: int,
        on_low: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._data = data
        self.below = below
        self._on_low = on_low
        self._monotonic = monotonic
        self._low = self._foreseen = False
        self._looks: deque[Look] = deque(maxlen=int(LOOKED_BACK / LOOK_SECONDS) + 1)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look from now on."""
        self._task = asyncio.create_task(self._always())

    async def close(self) -> None:
        """Look no more."""
        await end(self._task)

    async def shown(self) -> Space:
        """Give how it stands now."""
        found = await asyncio.to_thread(os.statvfs, self._data)
        free = found.f_bavail * found.f_frsize
        low = is_low(free, self.below, was_low=self._low)
        return Space(free, found.f_blocks * found.f_frsize, self.below, low, full_in(self._looks))

    async def _always(self) -> None:
        while True:
            try:
                self._look(await self.shown())
            except OSError as error:
                logger.warning("can't tell how much is free in %s: %s", self._data, error)
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self, space: Space) -> None:
        self._looks.append(Look(self._monotonic(), space.free))
        if space.full_in is not None and not self._foreseen:
            minutes = space.full_in / 60
            logger.warning(
                "%s is full in about %.0f minutes if it fills as in the last hour", self._data, minutes
            )
        self._foreseen = space.full_in is not None
        if space.low is self._low:
            return
        self._low = space.low
        free = space.free
        if space.low:
            logger.warning("%s has only %.1f MiB free", self._data, free / 2**20)
            self._engine.post(lambda turn: turn.record(ev.SpaceLow(free), STOKER))
            self._on_low()
        else:
            logger.info("%s has %.1f MiB free again", self._data, free / 2**20)
            self._engine.post(lambda turn: turn.record(ev.SpaceEnough(free), STOKER))
