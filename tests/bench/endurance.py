"""What a daemon has open and takes while it runs very many nodes: all of it should stay as it was.

Its disk should grow by the same for each node, no more: what jobs wrote and the run log are kept.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.bench import measure
from tests.bench.dags import wide
from tests.bench.size import Row, Size
from tests.harness import StokerDaemon, wait_for

_RUNS_AT_ONCE = 4
_SAMPLES = 10


def rows(place: Path, size: Size) -> list[Row]:
    """Measure at the start and ten times on the way."""
    home = place / "endurance"
    home.mkdir()
    each = max(size.lasting // _SAMPLES, 1)
    with StokerDaemon(home) as daemon:
        measure.define(daemon, "short", wide(size.nodes), 8)
        found = [_row(daemon, 0, 0)]
        for sample in range(1, _SAMPLES + 1):
            seconds = measure.took(lambda: _run(daemon, max(each // size.nodes, 1)))
            found.append(_row(daemon, sample * each, seconds / each))
    return found


def _run(daemon: StokerDaemon, runs: int) -> None:
    """Make so many runs, a few of them active at any time, and wait for their ends."""
    for _ in range(runs):
        wait_for(lambda: _active(daemon) < _RUNS_AT_ONCE, "a run ends", 300, 0.005)
        daemon.start_run("short")
    wait_for(lambda: _active(daemon) == 0, "all runs end", 300, 0.005)


def _active(daemon: StokerDaemon) -> int:
    return daemon.http.get("/v1/status").json()["active_runs"]


def _row(daemon: StokerDaemon, nodes: int, seconds: float) -> Row:
    process = Path(f"/proc/{daemon.pid}")
    return {
        "nodes": nodes,
        "ms_a_node": round(seconds * 1000, 2),
        "descriptors": len(list((process / "fd").iterdir())),
        "threads": len(list((process / "task").iterdir())),
        **measure.memory(daemon.pid),
        "runlog_mb": _megabytes(daemon.data / "runlog"),
        "history_mb": round((daemon.data / "stoker.db").stat().st_size / 1e6, 1),
        "logs_mb": _megabytes(daemon.data / "logs"),
    }


def _megabytes(directory: Path) -> float:
    """Give what a directory takes on disk, the directories and all files in it."""
    blocks = sum(
        os.lstat(os.path.join(place, name)).st_blocks  # noqa: PTH118
        for place, directories, files in os.walk(directory)
        for name in [*directories, *files]
    )
    return round(blocks * 512 / 1e6, 1)
