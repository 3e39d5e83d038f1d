"""What lists show of each thing, as styled text. Pure; the clock is handed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from stoker_shared import api
from stoker_shared.api.backfills import BackfillView
from stoker_shared.model import RUN_ENDS, BackfillState
from stoker_shared.schedules import in_words
from stoker_tui.actions.running import run_to_show
from stoker_tui.theme import GLYPHS, marked, node_look, node_word, version_word
from stoker_tui.times import ago, ahead, lasted, local, took
from stoker_tui.widgets.pieces import Pieces

LAST = 10
"""How many of a workflow's runs are shown as glyphs."""

_BACKFILL_STYLES = {BackfillState.CANCELLED: "stopped"}
_BAR = 10


def plain(text: object) -> Pieces:
    """Show a text as it is."""
    return [(str(text), "")]


def dim(text: object) -> Pieces:
    """Show a text that matters less."""
    return [(str(text), "dim")]


def run_state(row: api.RunRow) -> Pieces:
    """Show how a run stands."""
    return [(marked(row.state), row.state.value)]


def node_state(node: api.NodeView) -> Pieces:
    """Show how a node stands."""
    again = f" {len(node.attempts)}" if node.state.value == "retrying" else ""
    return [(node_word(node) + again, node_look(node))]


def run_number(row: api.RunRow) -> Pieces:
    """Show the number of a run."""
    return [(f"#{row.id}", "")]


def run_cycle(row: api.RunRow) -> Pieces:
    """Show what a run is about."""
    return [(local(row.cycle, row.time_zone), "")]


def run_started(row: api.RunRow, now: datetime) -> Pieces:
    """Show when a run started."""
    return [(ago(row.started_at, now), "")]


def run_took(row: api.RunRow, now: datetime) -> Pieces:
    """Show how long a run took, or has taken."""
    return [(lasted(row.started_at, row.ended_at, now), "")]


def run_made(row: api.RunRow) -> Pieces:
    """Show what made a run."""
    return [(f"B{row.backfill}" if row.backfill else row.trigger.value, "dim")]


def run_version(row: api.RunRow) -> Pieces:
    """Show what a run is of."""
    return [(version_word(row), "dim")]


def run_order(row: api.RunRow, now: datetime) -> float:
    """Give how long a run took, to sort by."""
    return ((row.ended_at or now) - row.started_at).total_seconds() if row.started_at else -1.0


def workflow_schedule(row: api.WorkflowRow) -> Pieces:
    """Show when a workflow runs."""
    return [(in_words(row.schedule), "" if row.schedule else "dim")]


def workflow_on(row: api.WorkflowRow) -> Pieces:
    """Show the scheduling switch."""
    return [("✔", "succeeded") if row.scheduling else ("–", "dim")]


def workflow_next(row: api.WorkflowRow, now: datetime) -> Pieces:
    """Show when a workflow is due."""
    return [(ahead(row.next_at, now) if row.scheduling else "", "")]


def workflow_version(row: api.WorkflowRow) -> Pieces:
    """Show what is published of a workflow, and whether its draft is ahead of that."""
    version = f"v{row.version}" if row.version else "draft"
    return [(version, "dim"), ("+" if row.has_changes and row.version else "", "warning")]


def last_runs(runs: Iterable[api.RunRow]) -> Pieces:
    """Show a workflow's last runs, the newest at the right."""
    shown = [(GLYPHS[run.state.value], run.state.value) for run in runs][:LAST]
    return shown[::-1]


def workflow_status(
    row: api.WorkflowRow,
    runs: Sequence[api.RunRow],
    progress: Mapping[int, tuple[int, int]],
    now: datetime,
) -> Pieces:
    """Show how far a workflow's active run has come, else how its last one ended."""
    if row.active_runs:
        number = run_to_show(row)
        run = next((run for run in runs if run.id == number), None)
        state = run.state.value if run and run.state not in RUN_ENDS else "running"
        done = "/".join(map(str, progress[number])) if number in progress else ""
        more = f" +{len(row.active_runs) - 1}" if len(row.active_runs) > 1 else ""
        return [(f"{GLYPHS[state]} #{number} {done}".rstrip(), state), (more, "dim")]
    last = next((run for run in runs if run.id == row.last_run), None)
    if last is None:
        return [("never run" if not row.last_run else f"#{row.last_run}", "dim")]
    return [(GLYPHS[last.state.value], last.state.value), (f" {ago(last.ended_at, now)}", "")]


def backfill_state(view: BackfillView) -> Pieces:
    """Show how a backfill stands."""
    state = view.state.value
    style = _BACKFILL_STYLES.get(view.state, state)
    glyph = {"cancelled": GLYPHS["stopped"]}.get(state) or GLYPHS[state]
    return [(f"{glyph} {state}", style)]


def backfill_progress(view: BackfillView) -> Pieces:
    """Show how far a backfill has come, as a bar and in numbers."""
    return [*backfill_bar(view, _BAR), (f" {view.failed} failed" if view.failed else "", "failed")]


def backfill_bar(view: BackfillView, cells: int) -> Pieces:
    """Show how far a backfill has come, as a bar of so many cells, and how many intervals are done."""
    total = max(view.total, 1)
    done = min(view.passed + view.succeeded + view.failed, total)
    failed = min(cells, -(-view.failed * cells // total)) if view.failed else 0
    good = max(done * cells // total - failed, 0)
    rest = max(cells - good - failed, 0)
    return [
        ("━" * good, "succeeded"),
        ("━" * failed, "failed"),
        ("╌" * rest, "dim"),
        (f" {done:,}/{view.total:,}", ""),
    ]


def backfill_left(view: BackfillView, now: datetime) -> Pieces:
    """Show how long a backfill still takes, or what it waits for."""
    if view.ended_at:
        return [(ago(view.ended_at, now), "dim")]
    if view.waits_until:
        return [(f"waits, {ahead(view.waits_until, now)}", "pending")]
    if view.detail:
        return [(view.detail, "warning")]
    return [(f"~{took(view.seconds_left)} left" if view.seconds_left is not None else "", "")]


def queue_use(view: api.QueueView) -> Pieces:
    """Show how full a queue is."""
    limit = view.spec.limit
    full = limit is not None and view.cu >= limit
    return [(f"{view.cu}/{limit} CU" if limit is not None else f"{view.cu} CU", "warning" if full else "")]


def queue_nodes(view: api.QueueView) -> Pieces:
    """Show how many nodes are active in a queue."""
    return [(f"{view.active}/{view.spec.nodes}" if view.spec.nodes is not None else str(view.active), "")]
