from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stoker_daemon.projection import (
    Change,
    Intervals,
    Projection,
    Range,
    RunChange,
    Selection,
    Slice,
    changes_by,
    microseconds,
)
from stoker_daemon.projection import database as projection_module
from stoker_daemon.projection.selection import NAME, STATE, Facet
from stoker_daemon.runlog import log as runlog
from stoker_daemon.runlog.log import open_log
from stoker_daemon.scheduling.backfill import PastRun
from stoker_daemon.views import run_row
from stoker_shared import events as ev
from stoker_shared.api import RunRow
from stoker_shared.apply import apply
from stoker_shared.model import NodeState, RunState
from stoker_shared.state import Run, State
from tests.harness import PATIENCE
from tests.strategies import T0, Story, created, exited, node, starting

Changes = list[tuple[list[Change], int]]
"""What the engine hands in, group by group, with the position after each."""


class World:
    """A log with six runs, and what a projection that was there all the time was told."""

    def __init__(self, directory: Path) -> None:
        self.runlog = directory / "runlog"
        self.path = directory / "stoker.db"
        self.log = ""
        self.told: Changes = []
        self.state = State()
        self.finished: dict[int, Run] = {}

    @property
    def seq(self) -> int:
        return self.state.seq

    async def write(self) -> None:
        log, state = open_log(self.runlog, "machine", T0)
        log.start(lambda _: None, lambda _: None)
        self.log = log.id
        for group in groups():
            changes: list[Change] = []
            for record in group:
                run = apply(state, record)
                changes += changes_by(record, run)
                if run and run.ended_at:
                    self.finished[run.id] = run
            log.append(group, state)
            self.told.append((changes, state.seq))
        log.close()
        self.state = state

    @asynccontextmanager
    async def opened(self, seq: int | None = None, log: str | None = None) -> AsyncIterator[Projection]:
        projection = Projection(self.path)
        await projection.open(self.runlog, log or self.log, self.seq if seq is None else seq)
        try:
            yield projection
        finally:
            await projection.close()

    async def follow(self, groups: int | None = None) -> None:
        """Make the database as it comes to be while the log is written, up to one of its groups."""
        self.path.unlink(missing_ok=True)
        empty = self.runlog.with_name("empty")
        projection = Projection(self.path)
        log, _ = open_log(empty, "machine", T0)
        await projection.open(empty, log.id, 0)
        for changes, seq in self.told[:groups]:
            projection.write(changes, seq)
        await projection.close()
        with sqlite3.connect(self.path) as database:
            database.execute("update position set log = ?", (self.log,))


def groups() -> list[list[ev.Record]]:
    story, told = Story(), []
    for number in range(1, 7):
        name = "daily" if number % 2 else "hourly"
        told += [
            story.tell(created([node("a"), node("b", "a")], run=number, name=name), by="bob"),
            story.tell(ev.RunStarted(number), starting("a", run=number)),
        ]
        story.pass_time(60)
        if number == 4:
            continue
        state = NodeState.FAILED if number == 3 else NodeState.SUCCEEDED
        told += [
            story.tell(exited("a", run=number), ev.NodeFinished(number, "a", state, detail="why \u2028")),
            story.tell(ev.NodeFinished(number, "b", state), ev.RunFinished(number, RunState(state.value))),
        ]
    return told


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(runlog, "SEGMENT_BYTES", 2000)
    world = World(tmp_path)
    await world.write()
    return world


async def rows(
    projection: Projection,
    *,
    workspace: str = "default",
    name: str | None = None,
    state: RunState | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[RunRow]:
    asked = {NAME: name, STATE: state}
    facets = tuple(Facet(kind, value) for kind, value in asked.items() if value)
    part = Slice(limit, after=(before, before) if before else None)
    return await projection.runs(Selection(workspace, facets), part)


async def content(projection: Projection) -> tuple[list[RunRow], list[Run | None]]:
    return await rows(projection), [await projection.run(number) for number in range(1, 8)]


async def live_content(world: World) -> tuple[list[RunRow], list[Run | None]]:
    await world.follow()
    async with world.opened() as projection:
        return await content(projection)


def test_a_row_is_written_whenever_it_changes():
    story, state, row = Story(created([node("a")])), State(), None
    story.tell(ev.RunPaused(1), ev.RunResumed(1), ev.RunStarted(1), starting("a"), ev.RunPaused(1))
    story.tell(exited("a", 1), ev.NodeFinished(1, "a", NodeState.FAILED), ev.RunResumed(1))
    finished = msgspec.json.encode(msgspec.structs.replace(story.run, state=RunState.FAILED, ended_at=T0))
    story.tell(ev.RunFinished(1, RunState.FAILED), ev.RunRestored(1, 1, 1, finished.decode()))
    story.tell(ev.RunRerunRequested(1, ("a",)), ev.RunFinished(1, RunState.FAILED))

    for record in story.records:
        run = apply(state, record)
        row = next((change.row for change in changes_by(record, run) if isinstance(change, RunChange)), row)
        assert run is None or row == run_row(run)


class TestTheProjection:
    async def test_has_every_run_newest_first_and_the_finished_ones_whole(self, world: World):
        listed, whole = await live_content(world)

        runs = world.finished | world.state.runs
        assert listed == [run_row(runs[number]) for number in (6, 5, 4, 3, 2, 1)]
        assert whole == [world.finished.get(number) for number in range(1, 8)]

    async def test_is_asked_for_a_workflow_a_state_or_a_page(self, world: World):
        async with world.opened() as projection:

            async def numbers(**wanted: Any) -> list[int]:
                return [row.id for row in await rows(projection, **wanted)]

            assert await numbers(name="daily") == [5, 3, 1]
            assert await numbers(state=RunState.FAILED) == [3]
            assert await numbers(name="hourly", state=RunState.RUNNING) == [4]
            assert await numbers(before=4, limit=2) == [3, 2]
            assert await numbers(before=1) == []
            assert await numbers(workspace="other") == []

    async def test_is_the_same_when_it_is_opened_again(self, world: World):
        expected = await live_content(world)

        for _ in range(2):
            async with world.opened() as projection:
                assert await content(projection) == expected


def nothing(world: World) -> None:
    """There is no database."""


def garbage(world: World) -> None:
    world.path.write_bytes(b"this is no database\n" * 1000)


def empty_file(world: World) -> None:
    world.path.touch()


def tables_of_somebody_else(world: World) -> None:
    with sqlite3.connect(world.path) as database:
        database.execute("create table position (x, y)")


async def behind(world: World) -> None:
    await world.follow(groups=7)


async def behind_in_its_first_group(world: World) -> None:
    await world.follow(groups=1)


async def at_no_position(world: World) -> None:
    await world.follow()
    with sqlite3.connect(world.path) as database:
        database.execute("delete from position")


async def ahead(world: World) -> None:
    await world.follow()
    with sqlite3.connect(world.path) as database:
        database.execute("update position set seq = seq + 10")
        database.execute(
            "insert into runs (id, workflow, row, body) select 99, workflow, row, body from runs limit 1"
        )


async def of_another_log(world: World) -> None:
    await ahead(world)
    with sqlite3.connect(world.path) as database:
        database.execute("update position set log = 'another', seq = 3")


async def of_another_shape(world: World) -> None:
    await world.follow()
    with sqlite3.connect(world.path) as database:
        database.execute("update position set shape = shape + 1")


async def damaged_and_behind(world: World) -> None:
    """The page with the position is whole, one that the next write needs is not."""
    await world.follow(groups=4)
    with sqlite3.connect(world.path) as database:
        database.execute("pragma wal_checkpoint(truncate)")
        (page,) = database.execute("select rootpage from sqlite_master where name = 'runs'").fetchone()
        (size,) = database.execute("pragma page_size").fetchone()
    content = bytearray(world.path.read_bytes())
    content[(page - 1) * size : page * size] = b"\xa5" * size
    world.path.write_bytes(content)


@pytest.mark.parametrize(
    "found",
    [
        nothing,
        garbage,
        empty_file,
        tables_of_somebody_else,
        behind,
        behind_in_its_first_group,
        at_no_position,
        ahead,
        of_another_log,
        of_another_shape,
        damaged_and_behind,
    ],
    ids=lambda found: found.__name__,
)
@pytest.mark.parametrize("batch", [1, 3, 1000])
async def test_whatever_is_found_the_log_makes_it_what_it_would_have_been(
    world: World,
    found: Callable[[World], Awaitable[None] | None],
    batch: int,
    monkeypatch: pytest.MonkeyPatch,
):
    expected = await live_content(world)
    world.path.unlink()
    if made := found(world):
        await made
    batched = projection_module._batched
    monkeypatch.setattr(projection_module, "_batched", lambda entries, _: batched(entries, batch))

    async with world.opened() as projection:
        assert await content(projection) == expected
    with sqlite3.connect(world.path) as database:
        assert database.execute("select log, seq from position").fetchall() == [(world.log, world.seq)]


class TestTheRunsForIntervals:
    """Of workflow 1, with the backfill 7 that asks."""

    @pytest.fixture(params=["written", "not written"])
    async def projection(self, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Projection]:
        log, _ = open_log(tmp_path / "runlog", "machine", T0)
        projection = Projection(None)
        await projection.open(tmp_path / "runlog", log.id, 0)
        if request.param == "not written":
            await refuse_writes(projection, refused=True)
        row = run_row(Story(created([node("a")])).run)
        for number, fields in enumerate(
            [
                {},
                {"trigger": ev.Trigger.DEBUG},
                {"cycle": T0, "state": RunState.FAILED},
                {"trigger": ev.Trigger.BACKFILL, "backfill": 7, "cycle": T0},
                {"trigger": ev.Trigger.BACKFILL, "backfill": 8, "cycle": T0},
                {"workflow": 2, "cycle": T0},
                {"cycle": T0 + timedelta(days=1)},
            ],
            start=1,
        ):
            change = RunChange(msgspec.structs.replace(row, id=number, **fields))
            projection.write([change], number)
        yield projection
        await projection.close()

    async def test_are_those_of_the_workflow_without_debug_by_cycle_time(self, projection: Projection):
        within = Range(microseconds(T0 - timedelta(days=1)), microseconds(T0) + 1)

        found = await projection.past_runs(Intervals("default", 1, within, 7))

        pending = RunState.PENDING
        assert found == {
            T0 - timedelta(days=1): [PastRun(1, pending)],
            T0: [PastRun(3, RunState.FAILED), PastRun(4, pending, own=True), PastRun(5, pending)],
        }

    async def test_are_none_of_any_backfill_where_none_asks(self, projection: Projection):
        within = Range(microseconds(T0), microseconds(T0) + 1)

        found = await projection.past_runs(Intervals("default", 1, within))

        assert [run.own for run in found[T0]] == [False, False, False]


class TestAWriteThatFails:
    async def test_is_made_up_for_by_the_next_one(self, world: World):
        expected = await live_content(world)
        await world.follow(groups=0)
        async with world.opened(seq=0) as projection:
            for number, (changes, seq) in enumerate(world.told):
                if number == 2:
                    await refuse_writes(projection, refused=True)
                if number == 5:
                    await refuse_writes(projection, refused=False)
                projection.write(changes, seq)

            assert await content(projection) == expected

    async def test_and_is_the_last_is_made_up_for_at_the_next_start(self, world: World):
        expected = await live_content(world)
        await world.follow(groups=0)
        async with world.opened(seq=0) as projection:
            for number, (changes, seq) in enumerate(world.told):
                if number == 5:
                    await refuse_writes(projection, refused=True)
                projection.write(changes, seq)

        async with world.opened() as projection:
            assert await content(projection) == expected

    async def test_is_shown_all_the_same(self, world: World):
        await world.follow(groups=0)
        async with world.opened(seq=0) as projection:
            for changes, seq in world.told[:12]:
                projection.write(changes, seq)
            await refuse_writes(projection, refused=True)
            for changes, seq in world.told[12:]:
                projection.write(changes, seq)

            runs = world.finished | world.state.runs
            assert await rows(projection) == [run_row(runs[number]) for number in (6, 5, 4, 3, 2, 1)]
            assert [row.id for row in await rows(projection, state=RunState.RUNNING)] == [4]
            assert [row.id for row in await rows(projection, name="hourly", before=6, limit=1)] == [4]
            assert [row.id for row in await rows(projection, limit=3)] == [6, 5, 4]
            assert await projection.run(6) == world.finished[6]

    async def test_is_tried_again_without_anything_happening(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(projection_module, "AGAIN_SECONDS", 0.001)
        await world.follow(groups=0)
        async with world.opened(seq=0) as projection:
            await refuse_writes(projection, refused=True)
            for changes, seq in world.told:
                projection.write(changes, seq)
            await rows(projection)
            assert written(world) == []

            await refuse_writes(projection, refused=False)
            async with asyncio.timeout(PATIENCE):
                while written(world) != [1, 2, 3, 4, 5, 6]:
                    await asyncio.sleep(0.001)


def written(world: World) -> list[int]:
    with sqlite3.connect(world.path) as database:
        return [number for (number,) in database.execute("select id from runs order by id")]


def damage(path: Path) -> None:
    """Overwrite all pages but the first, and leave no log of others."""
    with sqlite3.connect(path) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


class TestADatabaseThatIsDamagedWhileItIsUsed:
    async def test_is_made_anew_from_the_log_when_it_is_read(self, world: World):
        expected = await live_content(world)
        async with world.opened() as projection:
            damage(world.path)
            await projection._run(projection._db.execute, "pragma cache_size = 0")

            assert await content(projection) == expected
        assert written(world) == [1, 2, 3, 4, 5, 6]

    async def test_is_made_anew_from_the_log_when_it_is_written(self, world: World):
        expected = await live_content(world)
        async with world.opened() as projection:
            damage(world.path)
            await projection._run(projection._db.execute, "pragma cache_size = 0")
            changes, seq = world.told[-1]
            projection.write(changes, seq)

            assert await content(projection) == expected


class TestWithoutAFile:
    async def test_the_history_is_in_memory(self, world: World):
        expected = await live_content(world)
        world.path.unlink()
        projection = Projection(None)
        await projection.open(world.runlog, world.log, world.seq)

        assert await content(projection) == expected
        await projection.close()
        assert not world.path.exists()

    async def test_that_can_be_made_the_history_is_in_memory_too(self, world: World):
        expected = await live_content(world)
        world.path.unlink()
        world.path.mkdir()

        async with world.opened() as projection:
            assert await content(projection) == expected

    async def test_what_the_log_has_beyond_its_position_is_left_out(self, world: World):
        projection = Projection(None)
        await projection.open(world.runlog, world.log, world.told[1][1])

        assert [row.id for row in await rows(projection)] == [1]
        await projection.close()


async def refuse_writes(projection: Projection, *, refused: bool) -> None:
    """Let every commit of rows fail, as on a full disk, or no longer."""

    def set_limit() -> None:
        database = projection._db
        if refused:
            database.execute(
                "create temp trigger full before insert on runs begin select raise(rollback, 'full'); end"
            )
        else:
            database.execute("drop trigger full")

    await projection._run(set_limit)
