"""Stopping: who gets which signal, and when it is over."""

from __future__ import annotations

import asyncio

from stoker_daemon.attempts.directory import AttemptKey
from stoker_shared.events import Reason
from tests.daemon.attempts.executor.bench import KEY, SHORT, Bench
from tests.harness import is_gone


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
