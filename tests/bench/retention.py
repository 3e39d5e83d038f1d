"""A long history let go of: what goes, what stays, how long it takes, and what others notice of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx

from tests.bench import homes, measure
from tests.bench.endurance import taken
from tests.bench.size import Row, Size
from tests.harness import StokerDaemon

_FILES = ("stdout", "stderr", "keeper", "marks")


def rows(place: Path, size: Size) -> list[Row]:
    """Measure before, while, and after most of a history of runs goes, and after their objects could."""
    home = homes.with_varied_runs(place, size.let_go)
    _write_output(home / "data/logs", range(2, size.let_go + 1, max(size.let_go // size.outputs, 1)))
    limits = {"STOKER_KEEP_DAYS": "0", "STOKER_KEEP_FAILED_DAYS": "0", "STOKER_KEEP_RUNS": str(size.kept)}
    daemon = StokerDaemon(home, limits)
    with daemon:
        found = [_row("before", daemon, {})]
        for name, method in (("dry run", "GET"), ("pass", "POST"), ("pass again", "POST")):
            found.append(_measured(name, method, daemon))
    daemon = StokerDaemon(home, limits)
    with daemon:
        found.append(_row("restarted", daemon, {}))
    return found


def _measured(name: str, method: str, daemon: StokerDaemon) -> Row:
    with _asking(daemon) as answers:
        began = perf_counter()
        went = daemon.http.request(method, "/v1/retention", timeout=3600).raise_for_status().json()
        seconds = perf_counter() - began
    row = _row(name, daemon, went)
    longest = round(max(answers) * 1000, 1)
    return row | {
        "seconds": round(seconds, 1),
        "answer_ms": measure.milliseconds(answers),
        "longest_ms": longest,
    }


def _row(name: str, daemon: StokerDaemon, went: dict[str, Any]) -> Row:
    counted = daemon.http.get("/v1/workspaces/default/runs/counts").json()["total"]
    told = {"went": went.get("runs", 0), "segments": went.get("segments", 0)}
    quiet = {"seconds": 0.0, "answer_ms": 0.0, "longest_ms": 0.0}
    return {"what": name, **told, **quiet, "runs": counted, **taken(daemon)}


@contextmanager
def _asking(daemon: StokerDaemon) -> Iterator[list[float]]:
    """Ask for the status all the time, and note how long each answer takes."""
    answers: list[float] = []
    done = threading.Event()

    def ask() -> None:
        transport = httpx.HTTPTransport(uds=str(daemon.socket))
        with httpx.Client(transport=transport, base_url="http://stokerd", timeout=60) as client:
            while not (answers and done.wait(0.002)):
                answers.append(measure.took(lambda: client.get("/v1/status")))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield answers
    finally:
        done.set()
        asking.join()


def _write_output(logs: Path, runs: range) -> None:
    """Write what runs of one node leave behind."""
    for run in runs:
        directory = logs / f"{run}/1/1"
        (directory / "work").mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            (directory / name).write_text(f"{run}\n")
