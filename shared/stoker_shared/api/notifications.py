"""What is asked and answered about notifications."""

from __future__ import annotations

import msgspec

from stoker_shared.api import Moment, Request


class ChannelView(msgspec.Struct, omit_defaults=True):
    """The mail server or the webhook; ``place`` is where, absent where none is set.

    ``down`` is why nothing can be handed over now, and it is tried again at ``next_try_at``.
    """

    place: str = ""
    down: str = ""
    next_try_at: Moment | None = None


class DeliveryView(msgspec.Struct, omit_defaults=True):
    """What somebody is still to be told, or (``given_up_at``) never will be; ``text`` says it in a line."""

    notification: int
    to: str
    text: str
    at: Moment | None = None
    run: int = 0
    backfill: int = 0
    tries: int = 0
    why: str = ""
    next_try_at: Moment | None = None
    given_up_at: Moment | None = None


class NotificationsView(msgspec.Struct, omit_defaults=True):
    """How people are told, what waits (the oldest of it), and what was given up in the last days.

    ``unsent`` counts what was not even tried, since there is no mail server.
    """

    mail: ChannelView
    webhook: ChannelView
    waiting: int = 0
    unsent: int = 0
    pending: list[DeliveryView] = []
    given_up: list[DeliveryView] = []


class TryNotifying(Request, frozen=True):
    """Send a test now: by mail to that address, without one by the webhook."""

    to: str = ""


class TriedView(msgspec.Struct):
    """What the server answered that took a test."""

    answer: str
