"""What events are made of: their base, and the words and keys that many of them have."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Trigger(StrEnum):
    """What made a run."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    BACKFILL = "backfill"
    DEBUG = "debug"
    """Of the draft, on a development queue."""


class Reason(StrEnum):
    """Why an attempt, a node or a run came to its end, where that is not plain success."""

    EXIT = "exit"
    """The process ended by itself; its exit status tells how."""
    STOP = "stop"
    """A person stopped it."""
    REPLACED = "replaced"
    """A later run of its workflow took its place."""
    TIMEOUT = "timeout"
    """One attempt took longer than its timeout."""
    RUN_TIMEOUT = "run_timeout"
    FAIL_FAST = "fail_fast"
    """Another node of the run failed, and the workflow's failure strategy is fail_fast."""
    UPSTREAM = "upstream"
    """An upstream node did not succeed."""
    SET = "set"
    """A person set the node successful."""
    DISABLED = "disabled"
    """The node is disabled and was passed through."""
    REFUSED = "refused"
    """It could not be launched: the detail says what to mend."""
    LOST = "lost"
    """It began, nothing of it is alive, and how it ended can't be known."""
    NEVER_BEGAN = "never_began"
    """The daemon ended between intent and launch; the attempt's process is proved never to have begun."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """Base of all events."""


class KeyUse(msgspec.Struct, frozen=True):
    """The Idempotency-Key that a request came under: the key, method and path, and the body's SHA-256."""

    id: str
    route: str
    body: str
