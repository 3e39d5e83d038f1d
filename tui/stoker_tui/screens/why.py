"""Why a node stands as it does, as lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from stoker_shared import api
from stoker_shared.events import Reason
from stoker_shared.model import NodeState
from stoker_tui.cli.failures import card_lines
from stoker_tui.theme import GLYPHS, marked, node_look
from stoker_tui.times import ahead
from stoker_tui.widgets.pieces import Pieces

WHY = {
    NodeState.PENDING: "waits",
    NodeState.RUNNING: "runs",
    NodeState.RETRYING: "is tried again",
    NodeState.SUCCEEDED: "succeeded",
    NodeState.FAILED: "failed",
    NodeState.STOPPED: "was stopped",
    NodeState.SKIPPED: "was skipped",
}
"""How it is asked why."""

_WORDS = {
    Reason.UPSTREAM: "an upstream node did not succeed",
    Reason.STOP: "a person stopped it",
    Reason.REPLACED: "a later run of the workflow took its place",
    Reason.TIMEOUT: "an attempt took longer than its timeout",
    Reason.RUN_TIMEOUT: "the run took longer than its timeout",
    Reason.FAIL_FAST: "another node failed, and the workflow's failure strategy is fail_fast",
    Reason.SET: "a person set it successful",
    Reason.DISABLED: "it is disabled, and was passed through",
    Reason.REFUSED: "it could not be launched",
    Reason.LOST: "it began, nothing of it is alive, and how it ended can't be known",
    Reason.NEVER_BEGAN: "the daemon ended before it was launched",
}


def why_so(node: api.NodeView) -> str:
    """Say in a line why a node stands as it does, where that is not plain success."""
    if node.waiting or node.detail:
        return node.waiting or node.detail
    if node.reason is None or (node.reason is Reason.EXIT and node.state is NodeState.SUCCEEDED):
        return ""
    status = node.attempts[-1].exit_status if node.attempts else None
    return _WORDS.get(node.reason, f"exit status {status}")


def failure_lines(card: api.FailureView) -> Iterator[Pieces]:
    """Give a failure card."""
    first, *rest = card_lines(card)
    yield [(first, "failed")]
    yield from ([(line, "")] for line in rest)


def why_lines(
    view: api.RunView, node: api.NodeView, card: api.FailureView | None, now: datetime
) -> Iterator[Pieces]:
    """Say at length why a node stands as it does: the reason, what it waits for, what happens next."""
    if card is not None:
        yield from failure_lines(card)
    else:
        look = node_look(node)
        ended_well = node.reason is Reason.EXIT and node.state is NodeState.SUCCEEDED
        yield [(why_so(node) or ("exit status 0" if ended_well else f"it is {look}"), look)]
    if node.retry_at:
        yield [(f"it is tried again {ahead(node.retry_at, now)}", "retrying")]
    above = [other for other in view.nodes if other.name in node.upstream]
    unready = [other for other in above if other.state is not NodeState.SUCCEEDED]
    if above:
        yield []
        yield [("upstream", "head")]
    for other in unready or above:
        because = why_so(other)
        yield [
            (f"{GLYPHS[node_look(other)]} ", node_look(other)),
            (other.name, ""),
            (f"  {because}" if because else f"  {marked(other.state)[2:]}", "dim"),
        ]
    if len(above) > len(unready) > 0:
        yield [(f"and {len(above) - len(unready)} that succeeded", "dim")]
    if node.expected_at and node.ended_at is None:
        yield []
        yield [(f"usually it is done {ahead(node.expected_at, now)}", "dim")]
