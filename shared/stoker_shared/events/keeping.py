"""What is let go of what has ended, and what is said again so that the log's beginning can go."""

from __future__ import annotations

from datetime import datetime

import msgspec

from stoker_shared.events.base import Event, KeyUse
from stoker_shared.model import RunState


class RunRestored(Event, frozen=True, tag="run.restored"):
    """A finished run, as JSON, in ``parts`` parts of a line's size; it is about to be opened again.

    So the log can be replayed from any segment on, without the history. Where `HistoryCarried` follows it is
    only said again, and stays closed.
    """

    run: int
    part: int
    parts: int
    content: str


class PastInterval(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a run that is not kept any more: for which interval it was, and how it ended.

    So a backfill judges an interval as it would if everything were kept.
    """

    run: int
    workflow: int
    cycle: datetime
    state: RunState
    backfill: int = 0


class RunsRemoved(Event, frozen=True, tag="runs.removed"):
    """Finished runs are not kept any more, nor is what they wrote; ``past`` is what stays known of them."""

    runs: tuple[int, ...]
    past: tuple[PastInterval, ...] = ()


class OutputRemoved(Event, frozen=True, tag="output.removed"):
    """What finished runs wrote is not kept any more; the runs are."""

    runs: tuple[int, ...]


class UsualSeconds(msgspec.Struct, frozen=True):
    """How long a run of a workflow took, or one ``node`` of it, in seconds; it succeeded."""

    workflow: int
    node: str
    run: int
    seconds: float


class EarlierKey(msgspec.Struct, frozen=True):
    """A key that a request of ``user`` came under at ``at``, with the number that its answer names."""

    user: str
    key: KeyUse
    number: int
    at: datetime


class HistoryCarried(Event, frozen=True, tag="history.carried"):
    """What is kept and stood in the log's oldest segments only, said again so that these can go.

    Whole runs come as `RunRestored` right before it.
    """

    past: tuple[PastInterval, ...] = ()
    usual: tuple[UsualSeconds, ...] = ()
    keys: tuple[EarlierKey, ...] = ()


class LogTrimmed(Event, frozen=True, tag="log.trimmed"):
    """The segments before the one that begins at ``before`` go: all that is kept of them stands later too."""

    before: int
