"""The floor: what the same work costs with nothing but the system calls that durability needs.

For each node one write and fdatasync before it is spawned and one after it has ended, posix_spawn and
waitpid; no keeper, no daemon, no other process.
"""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path

from tests.bench.dags import Dag

_RECORD = b"x" * 200 + b"\n"
"""About as long as an event's line."""


def run(dag: Dag, parallelism: int, directory: Path) -> float:
    """Run ``/bin/true`` for each node, in order, and give the seconds it took."""
    log = os.open(directory / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    unmet = {name: len(upstream) for name, upstream in dag.items()}
    downstream: dict[str, list[str]] = {name: [] for name in dag}
    for name, upstream in dag.items():
        for above in upstream:
            downstream[above].append(name)

    began = time.monotonic()
    ready = deque(name for name, count in unmet.items() if not count)
    running: dict[int, str] = {}
    while ready or running:
        while ready and len(running) < parallelism:
            _write(log)
            name = ready.popleft()
            running[os.posix_spawn("/bin/true", ["true"], {})] = name
        pid, _ = os.waitpid(-1, 0)
        _write(log)
        for below in downstream[running.pop(pid)]:
            unmet[below] -= 1
            if not unmet[below]:
                ready.append(below)
    took = time.monotonic() - began
    os.close(log)
    return took


def _write(log: int) -> None:
    os.write(log, _RECORD)
    os.fdatasync(log)
