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

DAYS = WEEK[:2]


@pytest.mark.spark
def test_days_of_flights_are_backfilled_and_mended(daemon: StokerDaemon, tmp_path: Path) -> None:
    flights = list(flights_of(DAYS))
    lake = tmp_path / "lake"
    publish_ingest(daemon, source_of(flights, tmp_path / "source"), lake)

    done = backfill(daemon, DAYS, Intervals.ALL, 300)
    assert (done.state, done.succeeded) == ("succeeded", len(DAYS))
    made = table(lake)
    assert list(made) == [f"day={day}" for day in DAYS]
    assert {run["cycle"][:10]: daemon.output(run["id"], "ingest") for run in daemon.runs()} == {
        day: f"{day}: {counted} flights of 16 airlines\n"
        for day, counted in Counter(map(day_of, flights)).items()
    }

    missing = backfill(daemon, DAYS, Intervals.MISSING, 60)
    assert (missing.state, missing.passed) == ("succeeded", len(DAYS))
    assert len(daemon.runs()) == len(DAYS)

    fail(daemon, DAYS[1])
    (damaged,) = (lake / "flights" / f"day={DAYS[1]}").glob("*.parquet")
    damaged.unlink()
    failed = backfill(daemon, DAYS, Intervals.FAILED, 300)
    assert (failed.state, failed.succeeded, failed.passed) == ("succeeded", 1, len(DAYS) - 1)
    assert table(lake) == made


def table(lake: Path) -> dict[str, bytes]:
    """Give what the table of flights has of each day."""
    return {path.parent.name: columns_of(path) for path in sorted((lake / "flights").rglob("*.parquet"))}


def columns_of(parquet: Path) -> bytes:
    """Give all of a file but its footer, in which sets have no order."""
    content = parquet.read_bytes()
    return content[: -8 - int.from_bytes(content[-8:-4], "little")]


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
