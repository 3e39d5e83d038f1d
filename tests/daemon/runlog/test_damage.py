from __future__ import annotations

from pathlib import Path

import pytest

from stoker_daemon.runlog import segments
from stoker_daemon.runlog.segments import LogError
from stoker_shared import events as ev
from stoker_shared.codec import seal
from stoker_shared.state import SHAPE
from tests.daemon.runlog.bench import (
    LOG,
    MACHINE,
    Segment,
    all_of,
    damaged,
    files_in,
    go_on,
    opened,
    some_groups,
)
from tests.strategies import T0, sealed


class TestDamage:
    @pytest.mark.parametrize("groups", [2, 3, 4, 5])
    def test_before_the_last_group_refuses_and_changes_nothing(self, memory: Path, groups: int):
        segment = Segment(some_groups()[:groups])

        for position, changed in damaged(segment, 0, segment.last_group):
            path = segment.put(memory / "runlog", changed)

            with pytest.raises(LogError) as refused:
                opened(path.parent)

            assert f"{path}: damaged at byte {segment.line_at(position)}:" in str(refused.value)
            assert files_in(path.parent) == {path.name: changed}

    def test_before_the_last_group_refuses_although_the_end_is_torn_too(self, tmp_path: Path):
        segment = Segment(some_groups())
        content = bytearray(segment.content[:-5])
        content[segment.start_of(1) + 30] ^= 1
        path = segment.put(tmp_path, bytes(content))

        with pytest.raises(LogError, match=f"damaged at byte {segment.start_of(1)}"):
            opened(tmp_path)
        assert files_in(tmp_path) == {path.name: bytes(content)}

    def test_in_the_opening_refuses_and_changes_nothing(self, memory: Path):
        groups = some_groups()
        first = Segment(groups[:2])
        second = Segment(groups[2:], before=first.records)
        first.put(memory)

        for position, changed in damaged(second, 0, second.start_of(0)):
            path = second.put(memory, changed)
            before = files_in(memory)

            with pytest.raises(LogError) as refused:
                opened(memory)

            assert f"{path}: damaged at byte {second.line_at(position)}:" in str(refused.value)
            assert files_in(memory) == before

    def test_is_a_missing_record(self, tmp_path: Path):
        segment = Segment(some_groups())
        del segment.lines[2]
        segment.put(tmp_path)

        with pytest.raises(LogError, match="record 4 where 3 belongs"):
            opened(tmp_path)

    def test_is_a_record_that_the_state_does_not_allow(self, tmp_path: Path):
        groups = some_groups()
        groups[-1] = [ev.Record(groups[-1][0].seq, T0, "eve", ev.RunStarted(99))]
        segment = Segment(groups)
        segment.put(tmp_path)

        with pytest.raises(LogError, match=f"damaged at byte {segment.last_group}"):
            opened(tmp_path)

    def test_is_an_opening_that_ends_where_an_older_segment_should_be(self, tmp_path: Path):
        second = Segment(some_groups()[2:], before=all_of(some_groups()[:2]))
        second.put(tmp_path, second.content[:100])
        before = files_in(tmp_path)

        with pytest.raises(LogError, match="ends inside its opening"):
            opened(tmp_path)
        assert files_in(tmp_path) == before


class TestWhatANewerVersionWrote:
    def line(self, after: Segment, fields: bytes) -> bytes:
        """A line that comes after those of a segment, with fields that only its writer knows."""
        seq = len(after.records) + 1
        return seal(b'{"seq":%d,"group":%d,"at":"2026-11-22T01:00:00Z","by":"eve",%b}' % (seq, seq, fields))

    def test_is_refused_where_the_format_is_newer(self, tmp_path: Path):
        header = segments.Header(ev.FORMAT + 1, LOG, MACHINE, 1, 0, T0)
        path = segments.path_for(tmp_path, 1)
        path.write_bytes(sealed(header) + b"whatever\n")
        before = files_in(tmp_path)

        with pytest.raises(LogError, match=f"{path.name}: written in format {ev.FORMAT + 1}"):
            opened(tmp_path)
        assert files_in(tmp_path) == before

    def test_is_refused_where_the_state_has_a_newer_shape(self, tmp_path: Path):
        header = segments.Header(ev.FORMAT, LOG, MACHINE, 1, 1, T0, SHAPE + 1)
        path = segments.path_for(tmp_path, 1)
        path.write_bytes(sealed(header) + seal(b'{"type":"kitchen","soup":1}') + b"\n")
        before = files_in(tmp_path)

        with pytest.raises(LogError, match=f"{path.name}: written by a newer stokerd"):
            opened(tmp_path)
        assert files_in(tmp_path) == before

    async def test_is_kept_where_only_the_type_of_an_event_is_new(self, tmp_path: Path):
        segment = Segment(some_groups())
        line = self.line(segment, b'"type":"lunch.eaten","soup":1')
        path = segment.put(tmp_path, segment.content + line)

        log, state = opened(tmp_path)
        go_on(log, state)

        assert state.seq == len(segment.records) + 1 + 2
        assert path.read_bytes().startswith(segment.content + line)

    def test_is_not_taken_for_a_torn_end_where_it_is_whole_and_cannot_be_read(self, tmp_path: Path):
        segment = Segment(some_groups())
        line = self.line(segment, b'"type":"node.skipped","run":1,"node":"b","reason":"a reason of tomorrow"')
        segment.put(tmp_path, segment.content + line)
        before = files_in(tmp_path)

        with pytest.raises(LogError, match="Invalid enum value 'a reason of tomorrow'"):
            opened(tmp_path)
        assert files_in(tmp_path) == before
