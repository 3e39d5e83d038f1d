from __future__ import annotations

import pytest

from stoker_shared.actions import (
    BackfillAction,
    NodeAction,
    RunAction,
    why_not_backfill,
    why_not_node,
    why_not_run,
)
from stoker_shared.model import BackfillState, NodeState, RunState
from stoker_shared.state import Backfill
from tests.strategies import T0

RUN_TABLE = """
                  pending  running  paused  succeeded  failed  stopped
stopped              x        x        x        .         .        .
paused               x        x        .        .         .        .
resumed              .        .        x        .         .        .
rerun from failed    .        .        .        .         x        x
rerun                .        .        .        x         x        x
"""
NODE_TABLE = """
                  pending  running  retrying  succeeded  failed  stopped  skipped
stopped              x        x         x         .         .        .        .
rerun                .        .         .         x         x        x        x
set successful       .        .         .         .         x        x        x
"""
BACKFILL_TABLE = """
                  running  paused  succeeded  failed  cancelled
paused               x        .        .         .        .
resumed              .        x        .         .        .
cancelled            x        x        .         .        .
retried              x        x        .         x        .
"""


def cells(table: str) -> list[tuple[str, str, bool]]:
    """Give the cells of a table: action, state, and whether it is allowed."""
    head, *lines = table.strip().splitlines()
    found = []
    for line in lines:
        action, marks = line[:18].strip(), line[18:].split()
        found += [(action, state, mark == "x") for state, mark in zip(head.split(), marks, strict=True)]
    return found


@pytest.mark.parametrize(("action", "state", "allowed"), cells(RUN_TABLE))
def test_what_can_be_done_to_a_run(action: str, state: str, allowed: bool):
    why = why_not_run(RunAction(action), RunState(state))

    assert bool(why) is not allowed


@pytest.mark.parametrize(("action", "state", "allowed"), cells(NODE_TABLE))
def test_what_can_be_done_to_a_node(action: str, state: str, allowed: bool):
    why = why_not_node(NodeAction(action), NodeState(state))

    assert bool(why) is not allowed


def test_a_refusal_says_in_words_how_it_stands():
    assert why_not_run(RunAction.PAUSE, RunState.SUCCEEDED) == "it has succeeded"
    assert why_not_node(NodeAction.RERUN, NodeState.RETRYING) == "it is retrying"


def test_what_is_stopping_lets_nothing_else_be_done():
    assert all(why_not_run(action, RunState.RUNNING, stopping=True) for action in RunAction)
    assert why_not_node(NodeAction.STOP, NodeState.RUNNING, stopping=True) == "it is stopping already"
    assert why_not_node(NodeAction.RERUN, NodeState.FAILED, run_stopping=True) == "its run is stopping"
    assert not why_not_node(NodeAction.STOP, NodeState.RUNNING, run_stopping=True)


def backfill(state: BackfillState, failed: int) -> Backfill:
    moments = dict.fromkeys(("first", "last", "split", "back", "ahead", "created_at"), T0)
    return Backfill(
        id=1,
        workspace="default",
        workflow=1,
        name="daily",
        total=1,
        time_zone="UTC",
        by="alice",
        state=state,
        failed=failed,
        **moments,
    )


@pytest.mark.parametrize(("action", "state", "allowed"), cells(BACKFILL_TABLE))
def test_what_can_be_done_to_a_backfill(action: str, state: str, allowed: bool):
    why = why_not_backfill(BackfillAction(action), backfill(BackfillState(state), failed=1))

    assert bool(why) is not allowed


def test_a_backfill_without_a_failed_run_has_nothing_to_retry():
    why = why_not_backfill(BackfillAction.RETRY, backfill(BackfillState.PAUSED, failed=0))

    assert why == "none of its runs failed"
