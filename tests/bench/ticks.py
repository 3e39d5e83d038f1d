"""From a tick to its runs: of many workflows in the same second, and of a hundred with room for all.

The daemon's clock is set so that the tick comes soon after its start. Moments are those of the run log's
records.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stoker_daemon.runlog.segments import replay
from stoker_shared import events as ev
from tests.bench import floor, measure
from tests.bench.client import Client, together
from tests.bench.dags import wide
from tests.bench.size import Row, Size
from tests.clock import beginning_at
from tests.harness import StokerDaemon, wait_for

_AT_ONCE = 8
_AT = "03:00"


def rows(place: Path, size: Size) -> list[Row]:
    """Measure the workflows, of one node each, and a floor that spawns as many processes, as many at once."""
    return [_row(place, count, at_once) for count, at_once in ((size.ticking, 1000), (size.crowd, _AT_ONCE))]


def _row(place: Path, count: int, at_once: int) -> Row:
    home = place / f"ticks-{count}"
    home.mkdir()
    daemon = StokerDaemon(home)
    daemon.start()
    daemon.publish_job("true.sh", measure.TRUE)
    daemon.set_queue("root_queue", limit=at_once)
    asyncio.run(together(daemon.socket, _AT_ONCE, range(count), _define))
    daemon.terminate()
    floor_seconds = floor.run(wide(count), at_once, home)
    tick = _tick_after(datetime.now(UTC))
    daemon.inside = beginning_at(tick - timedelta(seconds=3 + count / 1000))
    daemon.start()
    wait_for(lambda: _have_ended(daemon, count), "every workflow has had its run", 600, 0.5)
    daemon.terminate()
    made, began, ended = _delays(home / "data/runlog", tick)
    return {
        "workflows": count,
        "nodes_at_once": at_once,
        "last_run_made_s": round(max(made), 2),
        "process_median_ms": measure.milliseconds(began),
        "process_p99_ms": measure.p99_milliseconds(began),
        "last_end_s": round(max(ended), 2),
        "floor_last_end_s": round(floor_seconds, 2),
        "ratio": round(max(ended) / floor_seconds, 2),
    }


async def _define(client: Client, number: int) -> None:
    name = f"workflow-{number:05d}"
    schedule = {"type": "days", "at": _AT, "time_zone": "UTC"}
    spec = {"workflow": name, "nodes": [{"name": "only", "job": "true.sh"}], "schedule": schedule}
    path = f"/v1/workspaces/default/workflows/{name}"
    await client.ask("PUT", path, json.dumps(spec).encode(), {"If-None-Match": "*"})
    await client.ask("POST", f"{path}/publish", b"{}")
    await client.ask("PUT", f"{path}/scheduling", b'{"on": true}')


def _tick_after(moment: datetime) -> datetime:
    """Give the first tick that is far enough off to have been switched on before it."""
    hour, minute = map(int, _AT.split(":"))
    soonest = moment + timedelta(hours=1)
    tick = soonest.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return tick if tick >= soonest else tick + timedelta(days=1)


def _have_ended(daemon: StokerDaemon, count: int) -> bool:
    counts = daemon.http.get("/v1/workspaces/default/runs/counts").json()
    return counts["states"].get("succeeded") == count


def _delays(runlog: Path, tick: datetime) -> tuple[list[float], ...]:
    """Give the seconds from the tick to where each run was made, its process was there, and it ended."""
    kinds = (ev.RunCreated, ev.AttemptStarted, ev.RunFinished)
    delays: tuple[list[float], ...] = ([], [], [])
    for record, _ in replay(runlog):
        for kind, found in zip(kinds, delays, strict=True):
            if record and isinstance(record.event, kind):
                found.append((record.at - tick).total_seconds())
    return delays
