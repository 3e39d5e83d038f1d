"""What events make people be told, and what became of telling them: part of `stoker_shared.apply`.

What is to be told follows from the very event that is its cause. So no crash can lose it, and no replay can
make it twice. Debug runs tell nobody; nor do the runs of a backfill, since the backfill itself does.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from stoker_shared import events as ev
from stoker_shared.model import RunState
from stoker_shared.state import (
    About,
    Backfill,
    Delivery,
    Failing,
    GivenUp,
    NodeRun,
    Notice,
    Outbox,
    Run,
    State,
)

WEBHOOK = "webhook"
"""Who is told by the webhook. It can't be an address, which has an @."""

MOST_PENDING = 10_000
"""Deliveries that are kept; beyond them the oldest is given up."""

KEPT_GIVEN_UP, KEPT_FOR = 100, timedelta(days=7)
"""What was given up is remembered so often and so long."""

_LONGEST = 500
"""Characters of a detail."""

_MOST_TOLD = 200
"""People who are remembered to have been told of a failure."""

_TELLING = frozenset({ev.Trigger.SCHEDULE, ev.Trigger.MANUAL})


def run_finished(state: State, record: ev.Record, run: Run) -> None:
    """Tell of a run that failed; and of the first that succeeds after it those who were told of that."""
    if run.trigger not in _TELLING:
        return
    workflow = state.workflows.get(run.workflow)
    failing = workflow.failing if workflow else None
    if run.state is RunState.FAILED:
        told = _tell(state, record, About.RUN_FAILED, run.notify, reason=run.reason, **_of_run(run))
        if workflow and told:
            before = failing or Failing(run.id, ())
            workflow.failing = Failing(before.run, tuple(dict.fromkeys((*before.told, *told)))[:_MOST_TOLD])
    elif run.state is RunState.SUCCEEDED and workflow and failing:
        workflow.failing = None
        addresses = [who for who in failing.told if who != WEBHOOK]
        _tell(state, record, About.RUN_RECOVERED, addresses, after=failing.run, **_of_run(run))


def run_late(state: State, record: ev.Record, run: Run, event: ev.RunLate) -> None:
    """Tell of a run that is late."""
    if run.trigger in _TELLING:
        _tell(state, record, About.RUN_LATE, run.notify, late=event.what, due=event.due, **_of_run(run))


def node_changed(state: State, record: ev.Record, run: Run, node: NodeRun) -> None:
    """Tell of a node that reached a state those who subscribed to it."""
    if node.subscription is None or node.state not in node.subscription.states:
        return
    if run.trigger in _TELLING:
        facts = {"node": node.name, "state": node.state, "reason": node.reason, "detail": node.detail}
        _tell(state, record, About.NODE, node.subscription.addresses, **_of_run(run), **facts)


def backfill_ended(state: State, record: ev.Record, backfill: Backfill, about: About) -> None:
    """Tell of a backfill that failed, or paused by itself."""
    _tell(
        state,
        record,
        about,
        backfill.notify,
        workspace=backfill.workspace,
        workflow=backfill.workflow,
        name=backfill.name,
        time_zone=backfill.time_zone,
        by=backfill.by,
        backfill=backfill.id,
        counts=(backfill.succeeded, backfill.failed, backfill.total),
        detail=backfill.detail,
    )


def channels_changed(state: State, _: ev.Record, event: ev.NotificationChannels) -> None:
    """There is a mail server, or a webhook, or is none any more."""
    state.outbox.mail, state.outbox.webhook = event.mail, event.webhook
    if event.mail:
        state.outbox.unsent = 0


def sent(state: State, _: ev.Record, event: ev.NotificationSent) -> None:
    """Somebody was told."""
    for number in event.notifications:
        _take(state, number, event.to)


def failed(state: State, _: ev.Record, event: ev.NotificationFailed) -> None:
    """Somebody could not be told yet."""
    for number in event.notifications:
        delivery = state.notices[number].untold[event.to]
        delivery.tries, delivery.why, delivery.next_at = event.attempt, event.why, event.next_at


def given_up(state: State, record: ev.Record, event: ev.NotificationGivenUp) -> None:
    """Somebody will not be told."""
    for number in event.notifications:
        _give_up(state, record, state.notices[number], event.to, event.why)


def lost(outbox: Outbox, now: datetime) -> list[GivenUp]:
    """Give what was given up in the last days."""
    return [one for one in outbox.given_up if now - one.at < KEPT_FOR]


def _of_run(run: Run) -> dict[str, Any]:
    return {
        "workspace": run.workspace,
        "workflow": run.workflow,
        "name": run.name,
        "run": run.id,
        "version": run.version,
        "trigger": run.trigger,
        "by": run.by,
        "cycle": run.cycle,
        "time_zone": run.time_zone,
    }


def _tell(
    state: State, record: ev.Record, about: About, addresses: Iterable[str], /, detail: str = "", **facts: Any
) -> tuple[str, ...]:
    """Put something into the outbox, and give who is to be told."""
    told = tuple(_reachable(state.outbox, addresses))
    if not told:
        return ()
    state.counters.notification += 1
    number = state.counters.notification
    untold = {who: Delivery() for who in told}
    notice = Notice(number, about, record.at, untold=untold, detail=detail[:_LONGEST], **facts)
    state.restore(notice)
    state.outbox.pending += len(told)
    while state.outbox.pending > MOST_PENDING:
        oldest = next(iter(state.notices.values()))
        _give_up(state, record, oldest, next(iter(oldest.untold)), f"more than {MOST_PENDING:,} were waiting")
    return told


def _reachable(outbox: Outbox, addresses: Iterable[str]) -> Iterable[str]:
    if outbox.mail:
        yield from dict.fromkeys(addresses)
    else:
        outbox.unsent += len(set(addresses))
    if outbox.webhook:
        yield WEBHOOK


def _take(state: State, number: int, to: str) -> None:
    """Take a delivery out of the outbox."""
    notice = state.notices[number]
    del notice.untold[to]
    state.outbox.pending -= 1
    if not notice.untold:
        del state.notices[number]


def _give_up(state: State, record: ev.Record, notice: Notice, to: str, why: str) -> None:
    _take(state, notice.id, to)
    place = notice.name, notice.run, notice.backfill, notice.workspace
    one = GivenUp(notice.id, to, record.at, why, notice.about, *place)
    state.outbox.given_up = [*lost(state.outbox, record.at), one][-KEPT_GIVEN_UP:]
