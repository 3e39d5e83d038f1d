"""What queries are answered from beside the state: `stoker.db`, a projection of the run log."""

from .changes import Change, Finished, KeyUsed, RunChange, changes_by
from .database import NotWritten, Projection
from .selection import Intervals, Range, Selection, Slice, microseconds

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
