"""Spark jobs: PySpark and JARs by spark-submit, SQL by spark-sql.

Properties go into a file that only the owner may read: ``ps`` shows a command line to everybody.
"""

from __future__ import annotations

from stoker_shared.model import JobConfig, JobType
from stoker_shared.text import clean, fit

from . import properties
from .host import SparkHome
from .task import CannotLaunch, Launch, Task

PROPERTIES_FILE = "spark.properties"

ON_COMMAND_LINE = (
    "JavaOptions",
    ".extraClassPath",
    ".extraLibraryPath",
    "SPARK_SUBMIT_OPTS",
    "SPARK_LAUNCHER_OPTS",
)
"""Ends of the names of properties and environment variables that Spark hands on as arguments of Java."""

TAGS = "spark.stoker.tags."
"""What the names of the properties begin with by which the tags of a node are found on its application."""

_FIELDS = {
    "spark.driver.cores": "driver_cores",
    "spark.driver.memory": "driver_memory",
    "spark.executor.cores": "executor_cores",
    "spark.executor.memory": "executor_memory",
    "spark.executor.instances": "executor_instances",
}

_CATALOG = "spark.sql.catalogImplementation"
_METASTORE = (
    _CATALOG,
    "spark.hadoop.hive.metastore.",
    "spark.hadoop.javax.jdo.",
    "spark.hive.metastore.",
    "spark.sql.hive.metastore.",
)
"""Beginnings of the properties by which somebody chose a catalog or configured a metastore."""


def launch(task: Task, spark: SparkHome) -> Launch:
    """Give the command for a Spark job of any type. Raises CannotLaunch."""
    program, *arguments = _command(task)
    python = {"PYSPARK_PYTHON": spark.python} if spark.python else {}
    return Launch(
        argv=(
            str(spark.path / "bin" / program),
            "--properties-file",
            str(task.directory / PROPERTIES_FILE),
            *arguments,
            *task.args,
        ),
        # Spark's scripts believe SPARK_HOME over the place they lie in.
        env=python | task.environment | {"SPARK_HOME": str(spark.path)},
        files={PROPERTIES_FILE: properties.dump(effective_properties(task, spark))},
    )


def effective_properties(task: Task, spark: SparkHome) -> dict[str, str]:
    """Give every property the job runs with. Raises CannotLaunch for one that Spark would silently drop.

    Later ones win: Stoker's defaults, the host's spark-defaults.conf (which Spark itself leaves out once it
    is given a properties file), the configuration's fields, its properties.
    """
    for key in task.config.conf:
        if not key.startswith("spark."):
            shown = fit(clean(key), 60)
            raise CannotLaunch(
                f"Spark ignores the property {shown!r}: its name must begin with `spark.` "
                f"(for a Hadoop property: `spark.hadoop.{shown}`)."
            )
    chosen = (
        {"spark.master": "local[*]"}
        | spark.defaults
        | {"spark.app.name": task.title}
        | {f"{TAGS}{name}": value for name, value in task.tags.items()}
        | _fields(task.config)
        | task.config.conf
    )
    if chosen["spark.master"] == "local[*]" and task.config.driver_cores:
        chosen["spark.master"] = f"local[{task.config.driver_cores}]"
    return _sql_choices(chosen, spark) | chosen if task.type is JobType.SQL else chosen


def _command(task: Task) -> tuple[str, ...]:
    source = str(task.source)
    match task.type:
        case JobType.PYSPARK:
            return "spark-submit", source
        case JobType.SQL:
            return "spark-sql", "-f", source
        case JobType.JAR if task.config.main_class:
            return "spark-submit", "--class", task.config.main_class, source
        case JobType.JAR:
            raise CannotLaunch(
                f"{task.source.name} is a JAR without a main class: set main_class in the configuration "
                "of the job or the node."
            )
        case JobType.SHELL | JobType.NOTEBOOK | JobType.SUBMIT:
            raise CannotLaunch(f"{task.source.name} is a shell job, which Spark does not run.")


def _fields(config: JobConfig) -> dict[str, str]:
    return {
        key: str(value) for key, field in _FIELDS.items() if (value := getattr(config, field)) is not None
    }


def _sql_choices(chosen: dict[str, str], spark: SparkHome) -> dict[str, str]:
    """What suits spark-sql where nobody chose otherwise.

    Its progress bar is for terminals. Without a metastore it would make one in the working directory, with a
    database that takes seconds and is gone from sight afterwards; Spark 3.4 and later can do without.
    """
    choices = {"spark.ui.showConsoleProgress": "false"}
    if not spark.metastore and not any(key.startswith(_METASTORE) for key in chosen):
        choices[_CATALOG] = "in-memory"
    return choices
