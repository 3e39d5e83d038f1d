"""The one function that changes the state.

The daemon applies each event as it is made; a replay of the log applies the same events and so arrives at the
same state, and so does a mirror of the event stream. Nothing here decides: events carry the decisions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stoker_shared import events as ev
from stoker_shared.apply import attempting, backfilling, defining, notifying, running, ticking
from stoker_shared.apply.attempting import NotAllowed
from stoker_shared.state import Draining, Run, State


def apply(state: State, record: ev.Record) -> Run | None:
    """Change ``state`` by the next record.

    Returns:
        The run that the event is about, if it is about one; also the one it just finished, or restored.

    Raises:
        NotAllowed: the record does not follow, or its event is not allowed in this state.
    """
    if record.seq != state.seq + 1:
        raise NotAllowed(f"record {record.seq} does not follow {state.seq}")
    number = getattr(record.event, "run", 0)
    run = state.runs.get(number)
    try:
        if change := _CHANGES.get(type(record.event)):
            change(state, record, record.event)
        if (state.restoring or state.restored) and not isinstance(record.event, ev.RunRestored):
            # A crash between restoring a run and opening it leaves it closed.
            state.restoring, state.restored = [], {}
    except (ticking.NotDue, backfilling.SeenTo) as error:
        raise NotAllowed(f"record {record.seq}: {error}") from error
    except (KeyError, IndexError) as error:
        raise NotAllowed(f"record {record.seq} speaks of {error}, which is not current") from error
    state.seq = record.seq
    return run or state.runs.get(number) or state.restored.get(number)


def _daemon_draining(state: State, record: ev.Record, event: ev.DaemonDraining) -> None:
    state.draining = Draining(record.at, record.by) if event.on else None


_CHANGES: dict[type, Callable[[State, ev.Record, Any], None]] = {
    **defining.CHANGES,
    **running.CHANGES,
    **attempting.CHANGES,
    ev.WorkflowScheduling: ticking.workflow_scheduling,
    ev.TickSkipped: ticking.tick_skipped,
    ev.BackfillCreated: backfilling.backfill_created,
    ev.BackfillPassed: backfilling.backfill_passed,
    ev.BackfillPaused: backfilling.backfill_paused,
    ev.BackfillResumed: backfilling.backfill_resumed,
    ev.BackfillRetried: backfilling.backfill_retried,
    ev.BackfillCancelled: backfilling.backfill_cancelled,
    ev.BackfillFinished: backfilling.backfill_finished,
    ev.DaemonDraining: _daemon_draining,
    ev.NotificationChannels: notifying.channels_changed,
    ev.NotificationSent: notifying.sent,
    ev.NotificationFailed: notifying.failed,
    ev.NotificationGivenUp: notifying.given_up,
}
