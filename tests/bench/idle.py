"""What a daemon takes that has nothing to do: processor time and memory."""

from __future__ import annotations

import time
from pathlib import Path

from tests.bench import homes, measure
from tests.bench.dags import wide
from tests.bench.followers import SLEEPER, Followers
from tests.bench.size import Row, Size
from tests.harness import StokerDaemon


def rows(place: Path, size: Size) -> list[Row]:
    """Measure with few and with many workflows, after the start and after work, alone and followed."""
    return [row for count in (size.workflows[0], size.workflows[-1]) for row in _rows(place, size, count)]


def _rows(place: Path, size: Size, count: int) -> list[Row]:
    with StokerDaemon(homes.with_workflows(place, count)) as daemon:
        started = _idle(daemon, size.seconds)
        measure.define(daemon, "wide", wide(size.wide), 8)
        for _ in range(size.repeat):
            measure.run(daemon, "wide")
        worked = _idle(daemon, size.seconds)
        daemon.publish_job("sleeper.sh", SLEEPER)
        daemon.publish_workflow("sleeper", [{"name": "only", "job": "sleeper.sh"}])
        number = daemon.start_run("sleeper")
        output = f"/v1/runs/{number}/nodes/only/attempts/1/logs/stdout?follow=true"
        with Followers(daemon.socket, 1, "/v1/events"), Followers(daemon.socket, 1, output):
            followed = _idle(daemon, size.seconds)
    return [
        {"workflows": count, "daemon": "started", **started},
        {"workflows": count, "daemon": f"after {size.repeat * size.wide} nodes", **worked},
        {"workflows": count, "daemon": "a follower of events, one of output", **followed},
    ]


def _idle(daemon: StokerDaemon, seconds: float) -> Row:
    time.sleep(min(seconds, 2))  # what it was doing comes to an end
    before = measure.cpu_seconds(daemon.pid)
    time.sleep(seconds)
    used = measure.cpu_seconds(daemon.pid) - before
    return {"cpu_percent": round(used / seconds * 100, 2), **measure.memory(daemon.pid)}
