from __future__ import annotations

from pathlib import Path

import pytest

from stoker_daemon.runlog import log as runlog
from stoker_daemon.runlog import segments
from stoker_daemon.runlog.segments import LogError, replay
from stoker_shared import events as ev
from stoker_shared.codec import decode_item, decode_record
from tests.daemon.runlog.bench import (
    MACHINE,
    lines_of,
    opened,
    written,
)
from tests.strategies import Story, replayed


class TestSegments:
    async def test_are_left_for_the_next_one_when_they_are_large(self, turned: tuple[Path, list[ev.Record]]):
        directory, records = turned

        paths = segments.paths(directory)

        assert len(paths) > 3
        assert [decode_record(line)[0] for line in lines_of(directory)] == records

    async def test_each_rebuild_what_is_current_without_those_before(
        self, turned: tuple[Path, list[ev.Record]]
    ):
        directory, records = turned
        whole = replayed(records)

        for path in segments.paths(directory):
            assert opened(directory)[1] == whole
            path.unlink()
            if not segments.paths(directory):
                break

    async def test_all_are_of_one_log(self, turned: tuple[Path, list[ev.Record]]):
        directory, _ = turned
        headers = [
            decode_item(path.read_bytes().split(b"\n")[0], segments.Header)
            for path in segments.paths(directory)
        ]

        assert {(header.log, header.machine) for header in headers} == {(headers[0].log, MACHINE)}
        assert [header.first for header in headers] == [
            segments.first_of(path) for path in segments.paths(directory)
        ]

    async def test_are_left_also_where_the_opening_alone_is_large(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(runlog, "SEGMENT_BYTES", 700)
        story = Story()
        groups = [story.tell(ev.JobPublished("default", f"{n}.sh", 1, "d" * 64, 1)) for n in range(60)]

        await written(tmp_path, groups)

        assert len(segments.paths(tmp_path)) > 3
        assert opened(tmp_path)[1] == story.state

    async def test_are_not_left_at_a_restart_for_the_size_of_their_opening(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(runlog, "SEGMENT_BYTES", 700)
        story = Story()
        groups = [story.tell(ev.JobPublished("default", f"{n}.sh", 1, "d" * 64, 1)) for n in range(60)]
        await written(tmp_path, groups)
        newest = segments.paths(tmp_path)[-1]

        await written(tmp_path, [story.tell(ev.JobPublished("default", "last.sh", 1, "d" * 64, 1))])

        assert newest.stat().st_size > 5 * 700
        assert segments.paths(tmp_path)[-1] == newest

    async def test_are_replayed_from_the_oldest_that_is_kept(self, turned: tuple[Path, list[ev.Record]]):
        directory, records = turned
        assert [record for record, _ in replay(directory)] == records

        oldest, second, *_ = segments.paths(directory)
        oldest.unlink()
        kept = records[segments.first_of(second) - 1 :]
        active = [run for record, run in replay(directory) if record is None]
        assert [record for record, _ in replay(directory) if record] == kept
        assert [run.id for run in active if run] == list(replayed(records[: kept[0].seq - 1]).runs)

    async def test_are_replayed_from_any_position(self, turned: tuple[Path, list[ev.Record]]):
        directory, records = turned

        for after in range(len(records) + 1):
            assert [record for record, _ in replay(directory, after)] == records[after:]

    async def test_give_each_record_with_its_run_as_it_is_then(self, turned: tuple[Path, list[ev.Record]]):
        directory, records = turned

        finished = [run.id for record, run in replay(directory) if record and run and run.ended_at]

        assert finished == [1, 3, 5]
        assert len([run for _, run in replay(directory) if run]) == len(records)

    async def test_that_do_not_follow_each_other_are_not_replayed(self, turned: tuple[Path, list[ev.Record]]):
        directory, _ = turned
        _, second, third, *_ = segments.paths(directory)
        second.unlink()

        with pytest.raises(LogError, match=third.name):
            list(replay(directory))

    async def test_with_damage_are_not_replayed(self, turned: tuple[Path, list[ev.Record]]):
        directory, _ = turned
        oldest = segments.paths(directory)[0]
        content = bytearray(oldest.read_bytes())
        content[-20] ^= 1
        oldest.write_bytes(content)

        with pytest.raises(LogError, match=f"{oldest.name}: damaged at byte"):
            list(replay(directory))
