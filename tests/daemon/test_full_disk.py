"""The run log's writer on a disk that is full, and the reserve that it has for that."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stoker_daemon.runlog import reserve, writer
from stoker_daemon.runlog.log import ForeignMachine, open_log, read_log
from stoker_daemon.runlog.reserve import RESERVE_BYTES, STEP_BYTES, Reserve
from stoker_daemon.runlog.segments import Header, Tail, cut_back, load, path_for, paths, replay
from stoker_daemon.runlog.writer import LogWriter, Room
from stoker_shared import events as ev
from stoker_shared.codec import decode_item
from stoker_shared.state import State
from tests.harness import wait_for
from tests.strategies import T0, Story

LITTLE = 100
"""Bytes that a reserve of these tests gives at a time: less than a line has."""


class Disk:
    """A disk with ``room`` bytes for the log: a write gets in what fits, and none gets ENOSPC.

    It stands in for a reserve too, which has ``parts`` left and is whole again once there is ``plenty``.
    """

    def __init__(self, room: int, parts: int = 0, error: int = errno.ENOSPC) -> None:
        self.room = room
        self.parts = parts
        self.plenty = False
        self._error = error
        self._changing = threading.Lock()
        self._write, self._truncate = os.write, os.ftruncate

    @contextmanager
    def used(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "write", self.write)
            patch.setattr(os, "ftruncate", self.truncate)
            patch.setattr(writer, "AGAIN_SECONDS", 0.001)
            patch.setattr(writer, "LOOK_SECONDS", 0.001)
            yield

    def write(self, descriptor: int, data: Any) -> int:
        if threading.current_thread().name != "runlog":
            return self._write(descriptor, data)
        with self._changing:
            fits = min(len(data), self.room)
            self.room -= fits
        if not fits:
            raise OSError(self._error, "No room")
        return self._write(descriptor, data[:fits])

    def truncate(self, descriptor: int, size: int) -> None:
        self.grow(os.fstat(descriptor).st_size - size)
        self._truncate(descriptor, size)

    def take(self) -> bool:
        return True

    def take_again(self) -> bool:
        return self.plenty

    def give(self) -> bool:
        if not self.parts:
            return False
        self.parts -= 1
        self.grow(LITTLE)
        return True

    def grow(self, size: int) -> None:
        """Have that much more room. The writer takes of it at the same time."""
        with self._changing:
            self.room += size


class Written:
    """A writer on that disk, and what it told."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        self.directory = directory
        self.reached: list[int] = [0]
        self.rooms: list[Room] = []
        self.failures: list[Exception] = []
        log, _ = open_log(directory, "machine", T0)
        (path,) = paths(directory)
        size = path.stat().st_size
        self.log_id = log.id
        self.writer = LogWriter(
            path,
            size,
            disk,  # type: ignore[arg-type]
            self.reached.append,
            self.rooms.append,
            self.failures.append,
        )

    def records(self) -> list[ev.Record]:
        """What a start would find, which has to be whole."""
        loaded = load(self.directory)
        assert loaded.torn == []
        found = [record for record, _ in replay(self.directory) if record]
        assert loaded.state.seq == len(found)
        return found


def job(number: int) -> ev.JobPublished:
    return ev.JobPublished("default", f"{number}.sh", 1, "d", number)


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=8),
    room=st.integers(0, 2500),
    parts=st.integers(0, 6),
    error=st.sampled_from([errno.ENOSPC, errno.EDQUOT]),
)
def test_wherever_the_disk_becomes_full_what_is_acknowledged_is_there_in_order_and_the_rest_comes_when_it_can(
    sizes: list[int], room: int, parts: int, error: int
):
    disk, story = Disk(room, parts, error), Story()
    groups = [story.tell(*[job(10 * index + n) for n in range(size)]) for index, size in enumerate(sizes)]
    with TemporaryDirectory() as directory, disk.used():
        written = Written(Path(directory), disk)

        def settled() -> bool:
            return written.reached[-1] == len(story.records) or written.writer.room is Room.NONE

        for group in groups:
            written.writer.append(group)
        wait_for(settled, "all is written, or there is no room", interval=0.001)
        acknowledged = written.reached[-1]
        disk.grow(10**6)
        disk.plenty = True
        wait_for(lambda: written.reached[-1] == len(story.records), "the rest is written", interval=0.001)
        wait_for(lambda: written.writer.room is Room.ENOUGH, "there is enough room again", interval=0.001)
        written.writer.close()

        assert written.records() == story.records
        assert written.records()[:acknowledged] == story.records[:acknowledged]
        assert written.reached == sorted(written.reached)
        assert written.failures == []
        if Room.NONE in written.rooms:
            assert disk.parts == 0


class TestAWriterWithoutRoom:
    def test_acknowledges_nothing_leaves_nothing_half_and_ends_when_it_is_closed(self, tmp_path: Path):
        disk, story = Disk(room=250), Story()
        with disk.used():
            written = Written(tmp_path, disk)
            written.writer.append(story.tell(job(1)))
            wait_for(lambda: written.reached == [0, 1], "the first fits")
            written.writer.append(story.tell(job(2)))
            wait_for(lambda: written.rooms == [Room.NONE], "the second does not")
            written.writer.close()

        assert written.reached == [0, 1]
        assert written.failures == []
        assert written.records() == story.records[:1]

    def test_gets_it_from_the_reserve_and_says_so(self, tmp_path: Path):
        disk, story = Disk(room=0, parts=10), Story()
        with disk.used():
            written = Written(tmp_path, disk)
            written.writer.append(story.tell(job(1)))
            wait_for(lambda: written.reached == [0, 1], "it is written")
            assert written.rooms == [Room.RESERVE]
            disk.plenty = True
            wait_for(lambda: written.rooms == [Room.RESERVE, Room.ENOUGH], "there is enough again")
            written.writer.close()

    def test_goes_on_in_the_old_segment_where_there_is_none_for_a_new_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        disk, story = Disk(room=10**6), Story()
        with disk.used():
            written = Written(tmp_path, disk)
            monkeypatch.setattr(os, "fsync", no_room)
            written.writer.append(story.tell(job(1)))
            written.writer.rotate(path_for(tmp_path, 2), b"an opening\n")
            written.writer.append(story.tell(job(2)))
            wait_for(lambda: written.reached[-1] == 2, "both are written")
            written.writer.close()

        assert written.rooms == [Room.RESERVE]
        assert [path.name for path in tmp_path.iterdir()] == [path_for(tmp_path, 1).name]
        assert written.records() == story.records


def no_room(_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


class TestTheReserve:
    @pytest.fixture
    def kept(self, tmp_path: Path) -> Reserve:
        return Reserve(tmp_path / "reserve")

    def test_takes_its_blocks_and_gives_them_back_piece_by_piece(self, kept: Reserve, tmp_path: Path):
        assert kept.take()
        found = (tmp_path / "reserve").stat()
        assert found.st_size == RESERVE_BYTES
        assert found.st_blocks * 512 >= RESERVE_BYTES

        for given_back in range(1, RESERVE_BYTES // STEP_BYTES + 1):
            assert kept.give()
            assert (tmp_path / "reserve").stat().st_size == RESERVE_BYTES - given_back * STEP_BYTES
        assert not kept.give()

        assert kept.take_again()
        assert (tmp_path / "reserve").stat().st_size == RESERVE_BYTES

    def test_has_nothing_to_give_before_it_was_taken(self, kept: Reserve):
        assert not kept.give()

    def test_is_not_taken_where_as_much_is_not_free_besides(
        self, kept: Reserve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(reserve, "free_bytes", lambda _: 2 * RESERVE_BYTES - 1)
        assert not kept.take()
        assert list(tmp_path.iterdir()) == []

    def test_that_cannot_be_had_whole_leaves_what_there_was(
        self, kept: Reserve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        kept.take()
        kept.give()
        monkeypatch.setattr(os, "posix_fallocate", lambda *_: no_room(_))

        assert not kept.take_again()
        assert (tmp_path / "reserve").stat().st_size == RESERVE_BYTES - STEP_BYTES

    def test_that_is_whole_is_enough_at_the_start_however_little_is_free(
        self, kept: Reserve, monkeypatch: pytest.MonkeyPatch
    ):
        kept.take()
        monkeypatch.setattr(reserve, "free_bytes", lambda _: 0)

        assert kept.take()
        assert not kept.take_again()

    def test_gives_room_for_the_copy_of_a_torn_end(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        open_log(tmp_path, "machine", T0)
        (path,) = paths(tmp_path)
        with path.open("ab") as segment:
            segment.write(b'{"seq":1,"gro')
        kept = Reserve(tmp_path / "reserve")
        kept.take()
        sync, refused = os.fsync, iter([True])

        def once_full(descriptor: int) -> None:
            if next(refused, False):
                no_room(descriptor)
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", once_full)
        open_log(tmp_path, "machine", T0)

        (copy,) = tmp_path.glob("*.torn-at-*")
        assert copy.read_bytes() == b'{"seq":1,"gro'
        assert (tmp_path / "reserve").stat().st_size == RESERVE_BYTES - STEP_BYTES


class TestAfterAFailure:
    """What was written and not acknowledged is unknown, and not read again."""

    async def log(self, directory: Path) -> tuple[list[ev.Record], Tail]:
        log, state = open_log(directory, "machine", T0)
        story = Story()
        log.start(lambda _: None, lambda _: None)
        log.append(story.tell(job(1), job(2)), state)
        end = log.close()
        with end.path.open("ab") as segment:
            segment.write(b'{"seq":3, and who knows what')
        path_for(directory, 3).write_bytes(b"nor what this is\n")
        return story.records, end

    async def test_the_log_is_read_to_where_it_ends_for_certain_and_nothing_is_touched(self, tmp_path: Path):
        records, end = await self.log(tmp_path)
        before = {path.name: path.read_bytes() for path in paths(tmp_path)}

        log, state = read_log(tmp_path, end)

        assert state.seq == log.durable == len(records)
        assert log.close() == end
        assert [record for record, _ in replay(tmp_path, until=log.durable)] == records
        assert {path.name: path.read_bytes() for path in paths(tmp_path)} == before

    async def test_the_log_is_cut_there_before_it_is_written_again(self, tmp_path: Path):
        records, end = await self.log(tmp_path)

        cut_back(end)

        assert paths(tmp_path) == [end.path]
        assert open_log(tmp_path, "machine", T0)[1].seq == len(records)
        assert list(tmp_path.glob("*.torn-at-*")) == []


class TestTheMachine:
    async def write(self, directory: Path, machine: str) -> State:
        log, state = open_log(directory, machine, T0)
        log.start(lambda _: None, lambda _: None)
        story = Story()
        story.state = state
        log.append(story.tell(job(1)), state)
        log.close()
        return state

    def machines(self, directory: Path) -> list[str]:
        openings = [path.read_bytes().split(b"\n")[0] for path in paths(directory)]
        return [decode_item(opening, Header).machine for opening in openings]

    async def test_that_wrote_the_log_may_go_on(self, tmp_path: Path):
        await self.write(tmp_path, "here")
        assert open_log(tmp_path, "here", T0)[1].seq == 1

    @pytest.mark.parametrize("ours", ["here", ""])
    async def test_that_is_another_is_refused_with_both_named_and_nothing_changed(
        self, tmp_path: Path, ours: str
    ):
        await self.write(tmp_path, "there")
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}

        with pytest.raises(ForeignMachine, match=r"there, and this is (here|one without an id).*--take"):
            open_log(tmp_path, ours, T0)

        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before

    async def test_that_takes_over_has_the_log_from_then_on(self, tmp_path: Path):
        state = await self.write(tmp_path, "there")

        log, taken = open_log(tmp_path, "here", T0, take_over=True)

        assert taken == state
        assert self.machines(tmp_path) == ["there", "here"]
        assert open_log(tmp_path, "here", T0)[0].id == log.id
        with pytest.raises(ForeignMachine):
            open_log(tmp_path, "there", T0)

    async def test_that_takes_over_an_empty_log_does_so_too(self, tmp_path: Path):
        open_log(tmp_path, "there", T0)
        open_log(tmp_path, "here", T0, take_over=True)
        assert self.machines(tmp_path) == ["here"]

    async def test_without_an_id_leaves_a_log_to_whoever_comes(self, tmp_path: Path):
        state = await self.write(tmp_path, "")
        assert open_log(tmp_path, "", T0)[1] == state
        assert open_log(tmp_path, "here", T0)[1] == state
        assert self.machines(tmp_path) == ["", "here"]
