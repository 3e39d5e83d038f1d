"""The terminal UI: its start, a key in a long list, what it writes while it is looked at, and long output."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from stoker_tui.widgets.line_table import LineTable
from tests.bench import measure
from tests.bench.dags import wide
from tests.bench.followers import SLEEPER
from tests.bench.screen import Screen, without_escapes
from tests.bench.size import Row, Size
from tests.harness import STOKER, StokerDaemon, wait_for
from tests.tui.fake import FakeLink, app_over, press, run_row, settled, world

_FLOOR = [sys.executable, "-c", "import textual.app"]
_AT_ONCE = 50
_LINES_A_SECOND = 10_000
_WRITTEN = 1_000_000_000
"""More than is written at that rate while it is followed, in bytes."""

_WRITER = """#!/usr/bin/env python3
import sys, time
began, rate = time.time(), int(sys.argv[1])
written = 0
while True:
    due = int((time.time() - began) * rate)
    sys.stdout.write("".join(f"{time.time():.6f} line {n}\\n" for n in range(written, due)))
    sys.stdout.flush()
    written = due
    time.sleep(0.005)
"""
_TIME = re.compile(rb"(\d{10}\.\d{6}) line")

_LONG = """#!/usr/bin/env python3
import os, sys
size = int(sys.argv[1])
os.ftruncate(1, size)
os.lseek(1, size, os.SEEK_SET)
os.write(1, b"\\nnearly there\\nit has been written\\n")
"""
"""Nearly all of what it writes is a hole, which takes no disk."""


def rows(place: Path, size: Size) -> list[Row]:
    """Measure a list in memory, then the UI on a terminal, before a daemon."""
    home = place / "tui"
    home.mkdir()
    found = [asyncio.run(_in_list(size))]
    with StokerDaemon(home, {"STOKER_OUTPUT_LIMIT": str(2 * size.output + _WRITTEN)}) as daemon:
        measure.define(daemon, "daily_sales", wide(1), 1)
        found += _starts(daemon, home, size)
        with _opened(daemon, home) as screen:
            screen.shows("never run")
            found.append(_looked_at("workflows, nothing runs", screen, size.seconds))
            found.append(_of_running(daemon, screen, size))
            found.append(_at_end(daemon, screen, size))
            found.append(_followed(daemon, screen, size))
    return found


async def _in_list(size: Size) -> Row:
    link = FakeLink(world(RUNS=[run_row(number) for number in range(size.in_list, 0, -1)]))
    app = app_over(link)
    async with app.run_test(size=(140, 40)) as pilot:
        await settled(pilot, app, seconds=120)
        await press("2")(pilot)
        await settled(pilot, app, seconds=120)
        assert app.page and app.page.table
        table = app.page.table
        again = range(max(size.repeat, 1))
        keys = [measure.took(lambda: _draw(table, table.move(1))) for _ in again]
        ends = [measure.took(lambda: _draw(table, table.go(size.in_list - 1))) for _ in again]
        filters = [measure.took(lambda: _draw(table, table.filter_by("sales"))) for _ in again]
    return {
        "rows": size.in_list,
        "key_ms": measure.milliseconds(keys),
        "to_end_ms": measure.milliseconds(ends),
        "filter_ms": measure.milliseconds(filters),
    }


def _draw(table: LineTable[Any], _: object) -> None:
    for row in range(table.size.height):
        table.render_line(row)


def _starts(daemon: StokerDaemon, home: Path, size: Size) -> list[Row]:
    taken: dict[str, list[float]] = {"import textual.app": [], "first paint": [], "first data": []}
    for _ in range(size.repeat):
        taken["import textual.app"].append(measure.took(lambda: subprocess.run(_FLOOR, check=True)))
        with _opened(daemon, home) as screen:
            taken["first paint"].append(screen.shows("stoker") - screen.began)
            taken["first data"].append(screen.shows("daily_sales") - screen.began)
    base = median(taken["import textual.app"])
    return [
        {"start": name, "ms": measure.milliseconds(times, 0), "ratio": round(median(times) / base, 2)}
        for name, times in taken.items()
    ]


def _opened(daemon: StokerDaemon, home: Path) -> Screen:
    more = {"STOKER_TUI_CONFIG": str(home / "none"), "XDG_STATE_HOME": str(home)}
    return Screen([STOKER], {**daemon.environment, **more})


def _looked_at(name: str, screen: Screen, seconds: float) -> Row:
    time.sleep(min(seconds, 2))  # what it was drawing comes to an end
    before, used, began = screen.bytes, measure.cpu_seconds(screen.pid), time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - began
    return {
        "looked_at": name,
        "bytes_a_minute": round((screen.bytes - before) / passed * 60),
        "cpu_percent": round((measure.cpu_seconds(screen.pid) - used) / passed * 100, 1),
    }


def _of_running(daemon: StokerDaemon, screen: Screen, size: Size) -> Row:
    at_once = min(_AT_ONCE, size.wide)
    daemon.publish_job("sleeper.sh", SLEEPER)
    nodes = [{"name": name, "job": "sleeper.sh"} for name in wide(at_once)]
    daemon.publish_workflow("sleeper", nodes, parallelism=at_once)
    number = daemon.start_run("sleeper")
    _open(screen, "● running")
    row = _looked_at(f"a run, {at_once} nodes run", screen, size.seconds)
    daemon.http.post(f"/v1/runs/{number}/stop", json={}).raise_for_status()
    daemon.finished(number)
    return row


def _open(screen: Screen, state: str) -> None:
    """Open the newest run, which is the first in the list."""
    screen.press("1")
    screen.shows("SCHEDULE")
    screen.press("22")  # from a run that was opened before to the list
    screen.shows(state)
    screen.press("g\r")
    screen.shows("attempt 1")


def _at_end(daemon: StokerDaemon, screen: Screen, size: Size) -> Row:
    number = _started(daemon, "long", _LONG, [str(size.output)])
    daemon.finished(number)
    _open(screen, "✔ succeeded")
    began = time.time()
    screen.press("l")
    seconds = screen.shows("it has been written") - began
    return {"log_bytes": size.output, "opened_at_its_end_ms": round(seconds * 1000)}


def _followed(daemon: StokerDaemon, screen: Screen, size: Size) -> Row:
    number = _started(daemon, "writer", _WRITER, [str(_LINES_A_SECOND)])
    _open(screen, "● running")
    screen.press("l")
    screen.shows(" line ")
    used, first = measure.cpu_seconds(screen.pid), len(screen.written)
    began, lines = time.monotonic(), daemon.output(number, "only").count("\n")
    time.sleep(min(size.seconds * 10, 10))
    wait_for(lambda: _latenesses(screen, first), "a line is drawn", 60)
    passed, late = time.monotonic() - began, _latenesses(screen, first)
    used = measure.cpu_seconds(screen.pid) - used
    lines = daemon.output(number, "only").count("\n") - lines
    daemon.http.post(f"/v1/runs/{number}/stop", json={}).raise_for_status()
    daemon.finished(number)
    return {
        "lines_a_second": round(lines / passed),
        "late_median_ms": measure.milliseconds(late, 0),
        "late_longest_ms": round(max(late) * 1000),
        "frames_a_second": round(len(late) / passed, 1),
        "cpu_percent": round(used / passed * 100, 1),
    }


def _latenesses(screen: Screen, first: int) -> list[float]:
    """Give how long after the newest line in it each part was drawn, of what was drawn from ``first`` on."""
    return [
        part.at - max(map(float, times))
        for part in screen.written[first:]
        if (times := _TIME.findall(without_escapes(part.data)))
    ]


def _started(daemon: StokerDaemon, name: str, script: str, arguments: list[str]) -> int:
    daemon.publish_job(f"{name}.py.sh", script)
    daemon.publish_workflow(name, [{"name": "only", "job": f"{name}.py.sh", "args": arguments}])
    return daemon.start_run(name)
