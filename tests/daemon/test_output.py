"""The order of both streams, what is cut out, and how it is read."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_daemon.attempts.directory import AttemptDirectory, AttemptKey
from stoker_daemon.attempts.groups import Used
from stoker_daemon.attempts.processes import Identity
from stoker_daemon.output import files
from stoker_daemon.output import watcher as watcher_module
from stoker_daemon.output.cuts import NOTHING, Cut, keep_within, next_cuts, read_cuts
from stoker_daemon.output.holes import BLOCK, CANNOT_CUT, can_punch
from stoker_daemon.output.turns import Turn, Turns, advance, closing
from stoker_daemon.output.view import Stretch, View
from stoker_daemon.output.watcher import Watcher
from stoker_shared.api import Stream
from stoker_shared.events import Reason
from tests.harness import PATIENCE

MIB = 1024 * 1024
STDOUT, STDERR = 0, 1

# The order of both streams.

writes = st.tuples(
    st.sampled_from([STDOUT, STDERR]), st.sampled_from([b"a\n", b"line\n", b"part", b"\r50%", b"x" * 20])
)
steps = st.lists(st.one_of(writes, st.sampled_from(["sample", "restart"])), max_size=40)


class Shown:
    """A job's two streams, and the order that a daemon gives them over its restarts."""

    def __init__(self) -> None:
        self.streams = [b"", b""]
        self.marks = b""
        self.turn = Turn()
        self.now = 0.0

    @property
    def sizes(self) -> tuple[int, int]:
        return len(self.streams[0]), len(self.streams[1])

    def sample(self) -> None:
        self.now += 0.25
        first, second = (
            max(stream.rfind(b"\n", shown), stream.rfind(b"\r", shown), shown - 1) + 1
            for stream, shown in zip(self.streams, self.turn.shown, strict=True)
        )
        self.turn, mark = advance(self.turn, self.sizes, (first, second), self.now)
        self.marks += mark

    def restart(self) -> None:
        self.turn = self.turns().going_on(self.sizes)

    def end(self) -> None:
        self.marks += closing(self.turn, self.sizes)

    def turns(self) -> Turns:
        turns = Turns()
        turns.add(self.marks)
        return turns

    def both(self, *, whole: bool) -> list[tuple[int, int]]:
        """Give stream and offset of every byte in the order in which it is shown."""
        turns = self.turns()
        end = turns.total(self.sizes) if whole else sum(self.turn.shown)
        order: list[tuple[int, int]] = []
        while len(order) < end:
            stream, offset, length = turns.place(len(order), self.sizes)
            assert length > 0
            order += [(stream, offset + each) for each in range(min(length, end - len(order)))]
        return order


@given(steps)
def test_every_byte_of_both_streams_is_shown_once_in_order_and_keeps_its_place(told: list) -> None:
    job = Shown()
    before: list[tuple[int, int]] = []
    for step in told:
        if step == "sample":
            job.sample()
        elif step == "restart":
            job.restart()
        else:
            job.streams[step[0]] += step[1]
        now = job.both(whole=False)
        assert now[: len(before)] == before
        before = now
    job.end()
    whole = job.both(whole=True)
    assert whole[: len(before)] == before
    for stream, written in enumerate(job.streams):
        assert [offset for which, offset in whole if which == stream] == list(range(len(written)))


@given(steps)
def test_whole_lines_are_shown_at_the_next_sample(told: list) -> None:
    job = Shown()
    for step in told:
        if isinstance(step, tuple):
            job.streams[step[0]] += step[1] + b"\n"
        else:
            job.sample()
            assert job.turn.shown == job.sizes


def test_whole_lines_are_shown_before_the_other_stream_has_its_turn() -> None:
    job = Shown()
    job.streams = [b"one\ntw", b""]
    job.sample()
    job.streams = [b"one\ntwo\n", b"error\n"]
    job.sample()
    job.end()

    assert [stream for stream, _ in job.both(whole=True)] == [STDOUT] * 8 + [STDERR] * 6


def test_a_prompt_without_a_line_s_end_is_shown_at_the_second_look() -> None:
    job = Shown()
    job.streams = [b"name? ", b""]
    job.sample()
    assert job.both(whole=False) == []
    job.sample()
    assert len(job.both(whole=False)) == 6


def test_one_stream_alone_needs_no_marks() -> None:
    job = Shown()
    for _ in range(5):
        job.streams[STDOUT] += b"line\n"
        job.sample()
    job.end()

    assert job.marks == b""


def test_the_marks_of_a_job_that_writes_to_both_all_day_and_night_stay_small() -> None:
    turn, size = Turn(), 0
    week = 7 * 24 * 3600
    for sample in range(week):
        size += 100
        turn, _ = advance(turn, (size, size), (size, size), float(sample))

    assert turn.marks < MIB


def test_marks_that_a_crash_of_the_machine_tore_are_read_up_to_there() -> None:
    turns = Turns()
    turns.add(b"5\n3\n\0\0\0\n7\n")
    assert turns.read == 4
    assert turns.place(5, (9, 9)) == (STDERR, 0, 3)
    assert turns.place(8, (9, 9)) == (STDOUT, 5, 4)
    assert turns.place(12, (9, 9)) == (STDERR, 3, 6)


# What is cut out.

sizes = st.tuples(st.integers(0, 50 * MIB), st.integers(0, 50 * MIB))


@given(st.lists(sizes, min_size=1, max_size=8), st.integers(MIB, 4 * MIB))
def test_what_is_kept_is_within_the_limit_and_has_head_and_newest_tail(growth: list, limit: int) -> None:
    cuts, size = NOTHING, (0, 0)
    for grown in growth:
        size = size[0] + grown[0], size[1] + grown[1]
        before, cuts = cuts, next_cuts(size, cuts, limit)
        kept = [whole - (cut.end - cut.start) for whole, cut in zip(size, cuts, strict=True)]
        assert sum(kept) <= limit
        assert next_cuts(size, cuts, limit) == cuts
        for whole, old, new in zip(size, before, cuts, strict=True):
            assert new == old or (new.end > old.end and (not old.end or new.start == old.start))
            if new.end:
                assert new.start % BLOCK == new.end % BLOCK == 0
                assert limit // 8 - BLOCK < new.start <= limit // 8
                assert whole - new.end >= limit // 4 or whole < old.end + limit // 4


def test_a_stream_that_is_alone_may_take_all_and_two_large_ones_half_each() -> None:
    assert next_cuts((MIB, 0), NOTHING, MIB) == NOTHING
    assert next_cuts((MIB // 2, MIB // 2), NOTHING, MIB) == NOTHING
    assert next_cuts((MIB + 1, 0), NOTHING, MIB)[STDERR] == Cut()
    small, large = next_cuts((MIB // 4, 9 * MIB), NOTHING, MIB)
    assert small == Cut()
    assert large.end > 8 * MIB


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    if not can_punch(tmp_path):
        pytest.skip("the file system of the temporary directory can't punch holes")
    return tmp_path


def write(directory: Path, stdout: bytes, stderr: bytes = b"") -> None:
    (directory / "stdout").write_bytes(stdout)
    (directory / "stderr").write_bytes(stderr)


def disk(directory: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in directory.iterdir())


def view(directory: Path, stream: str) -> View:
    seen = View(directory, Stream(stream))
    seen.look(None)
    return seen


def test_a_cut_frees_the_disk_and_leaves_all_offsets_true(directory: Path) -> None:
    content = os.urandom(4 * MIB)
    write(directory, content)
    os.sync()

    cut, _ = keep_within(directory, (4 * MIB, 0), MIB)

    assert read_cuts(directory) == (cut, Cut())
    assert disk(directory) <= MIB + BLOCK
    assert (directory / "stdout").stat().st_size == len(content)
    seen = view(directory, "stdout")
    assert list(seen.stretches(0, seen.size)) == [
        Stretch(0, cut.start, False),
        Stretch(cut.start, cut.end, True),
        Stretch(cut.end, len(content), False),
    ]
    assert seen.read_whole(0, cut.start) == content[: cut.start]
    assert seen.read(cut.start + 7, seen.size) == cut.end - cut.start - 7
    assert seen.read_whole(cut.end, seen.size) == content[cut.end :]
    assert seen.read_whole(0, seen.size) is None


def test_nuls_that_a_job_wrote_and_holes_that_it_made_are_no_cut(directory: Path) -> None:
    write(directory, bytes(MIB))
    with (directory / "stdout").open("r+b") as file:
        file.truncate(2 * MIB)

    seen = view(directory, "stdout")

    assert seen.read_whole(0, seen.size) == bytes(2 * MIB)


def test_what_is_cut_while_it_is_read_is_gone_and_never_given_as_nuls(directory: Path) -> None:
    write(directory, b"x" * 4 * MIB)
    seen = view(directory, "stdout")

    cut, _ = keep_within(directory, (4 * MIB, 0), MIB)

    assert seen.read(cut.start, seen.size) == cut.end - cut.start
    assert seen.read_whole(cut.end, seen.size) == b"x" * (4 * MIB - cut.end)


def test_in_both_a_cut_is_gone_from_wherever_it_is(directory: Path) -> None:
    write(directory, b"o" * 4 * MIB, b"e" * 1000)
    files.append_marks(directory, b"2000000\n600\n")
    cut, _ = keep_within(directory, (4 * MIB, 1000), MIB)

    seen = view(directory, "both")

    assert seen.size == 4 * MIB + 1000
    assert list(seen.stretches(0, seen.size)) == [
        Stretch(0, cut.start, False),
        Stretch(cut.start, 2_000_000, True),
        Stretch(2_000_000, 2_000_600, False),
        Stretch(2_000_600, cut.end + 600, True),
        Stretch(cut.end + 600, seen.size, False),
    ]
    assert seen.read_whole(2_000_000, 2_000_600) == b"e" * 600
    assert seen.read_whole(seen.size - 401, seen.size) == b"o" + b"e" * 400


def test_output_that_a_job_truncated_is_gone_and_the_rest_keeps_its_place(directory: Path) -> None:
    write(directory, b"out", b"error")
    files.append_marks(directory, b"1000\n")

    seen = view(directory, "both")

    assert seen.read(0, seen.size) == b"out"
    assert seen.read(3, seen.size) == 997
    assert seen.read(1000, seen.size) == b"error"


# Watching.

KEY = AttemptKey(run=1, number=1, node="job", attempt=1)


class Nobody:
    """A listener that only remembers what went wrong."""

    def attempt_started(self, key: AttemptKey, process: Identity) -> None: ...

    def attempt_adopted(self, key: AttemptKey, process: Identity) -> None: ...

    def attempt_ended(
        self, key: AttemptKey, exit_status: int | None, reason: Reason, detail: str, used: Used
    ) -> None: ...

    def watching_failed(self, error: BaseException) -> None:
        raise error


def watched(logs: Path) -> tuple[Watcher, Path]:
    watcher = Watcher(logs, MIB, Nobody())
    attempt = AttemptDirectory(logs, KEY)
    attempt.make()
    watcher.attempt_started(KEY, Identity(1, 1, "boot"))
    return watcher, attempt.path


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


async def test_nothing_is_done_while_no_attempt_is_active(tmp_path: Path) -> None:
    watcher, directory = watched(tmp_path)
    write(directory, b"out\n")
    await until(lambda: watcher.shown(KEY) == (4, 0))

    watcher.attempt_ended(KEY, 0, Reason.EXIT, "")

    assert watcher.shown(KEY) is None
    await until(lambda: len(asyncio.all_tasks()) == 1)


async def test_what_ended_large_is_settled_when_it_is_cut(directory: Path) -> None:
    watcher, attempt = watched(directory)
    write(attempt, b"x" * 4 * MIB)

    watcher.attempt_ended(KEY, 0, Reason.EXIT, "")

    assert not watcher.is_settled(KEY)
    await until(lambda: watcher.is_settled(KEY))
    assert read_cuts(attempt)[STDOUT].end > MIB


async def test_where_holes_can_t_be_punched_that_is_said_once_and_all_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watcher_module, "can_punch", lambda _: False)
    watcher, directory = watched(tmp_path)
    for size in (2 * MIB, 3 * MIB):
        write(directory, b"x" * size)
        await until(lambda size=size: watcher.shown(KEY) == (size, 0))
    watcher.close()

    assert [record.getMessage() for record in caplog.records] == [f"{tmp_path}: {CANNOT_CUT}"]
    assert read_cuts(directory) == NOTHING
