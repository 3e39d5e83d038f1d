"""Lists of runs: whatever is asked for, their pages together are what going through all runs would give."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stoker_daemon.projection import Change, Projection, RunChange, Selection, Slice, queries
from stoker_daemon.projection.selection import (
    BACKFILL,
    NAME,
    NONE,
    STATE,
    TAG,
    TRIGGER,
    USER,
    WORKFLOW,
    Facet,
    Range,
    microseconds,
)
from stoker_shared.api import RunOrder, RunRow
from stoker_shared.events import Trigger
from stoker_shared.model import RUN_ENDS, RunState
from tests.daemon.test_projection import refuse_writes
from tests.strategies import T0

moments = st.integers(-5, 5).map(lambda minutes: T0 + timedelta(minutes=minutes))
starts = st.none() | moments
spans = st.tuples(moments, moments).map(sorted)


@st.composite
def rows(draw: st.DrawFn, number: int | None = None) -> RunRow:
    state = draw(st.sampled_from(RunState))
    started, took = draw(starts), timedelta(minutes=draw(st.integers(0, 3)))
    workflow = draw(st.integers(1, 3))
    number = number or draw(st.integers(1, 30))
    return RunRow(
        id=number,
        # A run never leaves its workspace, whatever else of it changes.
        workspace="default" if number % 5 else "other",
        workflow=workflow,
        name=draw(st.sampled_from([f"w{workflow}", "renamed"])),
        version=1,
        trigger=draw(st.sampled_from(Trigger)),
        state=state,
        cycle=draw(moments),
        time_zone="UTC",
        by=draw(st.sampled_from(["alice", "bob"])),
        created_at=T0,
        started_at=started,
        ended_at=(started or T0) + took if state in RUN_ENDS else None,
        backfill=draw(st.integers(0, 2)),
        tags=draw(st.dictionaries(st.sampled_from(["team", "tier"]), st.sampled_from("ab"), max_size=2)),
    )


class Filter(NamedTuple):
    """What is asked for, and the same by looking at each run."""

    selection: Selection
    holds: Callable[[RunRow], bool]


_BY_VALUE: dict[str, Callable[[RunRow], Any]] = {
    WORKFLOW: lambda row: row.workflow,
    NAME: lambda row: row.name,
    STATE: lambda row: row.state.value,
    TRIGGER: lambda row: row.trigger.value,
    USER: lambda row: row.by,
}


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    wanted = draw(rows())
    kinds = draw(st.lists(st.sampled_from([*_BY_VALUE, BACKFILL, TAG]), max_size=2, unique=True))
    facets, tests = [], []
    for kind in kinds:
        if kind == TAG:
            facets.append(Facet(TAG, "team=a"))
            tests.append(lambda row: row.tags.get("team") == "a")
        elif kind == BACKFILL:
            facets.append(Facet(BACKFILL, "2"))
            tests.append(lambda row: row.backfill == 2)
        else:
            value = _BY_VALUE[kind](wanted)
            facets.append(Facet(kind, str(value)))
            tests.append(lambda row, kind=kind, value=value: _BY_VALUE[kind](row) == value)
    cycle, started = (
        sorted([draw(moments), draw(moments)]) if draw(st.booleans()) else None for _ in range(2)
    )
    if cycle:
        tests.append(lambda row: cycle[0] <= row.cycle < cycle[1])
    if started:
        tests.append(lambda row: row.started_at is not None and started[0] <= row.started_at < started[1])
    selection = Selection("default", tuple(facets), _range(cycle), _range(started))
    return Filter(selection, lambda row: row.workspace == "default" and all(test(row) for test in tests))


def _range(ends: list[datetime] | None) -> Range:
    return Range(*map(microseconds, ends)) if ends else Range()


def _key(row: RunRow, order: RunOrder) -> tuple[float, int]:
    took = (row.ended_at - row.started_at).total_seconds() if row.started_at and row.ended_at else NONE
    keys = {
        RunOrder.NEWEST: row.id,
        RunOrder.CYCLE: row.cycle.timestamp(),
        RunOrder.STARTED: row.started_at.timestamp() if row.started_at else NONE,
        RunOrder.DURATION: took,
    }
    return keys[order], row.id


async def _listed(
    told: list[list[RunRow]], refused: list[RunRow], selection: Selection, order: RunOrder, limit: int
) -> tuple[list[int], dict[RunState, int]]:
    """Tell a projection of rows, the last of which it can't write, and give all pages joined, and counts."""
    with TemporaryDirectory() as empty:
        projection = Projection(None)
        await projection.open(Path(empty), "log", 0)
        for seq, group in enumerate(told, 1):
            changes: list[Change] = [RunChange(row) for row in group]
            projection.write(changes, seq)
        await refuse_writes(projection, refused=True)
        projection.write([RunChange(row) for row in refused], len(told) + 1)
        found: list[int] = []
        part = Slice(limit, order)
        while rows := await projection.runs(selection, part):
            found += [row.id for row in rows]
            part = Slice(limit, order, part.place(rows[-1]))
        counts = await projection.count(selection)
        await projection.close()
    return found, counts


@settings(max_examples=60)
@given(
    told=st.lists(st.lists(rows(), max_size=6), max_size=6),
    refused=st.lists(rows(), max_size=3),
    asked=filters(),
    order=st.sampled_from(RunOrder),
    limit=st.integers(1, 5),
    many=st.sampled_from([1, 3, 5000]),
)
def test_pages_joined_and_counts_are_what_all_runs_together_give(
    told: list[list[RunRow]], refused: list[RunRow], asked: Filter, order: RunOrder, limit: int, many: int
):
    current = {row.id: row for group in [*told, refused] for row in group}
    expected = sorted(filter(asked.holds, current.values()), key=lambda row: _key(row, order), reverse=True)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(queries, "MANY", many)
        found, counts = asyncio.run(_listed(told, refused, asked.selection, order, limit))

    assert found == [row.id for row in expected]
    assert counts == Counter(row.state for row in expected)


@pytest.mark.parametrize(
    ("selection", "order", "index"),
    [
        (Selection("default"), RunOrder.NEWEST, "PRIMARY KEY (facet=?)"),
        (Selection("default", (Facet(TAG, "team=a"),)), RunOrder.NEWEST, "PRIMARY KEY (facet=?)"),
        (Selection("default", (Facet(USER, "bob"),)), RunOrder.DURATION, "entries_by_duration (facet=?)"),
        (Selection("default", (Facet(STATE, "failed"),)), RunOrder.CYCLE, "entries_by_cycle (facet=?)"),
        (Selection("default", (Facet(NAME, "w1"),)), RunOrder.STARTED, "entries_by_started (facet=?)"),
        (
            Selection("default", cycle=Range(0, 5)),
            RunOrder.CYCLE,
            "entries_by_cycle (facet=? AND cycle>? AND cycle<?)",
        ),
        (
            Selection("default", started=Range(0, 5)),
            RunOrder.STARTED,
            "entries_by_started (facet=? AND started>? AND started<?)",
        ),
    ],
)
async def test_a_page_under_one_filter_is_a_stretch_of_an_index(
    selection: Selection, order: RunOrder, index: str, tmp_path: Path
):
    projection = Projection(None)
    await projection.open(tmp_path, "log", 0)
    row = RunRow(
        id=1,
        workspace="default",
        name="w1",
        version=1,
        trigger=Trigger.MANUAL,
        state=RunState.FAILED,
        cycle=T0,
        time_zone="UTC",
        by="bob",
        created_at=T0,
        tags={"team": "a"},
    )
    projection.write([RunChange(row)], 1)
    statements: list[str] = []
    await projection._run(projection._db.set_trace_callback, statements.append)

    await projection.runs(selection, Slice(50, order))

    await projection._run(projection._db.set_trace_callback, None)
    (asked,) = [statement for statement in statements if "order by" in statement]
    plan = await projection._run(lambda: projection._db.execute(f"explain query plan {asked}").fetchall())
    steps = [step for *_, step in plan]
    assert index in steps[0]
    assert not [step for step in steps if "TEMP B-TREE" in step]
    await projection.close()


@pytest.mark.parametrize("workspace", ["default", "other"])
async def test_runs_of_a_workspace_nobody_used_are_none(workspace: str, tmp_path: Path):
    projection = Projection(None)
    await projection.open(tmp_path, "log", 0)

    assert await projection.runs(Selection(workspace), Slice(5)) == []
    assert await projection.count(Selection(workspace)) == {}
    await projection.close()


def test_moments_are_kept_to_the_microsecond():
    assert microseconds(datetime(1, 1, 1, tzinfo=UTC)) == -62135596800_000000
    assert microseconds(datetime(2026, 11, 22, 1, 0, 0, 4213, tzinfo=UTC)) == 1795309200_004213
