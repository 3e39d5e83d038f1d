"""Letters by mail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from stoker_daemon.config import Config
from stoker_daemon.notify.carrying import NotCarried
from stoker_daemon.notify.letters import Letter
from stoker_daemon.notify.mail import MailServer
from stoker_daemon.notify.message import message, trial
from stoker_daemon.notify.wording import content
from stoker_shared.api import FailureView
from stoker_shared.definition import address_faults

CardsFor = Callable[[Letter], Awaitable[Mapping[int, Sequence[FailureView]]]]
"""Gives the failure cards that belong to a letter, by run."""


class ByMail:
    """The way by mail. ``log`` is the run log's id, ``host`` this host's name."""

    def __init__(
        self, config: Config, log: str, host: str, cards_for: CardsFor, now: Callable[[], datetime]
    ) -> None:
        self.server = MailServer(config)
        self._sender = config.mail_from or f"stoker@{host}"
        self._log = log
        self._host = host
        self._cards_for = cards_for
        self._now = now

    @property
    def place(self) -> str:
        """The mail server."""
        return self.server.place

    async def carry(self, letter: Letter) -> str:
        """Send a letter, and give the answer; raises `NotCarried`."""
        for _, problem in address_faults("to", (letter.to,)):
            raise NotCarried(problem, permanent=True)  # earlier versions took it for one
        said = content(letter, await self._cards_for(letter), self._host)
        mail = message(letter, said, sender=self._sender, host=self._host, log=self._log, now=self._now())
        return await self.server.send(mail, letter.to)

    async def try_out(self, to: str, by: str) -> str:
        """Send a test, and give the answer; raises `NotCarried`."""
        mail = trial(to, sender=self._sender, host=self._host, by=by, now=self._now())
        return await self.server.send(mail, to)
