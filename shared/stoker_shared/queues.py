"""What a queue's definition must be. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from stoker_shared.api import Fault
from stoker_shared.model import QueueSpec
from stoker_shared.variables import IDENTIFIER

MOST = 1_000_000
"""What a limit may be at most, in CU or nodes."""

DEPLOY_MODES = ("client", "cluster")

_MASTER = re.compile(r"local(\[(\d+|\*)(,\d+)?\])?|spark://\S+|yarn|k8s://\S+")
_USER = re.compile(r"[^\s-]\S*")
_FIELD_OF = {"spark.master": "master", "spark.submit.deployMode": "deploy_mode"}


def queue_faults(spec: QueueSpec) -> Iterator[Fault]:
    """Give what is wrong with a queue, each with what would be right."""
    for field in ("limit", "nodes"):
        value = getattr(spec, field)
        if value is not None and not 1 <= value <= MOST:
            yield Fault(f"/{field}", f"must be from 1 to {MOST:,}")
    if not _MASTER.fullmatch(spec.master):
        yield Fault("/master", "must be local[*], spark://HOST:PORT, yarn or k8s://URL")
    if spec.deploy_mode not in DEPLOY_MODES:
        yield Fault("/deploy_mode", "must be client or cluster")
    elif spec.deploy_mode == "cluster" and spec.master.startswith("local"):
        yield Fault("/deploy_mode", f"must be client where the master is {spec.master}")
    if spec.spark_home is not None and not PurePath(spec.spark_home).is_absolute():
        yield Fault("/spark_home", "must be an absolute path")
    if spec.proxy_user is not None and not _USER.fullmatch(spec.proxy_user):
        yield Fault("/proxy_user", "must be the name of a user")
    for key in spec.conf:
        if key in _FIELD_OF:
            yield Fault(f"/conf/{key}", f"is set by the queue's own {_FIELD_OF[key]}")
        elif not key.startswith("spark."):
            yield Fault(f"/conf/{key}", "must begin with spark., as Spark ignores all else")
    for key in spec.env:
        if not IDENTIFIER.fullmatch(key):
            yield Fault(f"/env/{key}", "must be letters, digits and _, no digit first")
