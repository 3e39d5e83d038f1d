"""The mirror of what screens show: topics, asked for when an event touches them; and the connection."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Generic, TypeVar

import msgspec

from stoker_shared import api, routes
from stoker_shared.text import clean_line
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.link import Link

_T = TypeVar("_T")

PACE_SECONDS = 0.2
"""How long what events touch is gathered before it is asked for."""


_STATUS = frozenset({"daemon.draining", "space.low", "space.enough"})
"""Events that change the daemon's status."""


class Touch(msgspec.Struct):
    """What an event says of what it is about. A heartbeat has no ``seq``."""

    type: str
    seq: int = 0
    run: int = 0
    workflow: int = 0
    backfill: int = 0
    node: str = ""
    attempt: int = 0


class Connection(Enum):
    """How things are between here and the daemon."""

    CONNECTING = "connecting"
    LIVE = "live"
    GONE = "no daemon"


class Topic(ABC, Generic[_T]):
    """Something that screens show: how it is asked for, and which events touch it.

    ``value`` is what the daemon said last, None before that; ``problem`` why it said nothing.
    """

    def __init__(self) -> None:
        self.value: _T | None = None
        self.problem = ""
        self.stale = True
        """It is to be asked for."""

    @abstractmethod
    def touch(self, touch: Touch) -> None:
        """Note what an event is about, where that is shown here."""

    def forget(self) -> None:
        """Note that anything may have happened."""
        self.stale = True

    @abstractmethod
    async def ask(self, link: Link) -> _T:
        """Give what is so now. It is asked no second time while an answer is awaited."""


class Mirror:
    """What is known of the daemon. Only topics that are shown are asked for; the others gather touches."""

    def __init__(self, path: str, changed: Callable[[frozenset[Topic]], None]) -> None:
        self.path = path
        self.connection = Connection.CONNECTING
        self.why = ""
        self.status: api.Status | None = None
        self._changed = changed
        self._topics: dict[Topic, int] = {}
        self._status_touched = False
        self._wake = asyncio.Event()
        self._asking = False

    @property
    def busy(self) -> bool:
        """Whether something that is shown is being asked for, or is to be."""
        live = self.connection is Connection.LIVE
        return live and (self._asking or any(shown and topic.stale for topic, shown in self._topics.items()))

    def add(self, topic: Topic) -> None:
        """Know a topic. It must be shown to be asked for."""
        self._topics.setdefault(topic, 0)

    def remove(self, topic: Topic) -> None:
        """Know a topic no more."""
        self._topics.pop(topic, None)

    def show(self, topics: Iterable[Topic]) -> None:
        """Ask for these from now on, as often as they are shown."""
        for topic in topics:
            self._topics[topic] = self._topics.get(topic, 0) + 1
        self._wake.set()

    def hide(self, topics: Iterable[Topic]) -> None:
        """Ask for these no more, where nobody else shows them."""
        for topic in topics:
            if self._topics.get(topic):
                self._topics[topic] -= 1

    def renew(self, topic: Topic) -> None:
        """Ask for a topic again, whether or not an event touched it."""
        topic.forget()
        self._wake.set()

    def empty(self, topics: Iterable[Topic]) -> None:
        """Know nothing of these any more."""
        for topic in topics:
            topic.value, topic.problem = None, ""
            topic.forget()
        self._wake.set()

    def connected(self, status: api.Status) -> None:
        """Note that the daemon is there: whatever was known may be otherwise now."""
        self.connection, self.why, self.status = Connection.LIVE, "", status
        for topic in self._topics:
            topic.forget()
        self._wake.set()
        self._changed(frozenset())

    def disconnected(self, why: str) -> None:
        """Note that the daemon is not there."""
        self.connection, self.why = Connection.GONE, clean_line(why)
        self._changed(frozenset())

    def happened(self, line: bytes) -> None:
        """Note a line of the event stream."""
        try:
            touch = msgspec.json.decode(line, type=Touch)
        except msgspec.MsgspecError:
            # Of a newer daemon: it can't be known what it touches.
            for topic in self._topics:
                topic.forget()
        else:
            if not touch.seq:
                return
            self._status_touched |= touch.type in _STATUS
            for topic in self._topics:
                topic.touch(touch)
        self._wake.set()

    async def keep(self, link: Link) -> None:
        """Ask for what is shown and was touched, for ever, a little at a time."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            began = time.monotonic()
            if self.connection is Connection.LIVE:
                await self.catch_up(link)
            await asyncio.sleep(max(PACE_SECONDS, 2 * (time.monotonic() - began)))

    async def catch_up(self, link: Link) -> None:
        """Ask for what is shown and was touched, once."""
        if self._status_touched:
            self._status_touched = False
            await self._ask_status(link)
        due = [topic for topic, shown in self._topics.items() if shown and topic.stale]
        if due:
            self._asking = True
            answered = await asyncio.gather(*(self._ask(topic, link) for topic in due))
            self._asking = False
            self._changed(frozenset(topic for topic, came in zip(due, answered, strict=True) if came))
            if any(topic.stale and shown for topic, shown in self._topics.items()):
                self._wake.set()

    async def _ask_status(self, link: Link) -> None:
        try:
            self.status = await link.get(routes.STATUS, api.Status)
        except (Unreachable, Refused, NotStoker):
            return  # It comes with the next connection.
        self._changed(frozenset())

    async def _ask(self, topic: Topic, link: Link) -> bool:
        """Ask for a topic, and tell whether there was an answer."""
        topic.stale = False
        workspace = link.workspace
        try:
            value = await topic.ask(link)
            if link.workspace != workspace:
                return False  # It is asked for there, as whoever goes there forgets all.
            topic.value, topic.problem = value, ""
        except Unreachable:
            # When the daemon is back everything is asked for.
            topic.forget()
            return False
        except Refused as error:
            topic.problem = error.problem.detail
        except NotStoker as error:
            topic.problem = clean_line(str(error))
        return True
