"""From a node of a run to the order that launches it: plan read, variables replaced, command made."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon import launchers
from stoker_daemon.attempts.directory import AttemptDirectory, AttemptKey
from stoker_daemon.attempts.executor import Order
from stoker_daemon.attempts.processes import TAG
from stoker_daemon.launchers import WORK, CannotLaunch, Launch, SparkHome, Task, notebook, submit
from stoker_daemon.launchers.shell import shebang
from stoker_daemon.launchers.spark import ON_COMMAND_LINE
from stoker_daemon.objects import Objects
from stoker_daemon.preparing.plan import Plan, PlanNode, read_plan
from stoker_daemon.preparing.variables import Facts, Scope, VariableError
from stoker_shared.model import JobConfig, JobType, QueueSpec
from stoker_shared.secrecy import MASK
from stoker_shared.state import Attempt, NodeRun, Queue, Run
from stoker_shared.text import clean

logger = logging.getLogger(__name__)

_SHEBANG_BYTES = 256
"""What Linux itself reads of a script's first line (execve(2))."""


_WHERE = ("JAVA_HOME", "PATH", "SPARK_HOME", "SPARK_CONF_DIR", "HADOOP_CONF_DIR", "YARN_CONF_DIR")
"""The environment variables that decide which Spark and Java a job gets."""


_Configured = TypeVar("_Configured", JobConfig, QueueSpec)

_LONGEST_COMMAND = 128 * 1024
"""Bytes of a command: what Linux takes in one argument, and a line of the run log however escaped."""


class Preview(msgspec.Struct, frozen=True):
    """What would be launched, and what is missing for it."""

    command: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    missing: list[str] = []


class Preparer:
    """Makes orders, with the settings that ``queues`` have then.

    Spark and Java are remembered once found, and looked for again while they are missing.
    """

    def __init__(
        self,
        objects: Objects,
        logs: Path,
        spark_home: Path | None,
        queues: Mapping[str, Queue],
        secrets_of: Callable[[str], dict[str, str]],
    ) -> None:
        """``secrets_of`` gives a workspace's secrets, or raises CannotLaunch where one has no value."""
        self._objects = objects
        self._logs = logs
        self.spark_home = spark_home
        self._queues = queues
        self._secrets_of = secrets_of
        self._plan = lru_cache(maxsize=32)(partial(read_plan, objects))
        self._interpreter = lru_cache(maxsize=256)(self._read_interpreter)
        self._found: dict[tuple[Path | str | None, ...], SparkHome] = {}

    def order(self, run: Run, node: NodeRun) -> Order:
        """Give the order for a node's next attempt.

        Raises:
            CannotLaunch: it can't be launched as it stands; the message says what to do.
        """
        return self._made(run, self._plan(run.plan), node)

    def preview(self, run: Run, plan: Plan, node: NodeRun) -> Preview:
        """Give what `order` would launch on that plan, and all that is missing for it."""
        faults: list[VariableError] = []
        try:
            launch = self._made(run, plan, node, faults).launch
        except CannotLaunch as error:
            return Preview(missing=[*map(str, faults), str(error)])
        except FileNotFoundError as error:
            return Preview(missing=[*map(str, faults), f"there is no {error.filename}"])
        frozen = plan.nodes[node.number - 1]
        scope = self._scope(run, plan, node, len(node.attempts) + 1)
        hidden = {exported: MASK for exported, name in scope.exported().items() if name in scope.secret}
        shown = frozen.config.env | hidden
        environment = {name: shown.get(name, value) for name, value in launch.env.items()}
        return Preview(launch.argv, environment, [*map(str, faults)])

    def _made(self, run: Run, plan: Plan, node: NodeRun, faults: list[VariableError] | None = None) -> Order:
        """Make an order; references that mean nothing are left in it where they go to ``faults``."""
        frozen = plan.nodes[node.number - 1]
        key = AttemptKey(run.id, node.number, node.name, len(node.attempts) + 1)
        try:
            scope = self._scope(run, plan, node, key.attempt)
            scope.faults = faults
            queue = self._queues.get(node.queue)
            target = _replaced(queue.spec, scope) if queue else None
            return self._order(key, frozen, target, scope, f"{run.name}/{node.name} #{run.id}.{key.attempt}")
        except VariableError as error:
            raise CannotLaunch(str(error)) from error

    def describe(self, run: Run, node: NodeRun, attempt: Attempt) -> str:
        """Give an attempt's launch log: what was launched, where, with which variables, each with its origin.

        Of what is secret it has the name only, and so of all that the configuration puts in the environment.
        """
        plan = self._plan(run.plan)
        frozen = plan.nodes[node.number - 1]
        key = AttemptKey(run.id, node.number, node.name, attempt.number)
        lines = [f"{key}, process {attempt.pid}, {TAG}={attempt.tag}"]
        lines += [f"directory: {AttemptDirectory(self._logs, key).path / WORK}"]
        lines += ["command:", *(f"  {argument!r}" for argument in attempt.command)]
        lines += ["environment:", *self._described(run, plan, node, attempt)]
        lines += [f"  {clean(name)}" for name in frozen.config.env]
        if frozen.attachments:
            lines += ["attached:", *(f"  {each.name} ({each.size:,} bytes)" for each in frozen.attachments)]
        return "\n".join(lines) + "\n"

    def frozen(self, run: Run, node: NodeRun) -> PlanNode:
        """Give what a run's plan says of a node."""
        return self._plan(run.plan).nodes[node.number - 1]

    def environment_names(self, run: Run, node: NodeRun, attempt: Attempt) -> list[str]:
        """Give the names in the environment that an attempt had beside the daemon's own."""
        plan, frozen = self._plan(run.plan), self.frozen(run, node)
        try:
            scope = self._scope(run, plan, node, attempt.number)
        except (CannotLaunch, VariableError):
            # An earlier version took what this one refuses, or a secret it was launched with is gone.
            return [clean(name) for name in frozen.config.env]
        return [*scope.exported(), *map(clean, frozen.config.env)]

    def secrets(self, run: Run) -> list[str]:
        """Give the values that nobody is to be shown who looks at a run."""
        try:
            return list(self._secrets_of(run.workspace).values())
        except CannotLaunch:
            return []

    def find_spark(self, own: Mapping[str, str], home: str | None = None) -> SparkHome:
        """Give the Spark for a job with that environment of its own, once there is a Java that suits it.

        ``home`` is the one that its queue names, if it does.

        Raises:
            CannotLaunch: something is missing; the message says what to install.
        """
        environment = {**os.environ, **own}
        configured = Path(home) if home else self.spark_home
        where = (configured, *(environment.get(name) for name in _WHERE))
        if where not in self._found:
            spark = launchers.find_spark(configured, environment)
            java = launchers.find_java(spark, environment)
            logger.info("Spark %s at %s, Java %s at %s", spark.version, spark.path, java.version, java.binary)
            self._found[where] = spark
        return self._found[where]

    def _scope(self, run: Run, plan: Plan, node: NodeRun, attempt: int) -> Scope:
        """Give the variables that an attempt sees, from the widest scope of custom ones to what wins.

        Raises VariableError, and CannotLaunch where a secret has no value.
        """
        custom = {
            "workspace": plan.workspace_variables,
            "workflow": plan.variables,
            "node": plan.nodes[node.number - 1].variables,
            "run": run.variables,
        }
        return Scope(_facts(run, node.name, attempt), custom, self._secrets_of(run.workspace))

    def _order(
        self, key: AttemptKey, node: PlanNode, queue: QueueSpec | None, scope: Scope, title: str
    ) -> Order:
        directory = AttemptDirectory(self._logs, key).path
        source, files = self._source(node, scope)
        task = Task(
            type=node.type,
            title=title,
            source=directory / source,
            directory=directory,
            args=tuple(
                scope.replace_in_sight(arg, f"args[{i}]", "`ps` shows arguments to everybody")
                for i, arg in enumerate(node.args)
            ),
            config=_replaced(node.config, scope),
            variables=scope.environment(),
            tags=scope.tags(node.tags)
            | {"workflow_name": scope.values["workflow_name"], "task_name": scope.values["node_name"]},
            interpreter=self._interpreter(node.digest) if node.type is JobType.SHELL else (),
            queue=queue,
            attachments=node.attachments,
            words=self._words(node, scope) if node.type is JobType.SUBMIT else (),
        )
        home = queue.spark_home if queue else None
        spark = None if node.type is JobType.SHELL else self.find_spark(task.environment, home)
        launch = launchers.launch(task, spark)
        _check_length(launch)
        tag = uuid4().hex
        given = {f"{WORK}/{attached.file_name}": attached.digest for attached in node.attachments}
        if not files:
            given[source] = node.digest
        sources = tuple((place, self._objects.path(digest)) for place, digest in given.items())
        return Order(key, tag, msgspec.structs.replace(launch, files=launch.files | files), sources)

    def _source(self, node: PlanNode, scope: Scope) -> tuple[str, dict[str, bytes]]:
        """Give the name of the file to run, and that file where it is not what was published."""
        name = PurePosixPath(node.job).name
        match node.type:
            case JobType.SQL:
                return name, {name: self._sql(node, scope)}
            case JobType.NOTEBOOK:
                content = self._objects.path(node.digest).read_bytes()
                return f"{name}.py", {f"{name}.py": notebook.script(content, node.job, scope.replace)}
            case _:
                return name, {}

    def _words(self, node: PlanNode, scope: Scope) -> tuple[str, ...]:
        def replace(text: str, source: str) -> str:
            return scope.replace_in_sight(text, source, "`ps` shows arguments to everybody")

        return submit.words(self._objects.read(node.digest), node.job, replace)

    def _described(self, run: Run, plan: Plan, node: NodeRun, attempt: Attempt) -> list[str]:
        try:
            scope = self._scope(run, plan, node, attempt.number)
        except (CannotLaunch, VariableError) as error:
            # An earlier version took what this one refuses, or a secret it was launched with is gone.
            return [f"  none: {error}"]
        return [f"  {exported}={scope.shown(name)}" for exported, name in scope.exported().items()]

    def _sql(self, node: PlanNode, scope: Scope) -> bytes:
        # Bytes that are no UTF-8 come through as they are.
        text = self._objects.read(node.digest).decode(errors="surrogateescape")
        return scope.replace(text, node.job).encode(errors="surrogateescape")

    def _read_interpreter(self, digest: str) -> tuple[str, ...]:
        with self._objects.path(digest).open("rb") as script:
            return shebang(script.readline(_SHEBANG_BYTES))


def _check_length(launch: Launch) -> None:
    length = sum(len(argument.encode(errors="surrogateescape")) for argument in launch.argv)
    if length > _LONGEST_COMMAND:
        raise CannotLaunch(
            f"its command has {length:,} bytes, and one has at most {_LONGEST_COMMAND:,}; "
            "give it the rest in a file or in variables"
        )


def _facts(run: Run, node: str, attempt: int) -> Facts:
    zone = ZoneInfo(run.time_zone)
    return Facts(
        cycle=run.cycle.astimezone(zone),
        workflow_name=run.name,
        node_name=node,
        run_id=run.id,
        attempt=attempt,
        scheduled_at=run.scheduled_at and run.scheduled_at.astimezone(zone),
    )


def _replaced(config: _Configured, scope: Scope) -> _Configured:
    def value(group: str, name: str, written: str) -> str:
        if name.endswith(ON_COMMAND_LINE):
            seen = "Spark puts it on a command line, which `ps` shows to everybody"
            return scope.replace_in_sight(written, f"{group}.{name}", seen)
        return scope.replace(written, f"{group}.{name}")

    return msgspec.structs.replace(
        config,
        conf={name: value("conf", name, written) for name, written in config.conf.items()},
        env={name: value("env", name, written) for name, written in config.env.items()},
    )
