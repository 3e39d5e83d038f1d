"""From a node of a run to the order that launches it: plan read, variables replaced, command made."""

from __future__ import annotations

import logging
import os
from pathlib import Path, PurePosixPath
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon import launchers
from stoker_daemon.attempts import AttemptDirectory, AttemptKey
from stoker_daemon.executor import Order
from stoker_daemon.launchers import CannotLaunch, SparkHome, Task
from stoker_daemon.launchers.shell import shebang
from stoker_daemon.objects import Objects
from stoker_daemon.plan import Plan, PlanNode
from stoker_daemon.variables import Facts, Scope, VariableError
from stoker_shared.model import JobConfig, JobType
from stoker_shared.state import NodeRun, Run

logger = logging.getLogger(__name__)

_SHEBANG_BYTES = 256
"""What Linux itself reads of a script's first line (execve(2))."""


class Preparer:
    """Makes orders. Spark and Java are looked for once found missing, and remembered once found."""

    def __init__(self, objects: Objects, logs: Path, spark_home: Path | None) -> None:
        self._objects = objects
        self._logs = logs
        self._configured = spark_home
        self._spark: SparkHome | None = None

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

    def find_spark(self) -> SparkHome:
        """Give the Spark to use, with a Java that suits it; raises CannotLaunch with what to install."""
        if self._spark is None:
            spark = launchers.find_spark(self._configured, os.environ)
            java = launchers.find_java(spark, os.environ)
            logger.info("Spark %s at %s, Java %s at %s", spark.version, spark.path, java.version, java.binary)
            self._spark = spark
        return self._spark

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
            interpreter=self._interpreter(node),
        )
        spark = None if node.type is JobType.SHELL else self.find_spark()
        launch = launchers.launch(task, spark)
        tag = uuid4().hex
        if node.type is not JobType.SQL:
            return Order(key, tag, launch, (base_name, self._objects.path(node.digest)))
        text = self._objects.read(node.digest).decode(errors="replace")
        rendered = {base_name: scope.replace(text, node.job).encode()}
        return Order(key, tag, msgspec.structs.replace(launch, files=launch.files | rendered))

    def _interpreter(self, node: PlanNode) -> tuple[str, ...]:
        if node.type is not JobType.SHELL:
            return ()
        with self._objects.path(node.digest).open("rb") as script:
            return shebang(script.readline(_SHEBANG_BYTES))

    def _plan(self, digest: str) -> Plan:
        return msgspec.json.decode(self._objects.read(digest), type=Plan)


def _facts(run: Run, key: AttemptKey) -> Facts:
    return Facts(
        cycle=run.cycle.astimezone(ZoneInfo(run.time_zone)),
        workflow_name=run.name,
        node_name=key.node,
        run_id=run.id,
        attempt=key.attempt,
    )


def _custom(run: Run, plan: Plan, node: PlanNode) -> dict[str, dict[str, str]]:
    return {"workflow": plan.variables, "node": node.variables, "run": run.variables}


def _replaced(config: JobConfig, scope: Scope) -> JobConfig:
    return msgspec.structs.replace(
        config,
        conf={name: scope.replace(value, f"conf.{name}") for name, value in config.conf.items()},
        env={name: scope.replace(value, f"env.{name}") for name, value in config.env.items()},
    )
