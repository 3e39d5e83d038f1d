"""What was once written to disk is read for ever: each format that was in use lies in tests/data.

These files are never changed. What is new in a format comes in a file of its own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stoker_daemon.projection import Projection, Selection, Slice
from stoker_daemon.runlog import segments
from stoker_shared import events as ev
from stoker_shared.model import NodeState, RunState
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
