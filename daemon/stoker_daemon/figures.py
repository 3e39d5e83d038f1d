"""What is counted and timed while the daemon works, for `/metrics`: plain numbers, cheap to take.

Whatever tells figures apart has few values: triggers, states, outcomes, and queues, which admins make. Not
workflows, nodes or people: of those there may be ten thousand, and each would be a time series for ever.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from itertools import accumulate

from stoker_shared import events as ev
from stoker_shared.state import NodeRun, Run

SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds that tell apart how long requests and syncs take."""

LONG = (0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)
"""Seconds that tell apart how long something waits."""

_COUNTED = frozenset({ev.RunCreated, ev.RunFinished, ev.AttemptStarting, ev.AttemptFinished})
"""Events of which more is counted than that there were some."""


class Histogram:
    """How many values there were up to each of the ``bounds``, and the ``sum`` of all."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.sum = 0.0
        self._counts = [0] * (len(bounds) + 1)

    def observe(self, value: float) -> None:
        """Take in a value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulated(self) -> list[int]:
        """Give how many values are not above each bound, and in the end how many there are."""
        return list(accumulate(self._counts))


class Figures:
    """What the events on disk come to since the start."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.created: Counter[str] = Counter()
        """Runs by trigger."""
        self.finished: Counter[tuple[str, str]] = Counter()
        """Runs by state and trigger."""
        self.attempts: Counter[str] = Counter()
        """Attempts that ended, by outcome."""
        self.tick_delay = Histogram(LONG)
        self.waits: dict[str, Histogram] = {}
        """By queue, how long nodes waited for their first attempt from when they could start."""

    def take(self, records: Iterable[ev.Record], runs: Mapping[int, Run]) -> None:
        """Take in records; ``runs`` has those that they are about."""
        for record in records:
            event = record.event
            kind = type(event)
            self.events[_name(kind)] += 1
            if kind not in _COUNTED:
                continue
            match event:
                case ev.RunCreated():
                    self.created[event.trigger.value] += 1
                    if event.trigger is ev.Trigger.SCHEDULE and event.scheduled_at:
                        self.tick_delay.observe((record.at - event.scheduled_at).total_seconds())
                case ev.RunFinished():
                    self.finished[event.state.value, runs[event.run].trigger.value] += 1
                case ev.AttemptStarting(attempt=1):
                    run = runs[event.run]
                    node = run.node(event.node)
                    wait = self.waits.setdefault(node.queue, Histogram(LONG))
                    wait.observe((record.at - _could_start(run, node)).total_seconds())
                case ev.AttemptFinished():
                    self.attempts[_outcome(event)] += 1


@cache
def _name(kind: type[ev.EventType | ev.Unknown]) -> str:
    return str(kind.__struct_config__.tag)


def _could_start(run: Run, node: NodeRun) -> datetime:
    """Give when a node was first free to start: what is upstream ended, and what people did to its run."""
    ends = [end for name in node.upstream if (end := run.node(name).ended_at)]
    return max([run.created_at, *ends, *(deed.at for deed in run.deeds[-1:])])


def _outcome(event: ev.AttemptFinished) -> str:
    if event.reason is not ev.Reason.EXIT:
        return event.reason.value
    return "succeeded" if event.exit_status == 0 else "failed"
