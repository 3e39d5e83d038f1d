"""The demonstration's flights over some days of 2013, backfilled with real Spark.

Of its workflow only the ingest, over the data of these days: nearly all that a job of this size costs is the
start of Spark. The whole workflow over a week, by hand: ``python -m tests.e2e.flights``.
"""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import msgspec
import pytest

from stoker_shared.model import Intervals, NodeSpec
from stoker_tui import demo
from stoker_tui.cli.files import read_workflow
from stoker_tui.client import Client
from tests.e2e.flights import NAME, WEEK, Flight, backfill, delay_of, fail, flights_of
from tests.harness import StokerDaemon

DAYS = WEEK[:2]
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


@pytest.mark.spark
def test_days_of_flights_are_backfilled_and_mended(daemon: StokerDaemon, tmp_path: Path) -> None:
    flights = list(flights_of(DAYS))
    lake = tmp_path / "lake"
    ingest = publish_ingest(daemon, source_of(flights, tmp_path / "source"), lake)

    done = backfill(daemon, DAYS, Intervals.ALL, 280)
    assert (done.state, done.succeeded) == ("succeeded", len(DAYS))
    assert sorted(path.name for path in (lake / "flights").glob("day=*")) == [f"day={day}" for day in DAYS]

    missing = backfill(daemon, DAYS, Intervals.MISSING, 60)
    assert (missing.state, missing.passed) == ("succeeded", len(DAYS))
    assert len(daemon.runs()) == len(DAYS)

    fail(daemon, DAYS[1])
    (damaged,) = (lake / "flights" / f"day={DAYS[1]}").glob("*.parquet")
    damaged.unlink()
    failed = backfill(daemon, DAYS, Intervals.FAILED, 100)
    assert (failed.state, failed.succeeded, failed.passed) == ("succeeded", 1, len(DAYS) - 1)

    assert sorted(content_of(daemon, ingest, lake)) == sorted(map(expected, flights))


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


def publish_ingest(daemon: StokerDaemon, source: Path, lake: Path) -> NodeSpec:
    """Publish the workflow cut to its first node, whose Spark has less to do at its start; give the node."""
    daemon.publish_job("demo/ingest.py", (demo.PIPELINE / "ingest.py").read_bytes())
    spec = demo.with_places(read_workflow(demo.PIPELINE / "flights.yaml"), source, lake)
    ingest = spec.nodes[0]
    config = msgspec.structs.replace(ingest.config, conf={**ingest.config.conf, **LESS_WORK})
    ingest = msgspec.structs.replace(ingest, config=config)
    client = Client(daemon.socket)
    client.save_workflow(msgspec.structs.replace(spec, nodes=(ingest,)), None)
    client.publish_workflow(NAME, "")
    return ingest


def content_of(daemon: StokerDaemon, ingest: NodeSpec, lake: Path) -> list[str]:
    """Give the rows of the table as Spark reads them."""
    daemon.publish_job("check.py", CHECK, msgspec.to_builtins(ingest.config))
    nodes = [{"name": "a", "job": "check.py", "args": ["${data}/flights"]}]
    daemon.publish_workflow("check", nodes, variables={"data": str(lake)})
    run = daemon.start_run("check")
    assert daemon.finished(run, 100)["row"]["state"] == "succeeded"
    return daemon.output(run, "a").splitlines()


def expected(flight: Flight) -> str:
    delay = delay_of(flight)
    where = flight["carrier"], int(flight["flight"]), flight["origin"], flight["dest"]
    return ",".join(map(str, (*where, delay, delay is None)))
