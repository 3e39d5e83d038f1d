from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec

from stoker_daemon.access.rules import Grant, Rights
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.notifications import Notifications
from stoker_shared.api.notifications import ChannelView
from stoker_shared.apply.notifying import KEPT_FOR
from stoker_shared.roles import Role
from stoker_shared.state import About, GivenUp, State
from tests.daemon.notify.test_letters import LEAD, ONCALL, notice
from tests.strategies import T0

EVERYTHING = Rights(Grant(Role.ADMIN, "root"))
NOT_FINANCE = Rights(Grant(Role.VIEWER, "everybody"), {"finance": Grant()})


def handlers() -> Notifications:
    """The handlers over an outbox of two workspaces."""
    state = State()
    state.restore(notice(1, ONCALL, LEAD))
    state.restore(msgspec.structs.replace(notice(2, ONCALL), workspace="finance"))
    old, new = T0 - KEPT_FOR - timedelta(seconds=1), T0
    state.outbox.given_up = [
        GivenUp(3, ONCALL, old, "550", About.RUN_FAILED, "daily", 5, 0, "default"),
        GivenUp(4, ONCALL, new, "551", About.RUN_FAILED, "daily", 6, 0, "default"),
        GivenUp(5, LEAD, new, "552", About.BACKFILL_FAILED, "books", 0, 7, "finance"),
    ]
    engine: Any = SimpleNamespace(state=state, now=lambda: T0)
    office: Any = SimpleNamespace(views=lambda: (ChannelView("mail:25"), ChannelView()))
    return Notifications(engine, office)


async def test_what_waits_and_what_was_given_up_lately_is_shown_in_words():
    shown = (await handlers().show_notifications(Caller("root", rights=EVERYTHING))).content

    assert [(one.to, one.text) for one in shown.pending] == [
        (ONCALL, "daily: run #1 failed"),
        (LEAD, "daily: run #1 failed"),
        (ONCALL, "daily: run #2 failed"),
    ]
    assert [(one.text, one.why) for one in shown.given_up] == [
        ("daily: run #6, that it failed", "551"),
        ("books: backfill B7, that it failed", "552"),
    ]
    assert (shown.waiting, shown.mail.place) == (3, "mail:25")


async def test_nothing_is_shown_of_a_workspace_that_one_may_not_see():
    shown = (await handlers().show_notifications(Caller("eve", rights=NOT_FINANCE))).content

    assert [one.notification for one in shown.pending] == [1, 1]
    assert [one.notification for one in shown.given_up] == [4]
    assert shown.waiting == 2
