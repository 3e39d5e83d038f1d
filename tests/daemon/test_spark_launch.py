"""What the launchers promise about Spark, asked of Spark itself."""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from stoker_daemon.launchers import Task, find_java, find_spark, launch
from stoker_shared.model import JobConfig, JobType

pytestmark = pytest.mark.spark

ODD = {
    "spark.odd.value": "a = b: c\\d #e !f \"g\" 'h' $i é 😀\tj\nk",
    "spark.odd.kéy = : #\\": "v",
    "spark.odd.empty": "",
}
ARGS = ("two words", "", "--conf", "é 😀 $HOME * \"q\" 'q' \\")

PYTHON = """
import json, os, sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
conf = dict(spark.sparkContext.getConf().getAll())
print(json.dumps([conf, sys.argv[1:], os.environ["STOKER_DS"], os.getcwd(), sys.executable]), flush=True)
raise ValueError("the job fails")
"""

SQL = """
CREATE TABLE t (name STRING) USING parquet;
INSERT INTO t VALUES ('Zoë; and more');
SELECT concat('name=', name) FROM t;
SELECT * FROM nowhere;
SELECT 'went on';
"""


class Ended(NamedTuple):
    exit_code: int
    stdout: str
    stderr: str
    directory: Path

    def litter(self) -> set[str]:
        """What lies around a Hive metastore, wherever the job left it."""
        return {path.name for path in self.directory.rglob("*") if path.name in ("metastore_db", "derby.log")}


def start(kind: JobType, source: str, directory: Path, args: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start a job as an executor does: with its files, in its working directory."""
    (directory / "work").mkdir(parents=True)
    script = directory / f"job.{'py' if kind is JobType.PYSPARK else 'sql'}"
    script.write_text(source)
    config = JobConfig(driver_cores=1, driver_memory="600m", conf=ODD)
    spark = find_spark(None, os.environ)
    find_java(spark, os.environ)
    asked = Task(
        type=kind,
        title="daily/ingest #12.1",
        source=script,
        directory=directory,
        args=args,
        config=config,
        variables={"STOKER_DS": "2013-01-15"},
    )
    started = launch(asked, spark)
    for name, content in started.files.items():
        (directory / name).write_bytes(content)
    return subprocess.Popen(
        started.argv,
        cwd=directory / "work",
        env=os.environ | {"LC_ALL": "C.UTF-8"} | started.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """Two jobs at the same time, ended; Spark takes so long to start that they serve all tests."""
    here = tmp_path_factory.mktemp("attempts")
    jobs = {
        "python": start(JobType.PYSPARK, PYTHON, here / "python", ARGS),
        "sql": start(JobType.SQL, SQL, here / "sql"),
    }
    ends = {name: (*job.communicate(timeout=300), job.returncode) for name, job in jobs.items()}
    return {name: Ended(code, out, err, here / name) for name, (out, err, code) in ends.items()}


class Told(NamedTuple):
    conf: dict[str, str]
    args: tuple[str, ...]
    day: str
    cwd: str
    python: str


@pytest.fixture
def told(ended: dict[str, Ended]) -> Told:
    """What the PySpark job printed of itself."""
    line = next(line for line in ended["python"].stdout.split("\n") if line.startswith("[{"))
    return msgspec.json.decode(line, type=Told)


def test_an_exception_in_pyspark_is_a_failure(ended: dict[str, Ended]):
    assert ended["python"].exit_code == 1
    # spark-submit sends what Python writes to stderr to its own stdout.
    assert "ValueError: the job fails" in ended["python"].stdout


def test_properties_survive_with_all_their_characters(told: Told):
    assert {key: told.conf.get(key) for key in ODD} == ODD


def test_a_job_runs_under_its_title_on_the_cores_it_asked_for(told: Told):
    assert told.conf["spark.app.name"] == "daily/ingest #12.1"
    assert told.conf["spark.master"] == "local[1]"
    assert told.conf["spark.driver.memory"] == "600m"


def test_arguments_survive_with_all_their_characters(told: Told):
    assert told.args == ARGS


def test_the_variables_reach_python_in_the_working_directory(ended: dict[str, Ended], told: Told):
    assert told.day == "2013-01-15"
    assert told.cwd == str(ended["python"].directory / "work")


def test_sql_runs_without_a_metastore(ended: dict[str, Ended]):
    assert "name=Zoë; and more" in ended["sql"].stdout, ended["sql"].stderr


def test_a_missing_table_is_a_failure_and_ends_the_script(ended: dict[str, Ended]):
    assert ended["sql"].exit_code != 0
    assert "TABLE_OR_VIEW_NOT_FOUND" in ended["sql"].stderr
    assert "went on" not in ended["sql"].stdout


def test_nothing_makes_a_metastore_nobody_asked_for(ended: dict[str, Ended]):
    assert all(job.litter() == set() for job in ended.values())


def test_jobs_write_in_their_working_directory_only(ended: dict[str, Ended]):
    for job in ended.values():
        assert {path.name for path in job.directory.iterdir()} <= {
            "work",
            "job.py",
            "job.sql",
            "spark.properties",
        }
