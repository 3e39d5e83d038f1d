"""What jobs write, really run: both streams in one order, the middle cut out of what is too much."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from stoker_shared.api import Stream
from stoker_tui.logs.attempt import AttemptSource, Unreadable
from tests.harness import STOKER, STOKERD, StokerDaemon, wait_for
from tests.terminal import on_terminal

MIB = 1024 * 1024
MARK = re.compile(rb"\n\[stoker: ([\d,]+) bytes were cut out here\]\n")

GATED = """
gate() { while [ ! -e "$GATE$1" ]; do sleep 0.02; done; }
"""
"""A job's way to wait until a test lets it go on."""

MUCH = GATED + "echo begun; gate 1; seq -f 'line %010.0f' 1000000; gate 2; echo ended"
"""Writes 16,000,012 bytes."""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StokerDaemon]:
    """A daemon that keeps little; each test has a workflow of its own."""
    home = tmp_path_factory.mktemp("output")
    with StokerDaemon(home, {"STOKER_OUTPUT_LIMIT": str(MIB)}) as running:
        yield running


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[StokerDaemon]:
    """A daemon that cuts nothing, and that a test may kill."""
    with StokerDaemon(tmp_path) as running:
        yield running


class Job:
    """A run of one node, whose script waits at gates."""

    def __init__(self, daemon: StokerDaemon, directory: Path, script: str) -> None:
        self.daemon = daemon
        self._gate = directory / "gate"
        name = sha256(str(directory).encode()).hexdigest()[:12]
        daemon.publish_job(f"{name}.sh", script, {"env": {"GATE": str(self._gate)}})
        daemon.publish_workflow(name, [{"name": "job", "job": f"{name}.sh"}])
        self.run = daemon.start_run(name)

    def open(self, gate: int) -> None:
        Path(f"{self._gate}{gate}").touch()

    def finish(self, *gates: int) -> None:
        for gate in gates:
            self.open(gate)
        self.daemon.finished(self.run)

    @property
    def directory(self) -> Path:
        return self.daemon.data / f"logs/{self.run}/1/1"

    def get(self, stream: str, asked: str = "") -> httpx.Response:
        headers = {"Range": asked} if asked else {}
        return self.daemon.http.get(self._url(stream), headers=headers)

    def content(self, stream: str) -> bytes:
        return self.get(stream).raise_for_status().content

    def shows(self, stream: str, content: bytes) -> None:
        """Wait until a stream is just that."""
        wait_for(lambda: self.begun and self.content(stream) == content, f"{stream} is {content!r}")

    @property
    def begun(self) -> bool:
        return bool(self.daemon.node(self.run, "job").get("attempts"))

    @contextmanager
    def follow(self, stream: str, offset: int = 0) -> Iterator[Iterator[bytes]]:
        asked: dict[str, str | int] = {"follow": "true", "offset": offset}
        with self.daemon.http.stream("GET", self._url(stream), params=asked) as answer:
            assert answer.status_code == 200
            yield answer.iter_raw()

    def _url(self, stream: str) -> str:
        return f"/v1/runs/{self.run}/nodes/job/attempts/1/logs/{stream}"


def lines(count: int) -> bytes:
    return b"begun\n" + b"".join(b"line %010d\n" % number for number in range(1, count + 1)) + b"ended\n"


ALL = lines(1_000_000)


def cut_in(content: bytes) -> tuple[int, int, int]:
    """Check that content is head and tail of `ALL` around one mark, and give the cut and the tail's end."""
    head, count, tail = MARK.split(content)
    start, length = len(head), int(count.replace(b",", b""))
    assert ALL.startswith(head)
    end = start + length + len(tail)
    assert ALL[start + length : end] == tail
    return start, start + length, end


# Too much.


def test_of_too_much_output_head_and_tail_are_kept_and_a_mark_says_how_much_was_cut(
    daemon: StokerDaemon, tmp_path: Path
) -> None:
    job = Job(daemon, tmp_path, MUCH)
    job.finish(1, 2)

    wait_for(lambda: disk(job.directory) <= MIB, "the disk is freed")

    for stream in ("stdout", "both"):
        start, end, size = cut_in(job.content(stream))
        assert size == len(ALL)
        assert start >= MIB // 16
        assert size - end >= MIB // 4
    assert (job.directory / "stdout").stat().st_size == len(ALL)


def disk(directory: Path) -> int:
    return sum((directory / name).stat().st_blocks * 512 for name in ("stdout", "stderr"))


def test_ranges_have_true_positions_and_end_or_begin_at_a_cut(daemon: StokerDaemon, tmp_path: Path) -> None:
    job = Job(daemon, tmp_path, MUCH)
    job.finish(1, 2)
    wait_for(lambda: disk(job.directory) <= MIB, "the disk is freed")
    start, end, size = cut_in(job.content("stdout"))

    def check(asked: str, first: int, after: int, cut: str | None) -> None:
        answer = job.get("stdout", asked)
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {first}-{after - 1}/{size}"
        assert answer.headers.get("stoker-cut") == cut
        assert answer.content == ALL[first:after]

    check("bytes=10-19", 10, 20, None)
    check(f"bytes={start - 5}-{end + 5}", start - 5, start, f"{start}-{end - 1}")
    check("bytes=0-", 0, start, f"{start}-{end - 1}")
    check(f"bytes={end - 5}-{end + 4}", end, end + 5, f"{end - 5}-{end - 1}")
    check(f"bytes=-{size - start}", end, size, f"{start}-{end - 1}")
    check(f"bytes=-{size}", end, size, f"{start}-{end - 1}")
    check("bytes=-100", size - 100, size, None)
    inside = job.get("stdout", f"bytes={start}-{end - 1}")
    assert inside.status_code == 416
    assert "was cut out" in inside.json()["detail"]


def test_a_follower_that_is_overtaken_by_a_cut_gets_a_mark_and_goes_on_behind_it(
    daemon: StokerDaemon, tmp_path: Path
) -> None:
    job = Job(daemon, tmp_path, MUCH)
    wait_for(lambda: job.begun and job.content("stdout"), "it has begun")
    with job.follow("stdout") as slow, job.follow("both") as slow_both:
        first, first_of_both = next(slow), next(slow_both)
        job.open(1)
        wait_for((job.directory / "cuts").exists, "it is cut")
        wait_for(lambda: MARK.search(job.content("both")), "the cut is seen while it runs")
        job.finish(2)
        for followed in (first + b"".join(slow), first_of_both + b"".join(slow_both)):
            place = 0
            kept = MARK.split(followed)
            assert len(kept) >= 3
            for text, count in zip(kept[::2], [*kept[1::2], b"0"], strict=True):
                assert ALL[place : place + len(text)] == text
                place += len(text) + int(count.replace(b",", b""))
            assert place == len(ALL)


def test_a_range_of_a_job_that_runs_is_bounded(roomy: StokerDaemon, tmp_path: Path) -> None:
    job = Job(roomy, tmp_path, GATED + "head -c 20000000 /dev/zero; gate 1")
    wait_for(lambda: job.begun and job.get("stdout", "bytes=-1").headers.get("content-range", "")
             == "bytes 19999999-19999999/20000000", "it has written")  # fmt: skip

    first, last = job.get("stdout", "bytes=0-"), job.get("stdout", "bytes=-20000000")
    assert first.headers["content-range"] == f"bytes 0-{16 * MIB - 1}/20000000"
    assert last.headers["content-range"] == f"bytes {20_000_000 - 16 * MIB}-19999999/20000000"
    job.finish(1)
    assert len(job.get("stdout", "bytes=0-").content) == 20_000_000


def test_a_limit_that_is_too_small_is_refused(tmp_path: Path) -> None:
    environment = {**os.environ, "STOKER_DATA": str(tmp_path), "STOKER_OUTPUT_LIMIT": "1000"}
    done = subprocess.run([STOKERD], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "output_limit is '1000', and must be a whole number from 1,048,576" in done.stderr


# Whatever is written.


def test_a_long_line_nuls_and_what_is_no_text_come_through_byte_for_byte(
    roomy: StokerDaemon, tmp_path: Path
) -> None:
    job = Job(roomy, tmp_path, "head -c 64000000 /dev/zero | tr '\\0' x; printf '\\0\\377\\376\\033[2J\\r'")
    job.finish()
    expected = b"x" * 64_000_000 + b"\0\xff\xfe\x1b[2J\r"

    assert sha256(job.content("both")).digest() == sha256(expected).digest()
    printed = subprocess.run(
        [STOKER, "logs", str(job.run)], env=roomy.environment, capture_output=True, check=True
    )
    assert sha256(printed.stdout).digest() == sha256(expected).digest()


def test_a_tail_of_a_line_that_is_too_long_is_told(roomy: StokerDaemon, tmp_path: Path) -> None:
    job = Job(roomy, tmp_path, "head -c 20000000 /dev/zero | tr '\\0' x; echo; echo last")
    job.finish()

    def tail(count: int) -> subprocess.CompletedProcess[str]:
        return roomy.run_stoker("logs", str(job.run), "--tail", str(count))

    assert (tail(1).stdout, tail(1).stderr) == ("last\n", "")
    two = tail(2)
    assert len(two.stdout) == 16 * MIB
    assert two.stdout.endswith("x\nlast\n")
    assert two.stderr == "stoker: this begins at byte 3,222,790 of job: a longer tail is not read\n"


def test_a_tail_that_reaches_into_a_cut_says_so(daemon: StokerDaemon, tmp_path: Path) -> None:
    job = Job(daemon, tmp_path, MUCH)
    job.finish(1, 2)
    wait_for(lambda: disk(job.directory) <= MIB, "the disk is freed")
    _, end, _ = cut_in(job.content("stdout"))

    tail = daemon.run_stoker("logs", str(job.run), "--tail", "500000", "--stream", "stdout")

    assert tail.stdout.encode() == ALL[end:]
    assert f"begins at byte {end:,} of job" in tail.stderr
    assert "bytes before it were cut out" in tail.stderr


def test_on_a_terminal_output_is_cleaned(roomy: StokerDaemon, tmp_path: Path) -> None:
    job = Job(roomy, tmp_path, r"printf '\033[31mred\033[0m \033]0;title\a \033[2J \377 10%%\r20%%\r\n'")
    job.finish()

    shown = on_terminal([STOKER, "logs", str(job.run)], 80, roomy.environment)

    assert shown == "\x1b[31mred\x1b[0m ␛]0;title␇ ␛[2J \ufffd 10%\r20%\n\x1b[0m"


# Both.

TURNS = (
    GATED + "echo out 1; gate 1; echo err 1 >&2; gate 2; echo out 2; gate 3; echo err 2 >&2; printf 'out 3'"
)


def test_both_streams_are_shown_in_the_order_in_which_they_grew(roomy: StokerDaemon, tmp_path: Path) -> None:
    job = Job(roomy, tmp_path, TURNS)
    job.shows("both", b"out 1\n")
    with job.follow("both") as whole, job.follow("both", 8) as part:
        assert next(whole) == b"out 1\n"
        for gate, line in ((1, b"err 1\n"), (2, b"out 2\n")):
            job.open(gate)
            assert next(whole) == line
        job.finish(3)
        rest = b"".join(whole)
        followed = b"".join(part)
    assert rest in (b"err 2\nout 3", b"out 3err 2\n")
    content = b"out 1\nerr 1\nout 2\n" + rest
    assert followed == content[8:]
    answer = job.get("both", "bytes=6-13")
    assert (answer.content, answer.headers["content-range"]) == (b"err 1\nou", "bytes 6-13/29")
    assert answer.headers["stoker-order"] == "approximate"
    assert job.content("both") == content
    assert roomy.run_stoker("logs", str(job.run)).stdout.encode() == content
    assert job.content("stdout") == b"out 1\nout 2\nout 3"


def test_positions_in_both_are_kept_over_a_crash_of_the_daemon(roomy: StokerDaemon, tmp_path: Path) -> None:
    job = Job(roomy, tmp_path, TURNS)
    job.shows("both", b"out 1\n")
    job.open(1)
    job.shows("both", b"out 1\nerr 1\n")

    roomy.kill()
    job.open(2)
    wait_for(lambda: (job.directory / "stdout").read_bytes().endswith(b"out 2\n"), "it goes on meanwhile")
    roomy.start()

    job.shows("both", b"out 1\nerr 1\nout 2\n")
    job.finish(3)
    assert job.content("both").startswith(b"out 1\nerr 1\nout 2\n")
    assert len(job.content("both")) == 29


def test_a_job_that_writes_to_one_stream_alone_costs_no_file_of_marks(
    roomy: StokerDaemon, tmp_path: Path
) -> None:
    job = Job(roomy, tmp_path, "echo out")
    job.finish()

    assert job.content("both") == b"out\n"
    assert not (job.directory / "marks").exists()


# As the terminal UI reads it.


async def test_a_reader_of_ranges_sees_true_positions_around_what_was_cut_out(
    daemon: StokerDaemon, tmp_path: Path
) -> None:
    job = Job(daemon, tmp_path, MUCH)
    wait_for(lambda: job.begun, "it has begun")
    transport = httpx.AsyncHTTPTransport(uds=str(daemon.socket))
    async with httpx.AsyncClient(transport=transport, base_url="http://stokerd") as http:
        source = AttemptSource(http, job.run, "job", 1, Stream.STDOUT)
        assert await source.grown(0)
        assert await source.read(0, 6) == (0, 6, b"begun\n")
        job.open(1)
        job.finish(2)
        assert await source.grown(6)
        assert not await source.grown(len(ALL))
        wait_for(lambda: disk(job.directory) <= MIB, "the disk is freed")
        start, end, size = cut_in(job.content("stdout"))

        assert await source.size() == size == len(ALL)
        assert await source.read(0, size) == (0, start, ALL[:start])
        assert await source.read(start, start + 1) == (start, end, None)
        assert await source.read(end - MIB, end + 9) == (end - MIB, end, None)
        assert await source.read(end, end + 9) == (end, end + 9, ALL[end : end + 9])
        assert await source.gone_since(end - 1) == start
        assert await source.read(size, size + 1) == (size, size, b"")

        launch = AttemptSource(http, job.run, "job", 1, Stream.LAUNCH)
        whole = (await launch.read(0, await launch.size())).data
        assert whole == job.content("launch")
        assert not await launch.grown(0)
        with pytest.raises(Unreadable, match="has no attempt 2"):
            await AttemptSource(http, job.run, "job", 2, Stream.STDOUT).size()
