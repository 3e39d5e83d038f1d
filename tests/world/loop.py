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


class Handle:
    """A callback that is asked for."""

    __slots__ = ("args", "callback", "context", "due", "is_cancelled")

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: Context | None,
        due: float = 0,
    ) -> None:
        self.due = due
        self.callback = callback
        self.args = args
        self.context = context
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
        self.ready: deque[Handle] = deque()
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
        handle = self.ready.popleft()
        if not handle.is_cancelled:
            if handle.context is None:
                handle.callback(*handle.args)
            else:
                handle.context.run(handle.callback, *handle.args)

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
            self.ready.append(heapq.heappop(self.timers)[2])

    def next_due(self) -> float | None:
        """Give when something is due next."""
        while self.timers and self.timers[0][2].is_cancelled:
            heapq.heappop(self.timers)
        return self.timers[0][0] if self.timers else None

    # What asyncio and the daemon ask of a loop.

    def time(self) -> float:
        return self._clock.seconds

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:
        handle = Handle(callback, args, context)
        self.ready.append(handle)
        return handle

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Context | None = None) -> Any:
        return self.call_soon(callback, *args, context=context)

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        return self.call_at(self._clock.seconds + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        handle = Handle(callback, args, context, when)
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
