"""How events change a backfill: part of `stoker_shared.apply`.

That an interval has one run of a backfill at most is decided here: what comes for one that was seen to is not
allowed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from stoker_shared import events as ev
from stoker_shared.apply import notifying
from stoker_shared.apply.attempting import remember
from stoker_shared.model import BackfillState, RunState
from stoker_shared.state import KEPT_BACKFILLS, About, Backfill, Run, State

_FIELDS = set(Backfill.__struct_fields__) & set(ev.BackfillCreated.__struct_fields__)


class SeenTo(ValueError):
    """An event about an interval that its backfill has seen to, or has not."""


def backfill_created(state: State, record: ev.Record, event: ev.BackfillCreated) -> None:
    """There is a backfill; the oldest of those that have ended is forgotten where there are many."""
    state.counters.backfill = event.backfill
    state.backfills[event.backfill] = Backfill(
        id=event.backfill,
        back=event.split,
        ahead=event.split,
        created_at=record.at,
        by=record.by,
        **{name: getattr(event, name) for name in _FIELDS},
    )
    ended = [backfill.id for backfill in state.backfills.values() if backfill.has_ended]
    if len(ended) > KEPT_BACKFILLS:
        del state.backfills[ended[0]]


def backfill_passed(state: State, _: ev.Record, event: ev.BackfillPassed) -> None:
    """Intervals need no run."""
    backfill = state.backfills[event.backfill]
    if event.again:
        _see_again(backfill, event.cycle)
    else:
        _see(backfill, event.cycle, event.count)
        backfill.passed += event.count


def backfill_paused(state: State, record: ev.Record, event: ev.BackfillPaused) -> None:
    """It makes no more runs for now."""
    backfill = state.backfills[event.backfill]
    backfill.state, backfill.detail = BackfillState.PAUSED, event.detail
    remember(backfill, record, f"paused it: {event.detail}" if event.detail else "paused it")
    if event.detail:
        notifying.backfill_ended(state, record, backfill, About.BACKFILL_PAUSED)


def backfill_resumed(state: State, record: ev.Record, event: ev.BackfillResumed) -> None:
    """It goes on."""
    backfill = state.backfills[event.backfill]
    _go_on(backfill)
    remember(backfill, record, "resumed it")


def backfill_retried(state: State, record: ev.Record, event: ev.BackfillRetried) -> None:
    """It goes through what it has seen to once more."""
    backfill = state.backfills[event.backfill]
    _go_on(backfill)
    backfill.retried = backfill.back - timedelta(microseconds=1)
    remember(backfill, record, "retried its failures")


def backfill_cancelled(state: State, record: ev.Record, event: ev.BackfillCancelled) -> None:
    """It makes no more runs, for ever."""
    backfill = state.backfills[event.backfill]
    backfill.state, backfill.ended_at, backfill.detail = BackfillState.CANCELLED, record.at, ""
    remember(backfill, record, "cancelled it, with what runs" if event.running else "cancelled it")


def backfill_finished(state: State, record: ev.Record, event: ev.BackfillFinished) -> None:
    """It has seen to all."""
    backfill = state.backfills[event.backfill]
    backfill.state, backfill.ended_at, backfill.detail = event.state, record.at, ""
    if event.state is BackfillState.FAILED:
        notifying.backfill_ended(state, record, backfill, About.BACKFILL_FAILED)


def run_created(state: State, event: ev.RunCreated) -> None:
    """A backfill's next interval, or the next one that is retried, has a run."""
    backfill = state.backfills[event.backfill]
    if event.retry_of:
        _see_again(backfill, event.cycle)
        backfill.failed -= 1
        backfill.replaced.append(event.retry_of)
    else:
        _see(backfill, event.cycle, 1)
    backfill.active.append(event.run)


def run_finished(state: State, run: Run) -> None:
    """A run of a backfill came to its end."""
    backfill = state.backfills.get(run.backfill)
    if backfill is None or run.id not in backfill.active:
        return
    backfill.active.remove(run.id)
    if run.state is RunState.SUCCEEDED:
        backfill.succeeded += 1
    else:
        backfill.failed += 1
        backfill.failures += 1


def run_opened(state: State, run: Run) -> None:
    """A run that had ended, as it still says, is opened again: its backfill is not over, unless cancelled.

    One in whose place a retry has made another is not the backfill's any more.
    """
    backfill = state.backfills.get(run.backfill)
    if backfill is None or run.id in backfill.replaced:
        return
    if run.state is RunState.SUCCEEDED:
        backfill.succeeded -= 1
    else:
        backfill.failed -= 1
    backfill.active.append(run.id)
    if backfill.has_ended and backfill.state is not BackfillState.CANCELLED:
        backfill.state, backfill.ended_at = BackfillState.RUNNING, None


def _go_on(backfill: Backfill) -> None:
    backfill.state, backfill.detail, backfill.ended_at, backfill.failures = BackfillState.RUNNING, "", None, 0


def _see(backfill: Backfill, cycle: datetime, count: int) -> None:
    _check(backfill)
    if backfill.ahead < cycle <= backfill.last:
        backfill.ahead = cycle
    elif backfill.first <= cycle < backfill.back:
        backfill.back = cycle
    else:
        raise SeenTo(f"backfill {backfill.id} has seen to the interval of {cycle}, or does not have it")
    backfill.seen += count


def _see_again(backfill: Backfill, cycle: datetime) -> None:
    _check(backfill)
    if backfill.retried is None or not backfill.retried < cycle <= backfill.ahead:
        raise SeenTo(f"backfill {backfill.id} does not retry the interval of {cycle}, or did")
    backfill.retried = cycle if cycle < backfill.ahead else None


def _check(backfill: Backfill) -> None:
    if backfill.has_ended:
        raise SeenTo(f"backfill {backfill.id} has ended: {backfill.state}")
