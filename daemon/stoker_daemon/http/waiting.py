"""Waiting that ends when the daemon does.

Every stream truly waits (on the log, on a moment, on the daemon's closing), so that none holds up the loop, a
vanished client is noticed, and all end when the daemon stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def happens(event: Coroutine[Any, Any, None], seconds: float, closing: asyncio.Event) -> bool:
    """Wait for an event, the daemon's closing, or the time to pass; tell whether it was not the time."""
    waits = [asyncio.ensure_future(event), asyncio.ensure_future(closing.wait())]
    try:
        done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for wait in waits:
            wait.cancel()
