"""What a job or client that takes all it can get costs the others, beside the same load from outside Stoker.

What the load takes from the machine itself it takes either way; what the daemon adds is the difference.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from tests.bench import measure
from tests.bench.size import Row, Size
from tests.harness import StokerDaemon, wait_for

_OUTPUT = "echo ready >&2; head -c {count} /dev/zero | tr '\\0' '\\n'; exec sleep 1000"
_LINE = "echo ready >&2; head -c {count} /dev/zero | tr '\\0' x; exec sleep 1000"
_PROCESSES = "i=0; while [ $i -lt {count} ]; do sleep 1000 & i=$((i + 1)); done; echo ready >&2; wait"


def rows(place: Path, size: Size) -> list[Row]:
    """Measure starts of a small run with no load, and with each load as a job and from outside."""
    home = place / "harm"
    home.mkdir()
    loads = {
        f"{size.output:,} bytes of output": _OUTPUT.format(count=size.output),
        f"a line of {size.line:,} bytes": _LINE.format(count=size.line),
        f"{size.processes:,} processes": _PROCESSES.format(count=size.processes),
    }
    with StokerDaemon(home, {"STOKER_STOP_GRACE": "1"}) as daemon:
        daemon.publish_job("date.sh", measure.DATE)
        daemon.publish_workflow("date", [{"name": "only", "job": "date.sh"}])
        found = [_row(daemon, "nothing", None, _starts(daemon, size.starts))]
        for name, script in loads.items():
            with _outside(home, script):
                outside = _starts(daemon, size.starts)
            daemon.publish_job("load.sh", script)
            daemon.publish_workflow("load", [{"name": "load", "job": "load.sh"}])
            number = _begun(daemon)
            inside = _starts(daemon, size.starts)
            kept = _kept(daemon.data / f"logs/{number}/1/1")
            found.append(
                _row(daemon, name, outside, inside, kept, measure.took(partial(_stop, daemon, number)))
            )
        with _deaf_clients(daemon, size.followers[-1]):
            name = f"{size.followers[-1]} clients that never read"
            found.append(_row(daemon, name, None, _starts(daemon, size.starts)))
    return found


def _row(
    daemon: StokerDaemon,
    load: str,
    outside: list[float] | None,
    inside: list[float],
    kept: int = 0,
    stopped: float = 0,
) -> Row:
    return {
        "beside": load,
        "outside_median_ms": measure.milliseconds(outside) if outside else "",
        "start_median_ms": measure.milliseconds(inside),
        "start_longest_ms": round(max(inside) * 1000, 1),
        "rss_mb": measure.memory(daemon.pid)["rss_mb"],
        "kept_mb": round(kept / 1e6, 1),
        "stopped_in_s": round(stopped, 2),
    }


def _kept(attempt: Path) -> int:
    """Give the bytes that an attempt takes on disk, in the midst of its work."""
    return 512 * sum(file.stat().st_blocks for file in attempt.iterdir())


def _starts(daemon: StokerDaemon, count: int) -> list[float]:
    """Give the seconds from just before a request to the time that the job itself tells."""
    found = []
    for _ in range(count):
        began = time.time()
        number = daemon.start_run("date")
        daemon.finished(number)
        found.append(float(daemon.output(number, "only")) - began)
    return found


@contextmanager
def _outside(home: Path, script: str) -> Iterator[None]:
    with (home / "outside").open("wb") as output:
        load = subprocess.Popen(
            ["sh", "-c", script], stdout=output, stderr=subprocess.PIPE, start_new_session=True
        )
        assert load.stderr
        load.stderr.readline()
        yield
        os.killpg(load.pid, signal.SIGKILL)
        load.wait()
        load.stderr.close()
    (home / "outside").unlink()


def _begun(daemon: StokerDaemon) -> int:
    """Run the load as a job, and give its run's number once it is under way."""
    number = daemon.start_run("load")
    wait_for(lambda: daemon.node(number, "load").get("attempts"), "it is launched")
    wait_for(lambda: daemon.output(number, "load", stream="stderr"), "it is under way", 300)
    return number


def _stop(daemon: StokerDaemon, number: int) -> None:
    """Stop a run, and wait until all of it is gone."""
    daemon.http.post(f"/v1/runs/{number}/stop").raise_for_status()
    daemon.finished(number, 300)


@contextmanager
def _deaf_clients(daemon: StokerDaemon, count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(daemon.socket))
            client.sendall(b"GET /v1/events?after=0 HTTP/1.1\r\nhost: x\r\n\r\n")
        yield
