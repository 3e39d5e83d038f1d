"""A long history let go of: what goes, what stays, how long it takes, and what others notice of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.bench import homes, measure
from tests.bench.endurance import taken
from tests.bench.size import Row, Size
from tests.harness import StokerDaemon

_FILES = ("stdout", "stderr", "keeper", "marks")


def rows(place: Path, size: Size) -> list[Row]:
    """Measure before most of a history of runs goes, while it does, and after; how others are answered."""
    home = homes.with_varied_runs(place, size.let_go)
    _write_output(home / "data/logs", range(2, size.let_go + 1, max(size.let_go // size.outputs, 1)))
    ages = {"STOKER_KEEP_DAYS": "0", "STOKER_KEEP_FAILED_DAYS": "0"}
    with StokerDaemon(home, ages) as daemon:
        before = _stands(daemon)
    found: list[Row] = [{"when": "before"} | before]
    with StokerDaemon(home, ages | {"STOKER_KEEP_RUNS": str(size.kept)}) as daemon:
        # At once: a daemon makes a pass by itself soon, for which what is asked here would wait.
        steps = [_measured(name, method, daemon) for name, method in (("dry run", "GET"), ("pass", "POST"))]
        after = _stands(daemon)
        found.append({"when": "after"} | after)
        steps.append(_measured("pass with nothing to do", "POST", daemon))
    return [*found, *steps]


def _stands(daemon: StokerDaemon) -> Row:
    counted = daemon.http.get("/v1/workspaces/default/runs/counts").json()["total"]
    segments = len(list((daemon.data / "runlog").glob("0*.jsonl")))
    return {"runs": counted, "segments": segments, **taken(daemon)}


def _measured(step: str, method: str, daemon: StokerDaemon) -> Row:
    before = measure.cpu_seconds(daemon.pid)
    with _asking(daemon) as answers:
        seconds = measure.took(
            lambda: daemon.http.request(method, "/v1/retention", timeout=3600).raise_for_status()
        )
    cpu = round(measure.cpu_seconds(daemon.pid) - before, 1)
    longest = round(max(answers) * 1000, 1)
    return {
        **{"step": step, "seconds": round(seconds, 1), "cpu_seconds": cpu},
        **{"answer_ms": measure.milliseconds(answers), "longest_ms": longest},
    }


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
