"""A disk that is held up."""

from __future__ import annotations

import asyncio
import threading


class Held:
    """A disk whose syncs wait until they are let go."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self._gone = threading.Event()

    def sync(self, _: int) -> None:
        self.arrived.set()
        self._gone.wait()

    async def arrive(self) -> None:
        await asyncio.to_thread(self.arrived.wait)

    def release(self) -> None:
        self._gone.set()
