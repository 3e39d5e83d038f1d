"""Notifications: what waits, what was given up, and a test."""

from __future__ import annotations

from collections.abc import Iterator

from stoker_daemon.access.rules import Rights
from stoker_daemon.engine import Engine
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.notify.carrying import NotCarried
from stoker_daemon.notify.office import Office
from stoker_daemon.notify.wording import in_words, lost_in_words
from stoker_daemon.problems import invalid, not_sent
from stoker_shared import routes
from stoker_shared.api import MAX_PAGE, Fault
from stoker_shared.api.notifications import DeliveryView, NotificationsView, TriedView, TryNotifying
from stoker_shared.apply.notifying import lost
from stoker_shared.definition import address_faults


class Notifications:
    """Handlers over the outbox and what it is sent by."""

    def __init__(self, engine: Engine, office: Office) -> None:
        self._engine = engine
        self._office = office

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("GET", routes.NOTIFICATIONS, self.show_notifications),
            Operation("POST", routes.NOTIFICATIONS_TEST, self.try_notifying),
        ]

    async def show_notifications(self, caller: Caller) -> Answer[NotificationsView]:
        """Show by what people are told, what they are still to be told, and what was given up.

        Of workspaces that the caller may not see nothing is shown.
        """
        outbox = self._engine.state.outbox
        mail, webhook = self._office.views()
        given_up = [
            DeliveryView(
                notification=one.notification,
                to=one.to,
                text=lost_in_words(one),
                run=one.run,
                backfill=one.backfill,
                why=one.why,
                given_up_at=one.at,
            )
            for one in lost(outbox, self._engine.now())
            if caller.rights.sees(one.workspace)
        ]
        pending = list(self._pending(caller.rights))
        shown = NotificationsView(mail, webhook, len(pending), outbox.unsent, pending[:MAX_PAGE], given_up)
        return Answer(shown)

    async def try_notifying(self, caller: Caller, body: TryNotifying) -> Answer[TriedView]:
        """Send a test now, and say what the server answered."""
        if body.to and (faults := [Fault("/to", problem) for _, problem in address_faults("to", (body.to,))]):
            raise invalid(faults[0].detail, faults)
        try:
            return Answer(TriedView(await self._office.try_out(body.to, caller.user)))
        except NotCarried as error:
            raise not_sent(str(error)) from error

    def _pending(self, rights: Rights) -> Iterator[DeliveryView]:
        for notice in self._engine.state.notices.values():
            if not rights.sees(notice.workspace):
                continue
            for to, delivery in notice.untold.items():
                yield DeliveryView(
                    notification=notice.id,
                    to=to,
                    text=in_words(notice),
                    at=notice.at,
                    run=notice.run,
                    backfill=notice.backfill,
                    tries=delivery.tries,
                    why=delivery.why,
                    next_try_at=delivery.next_at,
                )
