"""Where the values of a node's fields come from. Pure.

Fields are named as `stoker rerun --set` names them: ``retries``, ``config.executor_memory``,
``config.conf.spark.x``, ``config.env.X``; and ``variables.region``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from stoker_shared.model import JobConfig, NodeSpec, QueueSpec, WorkflowSpec

_MAPS = ("conf", "env")
_OF_NODES = ("args", "timeout")
"""Fields of a configuration that a node has beside its own, too."""


class Source(StrEnum):
    """Who says what an unset field is."""

    WORKSPACE = "workspace"
    WORKFLOW = "workflow"
    JOB = "job"
    QUEUE = "queue"
    DEFAULT = "default"


class Field(msgspec.Struct, frozen=True):
    """A field: its ``own`` value, None where it is unset, and the one it has or would have by inheriting."""

    own: Any
    inherited: Any
    source: Source

    @property
    def is_own(self) -> bool:
        """Whether it is set here."""
        return self.own is not None

    @property
    def value(self) -> Any:
        """The value that counts; None where nobody says anything."""
        return self.own if self.is_own else self.inherited


Fields = dict[str, Field]


def node_fields(
    node: NodeSpec,
    workflow: WorkflowSpec,
    job: JobConfig | None = None,
    queue: QueueSpec | None = None,
    workspace: Mapping[str, str] | None = None,
) -> Fields:
    """Give the fields of a node that inherit.

    ``job`` is the published job's configuration, ``queue`` what the node's queue says, ``workspace`` that
    one's variables; of what is not known nothing is inherited.
    """
    own = node.config.overlaid(JobConfig(args=node.args, timeout=node.timeout))
    config = _config_fields(own, job or JobConfig(), queue)
    return {
        "retries": Field(node.retries, workflow.retries, Source.WORKFLOW),
        "queue": Field(node.queue, workflow.queue, Source.WORKFLOW),
        **{field: config.pop(f"config.{field}") for field in _OF_NODES},
        **config,
        **dict(_variables(node, workflow, workspace or {})),
    }


def _config_fields(own: JobConfig, below: JobConfig, queue: QueueSpec | None) -> Fields:
    """Give the fields of a configuration over that of its job."""
    together = below.overlaid(own)
    fields = {}
    for name in JobConfig.__struct_fields__:
        if name not in _MAPS:
            value = getattr(own, name)
            # What is set beside it may have taken the place of what the job says.
            inherited = getattr(below if value is not None else together, name)
            source = Source.DEFAULT if inherited is None else Source.JOB
            fields[f"config.{name}"] = Field(value, inherited, source)
    for group in _MAPS:
        of_job, of_queue = getattr(below, group), getattr(queue, group) if queue else {}
        own_map = getattr(own, group)
        for name in dict.fromkeys([*own_map, *of_job, *of_queue]):
            source = Source.JOB if name in of_job else Source.QUEUE if name in of_queue else Source.DEFAULT
            inherited = (of_queue | of_job).get(name)
            fields[f"config.{group}.{name}"] = Field(own_map.get(name), inherited, source)
    return fields


def _variables(
    node: NodeSpec, workflow: WorkflowSpec, workspace: Mapping[str, str]
) -> Iterator[tuple[str, Field]]:
    below = {**workspace, **workflow.variables}
    for name in dict.fromkeys([*node.variables, *workflow.variables, *workspace]):
        if name in workflow.variables:
            source = Source.WORKFLOW
        else:
            source = Source.WORKSPACE if name in workspace else Source.DEFAULT
        yield f"variables.{name}", Field(node.variables.get(name), below.get(name), source)
