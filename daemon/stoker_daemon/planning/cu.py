"""How much of its queue a node takes, in CU: 1 CU is 1 core and 4 GiB. Pure.

A shell job takes 1. A Spark job takes the greater of its cores and its memory / 4 GiB, rounded up, over
driver and executors; on a local master there are no executors. What neither job nor queue says is Spark's
default. Without a number of executors there are 2, as on YARN and Kubernetes; under dynamic allocation as
many as it may come to, and where that has no limit as many as it begins with, at least 2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from stoker_daemon.launchers.spark import requested
from stoker_shared.model import JobConfig, JobType, QueueSpec
from stoker_shared.sizes import GIB, MIB, memory_bytes
from stoker_shared.text import quoted

_Asking = TypeVar("_Asking", JobConfig, QueueSpec)

_CU_BYTES = 4 * GIB
_LOCAL = re.compile(r"local(?:\[(\d{1,6})(?:,\d+)?\])?")
_EXECUTORS = 2
_LEAST_OVERHEAD, _OVERHEAD_FACTOR = 384 * MIB, 0.1
"""What containers of YARN and Kubernetes have beside the JVM's heap, unless told."""


class BadProperty(ValueError):
    """A property has no value that can be counted; ``name`` is its name."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name
        self.problem = problem


def cu_of(kind: JobType, config: JobConfig, queue: QueueSpec) -> int:
    """Give the CU that a job takes in a queue. Raises `BadProperty`.

    Of a property with a variable in its value the default counts: what it comes to is known at the launch.
    """
    if kind is JobType.SHELL:
        return 1
    asked = requested(_without_variables(config), _without_variables(queue))
    local = _LOCAL.fullmatch(asked.get("spark.master", ""))
    if local:
        return _cu(int(local[1] or 1), _memory(asked, "spark.driver.memory"))
    executors = _executors(asked)
    in_containers = asked.get("spark.master", "").startswith(("yarn", "k8s"))
    in_cluster = asked.get("spark.submit.deployMode") == "cluster"
    return _cu(
        _count(asked, "spark.driver.cores", 1) + executors * _count(asked, "spark.executor.cores", 1),
        _with_overhead(asked, "driver", in_containers and in_cluster)
        + executors * _with_overhead(asked, "executor", in_containers),
    )


def host_cu(cores: int, memory: int) -> int:
    """Give the CU of a host with so many cores and bytes: as many as it has of both, at least 1."""
    return max(min(cores, memory // _CU_BYTES), 1)


def _without_variables(asking: _Asking) -> _Asking:
    known = {name: value for name, value in asking.conf.items() if "${" not in value}
    return msgspec.structs.replace(asking, conf=known)


def _cu(cores: int, memory: int) -> int:
    return max(cores, math.ceil(memory / _CU_BYTES), 1)


def _executors(asked: Mapping[str, str]) -> int:
    fixed = _count(asked, "spark.executor.instances", _EXECUTORS)
    if asked.get("spark.dynamicAllocation.enabled", "").lower() != "true":
        return fixed
    begins = max(
        fixed,
        _count(asked, "spark.dynamicAllocation.minExecutors", 0),
        _count(asked, "spark.dynamicAllocation.initialExecutors", 0),
    )
    return _count(asked, "spark.dynamicAllocation.maxExecutors", begins)


def _with_overhead(asked: Mapping[str, str], who: str, in_containers: bool) -> int:
    heap = _memory(asked, f"spark.{who}.memory")
    least = max(_LEAST_OVERHEAD, int(heap * _OVERHEAD_FACTOR)) if in_containers else 0
    return heap + _memory(asked, f"spark.{who}.memoryOverhead", least, plain=MIB)


def _memory(asked: Mapping[str, str], name: str, default: int = GIB, plain: int = 1) -> int:
    if name not in asked:
        return default
    try:
        return memory_bytes(asked[name], plain)
    except ValueError as error:
        raise BadProperty(name, str(error)) from error


def _count(asked: Mapping[str, str], name: str, default: int) -> int:
    if name not in asked:
        return default
    if not re.fullmatch(r"\d{1,6}", asked[name], re.ASCII):
        raise BadProperty(name, f"{quoted(asked[name], 20)} is not a number")
    return int(asked[name])
