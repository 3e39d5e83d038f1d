"""The demonstration's flights over some days of 2013, backfilled with real Spark.

Of its workflow only the ingest, over the data of these days: nearly all that a job of this size costs is the
start of Spark. The whole workflow over a week, by hand: ``python -m tests.e2e.flights``.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from stoker_shared.model import Intervals
from stoker_tui import demo
from stoker_tui.cli.files import read_workflow
from stoker_tui.client import Client
from tests.e2e.flights import NAME, WEEK, Flight, backfill, day_of, fail, flights_of
from tests.harness import StokerDaemon

*DAYS, AFTER = WEEK[:3]


@pytest.mark.spark
def test_days_of_flights_that_failed_are_backfilled_and_replaced(
    daemon: StokerDaemon, tmp_path: Path
) -> None:
    flights = list(flights_of(DAYS))
    lake = tmp_path / "lake"
    publish_ingest(daemon, source_of(flights, tmp_path / "source"), lake)
    for day in DAYS:
        fail(daemon, day)
    damaged, of_another = (lake / "flights" / f"day={day}" / "old.parquet" for day in (DAYS[1], AFTER))
    for file in (damaged, of_another):
        file.parent.mkdir(parents=True)
        file.write_text("old")

    failed = backfill(daemon, [*DAYS, AFTER], Intervals.FAILED, 300)
    assert (failed.state, failed.succeeded, failed.passed) == ("succeeded", len(DAYS), 1)
    missing = backfill(daemon, DAYS, Intervals.MISSING, 60)
    assert (missing.state, missing.passed) == ("succeeded", len(DAYS))

    succeeded = [run for run in daemon.runs() if run["state"] == "succeeded"]
    assert {run["cycle"][:10]: daemon.output(run["id"], "ingest") for run in succeeded} == {
        day: f"{day}: {counted} flights of 16 airlines\n"
        for day, counted in Counter(map(day_of, flights)).items()
    }
    table = sorted((lake / "flights").rglob("*.parquet"))
    assert [file.parent.name for file in table] == [f"day={day}" for day in (*DAYS, AFTER)]
    assert of_another in table
    assert damaged not in table


def source_of(flights: list[Flight], directory: Path) -> Path:
    """Give a directory with the data of these flights alone."""
    directory.mkdir()
    text = io.StringIO()
    writer = csv.DictWriter(text, flights[0])
    writer.writeheader()
    writer.writerows(flights)
    with zipfile.ZipFile(directory / "flights.csv.zip", "w") as archive:
        archive.writestr("flights.csv", text.getvalue())
    (directory / "airlines.csv").write_bytes((demo.flights() / "airlines.csv").read_bytes())
    return directory


def publish_ingest(daemon: StokerDaemon, source: Path, lake: Path) -> None:
    """Publish the workflow cut to its first node."""
    daemon.publish_job("demo/ingest.py", (demo.PIPELINE / "ingest.py").read_bytes())
    spec = demo.with_places(read_workflow(demo.PIPELINE / "flights.yaml"), source, lake)
    client = Client(daemon.socket)
    client.save_workflow(msgspec.structs.replace(spec, nodes=spec.nodes[:1]), None)
    client.publish_workflow(NAME, "")
