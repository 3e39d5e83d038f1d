"""Schedules over the socket: the switch, and when runs are due."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from stoker_shared.api import MAX_PAGE, Moment, Number, Query, Request
from stoker_shared.events import SkipReason
from stoker_shared.model import Schedule


class SetScheduling(Request, frozen=True):
    """Turn a workflow's scheduling switch. On, it schedules from this moment."""

    on: bool


class TicksQuery(Query, frozen=True):
    """Which ticks of a workflow."""

    after: Annotated[
        str | UnsetType,
        Meta(
            description="a local or offset time (ISO 8601): only ticks later than that; a date: from its "
            "beginning on; absent: now"
        ),
    ] = UNSET
    version: Annotated[
        Number | UnsetType,
        Meta(description="by the schedule of that version; absent: the latest, else the draft's"),
    ] = UNSET
    draft: Annotated[bool, Meta(description="by the schedule of the draft")] = False
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE, description="ticks at the most")] = 10


class PreviewTicks(Request, frozen=True):
    """Tell the next ticks of a schedule that no workflow need have."""

    schedule: Schedule
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE, description="ticks at the most")] = 10


class ClockChange(StrEnum):
    """What a clock change does to a tick."""

    SHIFTED = "shifted"
    """Its local time does not exist that day: it comes at the first instant after the gap."""
    SKIPPED = "skipped"
    """Its local time does not exist that day, and it does not come."""
    FIRST = "first"
    """Its local time comes twice that day, and this is the first of them, at which alone it comes."""
    REPEATED = "repeated"
    """Its local time comes twice that day, and it comes both times."""


class TickView(msgspec.Struct, omit_defaults=True):
    """A moment at which a run is due.

    ``local`` is the time in the schedule's zone with its offset (ISO 8601), ``cycle_time`` the beginning of
    the interval that ends there. ``note`` says in words what a clock ``change`` did to it. One that is
    ``skipped`` does not come; ``utc`` is where it would be, were there no change.
    """

    local: str
    utc: Moment
    cycle_time: Moment | None = None
    cycle_local: str = ""
    change: ClockChange | None = None
    note: str = ""


class SkipView(msgspec.Struct, omit_defaults=True):
    """Ticks that have no runs, from ``first`` to ``last``, and why."""

    at: Moment
    first: Moment
    last: Moment
    count: int
    reason: SkipReason
    detail: str = ""


class SchedulingView(msgspec.Struct, omit_defaults=True):
    """A workflow's schedule at work. ``ticked`` is the moment up to which every tick is accounted for.

    ``words`` is the schedule in a few words, ``time_zone`` that in which it is, ``skipped`` what was skipped
    last, ``next`` the ticks to come.
    """

    workflow: str
    on: bool
    words: str
    time_zone: str
    ticked: datetime | None = None
    next: list[TickView] = []
    skipped: SkipView | None = None
