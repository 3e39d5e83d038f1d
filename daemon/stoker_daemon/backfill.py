"""What a backfill comes to, once what happened to it is known. Pure."""

from __future__ import annotations

from stoker_shared import events as ev
from stoker_shared.model import BackfillState
from stoker_shared.state import Backfill

Decision = ev.BackfillPaused | ev.BackfillFinished


def decide(backfill: Backfill) -> list[Decision]:
    """Give what follows by itself: its end, or that it pauses after too many failures."""
    if backfill.state is not BackfillState.RUNNING:
        return []
    is_left = backfill.seen < backfill.total or backfill.retried is not None
    if not is_left and not backfill.active:
        end = BackfillState.FAILED if backfill.failed else BackfillState.SUCCEEDED
        return [ev.BackfillFinished(backfill.id, end)]
    if is_left and 0 < backfill.stop_after <= backfill.failures:
        runs = "1 run" if backfill.failures == 1 else f"{backfill.failures} runs"
        return [ev.BackfillPaused(backfill.id, f"{runs} failed")]
    return []
