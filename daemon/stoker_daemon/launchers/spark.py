"""Spark jobs: PySpark and JARs by spark-submit, SQL by spark-sql.

Properties go into a file that only the owner may read: ``ps`` shows a command line to everybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stoker_daemon.launchers import properties
from stoker_daemon.launchers.host import SparkHome
from stoker_daemon.launchers.task import CannotLaunch, Launch, Task
from stoker_shared.model import JobConfig, JobType, QueueSpec

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
    "spark.driver.memoryOverhead": "memory_overhead",
    "spark.executor.memoryOverhead": "memory_overhead",
}

_DEPLOY_MODE = "spark.submit.deployMode"
_ALL_CORES = "local[*"
"""How a master begins that takes every core of the host; the rest is ``]``, or failures that it allows."""
_DYNAMIC = "spark.dynamicAllocation"
_BOUNDS = {f"{_DYNAMIC}.minExecutors": "min_executors", f"{_DYNAMIC}.maxExecutors": "max_executors"}

_LOG_LEVEL_SINCE = (3, 5)
"""The Spark from which on `spark.log.level` is heeded."""

_ATTACHED = {"py_files": "--py-files", "files": "--files", "jars": "--jars", "archives": "--archives"}

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
            *(("--proxy-user", task.queue.proxy_user) if task.queue and task.queue.proxy_user else ()),
            *arguments,
            *task.args,
        ),
        # Spark's scripts believe SPARK_HOME over the place they lie in.
        env=python | task.environment | {"SPARK_HOME": str(spark.path)},
        files={PROPERTIES_FILE: properties.dump(effective_properties(task, spark))},
    )


def effective_properties(task: Task, spark: SparkHome) -> dict[str, str]:
    """Give every property the job runs with. Raises CannotLaunch for what this Spark would silently drop.

    Later ones win: Stoker's defaults, the host's spark-defaults.conf (which Spark itself leaves out once it
    is given a properties file), the queue's target and properties, the configuration's fields, and its
    properties.
    """
    _check_log_level(task.config, spark)
    chosen = (
        {"spark.master": "local[*]"}
        | spark.defaults
        | {"spark.app.name": task.title}
        | {f"{TAGS}{name}": value for name, value in task.tags.items()}
        | requested(task.config, task.queue, spark.defaults)
    )
    if chosen["spark.master"] == "local[*]" and task.config.driver_cores:
        chosen["spark.master"] = f"local[{task.config.driver_cores}]"
    if task.type is not JobType.SQL:
        return chosen
    if chosen.get(_DEPLOY_MODE) == "cluster":
        chosen[_DEPLOY_MODE] = "client"  # spark-sql knows no other.
    return _sql_choices(chosen, spark) | chosen


def requested(
    config: JobConfig, queue: QueueSpec | None, defaults: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Give the properties that a job and its queue ask for, on a host with those ``defaults``.

    In a queue ``local[*]`` is only as many cores as the job's driver has: the others are not its own.
    """
    target = _target(queue) if queue else {}
    allocation = _allocation(config, {**(defaults or {}), **target, **config.conf})
    level = {"spark.log.level": config.log_level.upper()} if config.log_level else {}
    asked = target | _fields(config) | level | allocation | config.conf
    if queue and asked["spark.master"].startswith(_ALL_CORES):
        cores = asked.get("spark.driver.cores", "1")
        asked["spark.master"] = f"local[{cores}{asked['spark.master'].removeprefix(_ALL_CORES)}"
    return asked


def _target(queue: QueueSpec) -> dict[str, str]:
    return {"spark.master": queue.master, _DEPLOY_MODE: queue.deploy_mode} | queue.conf


def _command(task: Task) -> tuple[str, ...]:
    source = str(task.source)
    attached = _attached(task)
    match task.type:
        case JobType.PYSPARK | JobType.NOTEBOOK:
            return "spark-submit", *attached, source
        case JobType.SQL:
            return "spark-sql", *attached, "-f", source
        case JobType.SUBMIT:
            return "spark-submit", *task.words
        case JobType.JAR if task.config.main_class:
            return "spark-submit", *attached, "--class", task.config.main_class, source
        case JobType.JAR:
            raise CannotLaunch(
                f"{task.source.name} is a JAR without a main class: set main_class in the configuration "
                "of the job or the node."
            )
        case JobType.SHELL:
            raise CannotLaunch(f"{task.source.name} is a shell job, which Spark does not run.")


def _attached(task: Task) -> Iterator[str]:
    for kind, option in _ATTACHED.items():
        if names := [attached.name for attached in task.attachments if attached.kind == kind]:
            yield option
            yield ",".join(f"{task.work}/{name}" for name in names)


def _fields(config: JobConfig) -> dict[str, str]:
    values = {key: getattr(config, field) for key, field in _FIELDS.items()}
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in values.items()
        if value is not None
    }


def _allocation(config: JobConfig, chosen: Mapping[str, str]) -> dict[str, str]:
    """What switches dynamic allocation on or off; unset, the host's defaults say.

    Executors can only go once their shuffle files are kept elsewhere, or known to be needed no more.
    """
    if config.dynamic_allocation is None:
        return {}
    if not config.dynamic_allocation:
        return {f"{_DYNAMIC}.enabled": "false"}
    has_service = chosen.get("spark.shuffle.service.enabled") == "true"
    tracking = {} if has_service else {f"{_DYNAMIC}.shuffleTracking.enabled": "true"}
    bounds = {key: value for key, field in _BOUNDS.items() if (value := getattr(config, field)) is not None}
    return {f"{_DYNAMIC}.enabled": "true"} | tracking | {key: str(value) for key, value in bounds.items()}


def _check_log_level(config: JobConfig, spark: SparkHome) -> None:
    if config.log_level and spark.release < _LOG_LEVEL_SINCE:
        raise CannotLaunch(
            f"Spark {spark.version} has no log level to set before 3.5: unset log_level, and call "
            "setLogLevel in the job."
        )


def _sql_choices(chosen: dict[str, str], spark: SparkHome) -> dict[str, str]:
    """What suits spark-sql where nobody chose otherwise.

    Its progress bar is for terminals. Without a metastore it would make one in the working directory, with a
    database that takes seconds and is gone from sight afterwards; Spark 3.4 and later can do without.
    """
    choices = {"spark.ui.showConsoleProgress": "false"}
    if not spark.metastore and not any(key.startswith(_METASTORE) for key in chosen):
        choices[_CATALOG] = "in-memory"
    return choices
