from __future__ import annotations

import asyncio
import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from stoker_daemon.runlog import following, of_run, reserve, segments
from stoker_daemon.runlog import log as runlog
from stoker_daemon.runlog.following import Follower, NotKept
from stoker_daemon.runlog.log import RunLog, open_log
from stoker_daemon.runlog.of_run import Part, read_run
from stoker_daemon.runlog.segments import LogError, load, replay
from stoker_daemon.runlog.writer import LogWriter
from stoker_shared import events as ev
from stoker_shared.codec import decode_item, decode_record, encode_record, seal
from stoker_shared.model import NodeState, RunState
from stoker_shared.state import SHAPE, State
from tests.strategies import T0, Story, created, exited, node, replayed, sealed, started, starting
from tests.world.disk import Disk
from tests.world.syscalls import RUNLOG, Kernel

MACHINE = "f" * 32
LOG = "0" * 32

Groups = list[list[ev.Record]]


@pytest.fixture
def no_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that open thousands of logs, and look at what is written and not at when."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(os, "fdatasync", lambda _: None)
    monkeypatch.setattr(reserve, "RESERVE_BYTES", 0)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory for thousands of files, in memory if the host has one there."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as directory:
        yield Path(directory)


def some_groups() -> Groups:
    """The records of a small story, in the groups they come to disk in."""
    story = Story()
    return [
        story.tell(ev.JobPublished("default", "etl/a.py", 1, "d1", 12, remarks="\u2028 and \u0085")),
        story.tell(created([node("a"), node("b", "a")]), ev.RunStarted(1), starting("a")),
        story.tell(started("a")),
        story.tell(exited("a"), ev.NodeFinished(1, "a", NodeState.SUCCEEDED), starting("b")),
        story.tell(started("b")),
    ]


def all_of(groups: Groups) -> list[ev.Record]:
    return [record for group in groups for record in group]


class Segment:
    """What a segment with these groups has to be on disk: its lines, of which the first are its opening."""

    def __init__(self, groups: Groups, before: Sequence[ev.Record] = ()) -> None:
        state = replayed(before)
        items = [sealed(item) for item in state.items()]
        header = segments.Header(ev.FORMAT, LOG, MACHINE, state.seq + 1, len(items), T0)
        self.first = state.seq + 1
        self.records = all_of(groups)
        self.opening = [sealed(header), *items]
        self.lines = [encode_record(record, group[0].seq) for group in groups for record in group]
        self.last_group = self.start_of(len(self.lines) - len(groups[-1])) if groups else len(self.content)

    @property
    def content(self) -> bytes:
        return b"".join(self.opening + self.lines)

    def start_of(self, line: int) -> int:
        """Where a record's line begins."""
        return len(b"".join(self.opening + self.lines[:line]))

    def lines_within(self, size: int) -> int:
        """How many records lie wholly in the first bytes."""
        return sum(self.start_of(line + 1) <= size for line in range(len(self.lines)))

    def line_at(self, position: int) -> int:
        """Where the line begins that has the byte at this position."""
        return self.content.rfind(b"\n", 0, position) + 1

    def put(self, directory: Path, content: bytes | None = None) -> Path:
        directory.mkdir(exist_ok=True)
        path = segments.path_for(directory, self.first)
        path.write_bytes(self.content if content is None else content)
        return path


def opened(directory: Path) -> tuple[RunLog, State]:
    return open_log(directory, MACHINE, T0)


def files_in(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def torn_copies(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(directory.glob("*.torn-at-*"))]


def published(story: Story, count: int = 1) -> list[ev.Record]:
    """Go on with a story by something that is always possible."""
    return story.tell(
        *[ev.JobPublished("default", "more.sh", story.state.seq + n, "d", n) for n in range(count)]
    )


def go_on(log: RunLog, state: State) -> None:
    """Write two more records to a log that was just opened."""
    story = Story()
    story.state = state
    log.start(lambda _: None, lambda _: None)
    log.append(published(story, 2), state)
    log.close()


async def written(directory: Path, groups: Groups) -> RunLog:
    """A log to which these groups were written by the daemon's own writer."""
    log, state = opened(directory)
    log.start(lambda _: None, lambda _: None)
    story = Story()
    story.state = state
    for group in groups:
        for record in group:
            story.tell(record.event, by=record.by)
        log.append(group, state)
        await log.wait_durable(group[-1].seq)
    log.close()
    return log


def lines_of(directory: Path) -> list[bytes]:
    """The lines of all events that are in a log's files."""
    found = []
    for path in segments.paths(directory):
        header_line, *lines = path.read_bytes().split(b"\n")[:-1]
        header: segments.Header = decode_item(header_line, segments.Header)
        found += lines[header.items :]
    return found


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
        await asyncio.to_thread(held.arrived.wait)
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
        await asyncio.to_thread(held.arrived.wait)
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

        await asyncio.wait_for(log.wait_durable(1), 10)
        log.close()

    async def test_ends_with_everything_that_was_handed_in(self, tmp_path: Path):
        log, state = opened(tmp_path)
        log.start(lambda _: None, lambda _: None)
        log.append(published(Story(), 50), state, urgent=False)

        log.close()

        assert opened(tmp_path)[1].seq == 50


class Held:
    """A disk whose syncs wait until they are let go."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self._gone = threading.Event()

    def sync(self, _: int) -> None:
        self.arrived.set()
        self._gone.wait()

    def release(self) -> None:
        self._gone.set()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    disk = Held()
    monkeypatch.setattr(os, "fdatasync", disk.sync)
    yield disk
    disk.release()


@pytest.fixture
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runlog, "SEGMENT_BYTES", 1500)


@pytest.fixture
async def turned(tmp_path: Path, short_segments: None) -> tuple[Path, list[ev.Record]]:
    """A log of several segments, and its records."""
    story, groups = Story(), []
    for number in range(1, 7):
        groups += [
            story.tell(created([node("a"), node("b", "a")], run=number), ev.RunStarted(number)),
            story.tell(starting("a", run=number)),
            story.tell(started("a", run=number)),
            story.tell(exited("a", run=number), ev.NodeFinished(number, "a", NodeState.FAILED)),
            story.tell(ev.NodeSkipped(number, "b", ev.Reason.UPSTREAM)),
        ]
        if number % 2:
            groups.append(story.tell(ev.RunFinished(number, RunState.FAILED)))
    await written(tmp_path / "runlog", groups)
    return tmp_path / "runlog", story.records


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


def damaged(segment: Segment, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Give a segment's content with one byte changed, for each position and several ways."""
    content = segment.content
    for position in range(start, end):
        for byte in {content[position] ^ 1, 0x0A, 0} - {content[position]}:
            yield position, content[:position] + bytes([byte]) + content[position + 1 :]


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


def read_all(follower: Follower, durable: int) -> list[bytes]:
    """Read to the end, each time whole lines."""
    content = b""
    while part := follower.read(durable):
        assert part.endswith(b"\n")
        content += part
    assert follower.seq == durable
    return content.split(b"\n")[:-1]


class TestFollowing:
    @pytest.mark.parametrize("chunk", [1, 100, following.CHUNK])
    async def test_gives_the_logs_own_lines_from_any_position_to_what_is_durable(
        self, turned: tuple[Path, list[ev.Record]], monkeypatch: pytest.MonkeyPatch, chunk: int
    ):
        monkeypatch.setattr(following, "CHUNK", chunk)
        directory, records = turned
        lines = lines_of(directory)

        for position in range(len(records) + 1):
            for durable in {position, min(position + 1, len(records)), min(position + 9, len(records))}:
                follower = Follower(directory, position, durable)
                assert read_all(follower, durable) == lines[position:durable]
                assert read_all(follower, len(records)) == lines[durable:]
                follower.close()

    async def test_goes_on_as_the_log_grows(self, tmp_path: Path, short_segments: None):
        log, state = opened(tmp_path)
        log.start(lambda _: None, lambda _: None)
        follower = Follower(tmp_path, 0, 0)
        story, seen = Story(), []
        story.state = state

        for count in [1, 3, 0, 2, 5] * 6:
            if count:
                log.append(published(story, count), state)
                await log.wait_durable(state.seq)
            seen += read_all(follower, log.durable)
        log.close()

        assert len(segments.paths(tmp_path)) > 3
        assert seen == lines_of(tmp_path)

    async def test_never_gives_what_is_written_and_not_yet_synced(self, tmp_path: Path, held: Held):
        log, state = opened(tmp_path)
        log.start(lambda _: None, lambda _: None)
        log.append(published(Story()), state)
        await asyncio.to_thread(held.arrived.wait)
        follower = Follower(tmp_path, 0, log.durable)

        assert len(lines_of(tmp_path)) == 1
        assert follower.read(log.durable) == b""

        held.release()
        await log.wait_durable(1)
        assert read_all(follower, log.durable) == lines_of(tmp_path)
        log.close()

    async def test_from_beyond_the_end_is_not_possible(self, turned: tuple[Path, list[ev.Record]]):
        directory, records = turned
        end = len(records)

        with pytest.raises(NotKept, match=f"from position 0 to {end}, and {end + 1} is not in it"):
            Follower(directory, end + 1, end)

    async def test_from_before_what_is_kept_is_not_possible(self, turned: tuple[Path, list[ev.Record]]):
        directory, records = turned
        oldest, second, *_ = segments.paths(directory)
        oldest.unlink()
        start = segments.first_of(second) - 1

        with pytest.raises(NotKept, match=f"from position {start} to"):
            Follower(directory, start - 1, len(records))
        assert len(read_all(Follower(directory, start, len(records)), len(records))) == len(records) - start

    async def test_from_before_the_beginning_is_not_possible(self, turned: tuple[Path, list[ev.Record]]):
        directory, records = turned

        with pytest.raises(NotKept):
            Follower(directory, -1, len(records))


class TestAFailingDisk:
    def writer(self, path: Path) -> tuple[LogWriter, list[int], list[Exception]]:
        reached: list[int] = []
        failures: list[Exception] = []
        kept = reserve.Reserve(path.with_name("reserve"))
        writer = LogWriter(path, 0, kept, reached.append, lambda _: None, failures.append)
        return writer, reached, failures

    @pytest.mark.parametrize("good", [0, 1, 2])
    def test_that_fails_to_sync_is_never_asked_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: int
    ):
        syncs: list[int] = []

        def sync(_: int) -> None:
            syncs.append(1)
            if len(syncs) > good:
                raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "fdatasync", sync)
        path = tmp_path / "segment"
        path.touch()
        writer, reached, failures = self.writer(path)
        story = Story()
        for _ in range(good + 1):
            writer.append(published(story))
            wait_until(lambda: len(reached) + len(failures) == len(story.records))
        size = path.stat().st_size

        for _ in range(3):
            writer.append(published(story))
        writer.close()

        assert reached == list(range(1, good + 1))
        assert len(failures) == 1
        assert len(syncs) == good + 1
        assert path.stat().st_size == size

    def test_that_cannot_begin_a_segment_is_told_and_the_old_one_is_left_whole(self, tmp_path: Path):
        path = tmp_path / "segment"
        path.touch()
        writer, reached, failures = self.writer(path)
        story = Story()

        writer.append(published(story))
        writer.rotate(tmp_path / "nowhere" / "segment", b"opening\n")
        writer.append(published(story))
        writer.close()

        assert reached == [1]
        assert [type(failure) for failure in failures] == [FileNotFoundError]
        assert len(path.read_bytes().split(b"\n")) == 1 + 1

    def test_is_what_a_record_that_cannot_be_written_is_taken_for(self, tmp_path: Path):
        path = tmp_path / "segment"
        path.touch()
        writer, reached, failures = self.writer(path)

        writer.append([ev.Record(1, T0, "a lone surrogate: \udc80", ev.RunStarted(1))])
        writer.close()

        assert reached == []
        assert len(failures) == 1
        assert path.read_bytes() == b""

    async def test_is_told_in_the_loop_of_the_log(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        log, state = opened(tmp_path)

        def fail(_: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "fdatasync", fail)
        told: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        log.start(lambda _: None, told.set_result)

        log.append(published(Story()), state)

        assert isinstance(await asyncio.wait_for(told, 10), OSError)
        assert log.durable == 0
        log.close()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for another thread."""
    pause = threading.Event()
    for _ in range(10_000):
        if condition():
            return
        pause.wait(0.001)
    raise TimeoutError


def read_about(directory: Path, run: int, limit: int = 1000, ended_at: datetime | None = None) -> list[Part]:
    """All parts of what a log has about a run, one after the other."""
    durable, parts = len(lines_of(directory)), [Part([], 0, more=True)]
    while parts[-1].more:
        after = parts[-1].seq
        parts.append(read_run(directory, run, after, limit=limit, durable=durable, ended_at=ended_at))
    return parts[1:]


def events_in(parts: list[Part]) -> list[object]:
    return [decode_record(line)[0].event for part in parts for line in part.lines]


class TestWhatTheLogHasAboutARun:
    @pytest.mark.parametrize("limit", [1, 2, 1000])
    async def test_is_given_whole_over_segments_whatever_the_parts(
        self, turned: tuple[Path, list[ev.Record]], limit: int
    ):
        directory, records = turned
        for run in range(1, 7):
            about = [record.event for record in records if getattr(record.event, "run", 0) == run]

            parts = read_about(directory, run, limit)

            assert events_in(parts) == about
            assert all(len(part.lines) <= limit for part in parts)

    async def test_is_not_looked_for_in_segments_before_the_run_nor_after_its_end(
        self, turned: tuple[Path, list[ev.Record]]
    ):
        directory, records = turned
        first, *_ = segments.paths(directory)
        first.write_bytes(first.read_bytes()[:-100])
        end = next(r for r in records if isinstance(r.event, ev.RunFinished) and r.event.run == 5)

        (part,) = read_about(directory, 5, ended_at=end.at)

        assert decode_record(part.lines[0])[0].event == next(
            r.event for r in records if isinstance(r.event, ev.RunCreated) and r.event.run == 5
        )
        assert (part.seq, part.more) == (end.seq, False)

    async def test_is_looked_for_a_stretch_at_a_time(
        self, turned: tuple[Path, list[ev.Record]], monkeypatch: pytest.MonkeyPatch
    ):
        directory, records = turned
        monkeypatch.setattr(following, "CHUNK", 400)
        monkeypatch.setattr(of_run, "MOST_READ", 400)

        parts = read_about(directory, 1)

        assert len(parts) > 5
        assert events_in(parts) == [r.event for r in records if getattr(r.event, "run", 0) == 1]

    async def test_begins_where_the_log_does_when_older_segments_are_gone(
        self, turned: tuple[Path, list[ev.Record]]
    ):
        directory, records = turned
        first, second, *_ = segments.paths(directory)
        first.unlink()

        parts = read_run(directory, 1, 0, limit=1000, durable=records[-1].seq, ended_at=None)

        kept = [r.event for r in records if r.seq >= segments.first_of(second)]
        assert events_in([parts]) == [event for event in kept if getattr(event, "run", 0) == 1]
