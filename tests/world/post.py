"""A mail server and a webhook: down for a while, slow, refusing, losing answers. And who was told of what.

Everybody is to be told of every failure and lateness that is on disk, of each once: once more only where what
became of it was lost on the way back, with an answer or with a daemon.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from random import Random

from stoker_daemon.notify.carrying import NotCarried
from stoker_daemon.notify.letters import Letter
from stoker_shared import events as ev
from stoker_shared.apply.notifying import WEBHOOK
from stoker_shared.state import About, Notice
from tests.world.broken import Broken, must

Told = tuple[str, About, int, datetime]
"""Who was told what, of which run, as of when."""

CHECKED = (About.RUN_FAILED, About.RUN_LATE)


class Post:
    """What is due, what was taken, and what may have been lost on the way back."""

    def __init__(self, chance: Random, seconds: Callable[[], float]) -> None:
        self.calm = False
        self._chance = chance
        self._seconds = seconds
        self._down_until = {True: 0.0, False: 0.0}
        self._due: set[Told] = set()
        self._taken: Counter[tuple[str, int]] = Counter()
        self._may_double: Counter[tuple[str, int]] = Counter()
        self._unrecorded: set[tuple[str, int]] = set()
        self._seen: dict[tuple[str, int], Told] = {}
        self._given_up: set[tuple[str, int]] = set()
        self._broken: Broken | None = None

    async def carry(self, letter: Letter) -> str:
        """Take a letter, or fail."""
        try:
            return await self._carried(letter)
        except Broken as broken:
            # It ends the task that it comes up in, and nothing else.
            self._broken = self._broken or broken
            raise

    def check(self) -> None:
        """Raise what is wrong with what came."""
        if self._broken:
            raise self._broken

    async def _carried(self, letter: Letter) -> str:
        for notice in letter.notices:
            told = letter.to, notice.about, notice.run, notice.at
            must(notice.about not in CHECKED or told in self._due, told, "is told, and is not on disk")
            self._seen[letter.to, notice.id] = told
        kind, dice = letter.to == WEBHOOK, self._chance.random()
        if self.calm:
            return self._take(letter.to, letter.notices)
        if self._down_until[kind] > self._seconds():
            raise NotCarried("it is down", everything=True)
        if dice < 0.1:
            self._down_until[kind] = self._seconds() + self._chance.uniform(0, 600)
            raise NotCarried("it goes down", everything=True)
        if dice < 0.15:
            raise NotCarried("not this one, now", permanent=dice < 0.11)
        if dice < 0.3:
            await asyncio.sleep(self._chance.uniform(0, 20))
        answer = self._take(letter.to, letter.notices)
        if dice > 0.97:
            self._lose({(letter.to, notice.id) for notice in letter.notices})
            raise NotCarried("its answer was lost", everything=True)
        return answer

    def crashed(self) -> None:
        """Let a daemon end: what it had no record of yet may be told once more."""
        self._lose(set(self._unrecorded))

    def is_due(self, about: About, run: int, at: datetime, to: tuple[str, ...]) -> None:
        """Take in that people are to be told."""
        self._due |= {(who, about, run, at) for who in (*to, WEBHOOK)}

    def recorded(self, event: ev.NotificationSent | ev.NotificationGivenUp) -> None:
        """Take in what came to disk of it."""
        pairs = {(event.to, number) for number in event.notifications}
        self._unrecorded -= pairs
        if isinstance(event, ev.NotificationGivenUp):
            self._given_up |= pairs

    def must_have_told(self) -> None:
        """Check that everybody was told, or given up."""
        told = {self._seen[pair] for pair in (*self._taken, *self._given_up)}
        must(not self._due - told, self._due - told, "was lost")

    def _take(self, to: str, notices: tuple[Notice, ...]) -> str:
        for notice in notices:
            pair = to, notice.id
            self._taken[pair] += 1
            must(self._taken[pair] <= 1 + self._may_double[pair], to, "was told of", notice.id, "twice")
            self._unrecorded.add(pair)
        return "250 OK"

    def _lose(self, pairs: set[tuple[str, int]]) -> None:
        self._unrecorded -= pairs
        for pair in pairs:
            self._may_double[pair] += 1
