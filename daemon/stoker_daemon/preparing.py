"""From a node of a run to the order that launches it: plan read, variables replaced, command made."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon import launchers
from stoker_daemon.attempts import AttemptDirectory, AttemptKey
from stoker_daemon.executor import Order
from stoker_daemon.launchers import CannotLaunch, Launch, SparkHome, Task
from stoker_daemon.launchers.shell import shebang
from stoker_daemon.objects import Objects
from stoker_daemon.plan import Plan, PlanNode
from stoker_daemon.processes import TAG
from stoker_daemon.variables import Facts, Scope, VariableError
from stoker_shared.model import JobConfig, JobType
from stoker_shared.state import Attempt, NodeRun, Run
from stoker_shared.text import clean

logger = logging.getLogger(__name__)

_SHEBANG_BYTES = 256
"""What Linux itself reads of a script's first line (execve(2))."""


_WHERE = ("JAVA_HOME", "PATH", "SPARK_HOME", "SPARK_CONF_DIR", "HADOOP_CONF_DIR", "YARN_CONF_DIR")
"""The environment variables that decide which Spark and Java a job gets."""


_LONGEST_COMMAND = 128 * 1024
"""Bytes of a command: what Linux takes in one argument, and a line of the run log however escaped."""


class Preparer:
    """Makes orders. Spark and Java are remembered once found, and looked for again while they are missing."""

    def __init__(self, objects: Objects, logs: Path, spark_home: Path | None) -> None:
        self._objects = objects
        self._logs = logs
        self._configured = spark_home
        self._plan = lru_cache(maxsize=32)(self._read_plan)
        self._interpreter = lru_cache(maxsize=256)(self._read_interpreter)
        self._found: dict[tuple[str | None, ...], SparkHome] = {}

    def order(self, run: Run, node: NodeRun) -> Order:
        """Give the order for a node's next attempt.

        Raises:
            CannotLaunch: it can't be launched as it stands; the message says what to do.
        """
        plan = self._plan(run.plan)
        frozen = plan.nodes[node.number - 1]
        key = AttemptKey(run.id, node.number, node.name, len(node.attempts) + 1)
        try:
            scope = Scope(_facts(run, key), _custom(run, plan, frozen))
            return self._order(key, frozen, scope, f"{run.name}/{node.name} #{run.id}.{key.attempt}")
        except VariableError as error:
            raise CannotLaunch(str(error)) from error

    def describe(self, run: Run, node: NodeRun, attempt: Attempt) -> str:
        """Give an attempt's launch log: what was launched, where, with which variables, each with its origin.

        Of the environment that the configuration gives only the names: the values may be secret.
        """
        plan = self._plan(run.plan)
        frozen = plan.nodes[node.number - 1]
        key = AttemptKey(run.id, node.number, node.name, attempt.number)
        lines = [f"{key}, process {attempt.pid}, {TAG}={attempt.tag}"]
        lines += [f"directory: {AttemptDirectory(self._logs, key).path / 'work'}"]
        lines += ["command:", *(f"  {argument!r}" for argument in attempt.command)]
        lines += ["environment:", *_described(_facts(run, key), _custom(run, plan, frozen))]
        lines += [f"  {clean(name)}" for name in frozen.config.env]
        return "\n".join(lines) + "\n"

    def frozen(self, run: Run, node: NodeRun) -> PlanNode:
        """Give what a run's plan says of a node."""
        return self._plan(run.plan).nodes[node.number - 1]

    def environment_names(self, run: Run, node: NodeRun, attempt: Attempt) -> list[str]:
        """Give the names in the environment that an attempt had beside the daemon's own."""
        plan, frozen = self._plan(run.plan), self.frozen(run, node)
        key = AttemptKey(run.id, node.number, node.name, attempt.number)
        try:
            exported = Scope(_facts(run, key), _custom(run, plan, frozen)).exported()
        except VariableError:  # An earlier version launched it, and took what this one refuses.
            exported = {}
        return [*exported, *map(clean, frozen.config.env)]

    def find_spark(self, own: Mapping[str, str]) -> SparkHome:
        """Give the Spark for a job with that environment of its own, once there is a Java that suits it.

        Raises:
            CannotLaunch: something is missing; the message says what to install.
        """
        environment = {**os.environ, **own}
        where = tuple(environment.get(name) for name in _WHERE)
        if where not in self._found:
            spark = launchers.find_spark(self._configured, environment)
            java = launchers.find_java(spark, environment)
            logger.info("Spark %s at %s, Java %s at %s", spark.version, spark.path, java.version, java.binary)
            self._found[where] = spark
        return self._found[where]

    def _order(self, key: AttemptKey, node: PlanNode, scope: Scope, title: str) -> Order:
        directory = AttemptDirectory(self._logs, key).path
        base_name = PurePosixPath(node.job).name
        task = Task(
            type=node.type,
            title=title,
            source=directory / base_name,
            directory=directory,
            args=tuple(scope.replace(arg, f"args[{i}]") for i, arg in enumerate(node.args)),
            config=_replaced(node.config, scope),
            variables=scope.environment(),
            interpreter=self._interpreter(node.digest) if node.type is JobType.SHELL else (),
        )
        rendered = {base_name: self._sql(node, scope)} if node.type is JobType.SQL else None
        spark = None if node.type is JobType.SHELL else self.find_spark(task.config.env)
        launch = launchers.launch(task, spark)
        _check_length(launch)
        tag = uuid4().hex
        if rendered is None:
            return Order(key, tag, launch, (base_name, self._objects.path(node.digest)))
        return Order(key, tag, msgspec.structs.replace(launch, files=launch.files | rendered))

    def _sql(self, node: PlanNode, scope: Scope) -> bytes:
        # Bytes that are no UTF-8 come through as they are.
        text = self._objects.read(node.digest).decode(errors="surrogateescape")
        return scope.replace(text, node.job).encode(errors="surrogateescape")

    def _read_interpreter(self, digest: str) -> tuple[str, ...]:
        with self._objects.path(digest).open("rb") as script:
            return shebang(script.readline(_SHEBANG_BYTES))

    def _read_plan(self, digest: str) -> Plan:
        return msgspec.json.decode(self._objects.read(digest), type=Plan)


def _check_length(launch: Launch) -> None:
    length = sum(len(argument.encode(errors="surrogateescape")) for argument in launch.argv)
    if length > _LONGEST_COMMAND:
        raise CannotLaunch(
            f"its command has {length:,} bytes, and one has at most {_LONGEST_COMMAND:,}; "
            "give it the rest in a file or in variables"
        )


def _facts(run: Run, key: AttemptKey) -> Facts:
    return Facts(
        cycle=run.cycle.astimezone(ZoneInfo(run.time_zone)),
        workflow_name=run.name,
        node_name=key.node,
        run_id=run.id,
        attempt=key.attempt,
    )


def _custom(run: Run, plan: Plan, node: PlanNode) -> dict[str, dict[str, str]]:
    """Give the scopes of custom variables, from the widest to the one that wins."""
    return {"workflow": plan.variables, "node": node.variables, "run": run.variables}


def _described(facts: Facts, custom: dict[str, dict[str, str]]) -> list[str]:
    try:
        scope = Scope(facts, custom)
    except VariableError as error:
        # An earlier version launched it, and took what this one refuses.
        return [f"  none: {error}"]
    return [
        f"  {exported}={scope.values[name]!r}   ({scope.origin(name)})"
        for exported, name in scope.exported().items()
    ]


def _replaced(config: JobConfig, scope: Scope) -> JobConfig:
    return msgspec.structs.replace(
        config,
        conf={name: scope.replace(value, f"conf.{name}") for name, value in config.conf.items()},
        env={name: scope.replace(value, f"env.{name}") for name, value in config.env.items()},
    )
