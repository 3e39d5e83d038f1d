"""Runs that a backfill makes in a second, beside what a node of a run costs and the floor."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

from tests.bench import floor, measure
from tests.bench.dags import wide
from tests.bench.size import Row, Size
from tests.harness import StokerDaemon, wait_for

_AT_ONCE = 8
_FROM = date(1990, 1, 1)


def rows(place: Path, size: Size) -> list[Row]:
    """Measure one backfill of intervals of a day, a run of ``/bin/true`` each, and as many spawned."""
    count = size.intervals
    home = place / "backfills"
    home.mkdir()
    with StokerDaemon(home) as daemon:
        measure.define(daemon, "once", wide(1), 1)
        began = datetime.now().astimezone()
        asked = {
            "workflow": "once",
            "from": _FROM.isoformat(),
            "to": (_FROM + timedelta(days=count - 1)).isoformat(),
            "every": "1d",
            "parallel": _AT_ONCE,
        }
        accepted = measure.took(lambda: _create(daemon, asked))
        wait_for(lambda: "ended_at" in _shown(daemon), "the backfill ends", 600, 0.25)
        shown = _shown(daemon)
        took = (datetime.fromisoformat(shown["ended_at"]) - began).total_seconds()
        memory = measure.memory(daemon.pid)
    assert shown["succeeded"] == count, shown
    floor_seconds = floor.run(wide(count), _AT_ONCE, home)
    return [
        {
            "intervals": count,
            "accepted_ms": round(accepted * 1000, 1),
            "runs_a_s": round(count / took),
            "ms_a_run": round(took / count * 1000, 2),
            "floor_ms_a_run": round(floor_seconds / count * 1000, 2),
            "ratio": round(took / floor_seconds, 2),
            **memory,
        }
    ]


def _create(daemon: StokerDaemon, asked: dict[str, object]) -> None:
    daemon.http.post("/v1/workspaces/default/backfills", json=asked).raise_for_status()


def _shown(daemon: StokerDaemon) -> dict:
    return daemon.http.get("/v1/backfills/1").raise_for_status().json()
