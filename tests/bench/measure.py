"""Measuring a real daemon.

The jobs are published scripts of the one line ``#!/bin/true``, so that a node runs what the floor runs, by
way of everything that Stoker does for a job.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles

from tests.bench.dags import Dag
from tests.harness import StokerDaemon, wait_for

TRUE = "#!/bin/true\n"
DATE = "#!/bin/sh\nexec date +%s.%N\n"

_TICKS = os.sysconf("SC_CLK_TCK")


class NotOnDisk(Exception):
    """The directory is in memory, where a sync costs nothing and proves nothing."""


def file_system(directory: Path, mounts: str | None = None) -> str:
    """Give the type of the file system that a directory is on.

    Raises:
        NotOnDisk: it is one in memory.
    """
    text = Path("/proc/mounts").read_text() if mounts is None else mounts
    points = [(Path(line.split()[1]), line.split()[2]) for line in text.splitlines()]
    place = directory.resolve()
    holding = [(point, kind) for point, kind in points if point == place or point in place.parents]
    kind = max(holding, key=lambda found: len(found[0].parts))[1]
    if kind in ("tmpfs", "ramfs"):
        raise NotOnDisk(f"{directory} is on {kind}; name a directory on a disk with --directory")
    return kind


def define(daemon: StokerDaemon, name: str, dag: Dag, parallelism: int) -> None:
    """Publish a workflow of that shape."""
    daemon.publish_job("true.sh", TRUE)
    nodes = [{"name": node, "job": "true.sh", "upstream": upstream} for node, upstream in dag.items()]
    daemon.publish_workflow(name, nodes, parallelism=parallelism)


def run(daemon: StokerDaemon, name: str) -> float:
    """Run a workflow, and give the seconds from just before the request to the run's recorded end."""
    began = time.time()
    number = daemon.start_run(name)
    # The end is read from the record; asking often would only take from what is measured.
    wait_for(lambda: daemon.http.get("/v1/status").json()["active_runs"] == 0, "the run ends", 300, 0.25)
    row = daemon.run(number)["row"]
    assert row["state"] == "succeeded", row
    return datetime.fromisoformat(row["ended_at"]).timestamp() - began


def start_latencies(daemon: StokerDaemon, count: int) -> list[float]:
    """Give the seconds from just before a request to the time that the job itself tells, ``count`` times."""
    daemon.publish_job("date.sh", DATE)
    daemon.publish_workflow("date", [{"name": "only", "job": "date.sh"}])
    return [_start_latency(daemon) for _ in range(count)]


def took(call: Callable[[], object]) -> float:
    """Give the seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def cpu_seconds(pid: int) -> float:
    """Give the processor time that a process has used, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory(pid: int) -> dict[str, float]:
    """Give a process's memory in MB: resident (RSS), and with what is shared divided by its users (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
    return {name: round(kilobytes[field] / 1000, 1) for name, field in (("rss_mb", "Rss"), ("pss_mb", "Pss"))}


def milliseconds(seconds: list[float], digits: int = 2) -> float:
    """Give the median in milliseconds."""
    return round(median(seconds) * 1000, digits)


def p99_milliseconds(seconds: list[float]) -> float:
    """Give what 99 of 100 do not exceed, in milliseconds."""
    return round(quantiles(seconds, n=100)[98] * 1000, 2)


def _start_latency(daemon: StokerDaemon) -> float:
    os.sync()
    began = time.time()
    number = daemon.start_run("date")
    daemon.finished(number)
    return float(daemon.output(number, "only")) - began
