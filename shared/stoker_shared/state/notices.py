"""What people are still to be told, how they can be, and what they were not."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from stoker_shared import events as ev
from stoker_shared.model import NodeState


class About(StrEnum):
    """What people are told."""

    RUN_FAILED = "run.failed"
    RUN_LATE = "run.late"
    RUN_RECOVERED = "run.recovered"
    """The first run of its workflow that succeeded after one had failed."""
    NODE = "node"
    """A node reached a state that somebody subscribed to."""
    BACKFILL_FAILED = "backfill.failed"
    BACKFILL_PAUSED = "backfill.paused"
    """By itself: runs of it failed, or can't be made."""


class Delivery(msgspec.Struct, omit_defaults=True):
    """How far it has come to tell somebody: ``tries`` so far, why the last failed, when the next is due."""

    tries: int = 0
    why: str = ""
    next_at: datetime | None = None


class Notice(msgspec.Struct, tag="notice", omit_defaults=True):
    """Something that people are to be told, with the facts as they were ``at`` the moment it happened.

    ``untold`` are those who are still to be told: addresses, and `apply.notifying.WEBHOOK`. ``name``
    is the workflow's. A recovery is that ``after`` the failure of that run; ``counts`` are a backfill's runs
    that succeeded, those that failed, and its intervals.
    """

    id: int
    about: About
    at: datetime
    workspace: str
    workflow: int
    name: str
    untold: dict[str, Delivery]
    run: int = 0
    version: int = 0
    trigger: ev.Trigger | None = None
    by: str = ""
    cycle: datetime | None = None
    time_zone: str = "UTC"
    node: str = ""
    state: NodeState | None = None
    reason: ev.Reason | None = None
    late: ev.Lateness | None = None
    due: datetime | None = None
    after: int = 0
    backfill: int = 0
    counts: tuple[int, int, int] | None = None
    detail: str = ""


class GivenUp(msgspec.Struct, frozen=True):
    """What somebody was not told, since when, and why."""

    notification: int
    to: str
    at: datetime
    why: str
    about: About
    name: str
    run: int = 0
    backfill: int = 0
    workspace: str = ""


class Outbox(msgspec.Struct, tag="outbox", omit_defaults=True):
    """How people can be told, and what they were not.

    ``pending`` counts deliveries, ``unsent`` those that were not even tried since there was no mail server;
    ``given_up`` are the last that failed for good.
    """

    mail: bool = False
    webhook: bool = False
    pending: int = 0
    unsent: int = 0
    given_up: list[GivenUp] = []
