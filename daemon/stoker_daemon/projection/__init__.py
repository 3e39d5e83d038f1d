"""What queries are answered from beside the state: `stoker.db`, a projection of the run log."""

from .changes import Change, KeyUsed, RunChange, changes_by
from .database import Projection
from .selection import Selection, Slice

__all__ = ["Change", "KeyUsed", "Projection", "RunChange", "Selection", "Slice", "changes_by"]
