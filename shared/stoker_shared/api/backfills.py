"""Backfills over the socket: made, previewed, shown."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from stoker_shared.api import MAX_PAGE, DeedView, Moment, Number, Query, Request
from stoker_shared.model import BackfillOrder, BackfillState, Intervals, RunState

MOST_INTERVALS = 10_000_000
"""Intervals that a backfill may have."""

MOST_PARALLEL = 1000
"""Runs of a backfill that may be active at once."""


class CreateBackfill(Request, frozen=True, kw_only=True):
    """Make a run of a workflow for each interval whose cycle time is in a range, both its ends included.

    ``first`` and ``last`` are dates (the whole day, in the workflow's zone) or local or offset times (ISO
    8601). A workflow without a schedule needs ``every``: how long an interval is (``15m``, ``6h``, ``1d``,
    ``1w``, ``1M``), counted from the first. Runs are of the latest version when each is made, unless a
    ``version`` is named. After ``stop_after`` failed runs (0: never) the backfill pauses.
    """

    workflow: str
    first: str = msgspec.field(name="from")
    last: str = msgspec.field(name="to")
    intervals: Intervals = msgspec.field(default=Intervals.ALL, name="only")
    every: str = ""
    order: BackfillOrder = BackfillOrder.OLDEST
    parallel: Annotated[int, Meta(ge=1, le=MOST_PARALLEL)] = 1
    stop_after: Annotated[int, Meta(ge=0, le=MOST_INTERVALS)] = 0
    queue: str = ""
    version: Number | None = None
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    remarks: str = ""
    notify: tuple[str, ...] = ()


class CancelBackfill(Request, frozen=True):
    """Make no more runs, and stop what waits; with ``running`` also what runs."""

    running: bool = False


class BackfillsQuery(Query, frozen=True):
    """Which backfills, newest first."""

    workflow: Annotated[str | UnsetType, Meta(description="only of the workflow of that name")] = UNSET
    state: Annotated[BackfillState | UnsetType, Meta(description="only in that state")] = UNSET
    cursor: Annotated[Number | UnsetType, Meta(description="`next` of the page before")] = UNSET
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE, description="entries at the most")] = 100


class PreviewQuery(Query, frozen=True):
    """How much of a preview."""

    limit: Annotated[int, Meta(ge=0, le=MAX_PAGE, description="intervals to show at the most")] = 100


class IntervalView(msgspec.Struct, omit_defaults=True):
    """An interval and what a backfill would do with it.

    ``cycle`` is its beginning and ``ends_at`` its end, ``local`` its beginning in the workflow's zone with
    the offset. ``run`` is the latest run for it, debug aside, and ``state`` that run's. A run would be
    ``made``, unless it is not among those asked for; it waits until ``ends_at`` where that is to come.
    """

    cycle: Moment
    local: str
    ends_at: Moment
    made: bool
    run: int = 0
    state: RunState | None = None
    variables: dict[str, str] = {}


class BackfillPreview(msgspec.Struct, omit_defaults=True):
    """What a backfill would do: of ``total`` intervals it would make runs for ``made``.

    ``waiting`` of these are still to end. ``items`` are the first of the intervals, in the order in which the
    backfill comes to them. ``own_queue`` names the nodes that keep a queue of their own.
    """

    workflow: str
    version: int
    time_zone: str
    total: int
    made: int
    waiting: int
    items: list[IntervalView]
    own_queue: list[str] = []


class BackfillView(msgspec.Struct, omit_defaults=True):
    """A backfill and how far it has come.

    Of ``total`` intervals ``seen`` were seen to: ``passed`` needed no run; of the others the latest run
    ``succeeded``, ``failed`` (or was stopped), or is among the ``active``. ``detail`` is why it is paused;
    ``waits_until`` when its next interval ends, where it waits for that. ``seconds_left`` is an estimate.
    """

    id: int
    workspace: str
    workflow: str
    state: BackfillState
    first: Moment
    last: Moment
    time_zone: str
    total: int
    seen: int
    passed: int
    succeeded: int
    failed: int
    active: list[int]
    created_at: Moment
    by: str
    intervals: Intervals = msgspec.field(default=Intervals.ALL, name="only")
    every: str = ""
    order: BackfillOrder = BackfillOrder.OLDEST
    parallel: int = 1
    stop_after: int = 0
    queue: str = ""
    version: int = 0
    variables: dict[str, str] = {}
    remarks: str = ""
    notify: tuple[str, ...] = ()
    detail: str = ""
    waits_until: Moment | None = None
    ended_at: Moment | None = None
    seconds_left: float | None = None
    retrying: bool = False
    deeds: list[DeedView] = []
