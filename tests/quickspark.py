"""What makes real Spark cheap enough for tests: nearly all that a small job costs is its start.

Most of that is to load and compile some ten thousand classes. A Java that knows such archives (17 and newer)
keeps them in one, ready to use, which all jobs share: made by the first test of the session that needs it, or
kept from an earlier one. Where it can't be made, jobs run without.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from stoker_daemon.launchers import CannotLaunch, find_java, find_spark

JAVA = (
    "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
)
"""What tests compute is little: what takes long is to verify Spark's bytecode and to compile it well."""

PROPERTIES = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
"""Of every job whose own configuration says nothing else."""

USUAL = """
from pyspark.sql import SparkSession

print(SparkSession.builder.getOrCreate().sparkContext.parallelize([1], 1).map(str).collect())
"""
"""A job that loads what most jobs load. An archive of more takes longer to make than it saves."""

_MADE_WITHIN = 300


def prepare() -> None:
    """Have all Spark that this process starts do less."""
    os.environ.setdefault("SPARK_LAUNCHER_OPTS", JAVA)
    given = " ".join(f"-D{name}={value}" for name, value in PROPERTIES.items())
    os.environ.setdefault("SPARK_SUBMIT_OPTS", f"{JAVA} {given}")
    own = str(Path(__file__).with_name("quick"))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (own, os.environ.get("PYTHONPATH"))))


@cache
def share_classes(directory: Path) -> None:
    """Have it use an archive of classes, kept in ``directory``; processes may do this at the same time."""
    try:
        archive = _archive(directory)
    except (CannotLaunch, OSError, subprocess.SubprocessError):
        return
    # Without its log Java says nothing, should it find an archive unfit.
    os.environ["SPARK_SUBMIT_OPTS"] += f' -XX:SharedArchiveFile="{archive}" -Xlog:disable'


def _archive(directory: Path) -> Path:
    spark = find_spark(None, os.environ)
    java = find_java(spark, os.environ).binary
    told = subprocess.run([java, "-version"], stderr=subprocess.PIPE, check=True).stderr
    about = (told, spark.path, spark.version, (spark.path / "jars").stat().st_mtime_ns)
    archive = directory / f"{sha256(repr(about).encode()).hexdigest()[:16]}.jsa"
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            for older in directory.glob("*.jsa"):
                older.unlink()
            _make(archive, spark.path)
    return archive


def _make(archive: Path, spark: Path) -> None:
    with TemporaryDirectory(dir=archive.parent) as place:
        job, made = Path(place, "job.py"), Path(place, "made")
        job.write_text(USUAL)
        options = f'{os.environ["SPARK_SUBMIT_OPTS"]} -XX:ArchiveClassesAtExit="{made}"'
        subprocess.run(
            [spark / "bin" / "spark-submit", "--master", "local[1]", job],
            env={**os.environ, "SPARK_HOME": str(spark), "SPARK_SUBMIT_OPTS": options},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_MADE_WITHIN,
            check=True,
        )
        made.rename(archive)
