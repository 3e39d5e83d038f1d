"""What becomes of intervals: ticks that have no run, and backfills."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from stoker_shared.events.base import Event
from stoker_shared.model import BackfillOrder, BackfillState, Intervals, Schedule


class SkipReason(StrEnum):
    """Why a tick has no run."""

    OVERLAP = "overlap"
    """An earlier run was active, and the overlap policy is skip."""
    CATCH_UP = "catch_up"
    """It was missed, and the catch-up policy leaves it out."""
    REFUSED = "refused"
    """No run could be made: the detail says what to mend."""


class TickSkipped(Event, frozen=True, tag="tick.skipped"):
    """A workflow's next ``count`` ticks, from ``first`` to ``last``, have no runs."""

    workflow: int
    first: datetime
    last: datetime
    count: int
    reason: SkipReason
    detail: str = ""


class BackfillCreated(Event, frozen=True, tag="backfill.created"):
    """Runs are to be made of ``total`` intervals: those with cycle times from ``first`` to ``last``.

    Intervals are those of ``schedule``, or without one begin at ``first`` and are ``every`` long (``1d``), in
    ``time_zone``. Those with cycle times after ``split`` come in their order; those before it, the newest
    first, while no other is due. Runs are of the latest version unless one is given; ``parallel`` are active
    at once. After ``stop_after`` failed runs (0: never) it pauses. ``notify`` are told if it fails.
    """

    backfill: int
    workspace: str
    workflow: int
    name: str
    first: datetime
    last: datetime
    split: datetime
    total: int
    time_zone: str
    schedule: Schedule | None = None
    every: str = ""
    intervals: Intervals = Intervals.ALL
    order: BackfillOrder = BackfillOrder.OLDEST
    parallel: int = 1
    stop_after: int = 0
    queue: str = ""
    version: int = 0
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    remarks: str = ""
    notify: tuple[str, ...] = ()


class BackfillPassed(Event, frozen=True, tag="backfill.passed"):
    """The next ``count`` intervals, up to the one at ``cycle``, need no run; ``again``: of those retried."""

    backfill: int
    cycle: datetime
    count: int
    again: bool = False


class BackfillPaused(Event, frozen=True, tag="backfill.paused"):
    """The backfill makes no more runs for now; the detail says why, where no person asked for it."""

    backfill: int
    detail: str = ""


class BackfillResumed(Event, frozen=True, tag="backfill.resumed"):
    """The backfill goes on; failures are counted from 0."""

    backfill: int


class BackfillRetried(Event, frozen=True, tag="backfill.retried"):
    """Intervals whose run failed get another, before the backfill goes on with what it has not come to."""

    backfill: int


class BackfillCancelled(Event, frozen=True, tag="backfill.cancelled"):
    """The backfill makes no more runs; what waits of it is stopped, and with ``running`` what runs."""

    backfill: int
    running: bool = False


class BackfillFinished(Event, frozen=True, tag="backfill.finished"):
    """All intervals have been seen to, and no run is active."""

    backfill: int
    state: BackfillState
