"""From one attempt to the command that runs it.

Launchers are pure: values in, values out. What they must know of this machine, ``host`` finds.
"""

from __future__ import annotations

from stoker_shared.model import JobType

from . import limits, shell, spark
from .host import Java, NoJava, NoSpark, SparkHome, find_java, find_spark
from .task import CannotLaunch, Launch, Task

__all__ = [
    "CannotLaunch",
    "Java",
    "Launch",
    "NoJava",
    "NoSpark",
    "SparkHome",
    "Task",
    "find_java",
    "find_spark",
    "launch",
]


def launch(task: Task, spark_home: SparkHome | None = None) -> Launch:
    """Give the command for ``task``. Raises CannotLaunch. Only shell jobs can do without ``spark_home``."""
    limits.check(task)
    if task.type is JobType.SHELL:
        return shell.launch(task)
    if spark_home is None:
        raise NoSpark
    return spark.launch(task, spark_home)
