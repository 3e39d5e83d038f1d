"""A JAR as a job: its main class, its arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness import StokerDaemon

HELLO = Path(__file__).parents[1] / "data" / "hello.jar"
"""Holds the class Hello and its source beside it."""


@pytest.mark.spark
def test_a_jar_runs_its_main_class(daemon: StokerDaemon) -> None:
    daemon.run_stoker(
        "job", "publish", HELLO, "--as", "hello.jar", "--set", "main_class=Hello", "--set", "driver_cores=1"
    )
    daemon.publish_workflow("hello", [{"name": "only", "job": "hello.jar", "args": ["on", "${ds}"]}])

    done = daemon.run_stoker("run", "hello", "--cycle", "2013-01-15", "--follow")

    assert done.returncode == 0, done.stdout
    assert daemon.output(1, "only") == "on 2013-01-15 on local[1]\n"


def test_a_jar_without_a_main_class_is_refused_before_anything_is_launched(daemon: StokerDaemon) -> None:
    daemon.run_stoker("job", "publish", HELLO, "--as", "hello.jar")
    daemon.publish_workflow("hello", [{"name": "only", "job": "hello.jar"}])

    done = daemon.run_stoker("run", "hello", "--follow")

    assert done.returncode == 1
    assert "is a JAR without a main class: set main_class" in done.stdout
    assert daemon.node(1, "only").get("attempts", []) == []
