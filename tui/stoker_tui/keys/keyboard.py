"""Keys one after the other: each is for what the one before has led to, however fast they are typed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any

from textual.app import App
from textual.dom import DOMNode
from textual.events import Event, Key

PATIENCE_SECONDS = 1.0
"""How long a key waits for what the one before still does; with the daemon that may take longer."""

_MOST_ROUNDS = 20


class OrderlyApp(App[None]):
    """An application whose keys wait for one another.

    Textual gives a key at once to what has the focus. But a dialog opens, and the focus moves, by messages
    that are still to be dealt with then: what is typed right behind would land where one was before.
    """

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._keys: deque[Key] = deque()
        self._typist: asyncio.Task[None] | None = None
        self._ways: set[asyncio.Task[Any]] = set()

    def go(self, way: Coroutine[Any, Any, Any]) -> None:
        """Go to another screen, and let keys wait until it is there."""
        task = asyncio.create_task(way)
        self._ways.add(task)
        task.add_done_callback(self._ways.discard)

    @property
    def has_keys(self) -> bool:
        """Whether there are keys that have not had all their effect."""
        return self._typist is not None and not self._typist.done()

    async def on_event(self, event: Event) -> None:
        """Let keys wait for those before them; what is no key, or came back from a widget, does not."""
        if not isinstance(event, Key) or event.is_forwarded:
            await super().on_event(event)
            return
        self._keys.append(event)
        if not self.has_keys:
            self._typist = asyncio.create_task(self._type())

    async def _type(self) -> None:
        while self._keys and self.is_running:
            await super().on_event(self._keys.popleft())
            await self._come_to_rest()

    async def _come_to_rest(self) -> None:
        """Wait until all that has, or is about to have, the focus has dealt with its messages."""
        before: list[DOMNode] = []
        for _ in range(_MOST_ROUNDS):
            concerned = self._concerned()
            if concerned == before and not self._ways and not any(map(_has_messages, concerned)):
                return
            for node in concerned:
                await _dealt_with(node)
            if self._ways:
                await asyncio.wait(self._ways, timeout=PATIENCE_SECONDS)
            before = concerned

    def _concerned(self) -> list[DOMNode]:
        """Give what a key passes, from what has the focus up to the application."""
        return (self.focused or self.screen).ancestors_with_self


def _has_messages(node: DOMNode) -> bool:
    return node.message_queue_size > 0


async def _dealt_with(node: DOMNode) -> None:
    """Wait until a node has dealt with the messages that it has."""
    done = asyncio.Event()
    if node.call_later(done.set):
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await done.wait()
        except TimeoutError:
            pass  # It waits for the daemon, or is gone.
