"""The benchmark: ``python -m tests.bench [GROUP ...]``. Prints a table for each group, and all as JSON.

Groups: shapes, scale, ticks, backfills, idle, startup, replay, history, requests, followers, lists, drawings,
endurance, harm, retention, tui; all of them take about 45 minutes, most of it to make the million finished
runs of lists.

Rows are measured beside a floor or a peer in the same run on the same file system, in turns, and medians are
given. Compare the ratios: seconds are the machine's. A floor makes no files, and ext4 takes up to 20 times as
long to make one where many were deleted within the last minutes: measure on a disk at rest, or name a
directory elsewhere on it with --directory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import (
    backfills,
    drawings,
    endurance,
    followers,
    harm,
    history,
    idle,
    lists,
    measure,
    replay,
    requests,
    retention,
    scale,
    shapes,
    startup,
    ticks,
    tui,
)
from tests.bench.size import Row, Size

GROUPS: dict[str, Callable[[Path, Size], list[Row]]] = {
    module.__name__.rpartition(".")[2]: module.rows
    for module in (
        shapes,
        scale,
        ticks,
        backfills,
        idle,
        startup,
        replay,
        history,
        requests,
        followers,
        lists,
        drawings,
        endurance,
        harm,
        retention,
        tui,
    )
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    options = _parser().parse_args(arguments)
    try:
        kind = measure.file_system(options.directory)
    except measure.NotOnDisk as error:
        sys.exit(f"bench: {error}")
    size = replace(Size(), repeat=options.repeat)
    result: dict[str, object] = {"environment": _environment(kind)}
    print(", ".join(f"{name} {value}" for name, value in _environment(kind).items()))
    with TemporaryDirectory(dir=options.directory) as directory:
        for name in GROUPS if "all" in options.groups else options.groups:
            rows = GROUPS[name](Path(directory), size)
            result[name] = rows
            print(f"\n{name}\n{table(rows)}", flush=True)
    text = json.dumps(result)
    if options.json:
        options.json.write_text(text + "\n")
    else:
        print(f"\n{text}")


def table(rows: list[Row]) -> str:
    """Give rows as text; a new heading where the columns change."""
    lines: list[str] = []
    for index, row in enumerate(rows):
        alike = [other for other in rows if other.keys() == row.keys()]
        widths = {name: max(len(name), *(len(str(other[name])) for other in alike)) for name in row}
        if index == 0 or rows[index - 1].keys() != row.keys():
            lines.append("  ".join(name.rjust(width) for name, width in widths.items()))
        lines.append("  ".join(str(row[name]).rjust(width) for name, width in widths.items()))
    return "\n".join(lines)


def _environment(kind: str) -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "file_system": kind,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("groups", nargs="*", choices=["all", *GROUPS], default="all", metavar="GROUP")
    parser.add_argument("--directory", type=Path, default=Path("/var/tmp"), help="on a disk [%(default)s]")
    parser.add_argument("--repeat", type=int, default=5, help="how often each is measured [%(default)s]")
    parser.add_argument("--json", type=Path, help="write the JSON there")
    return parser


if __name__ == "__main__":
    main()
