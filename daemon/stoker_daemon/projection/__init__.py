"""What queries are answered from beside the state: `stoker.db`, a projection of the run log."""

from stoker_daemon.projection.changes import Change, Finished, KeyUsed, RunChange, changes_by
from stoker_daemon.projection.database import NotWritten, Projection
from stoker_daemon.projection.selection import Intervals, Range, Selection, Slice, microseconds

__all__ = [
    "Change",
    "Finished",
    "Intervals",
    "KeyUsed",
    "NotWritten",
    "Projection",
    "Range",
    "RunChange",
    "Selection",
    "Slice",
    "changes_by",
    "microseconds",
]
