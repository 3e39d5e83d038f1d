from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

from stoker_daemon.runlog.log import open_log
from stoker_daemon.runlog.segments import load, replay
from tests.daemon.runlog.bench import (
    LOG,
    MACHINE,
    Segment,
    damaged,
    go_on,
    opened,
    some_groups,
    torn_copies,
)
from tests.strategies import T0, replayed
from tests.world.disk import Disk
from tests.world.syscalls import RUNLOG, Kernel


@pytest.mark.usefixtures("no_syncs")
class TestATornEnd:
    @pytest.mark.parametrize("groups", [4, 5], ids=["several records last", "one record last"])
    async def test_of_the_only_segment_is_cut_wherever_it_is(self, memory: Path, groups: int):
        segment = Segment(some_groups()[:groups])
        content, opening = segment.content, segment.start_of(0)

        for size in range(len(content)):
            path = segment.put(memory / "runlog", content[:size])
            kept = segment.lines_within(size)
            whole = 0 if size < opening else segment.start_of(kept)

            log, state = opened(path.parent)

            assert state == replayed(segment.records[:kept])
            assert log.durable == kept
            assert torn_copies(path.parent) == ([content[whole:size]] if size > whole or not whole else [])
            if whole:
                assert log.id == LOG
                assert path.read_bytes() == content[:whole]
            go_on(log, state)
            assert opened(path.parent)[1].seq == kept + 2
            shutil.rmtree(path.parent)

    async def test_of_the_second_segment_is_cut_wherever_it_is(self, memory: Path):
        groups = some_groups()
        first = Segment(groups[:2])
        second = Segment(groups[2:], before=first.records)
        content, opening = second.content, second.start_of(0)

        for size in range(len(content)):
            earlier = first.put(memory / "runlog")
            path = second.put(memory / "runlog", content[:size])
            kept = second.lines_within(size)
            whole = 0 if size < opening else second.start_of(kept)

            log, state = opened(path.parent)

            assert state == replayed(first.records + second.records[:kept])
            assert log.id == LOG
            assert torn_copies(path.parent) == ([content[whole:size]] if size > whole or not whole else [])
            assert earlier.read_bytes() == first.content
            assert path.exists() == bool(whole)
            go_on(log, state)
            assert opened(path.parent)[1].seq == len(first.records) + kept + 2
            assert len(list(replay(path.parent))) == len(first.records) + kept + 2
            shutil.rmtree(path.parent)

    def test_is_changed_bytes_of_the_last_group_as_well(self, memory: Path):
        for segment in (Segment(some_groups()[:4]), Segment(some_groups())):
            for position, changed in damaged(segment, segment.last_group, len(segment.content)):
                path = segment.put(memory / "runlog", changed)
                whole = segment.line_at(position)

                log, state = opened(path.parent)

                assert state == replayed(segment.records[: segment.lines_within(whole)])
                assert log.durable == state.seq
                assert path.read_bytes() == segment.content[:whole]
                assert torn_copies(path.parent) == [changed[whole:]]
                shutil.rmtree(path.parent)

    def test_is_a_hole_of_zeros_in_the_last_group_as_well(self, memory: Path):
        segment = Segment(some_groups()[:4])
        size = len(segment.content)
        for start in range(segment.last_group, size, 7):
            for end in {start + 1, *range(start + 5, size, 41), size}:
                changed = segment.content[:start] + bytes(end - start) + segment.content[end:]
                path = segment.put(memory / "runlog", changed)
                whole = segment.line_at(start)

                _, state = opened(path.parent)

                assert state == replayed(segment.records[: segment.lines_within(whole)])
                assert torn_copies(path.parent) == [changed[whole:]]
                shutil.rmtree(path.parent)

    def test_of_zeros_after_the_last_record_is_cut(self, tmp_path: Path):
        segment = Segment(some_groups())
        path = segment.put(tmp_path, segment.content + bytes(4096))

        assert opened(tmp_path)[1] == replayed(segment.records)
        assert path.read_bytes() == segment.content
        assert torn_copies(tmp_path) == [bytes(4096)]

    def test_at_the_same_place_twice_leaves_both_copies(self, tmp_path: Path):
        segment = Segment(some_groups())
        for torn in (b"first", b"second"):
            segment.put(tmp_path, segment.content + torn)
            opened(tmp_path)

        assert torn_copies(tmp_path) == [b"first", b"second"]


class TestWhatAStartReads:
    """A group that was written, and whose sync had not come, or had failed, when the daemon ended."""

    @pytest.mark.parametrize("seed", range(20))
    @pytest.mark.parametrize("synced_in_vain", [False, True])
    def test_is_on_disk_before_anybody_is_shown_it(self, seed: int, synced_in_vain: bool):
        segment, chance = Segment(some_groups()), Random(seed)
        disk = Disk(chance, lambda: None)
        file = disk.create(f"{1:016d}.jsonl")
        file.write(0, segment.content[: segment.last_group])
        file.sync()
        file.write(segment.last_group, segment.content[segment.last_group :])
        if synced_in_vain:
            file.sync_in_vain(chance)

        with Kernel(disk).used():
            shown = open_log(RUNLOG, MACHINE, T0)[1].seq
            disk.lose_power()
            found = load(RUNLOG)

        assert (found.state.seq, found.torn) == (shown, [])
