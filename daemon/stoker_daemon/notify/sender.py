"""Carries what stands in the outbox: beside the engine, with a clock that is handed in.

Mail and webhook have a courier each, so that one that hangs holds up nothing else. A courier hands over what
is on disk and no more waits, a few letters at a time, and has the engine record what became of each. A crash
between a server's answer and that record is the one way for something to be told twice; nothing is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Protocol

from stoker_daemon.beside import end, first_of
from stoker_daemon.engine import LONGEST_SLEEP, STOKER, Command, Engine, Turn
from stoker_daemon.notify.carrying import NotCarried
from stoker_daemon.notify.letters import WINDOW, Letter, expired, pause, ready, waits
from stoker_daemon.problems import Refused
from stoker_shared import events as ev
from stoker_shared.state import State

AT_A_TIME = 4
"""Letters that are carried at the same time."""

CLOSING_SECONDS = 5.0
"""How long an end waits for what is under way, so that it is not told twice."""

AGAIN_SECONDS = 30.0
"""How long a courier waits that could not do its work, for want of room or by an error of its own."""

logger = logging.getLogger(__name__)


class Carry(Protocol):
    """Hands a letter over, and gives the answer."""

    async def __call__(self, letter: Letter, /) -> str:
        """Raises `NotCarried`."""
        ...


def channels(*, mail: bool, webhook: bool) -> Command:
    """Give the command that records by what people can be told, where that has changed."""

    def command(turn: Turn) -> None:
        if (turn.state.outbox.mail, turn.state.outbox.webhook) != (mail, webhook):
            turn.record(ev.NotificationChannels(mail, webhook), STOKER)

    return command


class Courier:
    """Tells people by mail, or by the ``webhook``.

    While nothing can be handed over at all, one letter is tried now and then: ``down`` is why, and the next
    try is not before ``rests_until``.
    """

    def __init__(
        self,
        engine: Engine,
        carry: Carry,
        *,
        webhook: bool,
        now: Callable[[], datetime],
        chance: Random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._engine = engine
        self._carry = carry
        self._webhook = webhook
        self._now = now
        self._chance = chance
        self._sleep = sleep
        self._recent: dict[str, list[datetime]] = {}
        self._failures = 0
        self._changed = asyncio.Event()
        self._seen = 0
        self._is_closing = False
        self._work: asyncio.Task[None] | None = None
        self.down = ""
        self.rests_until: datetime | None = None

    def start(self) -> None:
        """Begin with what waits already."""
        self._engine.listeners.append(self._hear)
        self._work = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Carry no more. What is under way has a moment to come to its end, else the next start does it."""
        if self._work:
            self._engine.listeners.remove(self._hear)
            self._is_closing = True
            self._changed.set()
            await asyncio.wait({self._work}, timeout=CLOSING_SECONDS)
            await end(self._work)
            self._work = None

    def _hear(self, turn: Turn) -> None:
        if turn.state.counters.notification != self._seen:
            self._seen = turn.state.counters.notification
            self._changed.set()

    async def _run(self) -> None:
        while not (self._is_closing or self._engine.failed.done()):
            try:
                letters, again = self._due()
                if letters:
                    await self._send(letters)
                else:
                    await self._rest(again)
            except Exception as error:
                # Nothing is lost: it is all in the state. A refusal is for want of room on the disk.
                log = logger.warning if isinstance(error, Refused) else logger.exception
                log("notifications can't be sent, and are tried again: %s", error)
                await self._wait(AGAIN_SECONDS)

    def _due(self) -> tuple[list[Letter], datetime | None]:
        """Give the letters to carry now, else when to look again."""
        now = self._now()
        if self.rests_until and waits(self.rests_until, now):
            return [], self.rests_until
        self._recent = {to: kept for to, at in self._recent.items() if (kept := _within(at, now))}
        letters, again = ready(self._engine.state.notices.values(), now, self._recent, webhook=self._webhook)
        return letters[: 1 if self.down else AT_A_TIME], again

    async def _send(self, letters: list[Letter]) -> None:
        self._engine.admit(makes_room=True)
        await self._engine.durable()
        await asyncio.gather(*map(self._deliver, letters))

    async def _deliver(self, letter: Letter) -> None:
        try:
            answer = await self._carry(letter)
        except NotCarried as failure:
            await self._failed(letter, failure)
        except Exception as error:
            logger.exception("a notification for %s can't be sent", letter.to, extra=_about(letter))
            await self._failed(letter, NotCarried(f"an error of stokerd's own ({error}); its log says more"))
        else:
            self._is_up()
            self._recent.setdefault(letter.to, []).append(self._now())
            await self._record(partial(_sent, letter, answer))

    def _is_up(self) -> None:
        self._failures, self.down, self.rests_until = 0, "", None

    async def _failed(self, letter: Letter, failure: NotCarried) -> None:
        now = self._now()
        message = "a notification for %s could not be sent: %s"
        logger.warning(message, letter.to, failure, extra=_about(letter))
        if not failure.everything:
            self._is_up()
        elif self.rests_until is None or not waits(self.rests_until, now):
            self._failures += 1
            self.down, self.rests_until = str(failure), now + pause(self._failures, self._chance.random())
        await self._record(partial(self._note_failure, letter, failure, now))

    def _note_failure(self, letter: Letter, failure: NotCarried, now: datetime, turn: Turn) -> None:
        if failure.permanent:
            _give_up(turn, {letter.to: letter.numbers}, str(failure))
            return
        old = expired(turn.state.notices.values(), now, webhook=self._webhook)
        if not failure.everything:
            old = {letter.to: tuple(set(letter.numbers) & set(old.get(letter.to, ())))}
        _give_up(turn, old, f"tried for days; at last: {failure}")
        if numbers := _pending(turn.state, letter.numbers, letter.to):
            next_at = now + pause(letter.tries + 1, self._chance.random())
            if failure.everything and self.rests_until:
                next_at = self.rests_until
            event = ev.NotificationFailed(numbers, letter.to, letter.tries + 1, str(failure), next_at)
            turn.record(event, STOKER)

    async def _record(self, command: Command) -> None:
        """Have something recorded, on a full disk too, and wait until it is in the state."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def carried_out(turn: Turn) -> None:
            command(turn)
            if not done.done():
                done.set_result(None)

        self._engine.post(carried_out)
        await asyncio.wait({done, self._engine.failed}, return_when=asyncio.FIRST_COMPLETED)

    async def _rest(self, again: datetime | None) -> None:
        seconds = LONGEST_SLEEP
        if again:
            seconds = min(max((again - self._now()).total_seconds(), 0), LONGEST_SLEEP)
        await self._wait(seconds)

    async def _wait(self, seconds: float) -> None:
        """Wait so long, or until something else is to be told."""
        try:
            await first_of(self._sleep(seconds), self._changed.wait())
        finally:
            self._changed.clear()


def _sent(letter: Letter, answer: str, turn: Turn) -> None:
    if numbers := _pending(turn.state, letter.numbers, letter.to):
        turn.record(ev.NotificationSent(numbers, letter.to, answer), STOKER)


def _give_up(turn: Turn, whose: Mapping[str, tuple[int, ...]], why: str) -> None:
    for to, numbers in whose.items():
        if left := _pending(turn.state, numbers, to):
            turn.record(ev.NotificationGivenUp(left, to, why), STOKER)


def _pending(state: State, numbers: tuple[int, ...], to: str) -> tuple[int, ...]:
    """Give those that still wait for somebody to be told."""
    return tuple(one for one in numbers if (notice := state.notices.get(one)) and to in notice.untold)


def _within(moments: list[datetime], now: datetime) -> list[datetime]:
    first, last = now - WINDOW, now + timedelta(minutes=1)
    return [at for at in moments if first < at <= last]


def _about(letter: Letter) -> dict[str, object]:
    """Give the ``extra`` of an entry about a letter: the run that it tells of, where it is one."""
    runs = {notice.run for notice in letter.notices}
    return {"run": runs.pop()} if len(runs) == 1 and 0 not in runs else {}
