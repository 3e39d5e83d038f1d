"""Pages of runs under each filter, the start and the memory, with few and with many finished runs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from tests.bench import homes, measure
from tests.bench.size import Row, Size
from tests.harness import StokerDaemon

_RUNS = "/v1/workspaces/default/runs"
_PAGE = "50"


def rows(place: Path, size: Size) -> list[Row]:
    """Measure each question in turns, then starts and memory in turns."""
    few, many = (StokerDaemon(homes.with_varied_runs(place, count)) for count in size.listed)
    with few, many:
        found = [_asked(name, url, few, many, size) for name, url in _questions().items()]
        found += [_numbers("memory after these, MB", *(measure.memory(d.pid)["pss_mb"] for d in (few, many)))]
        few.kill()
        many.kill()
        started: dict[StokerDaemon, list[float]] = {few: [], many: []}
        for _ in range(size.repeat):
            for daemon, taken in started.items():
                taken.append(measure.took(daemon.start))
                daemon.kill()
        few.start()
        many.start()
    return [*found, _numbers("start, ms", *(measure.milliseconds(taken) for taken in started.values()))]


def _questions() -> dict[str, str]:
    hours = f"{_at(minutes=500)}..{_at(minutes=620)}"
    lists = {
        "newest": {},
        "one workflow": {"workflow": "workflow-7"},
        "one workflow by id": {"workflow_id": "8"},
        "failed": {"state": "failed"},
        "by backfill": {"trigger": "backfill"},
        "one user": {"user": "user-3"},
        "one tag": {"tag": "team=team-2"},
        "cycle in 2 hours": {"cycle": hours},
        "cycle in all years": {"cycle": "2020-01-01.."},
        "started in 2 minutes": {"since": _at(seconds=500), "until": _at(seconds=620)},
        "started in all years": {"since": "2020-01-01"},
        "longest": {"sort": "duration"},
        "longest of all years": {"sort": "duration", "since": "2020-01-01"},
        "longest of one user": {"sort": "duration", "user": "user-3"},
        "latest cycle": {"sort": "cycle"},
        "latest start, failed": {"sort": "started", "state": "failed"},
        "oldest 50": {"cursor": "51"},
        "failed of one user": {"state": "failed", "user": "user-0"},
    }
    counts = {"count by status": {}, "count of one workflow": {"workflow": "workflow-7"}}
    pages = {name: f"{_RUNS}?{urlencode({'limit': _PAGE, **asked})}" for name, asked in lists.items()}
    return pages | {name: f"{_RUNS}/counts?{urlencode(asked)}" for name, asked in counts.items()}


def _asked(name: str, url: str, few: StokerDaemon, many: StokerDaemon, size: Size) -> Row:
    taken: dict[StokerDaemon, list[float]] = {few: [], many: []}
    for _ in range(size.starts):
        for daemon, times in taken.items():
            times.append(measure.took(lambda d=daemon: d.http.get(url).raise_for_status()))
    return _numbers(f"{name}, ms", *(round(median(times) * 1000, 2) for times in taken.values()))


def _numbers(name: str, few: float, many: float) -> Row:
    return {"measured": name, "few": few, "many": many, "ratio": round(many / few, 2)}


def _at(**after: float) -> str:
    return (homes.BEGAN + timedelta(**after)).isoformat()
