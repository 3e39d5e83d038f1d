"""The demonstration's flights over a week of 2013, backfilled with real Spark.

Of its workflow only the ingest: nearly all that a job of this size costs is the start of Spark. The whole of
it, by hand: ``python -m tests.bench.flights``.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from stoker_shared.api.backfills import BackfillView, CreateBackfill
from stoker_shared.model import Intervals, WorkflowSpec
from stoker_tui import demo
from stoker_tui.cli.files import read_workflow
from stoker_tui.client import Client
from tests.harness import StokerDaemon, wait_for

WEEK = [f"2013-01-{day}" for day in range(14, 21)]
LESS_WORK = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.catalogImplementation": "in-memory",
}
CHECK = """
import sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
for row in spark.read.parquet(sys.argv[1]).drop("day").toLocalIterator():
    print(*row, sep=",")
"""


class Week:
    """The flights of a week, the table that they are to be in, and what backfills them."""

    def __init__(self, daemon: StokerDaemon, directory: Path) -> None:
        self.daemon = daemon
        self.client = Client(daemon.socket)
        self.source, self.lake = directory / "source", directory / "lake"
        self.rows = list(flights_of_the_week())
        self.source.mkdir()
        with zipfile.ZipFile(self.source / "flights.csv.zip", "w") as archive:
            text = io.StringIO()
            writer = csv.DictWriter(text, self.rows[0])
            writer.writeheader()
            writer.writerows(self.rows)
            archive.writestr("flights.csv", text.getvalue())
        (self.source / "airlines.csv").write_bytes((demo.flights() / "airlines.csv").read_bytes())

    def publish(self) -> None:
        self.daemon.publish_job("demo/ingest.py", (demo.PIPELINE / "ingest.py").read_bytes())
        self.client.save_workflow(cheap_ingest(self.source, self.lake), None)
        self.client.publish_workflow("daily_flights", "")

    def backfill(self, intervals: Intervals) -> BackfillView:
        """Backfill the week, and give what that came to."""
        request = CreateBackfill(
            workflow="daily_flights", first=WEEK[0], last=WEEK[-1], intervals=intervals, parallel=2
        )
        number = self.client.create_backfill(request).id

        def ended() -> BackfillView | None:
            view = self.client.backfill(number)
            return view if view.ended_at else None

        return wait_for(ended, f"B{number} ends", 280, interval=0.2)

    def partitions(self) -> list[str]:
        return sorted(path.name.removeprefix("day=") for path in (self.lake / "flights").glob("day=*"))


def flights_of_the_week() -> Iterator[dict[str, str]]:
    with (
        zipfile.ZipFile(demo.flights() / "flights.csv.zip") as archive,
        archive.open("flights.csv") as file,
    ):
        for row in csv.DictReader(io.TextIOWrapper(file, "utf-8")):
            if f"{row['year']}-{row['month']:0>2}-{row['day']:0>2}" in WEEK:
                yield row


def cheap_ingest(source: Path, lake: Path) -> WorkflowSpec:
    """Give the demonstration's workflow, cut to its first node, with less work for Spark's start."""
    spec = demo.with_places(read_workflow(demo.PIPELINE / "flights.yaml"), source, lake)
    ingest = spec.nodes[0]
    config = msgspec.structs.replace(ingest.config, conf={**ingest.config.conf, **LESS_WORK})
    return msgspec.structs.replace(spec, nodes=(msgspec.structs.replace(ingest, config=config),))


@pytest.mark.spark
def test_a_week_of_flights_is_backfilled_and_mended(daemon: StokerDaemon, tmp_path: Path) -> None:
    week = Week(daemon, tmp_path)
    week.publish()

    done = week.backfill(Intervals.ALL)
    assert (done.state, done.succeeded) == ("succeeded", 7)
    assert week.partitions() == WEEK

    missing = week.backfill(Intervals.MISSING)
    assert (missing.state, missing.passed) == ("succeeded", 7)
    assert len(daemon.runs()) == 7

    broken = daemon.start_run("daily_flights", cycle=f"{WEEK[3]}T06:00", variables={"source": "${nowhere}"})
    assert daemon.finished(broken)["row"]["state"] == "failed"
    (damaged,) = (week.lake / "flights" / f"day={WEEK[3]}").glob("*.parquet")
    damaged.unlink()
    failed = week.backfill(Intervals.FAILED)
    assert (failed.state, failed.succeeded, failed.passed) == ("succeeded", 1, 6)
    assert [run["cycle"][:10] for run in daemon.runs()[:2]] == [WEEK[3], WEEK[3]]

    assert sorted(content_of(daemon, week)) == sorted(map(expected, week.rows))


def content_of(daemon: StokerDaemon, week: Week) -> list[str]:
    """Give the rows of the table as Spark reads them."""
    config = msgspec.to_builtins(cheap_ingest(week.source, week.lake).nodes[0].config)
    daemon.publish_job("check.py", CHECK, config)
    nodes = [{"name": "a", "job": "check.py", "args": ["${data}/flights"]}]
    daemon.publish_workflow("check", nodes, variables={"data": str(week.lake)})
    run = daemon.start_run("check")
    assert daemon.finished(run, 150)["row"]["state"] == "succeeded"
    return daemon.output(run, "a").splitlines()


def expected(row: dict[str, str]) -> str:
    left = row["dep_delay"] not in ("", "NA")
    delay = int(float(row["dep_delay"])) if left else None
    cells = (row["carrier"], int(row["flight"]), row["origin"], row["dest"], delay, not left)
    return ",".join(map(str, cells))
