"""A run's frozen plan: the definition with every job version it uses, made when the run is created.

The same definition over the same job versions gives the same plan, so that the object is stored once however
many runs there are of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import PurePosixPath

import msgspec

from stoker_daemon.objects import Objects
from stoker_shared import events as ev
from stoker_shared.model import JOB_TYPE_BY_SUFFIX, JobConfig, JobType, NodeSpec, WorkflowSpec
from stoker_shared.state import JobVersion


class PlanNode(msgspec.Struct, frozen=True, omit_defaults=True):
    """One node: its job at one version, and its configuration over the job's.

    ``own`` is the part of the configuration that is not the job's, arguments and timeout included; in plans
    of earlier versions it is not told apart.
    """

    name: str
    job: str
    type: JobType
    version: int
    digest: str
    config: JobConfig
    args: tuple[str, ...] = ()
    variables: dict[str, str] = {}
    attachments: tuple[ev.Attachment, ...] = ()
    own: JobConfig | None = None
    tags: dict[str, str] = {}


class Place(msgspec.Struct, frozen=True):
    """A node's queue, and the CU it takes there."""

    queue: str
    cu: int


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that a run uses, by value or digest; ``nodes`` in the order of the definition."""

    workflow: str
    nodes: list[PlanNode]
    variables: dict[str, str] = {}
    workspace_variables: dict[str, str] = {}


def read_plan(objects: Objects, digest: str) -> Plan:
    """Give the stored plan of that digest."""
    return msgspec.json.decode(objects.read(digest), type=Plan)


def freeze(
    spec: WorkflowSpec, version_of: Callable[[str], JobVersion], workspace_variables: dict[str, str]
) -> Plan:
    """Give the plan of a definition; ``version_of`` gives the version to use of the job at a path.

    ``workspace_variables`` are the plain ones: a secret is never frozen, but read at each launch.
    """
    nodes = [_frozen(node, version_of(node.job)) for node in spec.nodes]
    return Plan(spec.workflow, nodes, spec.variables, workspace_variables)


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
            subscription=node.subscription,
        )
        for node, frozen, place in zip(spec.nodes, plan.nodes, places, strict=True)
    )


def with_job(node: PlanNode, version: JobVersion) -> PlanNode:
    """Give a node with a version of its job, all that it has of its own unchanged."""
    own = node.config if node.own is None else node.own
    changed = msgspec.structs.replace(
        node, version=version.version, digest=version.digest, attachments=version.attachments
    )
    return _configured(changed, version.config.overlaid(own), own)


def with_settings(node: PlanNode, settings: JobConfig) -> PlanNode:
    """Give a node with settings over its configuration."""
    own = node.config if node.own is None else node.own
    return _configured(node, node.config.overlaid(settings), own.overlaid(settings))


def _configured(node: PlanNode, config: JobConfig, own: JobConfig) -> PlanNode:
    return msgspec.structs.replace(node, config=config, own=own, args=config.args or ())


@lru_cache(maxsize=1024)
def type_of(path: str) -> JobType:
    """Give the type of the job at a path; ValueError names the endings there are."""
    try:
        return JOB_TYPE_BY_SUFFIX[PurePosixPath(path).suffix]
    except KeyError:
        known = ", ".join(JOB_TYPE_BY_SUFFIX)
        raise ValueError(f"a job's type is told by its path, which must end in one of {known}") from None


def _frozen(node: NodeSpec, version: JobVersion) -> PlanNode:
    own = node.config.overlaid(JobConfig(args=node.args, timeout=node.timeout))
    config = version.config.overlaid(own)
    return PlanNode(
        name=node.name,
        job=node.job,
        type=type_of(node.job),
        version=version.version,
        digest=version.digest,
        config=config,
        args=config.args or (),
        variables=node.variables,
        attachments=version.attachments,
        own=own,
        tags=node.tags,
    )
