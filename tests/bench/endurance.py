"""What a daemon has open and takes while it runs very many nodes, and over a day of ticks: all should stay.

Its disk should stay too, once there are as many runs as are kept, and those that ended since the last pass of
the retention.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from stoker_daemon.runlog.segments import replay
from stoker_shared import events as ev
from tests.bench import measure
from tests.bench.dags import wide
from tests.bench.size import Row, Size
from tests.clock import beginning_at
from tests.harness import StokerDaemon, wait_for

_RUNS_AT_ONCE = 4
_KEPT = 200
_SAMPLES = 10


_TICKING = ("one", "two")
_DAY_SECONDS = 180
_MIDNIGHT = datetime(2027, 3, 1, tzinfo=UTC)


def rows(place: Path, size: Size) -> list[Row]:
    """Measure over many nodes, and over a day whose clock is fast."""
    return [*_over_nodes(place, size), *_over_a_day(place, size)]


def _over_nodes(place: Path, size: Size) -> list[Row]:
    home = place / "endurance"
    home.mkdir()
    each = max(size.lasting // _SAMPLES, 1)
    with StokerDaemon(home, {"STOKER_KEEP_RUNS": str(_KEPT)}) as daemon:
        measure.define(daemon, "short", wide(size.nodes), 8)
        found: list[Row] = [{"nodes": 0, "ms_a_node": "", **taken(daemon)}]
        for sample in range(1, _SAMPLES + 1):
            seconds = measure.took(lambda: _run(daemon, max(each // size.nodes, 1)))
            ms = round(seconds / each * 1000, 2)
            found.append({"nodes": sample * each, "ms_a_node": ms, **taken(daemon)})
    return found


def _over_a_day(place: Path, size: Size) -> list[Row]:
    """Let two workflows tick every minute, and measure five times. ``missing`` are ticks without a run."""
    home = place / "day"
    home.mkdir()
    daemon = StokerDaemon(home)
    rate = 24 * 3600 / _DAY_SECONDS
    daemon.inside = beginning_at(_MIDNIGHT, rate)
    with daemon:
        daemon.publish_job("true.sh", measure.TRUE)
        for name in _TICKING:
            schedule = {"type": "minutes", "every": 1, "time_zone": "UTC"}
            nodes = [{"name": "only", "job": "true.sh"}]
            daemon.publish_workflow(name, nodes, schedule=schedule, catch_up="all", overlap="parallel")
            url = f"/v1/workspaces/default/workflows/{name}/scheduling"
            daemon.http.put(url, json={"on": True}).raise_for_status()
        found = []
        for quarter in range(1, 5):
            time.sleep(size.hours * 3600 / rate / 4)
            found.append(
                {"hours": round(size.hours * quarter / 4, 2), "runs": _ended(daemon), **taken(daemon)}
            )
        for name in _TICKING:
            url = f"/v1/workspaces/default/workflows/{name}/scheduling"
            daemon.http.put(url, json={"on": False}).raise_for_status()
        wait_for(lambda: _active(daemon) == 0, "all runs end", 300, 0.05)
    ticks = _ticks(home / "data/runlog")
    missing = sum(_gaps(of_one) for of_one in ticks.values())
    doubled = sum(len(of_one) - len(set(of_one)) for of_one in ticks.values())
    return [*found, {"ticks": sum(map(len, ticks.values())), "missing": missing, "doubled": doubled}]


def _ended(daemon: StokerDaemon) -> int:
    return daemon.http.get("/v1/workspaces/default/runs/counts").json()["states"].get("succeeded", 0)


def _ticks(runlog: Path) -> dict[str, list[datetime]]:
    """Give the ticks that have runs, by workflow."""
    ticks: dict[str, list[datetime]] = {}
    for record, _ in replay(runlog):
        if record and isinstance(record.event, ev.RunCreated) and record.event.scheduled_at:
            ticks.setdefault(record.event.name, []).append(record.event.scheduled_at)
    return ticks


def _gaps(ticks: list[datetime]) -> int:
    """Give how many minutes between the first and the last have no tick."""
    return round((max(ticks) - min(ticks)).total_seconds() / 60) + 1 - len(set(ticks))


def _run(daemon: StokerDaemon, runs: int) -> None:
    """Make so many runs, a few of them active at any time, and wait for their ends."""
    for _ in range(runs):
        wait_for(lambda: _active(daemon) < _RUNS_AT_ONCE, "a run ends", 300, 0.005)
        daemon.start_run("short")
    wait_for(lambda: _active(daemon) == 0, "all runs end", 300, 0.005)


def _active(daemon: StokerDaemon) -> int:
    return daemon.http.get("/v1/status").json()["active_runs"]


def taken(daemon: StokerDaemon) -> Row:
    """Give what a daemon has open, and takes of memory and disk."""
    process = Path(f"/proc/{daemon.pid}")
    return {
        "descriptors": len(list((process / "fd").iterdir())),
        "threads": len(list((process / "task").iterdir())),
        **measure.memory(daemon.pid),
        "runlog_mb": _megabytes(daemon.data / "runlog"),
        "history_mb": round((daemon.data / "stoker.db").stat().st_size / 1e6, 1),
        "logs_mb": _megabytes(daemon.data / "logs"),
    }


def _megabytes(directory: Path) -> float:
    """Give what a directory takes on disk, the directories and all files in it that stay long enough."""
    blocks = 0
    for place, directories, files in os.walk(directory):
        for name in [*directories, *files]:
            with suppress(FileNotFoundError):
                blocks += os.lstat(os.path.join(place, name)).st_blocks  # noqa: PTH118
    return round(blocks * 512 / 1e6, 1)
