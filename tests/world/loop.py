"""An event loop in which nothing is left to the machine: its clock is simulated, and each step is asked for.

Callbacks come in the order in which they were asked for, as in asyncio's own. What asyncio would do in a
thread is a job: it is done at once and whole, at a moment that whoever drives the loop chooses.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from itertools import count
from typing import Any


class Clock:
    """Seconds since the world began, in which nobody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0


Callback = tuple[Callable[..., object], tuple[Any, ...], Context | None]
"""What is called, with what, and in which context."""


class Handle:
    """A callback that is asked for at a moment, unless it is cancelled before."""

    __slots__ = ("callback", "due", "is_cancelled")

    def __init__(self, callback: Callback, due: float) -> None:
        self.callback = callback
        self.due = due
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True

    def when(self) -> float:
        return self.due

    def cancelled(self) -> bool:
        return self.is_cancelled


class Loop(asyncio.AbstractEventLoop):
    """The loop of one life of the daemon. ``failures`` are errors that nobody took."""

    def __init__(self, clock: Clock) -> None:
        self.ready: deque[Callback] = deque()
        self.timers: list[tuple[float, int, Handle]] = []
        self.jobs: deque[tuple[asyncio.Future[Any], Callable[[], Any]]] = deque()
        self.failures: list[dict[str, Any]] = []
        self._clock = clock
        self._numbers = count()
        self._begun: list[Coroutine[Any, Any, Any]] = []

    def discard(self) -> None:
        """End what was begun: nothing of it goes on."""
        for work in self._begun:
            work.close()

    def run_next(self) -> None:
        """Run the callback that has waited longest."""
        callback, args, context = self.ready.popleft()
        if context is None:
            callback(*args)
        else:
            context.run(callback, *args)

    def run_job(self) -> None:
        """Do what was to be done in a thread."""
        future, job = self.jobs.popleft()
        try:
            result = job()
        except Exception as error:
            if not future.done():
                future.set_exception(error)
        else:
            if not future.done():
                future.set_result(result)

    def wake(self) -> None:
        """Make ready what is due."""
        while self.timers and self.timers[0][0] <= self._clock.seconds:
            handle = heapq.heappop(self.timers)[2]
            if not handle.is_cancelled:
                self.ready.append((_unless_cancelled, (handle,), None))

    def next_due(self) -> float | None:
        """Give when something is due next."""
        while self.timers and self.timers[0][2].is_cancelled:
            heapq.heappop(self.timers)
        return self.timers[0][0] if self.timers else None

    # What asyncio and the daemon ask of a loop.

    def time(self) -> float:
        return self._clock.seconds

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:
        """Call it next. Nobody here cancels that, so that there is no handle."""
        self.ready.append((callback, args, context))

    call_soon_threadsafe = call_soon

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        return self.call_at(self._clock.seconds + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        handle = Handle((callback, args, context), when)
        heapq.heappush(self.timers, (when, next(self._numbers), handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, **named: Any) -> asyncio.Task[Any]:  # type: ignore[override]
        work: Coroutine[Any, Any, Any] = coro
        self._begun.append(work)
        return asyncio.Task(work, loop=self, **named)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = self.create_future()
        self.jobs.append((future, lambda: func(*args)))
        return future

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.failures.append(context)


def _unless_cancelled(handle: Handle) -> None:
    if not handle.is_cancelled:
        callback, args, context = handle.callback
        if context is None:
            callback(*args)
        else:
            context.run(callback, *args)
