"""What happens to the daemon itself: it drains, its disk fills, people are told."""

from __future__ import annotations

from datetime import datetime

from stoker_shared.events.base import Event


class DaemonDraining(Event, frozen=True, tag="daemon.draining"):
    """The daemon starts no node from now on, or does again; what runs goes on, and what is due waits."""

    on: bool


class SpaceLow(Event, frozen=True, tag="space.low"):
    """The data directory's disk has less than the configured bytes ``free``."""

    free: int


class SpaceEnough(Event, frozen=True, tag="space.enough"):
    """The data directory's disk has enough bytes ``free`` again."""

    free: int


class NotificationChannels(Event, frozen=True, tag="notification.channels"):
    """From now on there is, or is not, a mail server and a webhook to tell people by.

    What is to be told is no event of its own: `apply.notifying` derives it from what happened, so that no
    crash can come between the two.
    """

    mail: bool
    webhook: bool


class NotificationSent(Event, frozen=True, tag="notification.sent"):
    """These were handed over for ``to``, and this was the answer."""

    notifications: tuple[int, ...]
    to: str
    answer: str = ""


class NotificationFailed(Event, frozen=True, tag="notification.failed"):
    """These could not be handed over for ``to``; it is tried again, not before ``next_at``."""

    notifications: tuple[int, ...]
    to: str
    attempt: int
    why: str
    next_at: datetime


class NotificationGivenUp(Event, frozen=True, tag="notification.given_up"):
    """These will not be handed over for ``to``."""

    notifications: tuple[int, ...]
    to: str
    why: str
