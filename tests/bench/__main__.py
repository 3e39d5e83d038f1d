"""The benchmark: ``python -m tests.bench``. Prints a table, and the same as JSON.

Each row is measured beside its floor in the same run on the same file system, in turns, and the median of
the repeats is given. Compare the ratios: seconds are the machine's. The floor makes no files, and ext4 takes
up to 20 times as long to make one where many were deleted within the last minutes: measure on a disk at rest,
or name a directory elsewhere on it with --directory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from tests.bench import floor, measure
from tests.bench.dags import Dag, chain, layered, wide
from tests.harness import StokerDaemon

SHAPES: dict[str, tuple[Dag, int]] = {
    "chain-100": (chain(100), 8),
    "wide-500": (wide(500), 8),
    "layered-20x25": (layered(20, 25, 3), 8),
}
"""Each shape with how many of its nodes may be active at once."""

Row = dict[str, float | int | str]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    options = _parser().parse_args(arguments)
    try:
        kind = measure.file_system(options.directory)
    except measure.NotOnDisk as error:
        sys.exit(f"bench: {error}")
    with TemporaryDirectory(dir=options.directory) as directory, StokerDaemon(Path(directory)) as daemon:
        rows = [_shape(daemon, name, options.repeat) for name in SHAPES]
        latencies = _latencies(daemon, options.starts)
    host = {"file_system": kind, "cores": os.cpu_count(), "python": platform.python_version()}
    _print(rows, latencies, host)
    result = json.dumps({**host, "shapes": rows, "start_latency_ms": latencies})
    if options.json:
        options.json.write_text(result + "\n")
    else:
        print(result)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--directory", type=Path, default=Path("/var/tmp"), help="on a disk [%(default)s]")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each shape [%(default)s]")
    parser.add_argument("--starts", type=int, default=100, help="starts to time [%(default)s]")
    parser.add_argument("--json", type=Path, help="write the JSON there")
    return parser


def _shape(daemon: StokerDaemon, name: str, repeat: int) -> Row:
    dag, parallelism = SHAPES[name]
    measure.define(daemon, name, dag, parallelism)
    floors, stokers = [], []
    for _ in range(repeat):
        floors.append(floor.run(dag, parallelism, daemon.home) / len(dag))
        stokers.append(measure.run(daemon, name) / len(dag))
    ratio = median(stokers) / median(floors)
    return {
        "shape": name,
        "nodes": len(dag),
        "floor_ms": round(median(floors) * 1000, 2),
        "stoker_ms": round(median(stokers) * 1000, 2),
        "ratio": round(ratio, 2),
    }


def _latencies(daemon: StokerDaemon, count: int) -> Row:
    taken = [seconds * 1000 for seconds in measure.start_latencies(daemon, count)]
    return {
        "starts": count,
        "median": round(median(taken), 2),
        "p99": round(quantiles(taken, n=100)[98], 2),
    }


def _print(rows: list[Row], latencies: Row, host: dict[str, object]) -> None:
    print(f"{host['cores']} cores, {host['file_system']}, Python {host['python']}; ms a node")
    print(f"{'shape':<15}{'nodes':>6}{'floor':>9}{'stoker':>9}{'ratio':>8}")
    for row in rows:
        print(
            f"{row['shape']:<15}{row['nodes']:>6}{row['floor_ms']:>9}{row['stoker_ms']:>9}{row['ratio']:>7}x"
        )
    print(
        f"request to the job's own first output, ms: median {latencies['median']}, p99 {latencies['p99']}"
        f" of {latencies['starts']}"
    )


if __name__ == "__main__":
    main()
