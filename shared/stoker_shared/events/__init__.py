"""Everything that can happen, as values: one event is one accepted change and one line of the run log.

An event says what was decided; it never leaves a decision to whoever reads it later. Fields are only ever
added, with defaults, so that every log ever written can be read. Times are aware UTC datetimes.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from stoker_shared.events.base import Event, KeyUse, Reason, Trigger
from stoker_shared.events.daemon import (
    DaemonDraining,
    NotificationChannels,
    NotificationFailed,
    NotificationGivenUp,
    NotificationSent,
    SpaceEnough,
    SpaceLow,
)
from stoker_shared.events.definitions import (
    Attachment,
    JobDeleted,
    JobPublished,
    JobSaved,
    QueueDeleted,
    QueueSaved,
    VariableSet,
    VariableUnset,
    WorkflowDeleted,
    WorkflowPublished,
    WorkflowRenamed,
    WorkflowSaved,
    WorkflowScheduling,
    WorkspaceCreated,
    WorkspaceDeleted,
)
from stoker_shared.events.intervals import (
    BackfillCancelled,
    BackfillCreated,
    BackfillFinished,
    BackfillPassed,
    BackfillPaused,
    BackfillResumed,
    BackfillRetried,
    SkipReason,
    TickSkipped,
)
from stoker_shared.events.keeping import (
    EarlierKey,
    HistoryCarried,
    LogTrimmed,
    OutputRemoved,
    PastInterval,
    RunRestored,
    RunsRemoved,
    UsualSeconds,
)
from stoker_shared.events.nodes import (
    AttemptAdopted,
    AttemptFinished,
    AttemptRetryAt,
    AttemptStarted,
    AttemptStarting,
    NodeFinished,
    NodeSetSuccessful,
    NodeSkipped,
    NodeStopRequested,
)
from stoker_shared.events.runs import (
    Lateness,
    PlannedNode,
    RunCreated,
    RunFinished,
    RunLate,
    RunPaused,
    RunRerunRequested,
    RunResumed,
    RunStarted,
    RunStopRequested,
)

__all__ = [
    "FORMAT",
    "Attachment",
    "AttemptAdopted",
    "AttemptFinished",
    "AttemptRetryAt",
    "AttemptStarted",
    "AttemptStarting",
    "BackfillCancelled",
    "BackfillCreated",
    "BackfillFinished",
    "BackfillPassed",
    "BackfillPaused",
    "BackfillResumed",
    "BackfillRetried",
    "DaemonDraining",
    "EarlierKey",
    "Event",
    "EventType",
    "HistoryCarried",
    "JobDeleted",
    "JobPublished",
    "JobSaved",
    "KeyUse",
    "Lateness",
    "LogTrimmed",
    "NodeFinished",
    "NodeSetSuccessful",
    "NodeSkipped",
    "NodeStopRequested",
    "NotificationChannels",
    "NotificationFailed",
    "NotificationGivenUp",
    "NotificationSent",
    "OutputRemoved",
    "PastInterval",
    "PlannedNode",
    "QueueDeleted",
    "QueueSaved",
    "Reason",
    "Record",
    "RunCreated",
    "RunFinished",
    "RunLate",
    "RunPaused",
    "RunRerunRequested",
    "RunRestored",
    "RunResumed",
    "RunStarted",
    "RunStopRequested",
    "RunsRemoved",
    "SkipReason",
    "SpaceEnough",
    "SpaceLow",
    "TickSkipped",
    "Trigger",
    "Unknown",
    "UsualSeconds",
    "VariableSet",
    "VariableUnset",
    "WorkflowDeleted",
    "WorkflowPublished",
    "WorkflowRenamed",
    "WorkflowSaved",
    "WorkflowScheduling",
    "WorkspaceCreated",
    "WorkspaceDeleted",
    "number_of",
]

FORMAT = 1
"""Version of the run log's format. A log of a newer one is refused."""

EventType = (
    WorkspaceCreated
    | WorkspaceDeleted
    | QueueSaved
    | QueueDeleted
    | VariableSet
    | VariableUnset
    | JobSaved
    | JobPublished
    | JobDeleted
    | WorkflowSaved
    | WorkflowPublished
    | WorkflowScheduling
    | WorkflowRenamed
    | WorkflowDeleted
    | TickSkipped
    | BackfillCreated
    | BackfillPassed
    | BackfillPaused
    | BackfillResumed
    | BackfillRetried
    | BackfillCancelled
    | BackfillFinished
    | RunCreated
    | RunLate
    | RunStarted
    | RunPaused
    | RunResumed
    | RunStopRequested
    | RunRestored
    | RunRerunRequested
    | RunFinished
    | NodeSkipped
    | NodeSetSuccessful
    | NodeStopRequested
    | NodeFinished
    | AttemptStarting
    | AttemptStarted
    | AttemptAdopted
    | AttemptFinished
    | AttemptRetryAt
    | RunsRemoved
    | OutputRemoved
    | HistoryCarried
    | LogTrimmed
    | SpaceLow
    | SpaceEnough
    | DaemonDraining
    | NotificationChannels
    | NotificationSent
    | NotificationFailed
    | NotificationGivenUp
)


class Unknown(msgspec.Struct, frozen=True):
    """An event of a type this version does not know: kept and passed on, without effect on the state."""

    type: str


class Record(msgspec.Struct, frozen=True):
    """An event in its place: position in the log, moment (UTC), and who caused it.

    ``key`` is that of the request that came to this event, on the first event it came to.
    """

    seq: int
    at: datetime
    by: str
    event: EventType | Unknown
    key: KeyUse | None = None


def number_of(event: EventType | Unknown) -> int:
    """Give the number in the answer to a request: the run's or backfill's, else the version's; 0: none."""
    if isinstance(event, RunCreated):
        return event.run
    return getattr(event, "backfill", 0) or getattr(event, "run", 0) or getattr(event, "version", 0)
