"""Backfills: those that make runs, and the last that ended."""

from __future__ import annotations

from datetime import datetime

import msgspec

from stoker_shared.model import BackfillOrder, BackfillState, Intervals, Schedule
from stoker_shared.state.runs import Deed

KEPT_BACKFILLS = 1000
"""Backfills that have ended and are kept; their runs stay in the history in any case."""


class Backfill(msgspec.Struct, tag="backfill", omit_defaults=True):
    """Runs for the intervals of a range, each made when it can start.

    What it was created with is as in `stoker_shared.events.BackfillCreated`. Intervals from ``back`` to
    ``ahead`` have been seen to, ``seen`` in number. Of them, while some are retried, those up to ``retried``
    were seen to again. ``passed`` needed no run, ``active`` are the numbers of runs that have not ended;
    ``succeeded`` and ``failed`` (or stopped) count the others, each interval's latest, and ``failures`` those
    that failed since the backfill was last started, resumed or retried; ``replaced`` are the runs that were
    retried, which count no more. ``detail`` is why it is paused.
    """

    id: int
    workspace: str
    workflow: int
    name: str
    first: datetime
    last: datetime
    split: datetime
    total: int
    time_zone: str
    back: datetime
    ahead: datetime
    created_at: datetime
    by: str
    schedule: Schedule | None = None
    every: str = ""
    intervals: Intervals = Intervals.ALL
    order: BackfillOrder = BackfillOrder.OLDEST
    parallel: int = 1
    stop_after: int = 0
    queue: str = ""
    version: int = 0
    variables: dict[str, str] = {}
    remarks: str = ""
    notify: tuple[str, ...] = ()
    state: BackfillState = BackfillState.RUNNING
    detail: str = ""
    ended_at: datetime | None = None
    seen: int = 0
    retried: datetime | None = None
    passed: int = 0
    active: list[int] = []
    succeeded: int = 0
    failed: int = 0
    failures: int = 0
    replaced: list[int] = []
    deeds: list[Deed] = []

    @property
    def has_ended(self) -> bool:
        """Whether it makes no more runs."""
        return self.state not in (BackfillState.RUNNING, BackfillState.PAUSED)

    @property
    def is_left(self) -> bool:
        """Whether there are intervals that it has not come to yet, or not again."""
        return self.ahead < self.last or self.first < self.back or self.retried is not None
