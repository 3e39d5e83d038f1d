"""From one attempt to the command that runs it.

Launchers are pure: values in, values out. What they must know of this machine, ``host`` finds.
"""

from __future__ import annotations

from pathlib import Path

from stoker_daemon.launchers import limits, notebook, shell, spark, submit
from stoker_daemon.launchers.host import Java, NoJava, NoSpark, SparkHome, find_java, find_spark
from stoker_daemon.launchers.task import WORK, CannotLaunch, Launch, Task
from stoker_shared.definition import value_faults
from stoker_shared.model import JobType
from stoker_shared.text import clean, fit

__all__ = [
    "WORK",
    "CannotLaunch",
    "Java",
    "Launch",
    "NoJava",
    "NoSpark",
    "SparkHome",
    "Task",
    "check_source",
    "find_java",
    "find_spark",
    "launch",
    "notebook",
    "submit",
]


def launch(task: Task, spark_home: SparkHome | None = None) -> Launch:
    """Give the command for ``task``. Raises CannotLaunch. Only shell jobs can do without ``spark_home``."""
    limits.check(task)
    # The job's configuration and the node's were each right by themselves.
    for field, why in value_faults(task.config):
        raise CannotLaunch(f"{fit(clean(field), 60)}: {why}.")
    if task.type is JobType.SHELL:
        return shell.launch(task)
    if spark_home is None:
        raise NoSpark
    return spark.launch(task, spark_home)


def check_source(kind: JobType, path: str, file: Path) -> None:
    """Raise CannotLaunch for the source of a job at ``path`` that no run of it could read."""
    if kind is JobType.NOTEBOOK:
        _check_size(path, file, notebook.MAX_NOTEBOOK)
        notebook.script(file.read_bytes(), path, _as_it_is)
    if kind is JobType.SUBMIT:
        _check_size(path, file, submit.MAX_SUBMIT)
        submit.words(file.read_bytes(), path, _as_it_is)


def _check_size(path: str, file: Path, most: int) -> None:
    if (size := file.stat().st_size) > most:
        raise CannotLaunch(f"{path} has {size:,} bytes, and one like it has at most {most:,}")


def _as_it_is(text: str, _: str) -> str:
    return text
