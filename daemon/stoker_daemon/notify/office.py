"""What the daemon tells people by, as its configuration says: put together, started, tried, looked at."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from datetime import datetime
from random import Random

from stoker_daemon.cards import Cards
from stoker_daemon.config import Config
from stoker_daemon.engine import Command, Engine
from stoker_daemon.notify.letters import Letter
from stoker_daemon.notify.mail import MailServer
from stoker_daemon.notify.message import message, trial
from stoker_daemon.notify.sender import Courier, channels
from stoker_daemon.notify.webhook import Post, Webhook, post_of
from stoker_daemon.notify.wording import MOST_SECTIONS, content
from stoker_daemon.problems import conflict
from stoker_daemon.projection import Projection
from stoker_shared.api import FailureView
from stoker_shared.api.notifications import ChannelView
from stoker_shared.model import NodeState
from stoker_shared.state import About

MOST_CARDS = 3
"""Failed nodes of a run that a letter tells of in full."""

logger = logging.getLogger(__name__)


class Office:
    """The couriers that the configuration asks for."""

    def __init__(
        self,
        engine: Engine,
        projection: Projection,
        cards: Cards,
        config: Config,
        now: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._projection = projection
        self._cards = cards
        self._now = now
        self._host = socket.gethostname()
        self._sender = config.mail_from or f"stoker@{self._host}"
        self.server = MailServer(config) if config.smtp_host else None
        self._webhook = Webhook(config) if config.webhook_url else None
        chance = Random()  # noqa: S311 - spreads tries over time
        self._mail_courier = Courier(engine, self._by_mail, webhook=False, now=now, chance=chance)
        self._webhook_courier = Courier(engine, self._by_webhook, webhook=True, now=now, chance=chance)

    @property
    def channels(self) -> Command:
        """The command that records by what people can be told."""
        return channels(mail=self.server is not None, webhook=self._webhook is not None)

    def start(self) -> None:
        """Begin to send what waits."""
        if self.server:
            self._mail_courier.start()
        if self._webhook:
            self._webhook_courier.start()

    async def close(self) -> None:
        """Send no more."""
        await asyncio.gather(self._mail_courier.close(), self._webhook_courier.close())
        if self._webhook:
            await self._webhook.close()

    async def try_out(self, to: str, by: str) -> str:
        """Send a test now, by mail or, to nobody, by the webhook, and give the answer.

        Raises:
            Refused: there is no such thing to send it by.
            NotCarried: it could not be handed over.
        """
        now = self._now()
        if to:
            if self.server is None:
                raise conflict("no mail server is set: set smtp_host in the daemon's configuration")
            return await self.server.send(trial(to, sender=self._sender, host=self._host, by=by, now=now), to)
        if self._webhook is None:
            raise conflict("no webhook is set (webhook_url), and no address is given that a mail could go to")
        test = Post(f"test-{now:%FT%T.%f}", "test", now, self._host, f"a test, by {by}")
        return await self._webhook.send(test, now)

    def views(self) -> tuple[ChannelView, ChannelView]:
        """Show how mail and webhook stand."""
        mail = self.server.place if self.server else ""
        webhook = self._webhook.place if self._webhook else ""
        return _view(mail, self._mail_courier), _view(webhook, self._webhook_courier)

    async def _by_mail(self, letter: Letter) -> str:
        assert self.server  # noqa: S101 - the courier was started
        said = content(letter, await self._cards_for(letter), self._host)
        log = self._engine.log.id
        mail = message(letter, said, sender=self._sender, host=self._host, log=log, now=self._now())
        return await self.server.send(mail, letter.to)

    async def _by_webhook(self, letter: Letter) -> str:
        assert self._webhook  # noqa: S101 - the courier was started
        (notice,) = letter.notices
        return await self._webhook.send(post_of(notice, self._engine.log.id, self._host), self._now())

    async def _cards_for(self, letter: Letter) -> dict[int, list[FailureView]]:
        """Give the cards of what failed, of as many runs as a letter tells of in full."""
        nodes: dict[int, set[str]] = {}
        for notice in letter.notices:
            if notice.about is About.RUN_FAILED:
                nodes[notice.run] = set()
            elif notice.about is About.NODE and notice.state is NodeState.FAILED:
                nodes.setdefault(notice.run, {notice.node}).add(notice.node)
        found: dict[int, list[FailureView]] = {}
        for number in list(nodes)[:MOST_SECTIONS]:
            try:
                found[number] = await self._cards_of(number, nodes[number])
            except Exception:
                # That something failed is to be told, whatever keeps it from being told why.
                logger.exception("why run #%d failed can't be told", number)
        return found

    async def _cards_of(self, number: int, only: set[str]) -> list[FailureView]:
        run = self._engine.state.runs.get(number) or await self._projection.run(number)
        if run is None:
            return []
        failed = [node for node in run.nodes if node.state is NodeState.FAILED]
        told = [node for node in failed if node.name in only or not only][:MOST_CARDS]
        return await asyncio.to_thread(lambda: [self._cards.of(run, node) for node in told])


def _view(place: str, courier: Courier) -> ChannelView:
    return ChannelView(place, courier.down, courier.rests_until if courier.down else None)
