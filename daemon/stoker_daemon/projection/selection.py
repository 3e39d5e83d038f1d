"""Which runs are asked for, in which order, and from where on. Pure.

Everything that runs can be asked for by a value (a facet) is found the same way: by ``kind`` and ``value`` in
a workspace. A facet of the kind `ALL` has every run of its workspace.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from stoker_daemon.scheduling.backfill import PastRun
from stoker_shared.api import RunOrder, RunRow
from stoker_shared.events import Trigger

ALL, WORKFLOW, NAME, STATE, TRIGGER, USER, TAG = "all", "workflow", "name", "state", "trigger", "user", "tag"
BACKFILL = "backfill"

NONE = -1
"""What stands for the start of a run that has not started, and how long one took that has not ended."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Facet(NamedTuple):
    """One value that runs have in common, such as their user."""

    kind: str
    value: str = ""


class Range(NamedTuple):
    """Moments from ``start`` to before ``end``, in microseconds since 1970; None is without end."""

    start: int | None = None
    end: int | None = None

    def holds(self, moment: int) -> bool:
        """Tell whether a moment is in it."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)


class Keys(NamedTuple):
    """What runs are sorted by: microseconds, `NONE` where there is none."""

    newest: int
    started: int
    cycle: int
    duration: int


class Selection(msgspec.Struct, frozen=True):
    """The runs of a workspace that have all these facets, with their cycle and start in these ranges."""

    workspace: str
    facets: tuple[Facet, ...] = ()
    cycle: Range = Range()
    started: Range = Range()

    def has(self, row: RunRow) -> bool:
        """Tell whether a run is among them."""
        keys = keys_of(row)
        return (
            row.workspace == self.workspace
            and set(self.facets) <= set(facets_of(row))
            and self.cycle.holds(keys.cycle)
            and (self.started == Range() or (keys.started != NONE and self.started.holds(keys.started)))
        )


class Slice(msgspec.Struct, frozen=True):
    """A part of a list of at most ``limit`` runs, the greatest first; ``after``: key and number of the last
    run of the part before."""

    limit: int
    order: RunOrder = RunOrder.NEWEST
    after: tuple[int, int] | None = None

    def of(self, rows: Sequence[RunRow]) -> list[RunRow]:
        """Give this part of rows."""
        placed = sorted(((self.place(row), row) for row in rows), key=lambda pair: pair[0], reverse=True)
        return [row for place, row in placed if self.after is None or place < self.after][: self.limit]

    def place(self, row: RunRow) -> tuple[int, int]:
        """Give where a row stands in the order."""
        return getattr(keys_of(row), self.order.value), row.id


class Intervals(msgspec.Struct, frozen=True):
    """The intervals of a workflow with cycle times in a range, as a ``backfill`` (0: none) asks for them."""

    workspace: str
    workflow: int
    cycles: Range
    backfill: int = 0

    def past_run(self, row: RunRow) -> PastRun | None:
        """Give what a run is for them, if it is for one of them and no debug run."""
        if row.workflow != self.workflow or row.trigger is Trigger.DEBUG:
            return None
        if not self.cycles.holds(microseconds(row.cycle)):
            return None
        return PastRun(row.id, row.state, 0 < self.backfill == row.backfill)


def facets_of(row: RunRow) -> list[Facet]:
    """Give everything that a run can be found by."""
    return [
        Facet(ALL),
        Facet(WORKFLOW, str(row.workflow)),
        Facet(NAME, row.name),
        Facet(STATE, row.state.value),
        Facet(TRIGGER, row.trigger.value),
        Facet(USER, row.by),
        *([Facet(BACKFILL, str(row.backfill))] if row.backfill else []),
        *(Facet(TAG, f"{name}={value}") for name, value in row.tags.items()),
    ]


def keys_of(row: RunRow) -> Keys:
    """Give what a run is sorted by."""
    started = NONE if row.started_at is None else microseconds(row.started_at)
    ended = row.started_at is not None and row.ended_at is not None
    duration = microseconds(row.ended_at) - started if ended and row.ended_at else NONE
    return Keys(row.id, started, microseconds(row.cycle), duration)


def microseconds(moment: datetime) -> int:
    """Give a moment as microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_at(past: int) -> datetime:
    """Give the moment that many microseconds after the beginning of 1970."""
    return _EPOCH + timedelta(microseconds=past)
