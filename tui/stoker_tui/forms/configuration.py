"""The form of what jobs are run with: a job's defaults, and what a node has otherwise. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from stoker_shared.api import Fault
from stoker_shared.definition import LOG_LEVELS, config_faults, escaped
from stoker_shared.model import JOB_TYPE_BY_SUFFIX, JobConfig, JobType
from stoker_tui.documents import Document
from stoker_tui.forms.form import Field, Form, Inherited, Values
from stoker_tui.forms.kinds import Kind, Number, Pairs, Text, Toggle, Words


class ConfigurationForm(Form[JobConfig]):
    """A job's default configuration."""

    def __init__(self, value: JobConfig, path: str) -> None:
        super().__init__(JobConfig, configuration_fields(lambda _: path), value)

    def faults(self, value: JobConfig) -> Iterable[Fault]:
        """Give what is wrong with it."""
        return _faults(value)


def configuration_document(path: str) -> Document[JobConfig]:
    """Give a job's default configuration as what is edited as text."""
    return Document(f"The default configuration of {path}", JobConfig, _faults)


def _faults(config: JobConfig) -> Iterable[Fault]:
    for place, problem in config_faults(config):
        yield Fault("/" + "/".join(map(escaped, place.split("/", 1))), problem)


def configuration_fields(
    path: Callable[[Values], str],
    *,
    below: str = "",
    job: Callable[[str], JobConfig] | None = None,
) -> list[Field]:
    """Give the fields of a configuration at the place ``below``, of a job at ``path``.

    Shown is what its type has a use for, and what is set. ``job`` gives what is inherited, by path.
    """
    return [
        Field(
            below + name, label, kind, help,
            inherited=_inherited(name, kind, path, job) if job else _spark(name),
            known=(lambda: LOG_LEVELS) if name == "log_level" else None,
            shown=_is_of_use(below + name, types, path),
        )
        for name, label, kind, help, types in _FIELDS
    ]  # fmt: skip


_SPARK = (JobType.PYSPARK, JobType.SQL, JobType.JAR, JobType.NOTEBOOK, JobType.SUBMIT)
_ALL = tuple(JobType)

_FIELDS: tuple[tuple[str, str, Kind, str, tuple[JobType, ...]], ...] = (
    ("args", "arguments", Words(), "behind the source file: --date ${ds} 'two words'", _ALL),
    ("main_class", "main class", Text(), "of a JAR: com.example.Sums", (JobType.JAR,)),
    ("driver_cores", "driver cores", Number(), "cores of the driver", _SPARK),
    ("driver_memory", "driver memory", Text(), "memory of the driver: 4g", _SPARK),
    ("executor_cores", "executor cores", Number(), "cores of each executor", _SPARK),
    ("executor_memory", "executor memory", Text(), "memory of each executor: 4g", _SPARK),
    ("executor_instances", "executor instances", Number(), "how many executors, fixed", _SPARK),
    ("dynamic_allocation", "dynamic allocation", Toggle(), "as many executors as there is work", _SPARK),
    ("min_executors", "executors at least", Number(), "under dynamic allocation", _SPARK),
    ("max_executors", "executors at most", Number(), "under dynamic allocation", _SPARK),
    ("memory_overhead", "memory overhead", Text(), "beside the JVM, driver and executors alike: 1g", _SPARK),
    ("log_level", "log level", Text(), "of Spark 3.5 on: WARN", _SPARK),
    ("conf", "Spark properties", Pairs(), "spark.sql.shuffle.partitions=8", _SPARK),
    ("env", "environment", Pairs(), "environment variables: LANG=C REGION=${region}", _ALL),
    ("timeout", "timeout", Number(), "seconds that one attempt may take", _ALL),
)


def _is_of_use(
    place: str, types: tuple[JobType, ...], path: Callable[[Values], str]
) -> Callable[[Values], bool]:
    def shown(values: Values) -> bool:
        kind = JOB_TYPE_BY_SUFFIX.get(PurePosixPath(path(values)).suffix)
        return kind is None or kind in types or place in values

    return shown


def _inherited(
    name: str, kind: Kind, path: Callable[[Values], str], job: Callable[[str], JobConfig]
) -> Callable[[Values], Inherited | None]:
    def inherited(values: Values) -> Inherited | None:
        value = getattr(job(path(values)), name)
        if value is None or value == {}:
            return _spark(name)(values)
        return Inherited(kind.write(value), "from the job")

    return inherited


def _spark(name: str) -> Callable[[Values], Inherited | None]:
    """Give what there is where neither says it."""
    if name == "timeout":
        return lambda _: Inherited("no limit", "")
    if name in ("args", "main_class", "conf", "env"):
        return lambda _: None
    return lambda _: Inherited("as Spark has it", "")
