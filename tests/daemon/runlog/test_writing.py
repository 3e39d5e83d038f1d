from __future__ import annotations

import asyncio
from pathlib import Path

from stoker_daemon.runlog import segments
from stoker_daemon.runlog.segments import load
from stoker_shared import events as ev
from stoker_shared.codec import decode_record
from stoker_shared.state import SHAPE, State
from tests.daemon.held import Held
from tests.daemon.runlog.bench import (
    MACHINE,
    Segment,
    all_of,
    go_on,
    lines_of,
    opened,
    published,
    some_groups,
    torn_copies,
    written,
)
from tests.harness import PATIENCE
from tests.strategies import T0, Story, replayed


class TestANewLog:
    def test_is_one_segment_with_an_empty_opening(self, tmp_path: Path):
        log, state = opened(tmp_path / "runlog")

        assert state == State()
        assert (log.durable, len(log.id)) == (0, 32)
        (path,) = segments.paths(log.directory)
        assert path.name == "0000000000000001.jsonl"
        assert load(log.directory).header == segments.Header(ev.FORMAT, log.id, MACHINE, 1, 3, T0, SHAPE)
        assert log.directory.stat().st_mode & 0o777 == 0o700

    def test_is_the_same_log_when_it_is_opened_again(self, tmp_path: Path):
        first, _ = opened(tmp_path)

        assert opened(tmp_path)[0].id == first.id

    def test_begins_beside_what_an_unfinished_beginning_left(self, tmp_path: Path):
        (tmp_path / ".0000000000000001.jsonl.new").write_bytes(b'{"type":"segm')

        assert opened(tmp_path)[1] == State()


class TestWriting:
    async def test_gives_the_same_state_when_it_is_opened_again(self, tmp_path: Path):
        groups = some_groups()
        await written(tmp_path, groups)

        log, state = opened(tmp_path)

        assert state == replayed(all_of(groups))
        assert log.durable == state.seq == len(all_of(groups))
        assert torn_copies(tmp_path) == []

    async def test_puts_each_group_on_disk_as_it_was_made(self, tmp_path: Path):
        groups = some_groups()
        await written(tmp_path, groups)

        assert lines_of(tmp_path) == [line[:-1] for line in Segment(groups).lines]

    async def test_goes_on_after_the_last_record(self, tmp_path: Path):
        await written(tmp_path, some_groups())
        go_on(*opened(tmp_path))

        assert opened(tmp_path)[1].seq == len(all_of(some_groups())) + 2

    async def test_is_durable_only_when_it_is_synced(self, tmp_path: Path, held: Held):
        reached: list[int] = []
        log, state = opened(tmp_path)
        log.start(reached.append, lambda _: None)
        story = Story()

        log.append(published(story), state)
        await held.arrive()
        assert len(lines_of(tmp_path)) == 1
        assert (log.durable, reached) == (0, [])

        held.release()
        await log.wait_durable(1)
        assert (log.durable, reached) == (1, [1])
        log.close()

    async def test_makes_one_group_of_what_comes_in_during_a_sync(self, tmp_path: Path, held: Held):
        log, state = opened(tmp_path)
        log.start(lambda _: None, lambda _: None)
        story = Story()

        log.append(published(story), state)
        await held.arrive()
        for _ in range(3):
            log.append(published(story), state)
        held.release()
        await log.wait_durable(4)
        log.close()

        assert [decode_record(line)[1] for line in lines_of(tmp_path)] == [1, 2, 2, 2]

    async def test_of_what_nobody_waits_for_needs_nothing_else_to_come_in(self, tmp_path: Path):
        log, state = opened(tmp_path)
        log.start(lambda _: None, lambda _: None)

        log.append(published(Story()), state, urgent=False)

        await asyncio.wait_for(log.wait_durable(1), PATIENCE)
        log.close()

    async def test_ends_with_everything_that_was_handed_in(self, tmp_path: Path):
        log, state = opened(tmp_path)
        log.start(lambda _: None, lambda _: None)
        log.append(published(Story(), 50), state, urgent=False)

        log.close()

        assert opened(tmp_path)[1].seq == 50
