"""What was recorded of ticks and of backfills' intervals, and what must come next.

Schedules in these worlds are of whole minutes that divide a day, in UTC: so what ticks is plain arithmetic.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stoker_shared import events as ev
from stoker_shared.model import CatchUpPolicy, Minutes, Schedule
from tests.world.broken import must

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


class Ticks:
    """One workflow's: each has exactly one run, or is among those that were skipped, in their order."""

    def __init__(self, workflow: int) -> None:
        self.workflow = workflow
        self.eras: list[tuple[datetime, timedelta | None]] = []
        self.done = _EPOCH

    def switched(self, event: ev.WorkflowScheduling) -> None:
        """The switch was turned."""
        self.eras = []
        if event.on and event.after:
            must(event.after >= self.done, self, "is scheduled from before", self.done)
            self.eras = [(event.after, _period(event.schedule))]
            self.done = event.after

    def rescheduled(self, schedule: Schedule | None, at: datetime) -> None:
        """Another schedule was published."""
        if self.eras:
            self.eras = [era for era in self.eras if era[0] < at] + [(at, _period(schedule))]

    def ran(self, event: ev.RunCreated) -> None:
        """A tick got its run."""
        tick, period = self._next()
        must(event.scheduled_at == tick, self, "got a run for", event.scheduled_at, "and next comes", tick)
        must(tick and event.cycle == tick - period, self, "had the tick", tick, "which is about", event.cycle)
        self.done = tick or self.done

    def skipped(self, event: ev.TickSkipped, policy: CatchUpPolicy) -> None:
        """Ticks have no runs."""
        first = last = None
        for _ in range(event.count):
            last, _ = self._next()
            first = first or last
            self.done = last or self.done
        span = event.first, event.last
        must(span == (first, last), self, "skipped", span, "where next were", (first, last))
        dropped = event.reason is ev.SkipReason.CATCH_UP and policy is CatchUpPolicy.ALL
        must(not dropped, self, "dropped the tick", first, "and catches up on all")

    def next(self) -> datetime | None:
        """Give the tick that comes next."""
        return self._next()[0]

    def _next(self) -> tuple[datetime | None, timedelta]:
        ends = [since for since, _ in self.eras[1:]] + [_NEVER]
        for (since, period), until in zip(self.eras, ends, strict=True):
            if period:
                tick = _EPOCH + ((max(since, self.done) - _EPOCH) // period + 1) * period
                if tick <= until:
                    return tick, period
        return None, timedelta()

    def __str__(self) -> str:
        return f"workflow {self.workflow}"


class Intervals:
    """One backfill's: each is seen to once, and once more in every retry."""

    def __init__(self, event: ev.BackfillCreated) -> None:
        self.id = event.backfill
        self.total = event.total
        self.parallel = event.parallel
        self.seen = 0
        self.cycles: set[datetime] = set()
        self.again: set[datetime] = set()
        self.active: set[int] = set()
        self.replaced: set[int] = set()
        self.goes_on = True

    def ran(self, event: ev.RunCreated) -> None:
        """An interval got a run."""
        what = f"backfill {self.id} made run {event.run} for {event.cycle}"
        must(self.goes_on, what, "and does not go on")
        must(len(self.active) < self.parallel, what, "beside", len(self.active), "others")
        seen = self.again if event.retry_of else self.cycles
        must(event.cycle not in seen, what, "a second time")
        seen.add(event.cycle)
        if event.retry_of:
            self.replaced.add(event.retry_of)
        else:
            self.seen += 1
        self.active.add(event.run)

    def opened(self, run: int) -> None:
        """A run was opened again; one that was replaced is not the backfill's any more."""
        if run not in self.replaced:
            self.active.add(run)

    def retried(self) -> None:
        """What failed comes once more."""
        self.again = set()
        self.goes_on = True

    def finished(self) -> None:
        """It came to its end by itself."""
        must(self.seen == self.total, f"backfill {self.id} ended at {self.seen} of {self.total} intervals")
        must(not self.active, f"backfill {self.id} ended before its runs")


def _period(schedule: Schedule | None) -> timedelta | None:
    if schedule is None:
        return None
    assert isinstance(schedule, Minutes)
    return timedelta(minutes=schedule.every)
