"""What an executor does on a full disk."""

from __future__ import annotations

import errno
import os

import pytest

from stoker_shared.events import Reason
from tests.daemon.attempts.executor.bench import Bench


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
