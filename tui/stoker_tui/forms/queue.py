"""The form of a queue. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from stoker_shared.api import Fault
from stoker_shared.model import Environment, QueueSpec
from stoker_shared.queues import DEPLOY_MODES, queue_faults
from stoker_shared.text import name_problem, quoted
from stoker_tui.forms.form import Field, Form, Inherited, default
from stoker_tui.forms.kinds import Choice, Number, Pairs, Text
from stoker_tui.forms.known import Taken


class NamedQueue(QueueSpec, frozen=True, kw_only=True):
    """A queue, and what it is called."""

    name: str

    @property
    def spec(self) -> QueueSpec:
        """The queue."""
        return QueueSpec(**{field: getattr(self, field) for field in QueueSpec.__struct_fields__})


class QueueForm(Form[NamedQueue]):
    """A queue; one that is there keeps its name, and a new one has none that is ``taken``."""

    def __init__(self, name: str, spec: QueueSpec | None, taken: Taken = tuple) -> None:
        self._taken = taken
        value = NamedQueue(name=name, **msgspec.structs.asdict(spec)) if spec else None
        super().__init__(NamedQueue, _FIELDS[1:] if spec else _FIELDS, value)

    def faults(self, value: NamedQueue) -> Iterable[Fault]:
        """Give what is wrong with it."""
        if problem := name_problem(value.name):
            yield Fault("/name", problem)
        if self.is_new and value.name in self._taken():
            yield Fault("/name", f"there is a queue {quoted(value.name)} already")
        yield from queue_faults(value)


_FIELDS = (
    Field("name", "name", Text(), "it stays as it is", "nightly"),
    Field(
        "environment", "environment", Choice(tuple(Environment)), "debug runs go to development queues only",
        inherited=default(Environment.BOTH.value),
    ),
    Field(
        "limit", "limit", Number(), "CU that may be active at once; 1 CU is 1 core and 4 GiB",
        inherited=lambda _: Inherited("no limit", ""),
    ),
    Field(
        "nodes", "nodes", Number(), "nodes that may be active at once",
        inherited=lambda _: Inherited("no limit", ""),
    ),
    Field(
        "master", "master", Text(), "where Spark jobs run: local[*], spark://HOST:PORT, yarn, k8s://URL",
        inherited=default("local[*]"),
    ),
    Field(
        "deploy_mode", "deploy mode", Choice(DEPLOY_MODES), "where their drivers run",
        inherited=default("client"),
    ),
    Field(
        "spark_home", "Spark home", Text(), "a directory", inherited=lambda _: Inherited("as configured", ""),
    ),
    Field("conf", "Spark properties", Pairs(), "spark.yarn.queue=night"),
    Field("env", "environment variables", Pairs(), "HADOOP_CONF_DIR=/etc/hadoop"),
    Field(
        "proxy_user", "proxy user", Text(), "as whom jobs run on the cluster",
        inherited=lambda _: Inherited("nobody else", ""),
    ),
)  # fmt: skip
