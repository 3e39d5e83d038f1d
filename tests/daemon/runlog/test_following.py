from __future__ import annotations

from pathlib import Path

import pytest

from stoker_daemon.runlog import following, segments
from stoker_daemon.runlog.following import Follower, NotKept
from stoker_shared import events as ev
from tests.daemon.held import Held
from tests.daemon.runlog.bench import (
    lines_of,
    opened,
    published,
)
from tests.strategies import Story


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
        await held.arrive()
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
