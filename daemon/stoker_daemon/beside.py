"""How what works beside the engine waits, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable


async def first_of(*events: Awaitable[object], seconds: float | None = None) -> bool:
    """Wait for one of some events, or until so many seconds have passed; tell whether it was an event.

    Unlike `asyncio.wait_for` (before Python 3.12) it swallows no cancellation that comes with an event.
    """
    waits = [asyncio.ensure_future(event) for event in events]
    try:
        done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for wait in waits:
            wait.cancel()


async def end(work: asyncio.Task[None] | None) -> None:
    """Have work end, if it was begun, and wait until it has."""
    if work:
        work.cancel()
        await asyncio.wait({work})
