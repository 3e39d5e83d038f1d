"""Jobs on real Spark under a real daemon, and what is said where Spark can't run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import StokerDaemon, wait_for

SLEEPING = """
import os, time
from pathlib import Path
from pyspark.sql import SparkSession

def sleep(rows):
    Path(os.environ["PIDS"], str(os.getpid())).touch()
    time.sleep(1000)
    return rows

SparkSession.builder.getOrCreate().sparkContext.parallelize(range(2), 2).mapPartitions(sleep).count()
"""


def processes_with(variable: str) -> list[int]:
    """Give all live processes that have a variable in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if variable.encode() in environment and state not in "ZX":
            found.append(int(process.name))
    return found


def tag_of(daemon: StokerDaemon, run: int, node: str) -> str:
    """Give the variable that all processes of a node's first attempt carry."""
    launch = daemon.output(run, node, stream="launch")
    return launch.split("\n", 1)[0].rpartition(" ")[2]


@pytest.mark.spark
def test_a_stopped_job_leaves_no_process_of_spark(daemon: StokerDaemon, tmp_path: Path):
    (pids := tmp_path / "pids").mkdir()
    config: dict[str, Any] = {"driver_cores": 2, "driver_memory": "600m", "env": {"PIDS": str(pids)}}
    daemon.publish_job("sleeping.py", SLEEPING, config)
    daemon.publish_workflow("spark", [{"name": "sleeping", "job": "sleeping.py"}])
    run = daemon.start_run("spark")

    wait_for(lambda: len(list(pids.iterdir())) == 2, "both Python workers sleep", 300)
    tag = tag_of(daemon, run, "sleeping")
    assert {int(path.name) for path in pids.iterdir()} < set(processes_with(tag))
    daemon.http.post(f"/v1/runs/{run}/nodes/sleeping/stop").raise_for_status()
    daemon.finished(run)
    assert processes_with(tag) == []
    assert daemon.node(run, "sleeping")["state"] == "stopped"


@pytest.fixture
def without_java(tmp_path: Path) -> Iterator[StokerDaemon]:
    """A daemon that finds no Java."""
    (programs := tmp_path / "bin").mkdir()
    for name in ("sh", "env"):
        (programs / name).symlink_to(f"/bin/{name}")
    nowhere = dict.fromkeys(("JAVA_HOME", "SPARK_HOME"), "")
    with StokerDaemon(tmp_path, {**nowhere, "PATH": os.fspath(programs)}) as daemon:
        yield daemon


def test_without_java_a_spark_job_is_refused_with_what_to_install(without_java: StokerDaemon):
    without_java.publish_job("job.py", "print('ran')")
    without_java.publish_job("shell.sh", "echo ran")
    nodes = [{"name": "spark", "job": "job.py"}, {"name": "shell", "job": "shell.sh"}]
    without_java.publish_workflow("flow", nodes, retries=1)
    run = without_java.start_run("flow")
    assert without_java.finished(run)["row"]["state"] == "failed"
    node = without_java.node(run, "spark")
    assert (node["state"], node["reason"], node.get("attempts")) == ("failed", "refused", None)
    assert "needs Java 17 or newer; found none. Install it, e.g. `sudo apt install" in node["detail"]
    assert "or set JAVA_HOME" in node["detail"]
    assert without_java.node(run, "shell")["state"] == "succeeded"


def test_an_unknown_variable_in_sql_is_told_with_its_place_before_spark_is_needed(without_java: StokerDaemon):
    without_java.publish_job("etl/sums.sql", "SELECT 1;\nSELECT '${dss}', '${spark.app.name}';\n")
    without_java.publish_workflow("flow", [{"name": "sums", "job": "etl/sums.sql"}])
    run = without_java.start_run("flow")
    without_java.finished(run)
    node = without_java.node(run, "sums")
    assert (node["reason"], node.get("attempts")) == ("refused", None)
    assert node["detail"] == "etl/sums.sql:2:9: unknown variable 'dss'; did you mean 'ds'?"
