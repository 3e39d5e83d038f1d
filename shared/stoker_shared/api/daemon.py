"""The daemon itself: its status, its event stream, what it lets go of."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from stoker_shared.api.base import Moment, Position, Query, Request
from stoker_shared.roles import PersonView


class EventsQuery(Query, frozen=True):
    """Where to begin in the run log."""

    after: Annotated[Position, Meta(description="the last position seen")] = 0
    log: Annotated[str | UnsetType, Meta(description="the id of the log that the position is of")] = UNSET


class DueRun(msgspec.Struct, frozen=True):
    """A run that a schedule is to make."""

    workspace: str
    workflow: str
    at: Moment


class Space(msgspec.Struct, omit_defaults=True):
    """The disk with the data: bytes that can still be written, and below how many it is ``low``.

    ``full_in`` is in how many seconds it is full if it fills as steadily as it did, where that is near.
    """

    free: int
    total: int
    low_below: int
    low: bool
    full_in: float | None = None


class SetDraining(Request, frozen=True):
    """Turn the daemon's switch. On, no node is started, also after a restart, until it is turned off."""

    on: bool


class DrainingView(msgspec.Struct, frozen=True):
    """No node is started, since when, and who asked for that."""

    at: Moment
    by: str


class Status(msgspec.Struct, omit_defaults=True):
    """The daemon at a glance. ``held`` is why changes are refused now, absent when all is well.

    ``draining`` is there while no node is started since somebody asked for that. ``next_runs`` are the first
    of those that schedules make, in the workspaces that ``you``, who ask, may see; what is counted is counted
    over all. ``notify_trouble`` is what keeps people from being told; ``lost_notifications`` counts what was
    given up in the last days. ``access_trouble`` is which groups have no roles though they are given some.
    """

    version: str
    api: str
    host: str
    pid: int
    started_at: Moment
    time_zone: str
    data: str
    jobs: int
    workflows: int
    active_runs: int
    active_nodes: int
    seq: int
    log: str
    held: str = ""
    draining: DrainingView | None = None
    next_runs: list[DueRun] = []
    you: PersonView | None = None
    pending_notifications: int = 0
    lost_notifications: int = 0
    notify_trouble: str = ""
    space: Space | None = None
    access_trouble: str = ""


class WentAway(msgspec.Struct):
    """What is let go of what has ended: whole ``runs``, of others only the ``outputs``, the bytes of both.

    Beside them objects that nothing names any more, and the oldest segments of the run log.
    """

    runs: int = 0
    outputs: int = 0
    output_bytes: int = 0
    objects: int = 0
    object_bytes: int = 0
    segments: int = 0
    log_bytes: int = 0


class StoredObject(msgspec.Struct):
    """Content that is stored: its SHA-256, and its size in bytes."""

    digest: str
    size: int


class Heartbeat(msgspec.Struct, tag="heartbeat", tag_field="type"):
    """Sent on a quiet event stream, so that both sides know the other is there."""
