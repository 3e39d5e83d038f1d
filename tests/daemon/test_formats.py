"""What was once written to disk is read for ever: each format that was in use lies in tests/data.

These files are never changed. What is new in a format comes in a file of its own: runlog-1 was made by hand
before there were schedules, runlog-2 by a daemon as `tests.runlogs` tells, with backfills and ticks, runlog-3
by a daemon with a mail server, drained and pruned; its last four events by hand.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stoker_daemon.projection import Projection, Selection, Slice
from stoker_daemon.projection.selection import BACKFILL, Facet
from stoker_daemon.runlog import segments
from stoker_shared import events as ev
from stoker_shared.model import BackfillOrder, BackfillState, NodeState, RunState
from stoker_shared.state import About, Counters
from tests.strategies import T0

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def runlog(tmp_path: Path) -> Path:
    """A copy, so that no test can change what must not change."""
    return Path(shutil.copytree(DATA / "runlog-1", tmp_path / "runlog"))


def test_a_log_of_format_1_is_read_to_its_state(runlog: Path) -> None:
    loaded = segments.load(runlog)

    run = loaded.state.runs[2]
    assert (loaded.torn, loaded.state.seq) == ([], 31)
    ingest = loaded.state.jobs["default", "etl/ingest.py"]
    assert ingest.versions[-1].config.driver_memory == ingest.current_draft.config.driver_memory == "2g"
    assert loaded.state.workflows[1].versions[0].remarks == "täglich \u2028"
    assert (run.state, run.stopping, run.stopped_by) == (RunState.RUNNING, ev.Reason.STOP, "alice")
    assert [node.state for node in run.nodes] == [NodeState.RUNNING, NodeState.STOPPED]
    assert run.nodes[0].stopping is ev.Reason.STOP


def test_a_log_of_format_1_has_its_whole_history(runlog: Path) -> None:
    replayed = list(segments.replay(runlog))

    kinds = {type(record.event) for record, _ in replayed if record}
    assert len(kinds) == 15
    failed = next(run for record, run in replayed if record and isinstance(record.event, ev.RunFinished))
    assert failed
    assert [(node.name, node.state, node.reason) for node in failed.nodes] == [
        ("ingest", NodeState.SUCCEEDED, None),
        ("load", NodeState.FAILED, ev.Reason.LOST),
        ("audit", NodeState.SUCCEEDED, ev.Reason.DISABLED),
        ("report", NodeState.SKIPPED, ev.Reason.UPSTREAM),
        ("late", NodeState.FAILED, ev.Reason.TIMEOUT),
    ]


async def test_a_log_of_format_1_gives_the_database_its_runs_and_keys(runlog: Path, tmp_path: Path) -> None:
    projection = Projection(tmp_path / "stoker.db")
    await projection.open(runlog, "0123456789abcdef0123456789abcdef", 31)
    rows = await projection.runs(Selection("default"), Slice(10))
    key = ev.KeyUse("k12", "POST /v1/workspaces/default/runs", "c" * 64)
    used = await projection.answered("alice", key, T0)
    await projection.close()

    assert [(row.id, row.state) for row in rows] == [(2, RunState.RUNNING), (1, RunState.FAILED)]
    assert used
    assert (used.number, used.key) == (2, key)


@pytest.fixture
def ticked(tmp_path: Path) -> Path:
    """A copy of the log with schedules and backfills."""
    return Path(shutil.copytree(DATA / "runlog-2", tmp_path / "runlog"))


def test_a_log_with_schedules_and_backfills_is_read_to_its_state(ticked: Path) -> None:
    loaded = segments.load(ticked)

    state = loaded.state
    assert (loaded.torn, state.seq, state.counters) == ([], 261, Counters(5, 19, 5))
    backfills = {
        (backfill.state, backfill.total, backfill.passed, backfill.succeeded, backfill.failed)
        for backfill in state.backfills.values()
    }
    assert backfills == {
        (BackfillState.SUCCEEDED, 7, 0, 7, 0),
        (BackfillState.SUCCEEDED, 7, 7, 0, 0),
        (BackfillState.CANCELLED, 7, 0, 0, 2),
        (BackfillState.RUNNING, 11, 0, 2, 0),
        (BackfillState.PAUSED, 22, 0, 0, 0),
    }
    assert (state.backfills[1].replaced, state.backfills[4].order) == ([6], BackfillOrder.NEWEST)
    ticking = state.workflows[5]
    assert (ticking.scheduling, len(ticking.eras), ticking.ticked) == (
        True,
        2,
        datetime(2026, 11, 25, 6, 20, tzinfo=UTC),
    )
    assert ticking.skipped
    assert (ticking.skipped.count, ticking.skipped.reason) == (2, ev.SkipReason.CATCH_UP)
    assert not state.workflows[1].scheduling
    late = state.runs[1]
    assert (late.trigger, late.late) == (ev.Trigger.SCHEDULE, [ev.Lateness.END])
    assert [run.backfill for run in state.runs.values()] == [0, 5, 4]
    assert (state.queues["nightly"].spec.nodes, state.queues["root_queue"].active) == (2, 3)
    assert [variable.value for variable in state.variables.values()] == ["eu", ""]


def test_a_log_with_schedules_and_backfills_leads_to_the_snapshot_that_follows_it(ticked: Path) -> None:
    (first, second) = segments.paths(ticked)
    snapshot = segments.load(ticked).state
    kinds = {type(record.event) for record, _ in segments.replay(ticked) if record}
    second.unlink()

    assert segments.load(ticked).state == snapshot
    assert segments.first_of(first) == 1
    assert len(kinds) == 40


async def test_a_log_with_schedules_and_backfills_gives_the_database_its_runs(
    ticked: Path, tmp_path: Path
) -> None:
    projection = Projection(tmp_path / "stoker.db")
    await projection.open(ticked, "0123456789abcdef0123456789abcdef", 261)
    rows = await projection.runs(Selection("default", (Facet(BACKFILL, "1"),)), Slice(10))
    await projection.close()

    cycles = [row.cycle.day for row in rows]
    assert cycles == [22, 21, 20, 19, 18, 17, 16, 16]
    assert [row.state for row in rows].count(RunState.FAILED) == 1


@pytest.fixture
def pruned(tmp_path: Path) -> Path:
    """A copy of the log with notifications, draining and retention."""
    return Path(shutil.copytree(DATA / "runlog-3", tmp_path / "runlog"))


def test_a_log_with_notifications_draining_and_retention_is_read_to_its_state(pruned: Path) -> None:
    loaded = segments.load(pruned)

    state = loaded.state
    assert (loaded.torn, state.seq, state.counters) == ([], 79, Counters(workflow=1, run=7, notification=6))
    assert state.draining is None
    assert (state.outbox.mail, state.outbox.webhook, state.outbox.pending) == (True, True, 9)
    assert [(one.to, one.about, one.run) for one in state.outbox.given_up] == [
        ("gone@example.com", About.RUN_RECOVERED, 2),
        ("gone@example.com", About.RUN_RECOVERED, 7),
        ("gone@example.com", About.RUN_FAILED, 6),
    ]
    kinds = {type(record.event) for record, _ in segments.replay(pruned) if record}
    assert kinds >= {
        ev.DaemonDraining,
        ev.HistoryCarried,
        ev.LogTrimmed,
        ev.NotificationChannels,
        ev.NotificationFailed,
        ev.NotificationGivenUp,
        ev.NotificationSent,
        ev.OutputRemoved,
        ev.RunsRemoved,
        ev.SpaceEnough,
        ev.SpaceLow,
    }


async def test_a_log_that_was_pruned_gives_the_database_the_runs_that_are_kept(
    pruned: Path, tmp_path: Path
) -> None:
    loaded = segments.load(pruned)
    assert loaded.header
    projection = Projection(tmp_path / "stoker.db")
    await projection.open(pruned, loaded.header.log, loaded.state.seq)
    rows = await projection.runs(Selection("default"), Slice(10))
    await projection.close()

    assert [(row.id, row.state) for row in rows] == [
        (7, RunState.SUCCEEDED),
        (6, RunState.FAILED),
        (2, RunState.SUCCEEDED),
        (1, RunState.FAILED),
    ]
