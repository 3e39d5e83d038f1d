"""What another executor makes of the attempts it finds, and of keepers that were killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest

from stoker_daemon.attempts.directory import AttemptDirectory
from stoker_daemon.attempts.executor import KEEPER, Executor, Order
from stoker_daemon.attempts.processes import identify, members
from stoker_daemon.launchers.task import Launch
from stoker_shared.events import Reason
from tests.daemon.attempts.executor.bench import BOOT, KEY, WAIT, Bench
from tests.harness import is_gone, wait_for


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
