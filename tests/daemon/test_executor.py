from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stoker_daemon import processes
from stoker_daemon.attempts import AttemptDirectory, AttemptKey
from stoker_daemon.executor import KEEPER, Executor, Order
from stoker_daemon.groups import Used
from stoker_daemon.launchers.shell import shebang
from stoker_daemon.launchers.task import Launch
from stoker_daemon.processes import Identity, boot_id, identify, members
from stoker_shared import events as ev
from stoker_shared.codec import decode_record, encode_record
from stoker_shared.events import Reason
from tests.harness import PATIENCE, is_gone, wait_for
from tests.strategies import T0

KEY = AttemptKey(run=12, number=3, node="ingest", attempt=1)
BOOT = boot_id()
PATIENT = 600.0
"""A grace that no test waits for: what ends within a test has ended by TERM."""
SHORT = 0.3


class Told:
    """What a listener was told of one attempt, and what of it was alive when it was told the end."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.started: list[Identity] = []
        self.adopted: list[Identity] = []
        self.ends: list[tuple[int | None, Reason, str]] = []
        self.left_alive: list[int] = []
        self.over = asyncio.Event()

    def attempt_started(self, key: AttemptKey, process: Identity) -> None:
        self.started.append(process)

    def attempt_adopted(self, key: AttemptKey, process: Identity) -> None:
        self.adopted.append(process)

    def attempt_ended(
        self, key: AttemptKey, exit_status: int | None, reason: Reason, detail: str, used: Used
    ) -> None:
        assert key == KEY
        self.ends.append((exit_status, reason, detail))
        self.left_alive = members(next(iter(self.started + self.adopted), None), self.tag)
        self.over.set()

    def watching_failed(self, error: BaseException) -> None:
        raise error


class Bench:
    """One attempt under one executor after another, with what they were told."""

    def __init__(self, directory: Path) -> None:
        self.logs = directory / "logs"
        self.logs.mkdir()
        self.scratch = directory / "scratch"
        self.scratch.mkdir()
        self.tag = uuid.uuid4().hex
        self.executors: list[Executor] = []
        self.directory = AttemptDirectory(self.logs, KEY)

    def executor(self, grace: float = PATIENT) -> tuple[Executor, Told]:
        executor = Executor(self.logs, grace)
        executor.listener = told = Told(self.tag)
        self.executors.append(executor)
        return executor, told

    def order(self, script: str, **env: str) -> Order:
        env = {"scratch": str(self.scratch), **env}
        return Order(KEY, self.tag, Launch(argv=("/bin/sh", "-c", script), env=env))

    def launched(self, script: str, grace: float = PATIENT) -> tuple[Executor, Told]:
        return self.carried_out(self.order(script), grace)

    def carried_out(self, order: Order, grace: float = PATIENT) -> tuple[Executor, Told]:
        executor, told = self.executor(grace)
        executor.make_ready(order)
        executor.launch(order)
        return executor, told

    async def ended(self, told: Told) -> tuple[int | None, Reason]:
        await asyncio.wait_for(told.over.wait(), PATIENCE)
        ((status, reason, _),) = told.ends
        return status, reason

    async def result(self, script: str, **env: str) -> tuple[int | None, Reason]:
        return await self.ended(self.carried_out(self.order(script, **env))[1])

    def keeper_of_another_daemon(self, script: str) -> None:
        """Start a keeper that is nobody's child any more."""
        self.directory.make()
        subprocess.run(
            ["setsid", "--fork", "/bin/sh", KEEPER, self.directory.path, "100", "/bin/sh", "-c", script],
            env={**os.environ, processes.TAG: self.tag, "scratch": str(self.scratch)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def recovered(self, boot: str = BOOT, start_time: int | None = None) -> tuple[Executor, Told]:
        executor, told = self.executor()
        executor.recover(KEY, self.tag, boot, start_time)
        return executor, told

    async def said(self, name: str) -> str:
        """What the job wrote to a file of that name, once it has."""
        path = self.scratch / name

        def look() -> str | None:
            text = path.read_text() if path.exists() else ""
            return text if text.endswith("\n") else None

        return (await asyncio.to_thread(wait_for, look, f"the job writes {name}")).strip()

    def allow(self, name: str) -> None:
        (self.scratch / name).touch()

    def output(self, stream: str = "stdout") -> str:
        return self.directory.stream(stream).read_text()

    async def keeper(self) -> int:
        return await asyncio.to_thread(wait_for, self.directory.keeper, "it is claimed")

    def clean(self) -> None:
        for executor in self.executors:
            executor.close()
        while left := members(None, self.tag):
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


WAIT = "until test -e $scratch/go; do sleep 0.01; done"
"""A job's way to wait until it is allowed to go on."""


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.clean()


class TestTheEnd:
    @pytest.mark.parametrize(
        ("script", "status"),
        [
            ("exit 0", 0),
            ("exit 7", 7),
            ("exit 255", 255),
            ("kill -TERM $$", 128 + 15),
            ("kill -KILL $$", 128 + 9),
            ("exec /no/such/program", 127),
        ],
    )
    async def test_is_told_with_the_exit_status(self, bench: Bench, script: str, status: int):
        assert await bench.result(script) == (status, Reason.EXIT)
        assert bench.directory.exit_status() == status

    async def test_is_told_once_after_the_start(self, bench: Bench):
        _, told = bench.launched("echo $PPID >$scratch/keeper")
        assert await bench.ended(told) == (0, Reason.EXIT)

        (process,) = told.started
        assert process.pid == int(await bench.said("keeper"))
        assert process.boot_id == BOOT
        assert process.start_time > 0

    async def test_of_a_success_leaves_alone_what_the_job_left_running(self, bench: Bench):
        assert await bench.result("sleep 600 & echo $! >$scratch/left") == (0, Reason.EXIT)

        assert not is_gone(int(await bench.said("left")))

    async def test_of_a_failure_is_told_when_nothing_of_it_is_alive(self, bench: Bench):
        script = "sleep 600 & setsid sleep 600 & echo $! >$scratch/left; exit 3"
        _, told = bench.launched(script)

        assert await bench.ended(told) == (3, Reason.EXIT)
        assert told.left_alive == []
        assert is_gone(int(await bench.said("left")))


class TestALaunch:
    async def test_gives_the_job_a_session_of_its_own_led_by_its_keeper(self, bench: Bench):
        _, told = bench.launched(f"echo $$ >$scratch/job; {WAIT}")
        job = int(await bench.said("job"))

        assert os.getsid(job) == told.started[0].pid == await bench.keeper() != os.getsid(0)
        bench.allow("go")
        await bench.ended(told)

    async def test_sends_output_straight_to_files(self, bench: Bench):
        await bench.result("echo out; echo err >&2; cat")

        assert (bench.output("stdout"), bench.output("stderr")) == ("out\n", "err\n")
        assert {bench.directory.stream(name).stat().st_mode & 0o777 for name in ("stdout", "stderr")} == {
            0o600
        }

    async def test_gives_the_job_its_environment_and_its_tag(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("OF_THE_DAEMON", "kept")
        monkeypatch.setenv("OF_BOTH", "daemon")

        await bench.result('echo "$OF_THE_DAEMON $OF_BOTH $STOKER_ATTEMPT_TAG"', OF_BOTH="job")

        assert bench.output() == f"kept job {bench.tag}\n"

    async def test_runs_the_job_in_its_working_directory(self, bench: Bench):
        await bench.result("pwd -P")

        assert bench.output() == f"{bench.directory.path.resolve() / 'work'}\n"

    async def test_gives_the_job_its_signals_as_they_come_by_default(self, bench: Bench):
        await bench.result("grep -E 'Sig(Ign|Blk)' /proc/self/status")

        signals = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        masks = [int(line.split()[1], 16) for line in bench.output().splitlines()]
        assert len(masks) == 2
        assert not any(mask >> number - 1 & 1 for mask in masks for number in signals)

    async def test_gives_the_job_its_files_for_nobody_else_to_read(self, bench: Bench, tmp_path: Path):
        source = tmp_path / "object"
        source.write_text("select 1")
        launch = Launch(argv=("/bin/cat", "../a.sql", "../p"), env={}, files={"p": b" secret"})

        _, told = bench.carried_out(Order(KEY, bench.tag, launch, (("a.sql", source),)))

        assert await bench.ended(told) == (0, Reason.EXIT)
        assert bench.output() == "select 1 secret"
        assert (bench.directory.path / "p").stat().st_mode & 0o777 == 0o600

    async def test_passes_any_argument_as_it_is(self, bench: Bench):
        arguments = ["", " ", "*", "$HOME", "'", '"', "\\", "a\nb", "-n", "\u2028"]
        script = 'for a; do printf "%s\\0" "$a"; done'

        _, told = bench.carried_out(
            Order(KEY, bench.tag, Launch(argv=("/bin/sh", "-c", script, "sh", *arguments), env={}))
        )

        assert await bench.ended(told) == (0, Reason.EXIT)
        assert bench.output() == "".join(f"{argument}\0" for argument in arguments)

    async def test_passes_the_environment_as_it_is_whatever_its_names(self, bench: Bench):
        names = ("file", "work", "first", "status", "n", "_x")

        await bench.result("env", **{name: f"of {name}" for name in names})

        lines = bench.output().splitlines()
        assert [name for name in names if f"{name}=of {name}" not in lines] == []

    @pytest.mark.parametrize(
        ("argv", "env"),
        [
            (("/bin/echo", "a\0b"), {}),
            (("/bin/echo", "x" * 200_000), {}),
            (("/bin/echo",), {"A=B": "x"}),
            (("/bin/echo",), {"A": "\0"}),
        ],
        ids=["NUL in an argument", "a huge argument", "a name that none can have", "NUL in a value"],
    )
    async def test_that_is_not_possible_is_refused(
        self, bench: Bench, argv: tuple[str, ...], env: dict[str, str]
    ):
        _, told = bench.carried_out(Order(KEY, bench.tag, Launch(argv=argv, env=env)))

        ((status, reason, detail),) = told.ends
        assert (status, reason) == (None, Reason.REFUSED)
        assert detail.startswith("could not be launched: ")
        assert told.started == []

    async def test_without_a_place_for_its_files_cannot_be_made_ready(self, bench: Bench):
        bench.logs.rmdir()
        bench.logs.write_text("a file where a directory belongs")
        executor, _ = bench.executor()

        with pytest.raises(OSError, match="Not a directory"):
            executor.make_ready(bench.order("exit 0"))

    @pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE])
    async def test_that_the_host_has_no_room_for_just_now_never_began(
        self, bench: Bench, number: int, monkeypatch: pytest.MonkeyPatch
    ):
        def no_room(*_: object, **__: object) -> int:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "posix_spawn", no_room)
        _, told = bench.launched("exit 0")

        ((status, reason, detail),) = told.ends
        assert (status, reason) == (None, Reason.NEVER_BEGAN)
        assert os.strerror(number) in detail

    async def test_leaves_a_keeper_that_no_upgrade_can_change(self, bench: Bench, tmp_path: Path):
        script = tmp_path / "keeper.sh"
        script.write_text(KEEPER.read_text())
        bench.directory.make()
        keeper = subprocess.Popen(
            ["bash", "--posix", script, bench.directory.path, "100", "sh", "-c", f"{WAIT}; exit 7"],
            env={**os.environ, "scratch": str(bench.scratch)},
        )
        await bench.keeper()

        script.write_text("echo exit 0\n" * 100)
        bench.allow("go")

        assert await asyncio.to_thread(keeper.wait, PATIENCE) == 7
        assert bench.directory.exit_status() == 7

    async def test_whose_files_are_gone_is_refused(self, bench: Bench):
        executor, told = bench.executor()

        executor.launch(bench.order("exit 0"))

        assert [reason for _, reason, _ in told.ends] == [Reason.REFUSED]

    async def test_takes_nothing_from_one_that_was_made_ready_and_never_came_to_be(
        self, bench: Bench, tmp_path: Path
    ):
        executor, told = bench.executor()
        for content in ("select 1", "select 2"):
            source = tmp_path / content
            source.write_text(content)
            launch = Launch(argv=("/bin/cat", "../a.sql", "../p"), env={}, files={"p": content.encode()})
            order = Order(KEY, bench.tag, launch, (("a.sql", source),))
            executor.make_ready(order)

        executor.launch(order)

        assert await bench.ended(told) == (0, Reason.EXIT)
        assert bench.output() == "select 2select 2"

    @pytest.mark.parametrize("line", [b"#!/bin/\xff\xfe", b"#!\x80 \xc3", "#!/bin/é".encode(), b"#!\n"])
    def test_has_a_command_that_can_be_written_down_whatever_the_script_is(self, line: bytes):
        intent = ev.AttemptStarting(1, "a", 1, "tag", "boot", shebang(line))
        record = ev.Record(1, T0, "alice", intent)

        assert decode_record(encode_record(record, 1)[:-1])[0] == record


class TestStopping:
    async def test_ends_the_job_by_term_first(self, bench: Bench):
        executor, told = bench.launched(
            "trap 'echo bye; exit 5' TERM; echo >$scratch/up; while :; do sleep 0.01; done"
        )
        await bench.said("up")

        executor.end(KEY)

        assert await bench.ended(told) == (5, Reason.EXIT)
        assert bench.output() == "bye\n"

    async def test_ends_the_whole_tree(self, bench: Bench):
        executor, told = bench.launched(
            """
            sleep 600 &
            (sleep 600; echo) &
            setsid sh -c 'sleep 600 & sleep 600' &
            env -i sleep 600 &
            nohup sleep 600 &
            echo >$scratch/up
            wait
            """
        )
        await bench.said("up")

        executor.end(KEY)

        await bench.ended(told)
        assert told.left_alive == []

    async def test_kills_what_is_deaf_to_term_after_the_grace(self, bench: Bench):
        executor, told = bench.launched(
            """
            trap '' TERM
            setsid sh -c 'echo $$ >$scratch/child; while :; do sleep 600; done' &
            sleep 600 &
            echo >$scratch/up
            while :; do sleep 600; done
            """,
            grace=SHORT,
        )
        await bench.said("up")
        child = int(await bench.said("child"))
        began = asyncio.get_running_loop().time()

        executor.end(KEY)

        assert await bench.ended(told) == (128 + 9, Reason.EXIT)
        assert asyncio.get_running_loop().time() - began >= SHORT
        assert told.left_alive == []
        assert is_gone(child)

    async def test_ends_what_is_stopped_by_a_signal(self, bench: Bench):
        executor, told = bench.launched("echo $$ >$scratch/job; kill -STOP $$; sleep 600", grace=SHORT)
        await bench.said("job")

        executor.end(KEY)

        assert await bench.ended(told) == (128 + 9, Reason.EXIT)

    async def test_ends_what_a_dying_job_still_starts(self, bench: Bench):
        executor, told = bench.launched(
            "trap 'setsid sleep 600 & setsid sleep 600 & exit 1' TERM; echo >$scratch/up;"
            "while :; do sleep 0.01; done",
            grace=1,
        )
        await bench.said("up")

        executor.end(KEY)

        await bench.ended(told)
        assert told.left_alive == []

    async def test_at_once_after_the_launch_ends_it_too(self, bench: Bench):
        executor, told = bench.launched("sleep 600", grace=2)

        executor.end(KEY)

        # Between its fork and its exec it is the keeper's copy, and may be as deaf to TERM as that is.
        assert await bench.ended(told) in [(128 + 15, Reason.EXIT), (128 + 9, Reason.EXIT)]
        assert told.left_alive == []

    async def test_again_changes_nothing(self, bench: Bench):
        executor, told = bench.launched("echo >$scratch/up; sleep 600")
        await bench.said("up")

        for _ in range(3):
            executor.end(KEY)

        assert await bench.ended(told) == (128 + 15, Reason.EXIT)

    async def test_of_what_has_ended_or_never_was_is_nothing(self, bench: Bench):
        executor, told = bench.launched("exit 0")
        await bench.ended(told)

        executor.end(KEY)
        executor.end(AttemptKey(1, 1, "other", 1))

        assert len(told.ends) == 1


class TestAfterARestart:
    async def test_an_attempt_that_ended_meanwhile_has_its_true_status(self, bench: Bench):
        for status in (0, 7):
            bench.keeper_of_another_daemon(f"exit {status}")
            await asyncio.to_thread(
                wait_for, lambda: bench.directory.exit_status() is not None, "it has ended"
            )

            _, told = bench.recovered()

            assert await bench.ended(told) == (status, Reason.EXIT)
            (bench.directory.path / "keeper").unlink()

    async def test_an_attempt_that_ended_before_the_machine_restarted_has_its_true_status(self, bench: Bench):
        bench.directory.make()
        (bench.directory.path / "keeper").write_text(f"{os.getpid()}\nexit 7\n")

        _, told = bench.recovered(boot="another boot", start_time=1)

        assert await bench.ended(told) == (7, Reason.EXIT)

    async def test_an_attempt_that_ran_when_the_machine_restarted_is_lost(self, bench: Bench):
        bench.directory.make()
        (bench.directory.path / "keeper").write_text(f"{os.getpid()}\n")

        _, told = bench.recovered(boot="another boot", start_time=1)

        assert await bench.ended(told) == (None, Reason.LOST)
        assert "restarted" in told.ends[0][2]

    async def test_an_attempt_is_not_lost_while_anything_carries_its_tag_whatever_the_boot(
        self, bench: Bench
    ):
        bench.keeper_of_another_daemon("setsid sh -c 'echo $$ >$scratch/left; exec sleep 600' & exit 7")
        left = int(await bench.said("left"))
        await asyncio.to_thread(wait_for, bench.directory.exit_status, "its keeper has ended")
        (bench.directory.path / "keeper").write_text("1\n")

        _, told = bench.recovered(boot="another boot", start_time=1)

        assert await bench.ended(told) == (None, Reason.LOST)
        assert told.left_alive == []
        assert is_gone(left)

    async def test_whoever_has_the_pid_of_a_keeper_that_is_gone_is_left_alone(self, bench: Bench):
        stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
        bench.directory.make()
        (bench.directory.path / "keeper").write_text(f"{stranger.pid}\n")

        _, told = bench.recovered(start_time=1)

        assert await bench.ended(told) == (None, Reason.LOST)
        assert "keeper" in told.ends[0][2]
        assert (told.adopted[0].pid, told.adopted[0].start_time) == (stranger.pid, 1)
        assert stranger.poll() is None
        stranger.kill()
        stranger.wait()

    async def test_the_end_of_another_child_with_the_pid_of_a_keeper_is_not_taken_for_its_own(
        self, bench: Bench
    ):
        child = subprocess.Popen(["true"])
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        bench.directory.make()
        (bench.directory.path / "keeper").write_text(f"{child.pid}\n")

        _, told = bench.recovered(start_time=1)

        assert await bench.ended(told) == (None, Reason.LOST)
        assert child.wait() == 0

    @pytest.mark.parametrize("junk", [b"\0\0\0\n", b"\xff\xfe\n", b"12x\nexit 0\n", b"exit\n"])
    async def test_a_keepers_file_that_a_crash_of_the_machine_left_in_pieces_stops_nothing(
        self, bench: Bench, junk: bytes
    ):
        bench.directory.make()
        (bench.directory.path / "keeper").write_bytes(b"\n" + junk)

        for boot in ("another boot", BOOT):
            _, told = bench.recovered(boot=boot)

            assert (await bench.ended(told))[1] in (Reason.LOST, Reason.NEVER_BEGAN)

    async def test_an_attempt_that_runs_is_adopted_and_has_its_true_status(self, bench: Bench):
        bench.keeper_of_another_daemon(f"echo >$scratch/up; {WAIT}; exit 7")
        await bench.said("up")

        _, told = bench.recovered()
        await asyncio.to_thread(bench.allow, "go")

        assert await bench.ended(told) == (7, Reason.EXIT)
        (adopted,) = told.adopted
        assert adopted.pid == await bench.keeper()
        assert adopted.start_time > 0
        assert told.started == []

    async def test_an_adopted_attempt_is_stopped_like_any_other(self, bench: Bench):
        bench.keeper_of_another_daemon("setsid sleep 600 & echo >$scratch/up; sleep 600")
        await bench.said("up")

        executor, told = bench.recovered()
        executor.end(KEY)

        assert await bench.ended(told) == (128 + 15, Reason.EXIT)
        assert told.left_alive == []

    async def test_an_attempt_that_nobody_claimed_never_began_and_its_late_keeper_runs_nothing(
        self, bench: Bench
    ):
        _, told = bench.recovered()
        assert await bench.ended(told) == (None, Reason.NEVER_BEGAN)

        late = subprocess.run(
            ["/bin/sh", KEEPER, bench.directory.path, "100", "/bin/sh", "-c", f"touch {bench.scratch}/ran"],
            check=False,
        )

        assert late.returncode == 0
        assert not (bench.scratch / "ran").exists()
        assert bench.directory.exit_status() is None

    async def test_an_attempt_that_was_given_up_before_never_began(self, bench: Bench):
        assert bench.directory.keeper_or_none_ever() is None
        assert bench.directory.keeper_or_none_ever() is None

        _, told = bench.recovered()

        assert await bench.ended(told) == (None, Reason.NEVER_BEGAN)

    async def test_only_one_of_a_keeper_and_a_daemon_has_the_attempt(self, bench: Bench):
        for _ in range(30):
            bench.keeper_of_another_daemon("echo ran >>$scratch/ran")
            _, told = bench.recovered()

            status, reason = await bench.ended(told)

            ran = (bench.scratch / "ran").exists()
            assert (status, reason) == ((0, Reason.EXIT) if ran else (None, Reason.NEVER_BEGAN))
            await asyncio.to_thread(wait_for, lambda: members(None, bench.tag) == [], "its keeper is gone")
            assert (bench.scratch / "ran").exists() == ran
            for path in [*bench.scratch.iterdir(), *bench.directory.path.glob("keeper")]:
                path.unlink()


class TestOnAFullDisk:
    async def test_a_claim_and_an_exit_status_have_their_block_beforehand(self, bench: Bench):
        executor, _ = bench.executor()
        executor.make_ready(bench.order("exit 7"))
        keeper = bench.directory.path / "keeper"

        assert keeper.read_text() == "\n"
        assert not bench.directory.is_claimed()
        assert (bench.directory.keeper(), bench.directory.exit_status()) == (None, None)

    async def test_a_keepers_file_without_an_empty_line_is_read_and_claimed_too(self, bench: Bench):
        bench.directory.make()
        (bench.directory.path / "keeper").write_text("")
        executor, told = bench.executor()
        executor.launch(bench.order("exit 7"))

        assert await bench.ended(told) == (7, Reason.EXIT)
        assert (bench.directory.path / "keeper").read_text() == f"{told.started[0].pid}\nexit 7\n"

    async def test_an_attempt_that_was_never_laid_out_never_began(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ):
        def no_room(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "makedirs", no_room)
        _, told = bench.recovered()

        assert await bench.ended(told) == (None, Reason.NEVER_BEGAN)
        assert not bench.directory.path.exists()


async def test_an_executor_that_is_closed_leaves_an_attempt_and_its_exit_status_to_the_next(bench: Bench):
    first, told = bench.launched("until [ -e $scratch/go ]; do sleep 0.01; done; exit 7")
    keeper = told.started[0]
    await bench.keeper()
    first.close()
    _, later = bench.recovered(start_time=keeper.start_time)
    assert later.adopted == [keeper]

    bench.allow("go")

    assert await bench.ended(later) == (7, Reason.EXIT)
    assert told.ends == []


class TestAKilledKeeper:
    async def test_loses_the_attempt_when_its_job_is_gone_and_not_before(self, bench: Bench):
        _, told = bench.launched(f"echo $$ >$scratch/job; {WAIT}; echo done")
        job = int(await bench.said("job"))
        os.kill(told.started[0].pid, signal.SIGKILL)
        await asyncio.to_thread(wait_for, lambda: is_gone(told.started[0].pid), "the keeper is gone")
        await asyncio.sleep(0)
        assert told.ends == []

        bench.allow("go")

        assert await bench.ended(told) == (None, Reason.LOST)
        assert told.left_alive == []
        assert is_gone(job)

    async def test_while_no_daemon_was_there_does_so_too(self, bench: Bench):
        bench.keeper_of_another_daemon(f"echo $$ >$scratch/job; {WAIT}")
        job = int(await bench.said("job"))
        keeper = await bench.keeper()
        found = identify(keeper, BOOT)
        assert found
        os.kill(keeper, signal.SIGKILL)
        await asyncio.to_thread(wait_for, lambda: is_gone(keeper), "the keeper is gone")

        _, told = bench.recovered(start_time=found.start_time)
        await asyncio.sleep(0)
        assert told.ends == []
        bench.allow("go")

        assert await bench.ended(told) == (None, Reason.LOST)
        assert told.left_alive == []
        assert is_gone(job)

    async def test_leaves_a_job_that_is_ended_when_it_is_stopped(self, bench: Bench):
        executor, told = bench.launched("setsid sleep 600 & echo >$scratch/up; sleep 600")
        await bench.said("up")
        os.kill(told.started[0].pid, signal.SIGKILL)

        executor.end(KEY)

        assert await bench.ended(told) == (None, Reason.LOST)
        assert told.left_alive == []

    async def test_is_not_one_that_only_gets_term(self, bench: Bench):
        _, told = bench.launched(f"echo >$scratch/up; {WAIT}; exit 7")
        await bench.said("up")

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(told.started[0].pid, number)
        bench.allow("go")

        assert await bench.ended(told) == (7, Reason.EXIT)


class TestADirectoryOfAnotherRunLog:
    async def test_is_not_launched_in_and_its_outcome_not_believed(self, tmp_path: Path):
        executor = Executor(tmp_path, 1)
        old = AttemptDirectory(tmp_path, KEY)
        old.make()
        (old.path / "keeper").write_text("123\nexit 0\n")
        order = Order(KEY, "tag", Launch(argv=("true",), env={}))

        with pytest.raises(FileExistsError, match="is of another run log"):
            executor.make_ready(order)
