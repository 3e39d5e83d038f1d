"""Letting go, on a real log, history and disk: what stays can be used as before, whenever a kill comes."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Collection
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from stoker_daemon.access.rules import Grant, Rights
from stoker_daemon.commands.reruns import rerun_run
from stoker_daemon.http.guard import Guard
from stoker_daemon.http.veil import veiled
from stoker_daemon.objects import Objects
from stoker_daemon.projection import Projection
from stoker_daemon.retention import asking, output, passes, trimming
from stoker_daemon.runlog import log as runlog
from stoker_daemon.runlog import segments
from stoker_daemon.runlog.following import Follower, NotKept
from stoker_shared import events as ev
from stoker_shared.api import RerunRun, WentAway
from stoker_shared.codec import encode_record
from stoker_shared.model import Keep, RunState
from stoker_shared.state import State
from tests.harness import PATIENCE
from tests.keeping import Home, with_history
from tests.rights import EVERYTHING
from tests.strategies import T0


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a small history have several segments, and a pass several pieces."""
    monkeypatch.setattr(runlog, "SEGMENT_BYTES", 12_000)
    monkeypatch.setattr(asking, "RUNS_AT_ONCE", 7)
    monkeypatch.setattr(asking, "PAGE", 9)


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    home = Home(tmp_path / "data", keep_days=30, keep_failed_days=60)
    await home.open()
    yield home
    await home.close()


async def kept(home: Home) -> set[int]:
    return {number for row in (await home.told())["runs"] if isinstance(number := row[0], int)}


class TestAPass:
    async def test_lets_old_runs_go_with_their_output_and_failed_ones_later(self, home: Home):
        workflow = await home.define("w", Keep(runs=3))
        for days in range(70, 0, -10):
            await home.run(workflow, days_ago=days)
            await home.run(workflow, RunState.FAILED, days_ago=days)

        went = await home.retention.run("bob")

        assert (went.runs, went.outputs) == (8, 0)
        assert await kept(home) == {9, 10, 11, 12, 13, 14}
        assert home.directories() == {"9", "10", "11", "12", "13", "14"}
        told = [record for record, _ in segments.replay(home.data / "runlog") if record]
        by = {record.by for record in told if isinstance(record.event, ev.RunsRemoved)}
        assert by == {"bob"}

    async def test_leaves_the_last_runs_of_a_workflow_but_not_their_output(self, home: Home):
        workflow = await home.define("yearly")
        for _ in range(12):
            await home.run(workflow, days_ago=365)

        went = await home.retention.run("bob")

        assert (went.runs, went.outputs, home.directories()) == (2, 10, set())
        run = await home.projection.run(12)
        assert run
        assert run.output_removed_at == home.now
        assert await home.retention.run("bob") == WentAway()

    async def test_leaves_nothing_old_of_a_workflow_that_is_deleted(self, home: Home):
        workflow = await home.define("w")
        await home.run(workflow, days_ago=40)
        await home.run(workflow, days_ago=1)
        await home.tell(ev.WorkflowDeleted(workflow))

        await home.retention.run("bob")

        told = await home.told()
        assert (await kept(home), told["past"], told["durations"]) == ({2}, [], [])

    async def test_changes_nothing_in_what_a_backfill_knows_of_intervals(self, home: Home):
        workflows = await with_history(home, Random(7), 60)
        await home.tell(*_backfilled(workflows[0]))
        await home.run(workflows[0], RunState.FAILED, days_ago=100, backfill=1, trigger=ev.Trigger.BACKFILL)
        before = [await home.judged(workflow) for workflow in workflows]

        went = await home.retention.run("bob")

        assert went.runs > 20
        assert [await home.judged(workflow) for workflow in workflows] == before

    async def test_keeps_usual_durations_and_keys(self, home: Home):
        workflows = await with_history(home, Random(3), 40)
        before = await home.told()
        usual = [await home.projection.usual(workflow) for workflow in workflows]

        await home.retention.run("bob")

        assert [await home.projection.usual(workflow) for workflow in workflows] == usual
        young = [key[2] for key in before["keys"] if str(key[5]) > (T0 - timedelta(days=7)).isoformat()]
        assert {key[2] for key in (await home.told())["keys"]} >= set(young)

    async def test_takes_the_output_of_the_oldest_for_want_of_room(self, home: Home):
        workflow = await home.define("w")
        for days in range(6, 0, -1):
            await home.run(workflow, days_ago=days)
        each = output.measured(home.data / "logs", 1)
        home.retention.config = msgspec.structs.replace(home.config, keep_bytes=2 * each + 1)

        foretold = await home.retention.look()
        went = await home.retention.run("bob")

        assert (went.runs, went.outputs, went.output_bytes) == (0, 4, 4 * each)
        assert foretold == went
        assert (await kept(home), home.directories()) == ({1, 2, 3, 4, 5, 6}, {"5", "6"})

    async def test_goes_as_it_was_foretold(self, home: Home):
        await with_history(home, Random(1), 50)

        foretold = await home.retention.look()
        before = await home.told(), home.directories()
        assert foretold.runs > 10
        assert foretold == await home.retention.look()
        assert (await home.told(), home.directories()) == before

        went = await home.retention.run("bob")
        assert (went.runs, went.outputs, went.output_bytes) == (
            *(foretold.runs, foretold.outputs, foretold.output_bytes),
        )
        assert went.segments >= foretold.segments > 0

    async def test_leaves_an_active_run_and_one_that_is_opened_again_alone(self, home: Home):
        workflow = await home.define("w", Keep(runs=1))
        for _ in range(4):
            await home.run(workflow, RunState.FAILED)
        found = await home.projection.run(1)
        assert found
        await home.engine.submit(
            await rerun_run(found, home.state, home.objects, RerunRun(), "alice", EVERYTHING)
        )

        await home.retention.run("bob")

        assert list(home.state.runs) == [1]
        assert (await kept(home), home.directories()) == ({1, 4}, {"1", "4"})

    async def test_waits_for_whoever_opens_a_run_again(self, home: Home):
        workflow = await home.define("w", Keep(runs=1))
        await home.run(workflow)
        await home.run(workflow)
        async with home.engine.settled:
            passing = asyncio.create_task(home.retention.run("bob"))
            found = await home.projection.run(1)
            assert found
            await asyncio.sleep(0.01)
            await home.engine.submit(
                await rerun_run(found, home.state, home.objects, RerunRun(), "alice", EVERYTHING)
            )
        await passing

        assert list(home.state.runs) == [1]
        assert (await kept(home), home.directories()) == ({1, 2}, {"1", "2"})

    async def test_removes_output_that_a_job_has_shut(self, home: Home):
        workflow = await home.define("w", Keep(runs=1))
        await home.run(workflow)
        await home.run(workflow)
        shut = home.data / "logs/1/1/1/work"
        (shut / "out").symlink_to(home.data / "logs/2")
        shut.chmod(0)

        await home.retention.run("bob")

        assert home.directories() == {"2"}
        assert (home.data / "logs/2/1/1/work/result").exists()


class TestTheLog:
    async def test_loses_its_oldest_segments_and_tells_of_all_that_is_kept(self, home: Home, tmp_path: Path):
        await with_history(home, Random(5), 60)
        before = segments.paths(home.data / "runlog")

        went = await home.retention.run("bob")

        after = segments.paths(home.data / "runlog")
        assert went.segments > 1
        assert after[0] == before[went.segments]
        assert home.verify() == home.state.seq
        assert await home.told_by_the_log(tmp_path / "anew.db") == await home.told()

    async def test_gives_a_run_back_whose_segment_is_gone(self, home: Home):
        workflow = await home.define("w", Keep(failed_days=0))
        old = await home.run(workflow, RunState.FAILED, days_ago=300)
        for _ in range(40):
            await home.run(workflow, days_ago=100)
        await home.retention.run("bob")
        assert segments.first_of(segments.paths(home.data / "runlog")[0]) > 100
        (home.data / "stoker.db").rename(home.data / "gone")
        await home.close()
        await home.open()

        found = await home.projection.run(old)
        assert found
        await home.engine.submit(
            await rerun_run(found, home.state, home.objects, RerunRun(), "alice", EVERYTHING)
        )

        assert home.state.runs[old].state is RunState.RUNNING
        assert home.verify() == home.state.seq

    async def test_is_not_carried_about_for_nothing(self, home: Home):
        workflow = await home.define("w", Keep(days=0))
        for _ in range(40):
            await home.run(workflow, days_ago=100)

        assert (await home.retention.run("bob")).segments == 0

    async def test_leaves_a_follower_behind_whose_place_is_gone(self, home: Home):
        await with_history(home, Random(5), 60)
        directory, log = home.data / "runlog", home.engine.log
        slow = Follower(directory, 0, log.durable)

        await home.retention.run("bob")

        begin = segments.first_of(segments.paths(directory)[0]) - 1
        with pytest.raises(NotKept) as refused:
            Follower(directory, begin - 1, log.durable)
        assert refused.value.oldest == begin
        with pytest.raises(NotKept):
            while slow.read(log.durable):
                pass
        slow.close()

    async def test_that_lost_what_a_history_is_behind_by_makes_it_anew(self, home: Home, tmp_path: Path):
        workflows = await with_history(home, Random(5), 20)
        await home.told()
        for name in ("stoker.db", "stoker.db-wal"):
            shutil.copy(home.data / name, tmp_path / name)
        for _ in range(40):
            await home.run(workflows[0], days_ago=50)
        await home.retention.run("bob")
        expected = await home.told()
        await home.close()
        for name in ("stoker.db", "stoker.db-wal"):
            shutil.copy(tmp_path / name, home.data / name)
        await home.open()

        assert await home.told() == expected


@pytest.mark.parametrize("seed", range(2))
async def test_a_kill_at_any_moment_loses_nothing_that_is_kept_and_leaves_nothing_for_ever(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
):
    chance = Random(seed)
    home = Home(tmp_path / "data", keep_days=30, keep_failed_days=60)
    await home.open()
    workflows = await with_history(home, chance, 40)
    judged = [await home.judged(workflow) for workflow in workflows]
    moments = _Moments(home, tmp_path, chance, monkeypatch)

    went = await home.retention.run("bob")
    monkeypatch.undo()
    assert went.runs > 3
    assert went.segments > 0
    expected = _without_places(await home.told())
    await home.close()

    assert len(moments.images) > 2
    for image in moments.images:
        left = Home(image, keep_days=30, keep_failed_days=60)
        await left.open()
        assert left.verify() == left.state.seq
        assert await left.told_by_the_log(image / "anew.db") == await left.told()
        assert [await left.judged(workflow) for workflow in workflows] == judged
        await left.retention.run("bob")
        assert _without_places(await left.told()) == expected
        assert left.directories() == home.directories()
        assert left.verify() == left.state.seq
        await left.close()


class _Moments:
    """Copies what a kill would leave, before and after steps of a pass, at some of them."""

    def __init__(self, home: Home, place: Path, chance: Random, monkeypatch: pytest.MonkeyPatch) -> None:
        self.images: list[Path] = []
        self._home, self._place, self._chance = home, place, chance
        for where, name in [
            (passes.output, "put_aside"),
            (passes.output, "remove"),
            (segments, "sync_directory"),
            (passes.Retention, "_record"),
            (trimming.Trimmer, "_carry"),
        ]:
            monkeypatch.setattr(where, name, self._watched(getattr(where, name)))

    def _watched(self, step: Any) -> Any:
        if asyncio.iscoroutinefunction(step):

            async def carried_out(*arguments: Any, **named: Any) -> Any:
                await self._home.projection.ask(
                    lambda _: None
                )  # so that it is not written while it is copied
                self._look("reserve")
                return await step(*arguments, **named)

            return carried_out

        def done(*arguments: Any) -> Any:
            self._look("reserve", "stoker.db*")
            result = step(*arguments)
            self._look("reserve", "stoker.db*")
            return result

        return done

    def _look(self, *without: str) -> None:
        if self._chance.random() < 0.15:
            self.images.append(self._place / f"image-{len(self.images)}")
            shutil.copytree(self._home.data, self.images[-1], ignore=shutil.ignore_patterns(*without))


def _without_places(told: dict[str, list[tuple[object, ...]]]) -> object:
    """Leave out where in the log it stands, and how long."""
    return {
        "runs": [(run[0], *run[7:]) for run in told["runs"]],
        "past": [fact[:-1] for fact in told["past"]],
        "counts": told["counts"],
        "entries": told["entries"],
    }


def _backfilled(workflow: int) -> list[ev.EventType]:
    first, last = T0 - timedelta(days=400), T0
    return [
        ev.BackfillCreated(1, "default", workflow, "w", first, last, first, 400, "UTC", every="1d"),
        ev.BackfillPaused(1),
    ]


class TestObjects:
    async def test_stay_while_anything_names_them(self, home: Home):
        objects = home.objects
        job, older, attached = (objects.put(text) for text in (b"job", b"older", b"attached"))
        files = (ev.Attachment("files", "a.csv", attached, 1),)
        await home.tell(
            ev.JobPublished("default", "a.sh", 1, older, 1),
            ev.JobPublished("default", "a.sh", 2, job, 1, attachments=files),
        )
        workflow = await home.define("w", Keep(runs=1))
        for content in (b"removed with its run", b"of a run that is kept"):
            await home.run(workflow, content=content)
        forgotten = objects.put(b"nobody published it")
        before = _stored(objects)

        gone = await _removed(home)

        kept = {job, older, attached, home.state.workflows[workflow].draft.digest}
        assert kept <= gone.keys() ^ before.keys()
        assert forgotten in gone
        assert sorted(before[digest] for digest in gone if len(before[digest]) < 30) == [
            b"nobody published it",
            b"removed with its run",
        ]
        assert len(gone) == 3  # the third is the plan of the run that went

    async def test_stay_for_a_day_that_were_sent_or_asked_for_of_late(self, home: Home):
        sent, asked = (home.objects.put(text) for text in (b"sent", b"asked for"))
        _age(home)
        assert home.objects.claim(asked)
        await home.retention.run("bob")
        home.now += timedelta(hours=2)
        home.objects.put(b"sent")

        await home.retention.run("bob")

        assert {sent, asked} <= _stored(home.objects).keys()

    async def test_of_which_runs_are_about_to_be_made_stay(self, home: Home):
        plan = home.objects.put(b'{"nodes":[]}')
        home.retention._unnamed._plans = lambda: [plan]

        assert await _removed(home) == {}


def _age(home: Home) -> None:
    """Let every object be older than a day, by the clock of the home."""
    old = (home.now - timedelta(days=3)).timestamp()
    for path in (home.data / "objects").iterdir():
        os.utime(path, (old, old))


async def _removed(home: Home) -> dict[str, bytes]:
    """Let go twice, hours apart, and give the objects that went."""
    _age(home)
    before = _stored(home.objects)
    await home.retention.run("bob")
    assert _stored(home.objects) == before
    home.now += timedelta(hours=2)
    await home.retention.run("bob")
    after = _stored(home.objects)
    return {digest: content for digest, content in before.items() if digest not in after}


def _stored(objects: Objects) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in objects.path("x").parent.iterdir()}


async def test_a_history_that_can_not_be_written_lets_nothing_go(home: Home, monkeypatch: pytest.MonkeyPatch):
    workflow = await home.define("w", Keep(runs=1))
    await home.run(workflow)
    monkeypatch.setattr(Projection, "_ask", _not_written)

    with pytest.raises(passes.NotWritten):
        await home.retention.run("bob")

    assert home.directories() == {"1"}


async def test_who_sees_some_workspaces_only_is_not_told_which_runs_went():
    removed = ev.RunsRemoved((1,), (ev.PastInterval(1, 1, T0, RunState.FAILED),))
    lines = [
        encode_record(ev.Record(seq, T0, "stoker", event), seq)
        for seq, event in enumerate(
            (removed, ev.OutputRemoved((1,)), ev.HistoryCarried(removed.past), ev.LogTrimmed(9)), 1
        )
    ]

    shown = await veiled(b"".join(lines), Rights(Grant()), State(), Nowhere())

    assert shown.count(b'"type":"hidden"') == 4


class Nowhere(Guard):
    """Knows of no run which workspace it is in."""

    def __init__(self) -> None:
        pass

    async def workspaces_of(self, runs: Collection[int]) -> dict[int, str]:
        return {}


def _not_written(*_: object) -> None:
    raise passes.NotWritten("the history could not be written yet")


async def test_passes_come_by_themselves_and_early_after_many_runs(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(passes, "EVERY_RUNS", 3)
    workflow = await home.define("w", Keep(runs=1))
    home.retention.start()
    for _ in range(4):
        await home.run(workflow)

    async with asyncio.timeout(PATIENCE):
        while len(await kept(home)) > 2:
            await asyncio.sleep(0.01)


async def test_ends_also_where_a_pass_is_asked_for_at_that_moment(home: Home):
    home.retention.start()
    await asyncio.sleep(0)
    home.retention.ask()
    await asyncio.sleep(0)

    await asyncio.wait_for(home.retention.close(), PATIENCE)
