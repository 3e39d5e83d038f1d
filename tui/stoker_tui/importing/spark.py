"""DolphinScheduler's task type SPARK: SQL, Python, and JARs with a main class."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from stoker_shared.model import JobConfig
from stoker_shared.text import quoted
from stoker_tui.importing.task import Job, Task

_FIELDS = {
    "--driver-cores": "driver_cores",
    "--driver-memory": "driver_memory",
    "--executor-cores": "executor_cores",
    "--executor-memory": "executor_memory",
    "--num-executors": "executor_instances",
    "--class": "main_class",
}
_COUNTS = {"driver_cores", "executor_cores", "executor_instances"}
_PROPERTIES = {
    "--queue": "spark.yarn.queue",
    "--name": "spark.app.name",
    "--jars": "spark.jars",
    "--packages": "spark.jars.packages",
    "--exclude-packages": "spark.jars.excludes",
    "--repositories": "spark.jars.repositories",
    "--files": "spark.files",
    "--py-files": "spark.submit.pyFiles",
    "--archives": "spark.archives",
    "--principal": "spark.kerberos.principal",
    "--keytab": "spark.kerberos.keytab",
    "--driver-java-options": "spark.driver.extraJavaOptions",
    "--driver-class-path": "spark.driver.extraClassPath",
    "--driver-library-path": "spark.driver.extraLibraryPath",
}


def spark(task: Task) -> Job:
    """Make a Spark task a job with its configuration."""
    params = task.params
    program = params.needed_text("programType").upper()
    config = _config(task)
    if program == "SQL" and params.text("sqlExecutionType", "SCRIPT").upper() != "FILE":
        return Job(task.publish(".sql", task.text("rawScript")), config=config)
    suffix = {"SQL": ".sql", "PYTHON": ".py"}.get(program, ".jar")
    resource, place = _resource(task, "resourceList/0" if program == "SQL" else "mainJar")
    words = [] if program == "SQL" else _words(task, "mainArgs")
    params.value("rawScript")
    return Job(task.missing(place, resource, (suffix,)), tuple(words) or None, config)


def _config(task: Task) -> JobConfig:
    params = task.params
    fields: dict[str, str | int] = {}
    conf: dict[str, str] = {}
    if yarn_queue := task.text("yarnQueue"):
        conf["spark.yarn.queue"] = yarn_queue
    if name := task.text("appName"):
        conf["spark.app.name"] = name
    for option, value in _options(_words(task, "others")):
        _set(task, fields, conf, option, value)
    for key, field in (
        ("driverCores", "driver_cores"),
        ("numExecutors", "executor_instances"),
        ("executorCores", "executor_cores"),
    ):
        if (count := params.number(key)) > 0:
            fields[field] = count
    for key, field in (("driverMemory", "driver_memory"), ("executorMemory", "executor_memory")):
        if memory := task.text(key).strip():
            fields[field] = memory.lower()
    if main_class := params.text("mainClass").strip():
        fields["main_class"] = main_class
    if params.text("programType").upper() in ("PYTHON", "SQL"):
        fields.pop("main_class", None)
    _find_engine(task)
    return JobConfig(**fields, conf=conf)  # pyright: ignore[reportArgumentType] - keyed by its own names


def _find_engine(task: Task) -> None:
    """List where it ran: here a queue decides that."""
    params = task.params
    mode = params.text("deployMode", "local")
    master = params.text("master") or ("local" if mode == "local" else "yarn")
    if mode != "local" or not master.startswith("local"):
        task.find(
            params.at("deployMode"),
            f"it ran on {quoted(master, 60)}, deploy mode {quoted(mode, 30)}",
            "the queue decides where Spark runs: give it that master and deploy mode",
        )
    params.value("sparkVersion")


def _set(task: Task, fields: dict[str, str | int], conf: dict[str, str], option: str, value: str) -> None:
    """Put an option of spark-submit where it belongs, or list it."""
    name, _, setting = value.partition("=")
    field = _FIELDS.get(option)
    if option in ("--conf", "-c") and name.startswith("spark.") and "=" in value:
        conf[name] = setting
    elif option in _PROPERTIES and value:
        conf[_PROPERTIES[option]] = value
    elif field and field in _COUNTS and value.isdecimal() and len(value) < 10:
        fields[field] = int(value)
    elif field and field not in _COUNTS and value:
        fields[field] = value
    else:
        written = quoted(f"{option} {value}".strip(), 80)
        task.find(task.params.at("others"), f"the option {written}", "no equal here; left out")


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Give options with their values, written as two words or with an equals sign."""
    waiting = list(reversed(words))
    while waiting:
        option, equals, value = waiting.pop().partition("=")
        if not option.startswith("-"):
            yield f"{option}{equals}{value}", ""
        elif equals:
            yield option, value
        else:
            yield option, waiting.pop() if waiting and not waiting[-1].startswith("--") else ""


def _words(task: Task, key: str) -> list[str]:
    """Give the words of what stood on a command line, as the shell there had them."""
    text = task.params.text(key)
    try:
        words = shlex.split(text)
    except ValueError:
        task.find(task.params.at(key), f"no shell reads {quoted(text, 80)}", "it is cut at its spaces")
        words = text.split()
    return [task.scope.text(word) for word in words]


def _resource(task: Task, key: str) -> tuple[str, str]:
    """Give the name of the file a task runs, and its place; of old exports only its number is known."""
    if key == "mainJar":
        entry = task.params.entry("mainJar")
    else:
        entry = next(iter(task.params.entries("resourceList")), None)
    place = f"{task.params.place}/{key}"
    if entry is None:
        return task.name, place
    name = entry.text("resourceName") or entry.text("res")
    if not name and "id" in entry:
        task.find(place, f"the file is only known as number {entry.text('id')}", f"called {task.name!r} here")
    return name or task.name, place
