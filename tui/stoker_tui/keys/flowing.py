"""What goes on beside all else: work with dialogs in it, for which keys wait."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any

from textual.screen import Screen

from stoker_shared.text import clean_line
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.keys.moving import MovingApp

_HELD: ContextVar[asyncio.Event] = ContextVar("_HELD")
"""What keys wait for while something goes on."""


class FlowingApp(MovingApp):
    """An application that does several things at once, and says what comes of them."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def on_unmount(self) -> None:
        """Do nothing more."""
        for task in self._tasks:
            task.cancel()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something beside all else, until it is done or the UI ends."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def say(self, text: str) -> None:
        """Say something above the keys."""
        if (page := self.page) is not None:
            page.say(clean_line(text))

    def flow(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something beside all else, and say why it can't be done; keys wait while it shows no dialog."""
        held = self._hold()

        async def flow() -> None:
            _HELD.set(held)
            try:
                await work
            except Refused as error:
                self.say(error.problem.detail)
            except (Unreachable, NotStoker) as error:
                self.say(str(error))
            finally:
                _HELD.get().set()

        self.spawn(flow())

    async def asked(self, dialog: Screen[Any]) -> Any:
        """Show a dialog, and give what comes of it; only within a flow."""
        answer: asyncio.Future[tuple[Any, asyncio.Event]] = asyncio.get_running_loop().create_future()
        self.push_screen(dialog, lambda result: answer.set_result((result, self._hold())))
        _HELD.get().set()
        result, held = await answer
        _HELD.set(held)
        return result

    def _hold(self) -> asyncio.Event:
        """Let keys wait until the event is set."""
        held = asyncio.Event()
        self.go(held.wait())
        return held

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        try:
            task.result()
        except asyncio.CancelledError:
            pass
        except Exception as error:
            self._handle_exception(error)
