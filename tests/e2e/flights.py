"""The demonstration's whole workflow over a week of 2013: ``python -m tests.e2e.flights``.

It backfills seven days with real Spark, 21 jobs, two runs at once; again with only what is missing; and once
more after one day's run failed. Every report is compared with what the flights' own file says. Takes a few
minutes and prints what it found, as JSON.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from stoker_shared.api.backfills import BackfillView, CreateBackfill
from stoker_shared.model import Intervals
from stoker_tui import demo
from stoker_tui.cli.files import read_workflow
from stoker_tui.client import Client
from tests.harness import StokerDaemon, wait_for

NAME = "daily_flights"
WEEK = [f"2013-01-{day}" for day in range(14, 21)]

Flight = dict[str, str]


def flights_of(days: Sequence[str]) -> Iterator[Flight]:
    """Give the flights as the data has them."""
    with (
        zipfile.ZipFile(demo.flights() / "flights.csv.zip") as archive,
        archive.open("flights.csv") as file,
    ):
        for row in csv.DictReader(io.TextIOWrapper(file, "utf-8")):
            if day_of(row) in days:
                yield row


def day_of(flight: Flight) -> str:
    """Give the day on which a flight was to leave."""
    return f"{flight['year']}-{flight['month']:0>2}-{flight['day']:0>2}"


def delay_of(flight: Flight) -> int | None:
    """Give by how many minutes a flight was late; None of one that never left."""
    return None if flight["dep_delay"] in ("", "NA") else int(float(flight["dep_delay"]))


def backfill(daemon: StokerDaemon, days: Sequence[str], intervals: Intervals, seconds: float) -> BackfillView:
    """Backfill days in their order, two runs at once, and give what that came to."""
    client = Client(daemon.socket)
    request = CreateBackfill(
        workflow=NAME, first=days[0], last=days[-1], intervals=intervals, parallel=2, stop_after=1
    )
    number = client.create_backfill(request).id

    def over() -> BackfillView | None:
        view = client.backfill(number)
        return view if view.ended_at or view.detail else None

    return wait_for(over, f"B{number} ends", seconds, interval=0.2)


def fail(daemon: StokerDaemon, day: str) -> None:
    """Make a run for a day that fails before it launches anything."""
    run = daemon.start_run(NAME, cycle=f"{day}T06:00", variables={"source": "${nowhere}"})
    assert daemon.finished(run)["row"]["state"] == "failed"


def expected_rows(flights: Iterable[Flight]) -> list[list[str]]:
    """Give the rows of a day's report, in any order."""
    with (demo.flights() / "airlines.csv").open(encoding="utf-8") as file:
        names = {row["carrier"]: row["name"] for row in csv.DictReader(file)}
    groups: dict[tuple[str, str], list[int | None]] = defaultdict(list)
    for flight in flights:
        groups[names[flight["carrier"]], flight["origin"]].append(delay_of(flight))
    rows = []
    for (airline, origin), delays in groups.items():
        late = [delay for delay in delays if delay is not None]
        mean = f"{fmean(late):+.1f} min" if late else "-"
        rows.append(f"{airline} {origin} {len(delays)} {mean} {delays.count(None)}".split())
    return sorted(rows)


def reported_rows(report: str) -> list[list[str]]:
    """Give the rows of a report, in any order; with an empty line it ends."""
    return sorted(line.split() for line in takewhile(str.strip, report.splitlines()[4:]))


def main() -> None:
    """Do it, and say how long it took."""
    flights = list(flights_of(WEEK))
    took: dict[str, float] = {}
    with TemporaryDirectory() as directory, StokerDaemon(Path(directory)) as daemon:
        for _ in demo.publish_jobs(client := Client(daemon.socket)):
            pass
        spec = read_workflow(demo.PIPELINE / "flights.yaml")
        client.save_workflow(demo.with_places(spec, demo.flights(), Path(directory) / "lake"), None)
        client.publish_workflow(NAME, "")
        made: dict[str, int] = {}
        for intervals in (Intervals.ALL, Intervals.MISSING, Intervals.FAILED):
            if intervals is Intervals.FAILED:
                fail(daemon, WEEK[3])
            started = time.monotonic()
            view = backfill(daemon, WEEK, intervals, 3600)
            took[intervals.value] = round(time.monotonic() - started, 1)
            made[intervals.value] = view.succeeded
            assert view.state == "succeeded", view
        right = [
            run["cycle"][:10]
            for run in daemon.runs()
            if run["state"] == "succeeded"
            and reported_rows(daemon.output(run["id"], "report"))
            == expected_rows(flight for flight in flights if day_of(flight) == run["cycle"][:10])
        ]
    result = {"runs made": made, "seconds": took, "reports that are right": sorted(right)}
    print(json.dumps(result))
    if made != {"all": 7, "missing": 0, "failed": 1} or sorted(right) != sorted([*WEEK, WEEK[3]]):
        sys.exit(1)


if __name__ == "__main__":
    main()
