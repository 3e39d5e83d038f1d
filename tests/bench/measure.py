"""Measuring a real daemon.

The jobs are published scripts of the one line ``#!/bin/true``, so that a node runs what the floor runs, by
way of everything that Stoker does for a job.
"""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

from tests.bench.dags import Dag
from tests.harness import StokerDaemon, wait_for

TRUE = "#!/bin/true\n"
DATE = "#!/bin/sh\nexec date +%s.%N\n"


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


def _start_latency(daemon: StokerDaemon) -> float:
    os.sync()
    began = time.time()
    number = daemon.start_run("date")
    daemon.finished(number)
    return float(daemon.output(number, "only")) - began
