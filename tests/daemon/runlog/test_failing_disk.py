from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from stoker_daemon.runlog import reserve
from stoker_daemon.runlog.writer import LogWriter
from stoker_shared import events as ev
from tests.daemon.runlog.bench import (
    opened,
    published,
)
from tests.harness import PATIENCE, wait_for
from tests.strategies import T0, Story


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
            wait_for(
                lambda: len(reached) + len(failures) == len(story.records),
                "it is written, or told",
                interval=0.001,
            )
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

        assert isinstance(await asyncio.wait_for(told, PATIENCE), OSError)
        assert log.durable == 0
        log.close()
