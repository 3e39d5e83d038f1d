"""What a launch leaves on disk and in the job's environment, and how its end is told."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
from pathlib import Path

import pytest

import stoker_daemon
from stoker_daemon.attempts.executor import KEEPER, Order
from stoker_daemon.launchers.shell import shebang
from stoker_daemon.launchers.task import Launch
from stoker_shared import events as ev
from stoker_shared.codec import decode_record, encode_record
from stoker_shared.events import Reason
from tests.daemon.attempts.executor.bench import BOOT, KEY, WAIT, Bench
from tests.harness import PATIENCE, is_gone
from tests.strategies import T0


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

    def test_find_a_keeper_also_while_an_upgrade_lies_beneath_a_daemon_that_runs_on(self):
        """It lies where the daemons of all versions look for it."""
        assert Path(stoker_daemon.__file__).with_name("keeper.sh") == KEEPER
        assert KEEPER.is_file()

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
