"""What is asked of the history, with few and with many finished runs in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.bench import homes, measure
from tests.bench.size import Row, Size
from tests.harness import StokerDaemon

_RUNS = "/v1/workspaces/default/runs"


def rows(place: Path, size: Size) -> list[Row]:
    """Measure each question in turns, and the start of a run."""
    few = StokerDaemon(homes.with_finished_runs(place, size.replayed))
    many = StokerDaemon(homes.with_finished_runs(place, size.finished, size.full))
    with few, many:
        found = [_compared(name, ask, few, many, size) for name, ask in _questions().items()]
        latencies = [(measure.start_latencies(d, size.starts)) for d in (few, many)]
    return [*found, _row("start of a run", *latencies)]


def _questions() -> dict[str, Callable[[StokerDaemon], str]]:
    return {
        "newest 100 runs": lambda _: _RUNS,
        "of one workflow": lambda _: f"{_RUNS}?workflow=once",
        "that failed (none)": lambda _: f"{_RUNS}?state=failed",
        "oldest 100 runs": lambda _: f"{_RUNS}?cursor=101",
        "one run": lambda daemon: f"/v1/runs/{daemon.runs()[0]['id'] // 2}",
    }


def _compared(
    name: str, ask: Callable[[StokerDaemon], str], few: StokerDaemon, many: StokerDaemon, size: Size
) -> Row:
    urls = {daemon: ask(daemon) for daemon in (few, many)}
    taken: dict[StokerDaemon, list[float]] = {few: [], many: []}
    for _ in range(size.starts):
        for daemon, url in urls.items():
            taken[daemon].append(measure.took(lambda d=daemon, u=url: d.http.get(u).raise_for_status()))
    return _row(name, taken[few], taken[many])


def _row(name: str, few: list[float], many: list[float]) -> Row:
    return {
        "asked": name,
        "few_ms": measure.milliseconds(few),
        "many_ms": measure.milliseconds(many),
        "ratio": round(median(many) / median(few), 2),
    }
