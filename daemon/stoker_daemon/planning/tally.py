"""How many runs there are, and nodes that wait: counted anew is only what changed since the last look."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import NamedTuple

from stoker_daemon.planning.line import Line
from stoker_shared.events import Trigger
from stoker_shared.model import RunState
from stoker_shared.state import Run


class _Counted(NamedTuple):
    """What a run was counted as."""

    standing: tuple[RunState, Trigger]
    active: int
    waiting: tuple[str, ...]
    """The queues of its nodes that wait."""


class Tally:
    """The counts over the runs of a line, as they were when they were last brought `up_to_date`."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._counted: dict[int, _Counted] = {}
        self.runs: Counter[tuple[RunState, Trigger]] = Counter()
        """Runs that have not finished, by state and trigger."""
        self.active = 0
        """Nodes that have a process."""
        self.waiting: Counter[str] = Counter()
        """By queue, nodes that only wait for a place in it."""

    def up_to_date(self, now: datetime, most: int) -> bool:
        """Count what changed, at most so many runs at once; tell whether that was all."""
        runs, changed = self._line.state.runs, self._line.changed
        for _ in range(min(most, len(changed))):
            number = changed.pop()
            self._leave_out(number)
            self._count(runs[number], now)
        if changed:
            return False
        for number in self._counted.keys() - runs.keys():
            self._leave_out(number)
        return True

    def _count(self, run: Run, now: datetime) -> None:
        waiting = tuple(node.queue for node in self._line.waiting(run, now))
        counted = self._counted[run.id] = _Counted((run.state, run.trigger), len(run.active), waiting)
        self.runs[counted.standing] += 1
        self.active += counted.active
        self.waiting.update(waiting)

    def _leave_out(self, number: int) -> None:
        if counted := self._counted.pop(number, None):
            self.runs[counted.standing] -= 1
            self.active -= counted.active
            self.waiting.subtract(counted.waiting)
