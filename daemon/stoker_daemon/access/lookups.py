"""What the host's directory of users and groups says: it may be a server elsewhere that is slow, or gone.

So nobody waits for it but who must know, and that not for long: each question has a thread of its own, which
no end of the daemon waits for either.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar

from stoker_daemon.access.peers import group_id, group_number, login_name
from stoker_daemon.access.rules import Access, Rules
from stoker_daemon.engine import STOKER

PATIENCE_SECONDS = 5.0
"""How long a question is waited for. It goes on then, and what comes of it is heeded when it comes."""

AGAIN_SECONDS = 60.0
"""How long until a group that was not found is looked up again: its server may only have been down."""

NO_ANSWER = f"the host's directory of users and groups (NSS) gave no answer in {PATIENCE_SECONDS:g} s"

_K = TypeVar("_K")
_V = TypeVar("_V")
logger = logging.getLogger(__name__)


class Directory(Generic[_K, _V]):
    """Answers to one kind of question, of which each is asked once at a time."""

    def __init__(self, ask: Callable[[_K], _V | None]) -> None:
        self._ask = ask
        self._asked: dict[_K, asyncio.Future[_V | None]] = {}
        self.known: dict[_K, _V] = {}
        self.silent: set[_K] = set()
        """What was asked and has no answer yet, though it was waited for."""

    async def look_up(self, key: _K, seconds: float = PATIENCE_SECONDS) -> _V | None:
        """Ask, and give what is known then; while an earlier question is waited for in vain, that at once."""
        if key not in self._asked:
            self._asked[key] = _in_thread(partial(self._ask, key))
            self._asked[key].add_done_callback(partial(self._answered, key))
        if key not in self.silent:
            await asyncio.wait({self._asked[key]}, timeout=seconds)
            if key in self._asked:
                self.silent.add(key)
        return self.known.get(key)

    def _answered(self, key: _K, answer: asyncio.Future[_V | None]) -> None:
        del self._asked[key]
        self.silent.discard(key)
        if (found := answer.result()) is None:
            self.known.pop(key, None)
        else:
            self.known[key] = found


class Names:
    """What those are called who do something: login names by number, the number where no name is known."""

    def __init__(self, ask: Callable[[int], str | None] = login_name) -> None:
        self._directory = Directory(ask)
        self._told: set[int] = set()

    async def of(self, uid: int) -> str:
        """Give a user's name. One that was found is not asked for again."""
        directory = self._directory
        if uid not in directory.known:
            await directory.look_up(uid)
            if uid in directory.silent - self._told:
                self._told.add(uid)
                logger.warning("user %d is named by number for now: %s", uid, NO_ANSWER)
        name = directory.known.get(uid, str(uid))
        # The daemon's own word for itself is nobody's name.
        return f"{name} (uid {uid})" if name == STOKER else name


class Roster:
    """Has rules go by a table, and finds the numbers of the groups that it names; those not found again."""

    def __init__(
        self,
        access: Access,
        own: int,
        ask: Callable[[str], int | None] = group_id,
        again: float = AGAIN_SECONDS,
    ) -> None:
        self._directory = Directory(ask)
        self._access = access
        self._again = again
        self._looking: asyncio.Task[None] | None = None
        self._looked_up = asyncio.Event()
        self.rules = Rules(access, own, self._number)
        self.trouble = ""
        """Which groups have no roles though the table names them, and why."""

    async def start(self) -> None:
        """Begin with what is known when all answers are there, or were waited for."""
        self.go_by(self._access)
        await self._looked_up.wait()

    def go_by(self, access: Access) -> None:
        """Go by another table at once, with the groups that are known, and look up all of them anew."""
        self._access = access
        self.rules.set(access)
        self.close()
        self._looking = asyncio.create_task(self._until_all_are_found())

    def close(self) -> None:
        """Look no further."""
        if self._looking:
            self._looking.cancel()

    async def _until_all_are_found(self) -> None:
        await self._look_up(group for group in self._access.named if group_number(group) is None)
        while self.rules.unknown:
            await asyncio.sleep(self._again)
            await self._look_up(self.rules.unknown)

    async def _look_up(self, groups: Iterable[str]) -> None:
        await asyncio.gather(*map(self._directory.look_up, groups))
        self.rules.set(self._access)
        trouble = self._in_words()
        if trouble and trouble != self.trouble:
            logger.warning("[access] names %s", trouble)
        self.trouble = trouble
        self._looked_up.set()

    def _number(self, group: str) -> int | None:
        number = group_number(group)
        return self._directory.known.get(group) if number is None else number

    def _in_words(self) -> str:
        unknown = set(self.rules.unknown)
        silent = unknown & self._directory.silent
        parts = []
        if gone := sorted(unknown - silent):
            parts.append(f"groups that are not there: {', '.join(gone)}")
        if silent:
            parts.append(f"groups that can't be looked up: {', '.join(sorted(silent))} ({NO_ANSWER})")
        return "; ".join(parts)


async def known_groups(groups: Iterable[str]) -> dict[str, int | None]:
    """Give the numbers of groups, None where there is no such group. Raises TimeoutError without answer."""
    directory, named = Directory(group_id), list(groups)
    found = await asyncio.gather(*map(directory.look_up, named))
    if directory.silent:
        raise TimeoutError(f"{', '.join(sorted(directory.silent))}: {NO_ANSWER}")
    return dict(zip(named, found, strict=True))


def _in_thread(question: Callable[[], _V]) -> asyncio.Future[_V]:
    """Ask in a thread of its own: those that work is handed to are few, and the end waits for them."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_V] = loop.create_future()

    def ask() -> None:
        found = question()
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(answer.set_result, found)

    threading.Thread(target=ask, daemon=True).start()
    return answer
