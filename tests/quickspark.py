"""What makes real Spark cheap enough for tests: nearly all that a small job costs is its start."""

from __future__ import annotations

import os
from pathlib import Path

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


def prepare() -> None:
    """Have all Spark that this process starts do less."""
    os.environ.setdefault("SPARK_LAUNCHER_OPTS", JAVA)
    given = " ".join(f"-D{name}={value}" for name, value in PROPERTIES.items())
    os.environ.setdefault("SPARK_SUBMIT_OPTS", f"{JAVA} {given}")
    own = str(Path(__file__).with_name("quick"))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (own, os.environ.get("PYTHONPATH"))))
