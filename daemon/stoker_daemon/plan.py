"""A run's frozen plan: the definition with every job version it uses, made when the run is created.

The same definition over the same job versions gives the same plan, so that the object is stored once however
many runs there are of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

import msgspec

from stoker_shared import events as ev
from stoker_shared.model import JOB_TYPE_BY_SUFFIX, JobConfig, JobType, NodeSpec, WorkflowSpec
from stoker_shared.state import JobVersion


class PlanNode(msgspec.Struct, frozen=True, omit_defaults=True):
    """One node: its job at one version, and its configuration over the job's."""

    name: str
    job: str
    type: JobType
    version: int
    digest: str
    config: JobConfig
    args: tuple[str, ...] = ()
    variables: dict[str, str] = {}
    attachments: tuple[ev.Attachment, ...] = ()


class Place(msgspec.Struct, frozen=True):
    """A node's queue, and the CU it takes there."""

    queue: str
    cu: int


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a run uses, by value or digest; ``nodes`` in the order of the definition."""

    workflow: str
    nodes: list[PlanNode]
    variables: dict[str, str] = {}


def freeze(spec: WorkflowSpec, version_of: Callable[[str], JobVersion]) -> Plan:
    """Give the plan of a definition; ``version_of`` gives the version to use of the job at a path."""
    nodes = [_frozen(node, version_of(node.job)) for node in spec.nodes]
    return Plan(spec.workflow, nodes, spec.variables)


def planned_nodes(spec: WorkflowSpec, plan: Plan, places: Iterable[Place]) -> tuple[ev.PlannedNode, ...]:
    """Give what the planner needs of each node, with its place in a queue."""
    return tuple(
        ev.PlannedNode(
            name=node.name,
            upstream=node.upstream,
            retries=spec.retries if node.retries is None else node.retries,
            timeout=frozen.config.timeout if node.timeout is None else node.timeout,
            enabled=node.enabled,
            priority=node.priority,
            queue=place.queue,
            cu=place.cu,
        )
        for node, frozen, place in zip(spec.nodes, plan.nodes, places, strict=True)
    )


def type_of(path: str) -> JobType:
    """Give the type of the job at a path; ValueError names the endings there are."""
    try:
        return JOB_TYPE_BY_SUFFIX[PurePosixPath(path).suffix]
    except KeyError:
        known = ", ".join(JOB_TYPE_BY_SUFFIX)
        raise ValueError(f"a job's type is told by its path, which must end in one of {known}") from None


def _frozen(node: NodeSpec, version: JobVersion) -> PlanNode:
    config = version.config.overlaid(node.config)
    return PlanNode(
        name=node.name,
        job=node.job,
        type=type_of(node.job),
        version=version.version,
        digest=version.digest,
        config=config,
        args=(config.args or ()) if node.args is None else node.args,
        variables=node.variables,
        attachments=version.attachments,
    )
