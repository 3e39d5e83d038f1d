"""What the daemon tells people by, as its configuration says: put together, started, tried, looked at."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING

from stoker_daemon.attempts.cards import Cards
from stoker_daemon.config import Config
from stoker_daemon.engine import Command, Engine
from stoker_daemon.notify.carrying import NotCarried
from stoker_daemon.notify.letters import Letter
from stoker_daemon.notify.sender import Courier, channels
from stoker_daemon.notify.wording import MOST_SECTIONS
from stoker_daemon.problems import conflict
from stoker_daemon.projection import Projection
from stoker_shared.api import FailureView
from stoker_shared.api.notifications import ChannelView
from stoker_shared.model import NodeState
from stoker_shared.state import About

if TYPE_CHECKING:
    from stoker_daemon.notify.by_mail import ByMail
    from stoker_daemon.notify.webhook import Webhook

MOST_CARDS = 3
"""Failed nodes of a run that a letter tells of in full."""

TRY_SECONDS = 20.0
"""How long somebody waits for what becomes of a test."""

logger = logging.getLogger(__name__)


class Office:
    """The couriers, and the ways that the configuration gives them.

    What waits for a way that is there no more is kept as long as for one that is down, and then given up.
    """

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
        self.mail: ByMail | None = None
        self._webhook: Webhook | None = None
        host, log = socket.gethostname(), engine.log.id
        # What they stand on is loaded where it is used: it takes a tenth of a second.
        if config.smtp_host:
            from stoker_daemon.notify.by_mail import ByMail  # noqa: PLC0415

            self.mail = ByMail(config, log, host, self._cards_for, now)
        if config.webhook_url:
            from stoker_daemon.notify.webhook import Webhook  # noqa: PLC0415

            self._webhook = Webhook(config, log, host, now)
        chance = Random()  # noqa: S311 - spreads tries over time
        carries = {
            False: self.mail.carry if self.mail else _no_mail,
            True: self._webhook.carry if self._webhook else _no_webhook,
        }
        self._couriers = {
            webhook: Courier(engine, carry, webhook=webhook, now=now, chance=chance)
            for webhook, carry in carries.items()
        }

    @property
    def channels(self) -> Command:
        """The command that records by what people can be told."""
        return channels(mail=self.mail is not None, webhook=self._webhook is not None)

    def start(self) -> None:
        """Begin to send what waits."""
        for courier in self._couriers.values():
            courier.start()

    async def close(self) -> None:
        """Send no more."""
        await asyncio.gather(*(courier.close() for courier in self._couriers.values()))
        if self._webhook:
            await self._webhook.close()

    async def try_out(self, to: str, by: str) -> str:
        """Send a test now, by mail or, to nobody, by the webhook, and give the answer.

        Raises:
            Refused: there is no such thing to send it by.
            NotCarried: it could not be handed over.
        """
        if to:
            if self.mail is None:
                raise conflict("no mail server is set: set smtp_host in the daemon's configuration")
            return await _soon(self.mail.try_out(to, by))
        if self._webhook is None:
            raise conflict("no webhook is set (webhook_url), and no address is given that a mail could go to")
        return await _soon(self._webhook.try_out(by))

    def views(self) -> tuple[ChannelView, ChannelView]:
        """Show how mail and webhook stand."""
        return self._view(self.mail, webhook=False), self._view(self._webhook, webhook=True)

    def _view(self, way: ByMail | Webhook | None, *, webhook: bool) -> ChannelView:
        if way is None:
            return ChannelView()
        courier = self._couriers[webhook]
        return ChannelView(way.place, courier.down, courier.rests_until if courier.down else None)

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
                logger.exception("why it failed can't be told", extra={"run": number})
        return found

    async def _cards_of(self, number: int, only: set[str]) -> list[FailureView]:
        run = self._engine.state.runs.get(number) or await self._projection.run(number)
        if run is None:
            return []
        failed = [node for node in run.nodes if node.state is NodeState.FAILED]
        told = [node for node in failed if node.name in only or not only][:MOST_CARDS]
        return await asyncio.to_thread(lambda: [self._cards.of(run, node) for node in told])


async def _no_mail(_: Letter) -> str:
    raise NotCarried("no mail server is set any more (smtp_host)", everything=True)


async def _no_webhook(_: Letter) -> str:
    raise NotCarried("no webhook is set any more (webhook_url)", everything=True)


async def _soon(sending: Awaitable[str]) -> str:
    """Give the answer while somebody waits for it; raises `NotCarried` where it takes longer."""
    try:
        async with asyncio.timeout(TRY_SECONDS):
            return await sending
    except TimeoutError:
        raise NotCarried(f"no answer within {TRY_SECONDS:.0f} s") from None
