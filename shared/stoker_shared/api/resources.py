"""Workspaces, variables and queues."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from stoker_shared.api.base import MAX_DESCRIPTION, MAX_VALUE, Moment, Request
from stoker_shared.model import QueueSpec


class SaveWorkspace(Request, frozen=True):
    """Make a workspace, or describe it otherwise; without a description one that is there stays as it is."""

    description: Annotated[str, Meta(max_length=MAX_DESCRIPTION)] | None = None


class SetVariable(Request, frozen=True):
    """Give a workspace's variable a value. A secret's is in no answer."""

    value: Annotated[str, Meta(max_length=MAX_VALUE)]
    secret: bool = False


class QueuedNode(msgspec.Struct, omit_defaults=True):
    """A node of a run in a queue: the CU it takes or needs; ``since`` is when its attempt began, if any."""

    run: int
    workflow: str
    node: str
    cu: int
    since: Moment | None = None


class QueueView(msgspec.Struct, omit_defaults=True):
    """A queue: what it allows, the CU and the nodes that are active in it, and how many nodes wait for it.

    ``holding`` and ``next`` name the first of the active and of the waiting ones, not in lists.
    """

    name: str
    spec: QueueSpec
    cu: int
    active: int
    waiting: int
    holding: list[QueuedNode] = []
    next: list[QueuedNode] = []


class WorkspaceView(msgspec.Struct, omit_defaults=True):
    """A workspace, and how much is in it."""

    name: str
    description: str = ""
    jobs: int = 0
    workflows: int = 0
    variables: int = 0
    active_runs: int = 0


class VariableView(msgspec.Struct, omit_defaults=True):
    """A workspace's variable. A secret has no value here."""

    name: str
    at: Moment
    by: str
    value: str = ""
    secret: bool = False
