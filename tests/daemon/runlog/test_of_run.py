from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from stoker_daemon.runlog import following, of_run, segments
from stoker_daemon.runlog.of_run import Part, read_run
from stoker_shared import events as ev
from stoker_shared.codec import decode_record
from tests.daemon.runlog.bench import (
    lines_of,
)


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
