"""From the daemon's launch to its first answer, after it was killed."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from tests.bench import homes, measure
from tests.bench.size import Row, Size
from tests.harness import StokerDaemon


def rows(place: Path, size: Size) -> list[Row]:
    """Measure with nothing, with many workflows and with many finished runs, in turns."""
    empty = place / "empty"
    empty.mkdir()
    daemons = {
        "nothing": StokerDaemon(empty),
        f"{size.workflows[-1]} workflows": StokerDaemon(homes.with_workflows(place, size.workflows[-1])),
        f"{size.finished} finished runs": StokerDaemon(
            homes.with_finished_runs(place, size.finished, size.full)
        ),
    }
    taken: dict[str, list[float]] = {name: [] for name in daemons}
    memory: dict[str, Row] = {}
    for _ in range(size.repeat):
        for name, daemon in daemons.items():
            taken[name].append(measure.took(daemon.start))
            memory[name] = {**measure.memory(daemon.pid)}
            daemon.kill()
    for daemon in daemons.values():
        daemon.http.close()
    base = median(taken["nothing"])
    return [
        {
            "with": name,
            "start_ms": measure.milliseconds(taken[name], 0),
            "ratio": round(median(taken[name]) / base, 2),
            **memory[name],
        }
        for name in daemons
    ]
