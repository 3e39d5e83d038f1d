"""What an action is, and when it is possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, NamedTuple

from stoker_shared.roles import Role
from stoker_tui.actions.things import name_of


class Kind(Enum):
    """What an action is about. Each screen offers things of some kinds."""

    NODE = "the node"
    RUN = "the run"
    WORKFLOW = "the workflow"
    WORKFLOWS = "the workflows"
    VERSION = "the workflow's version"
    VERSIONS = "the workflow's versions"
    GRAPH_EDITED = "the graph being edited"
    DRAFT = "the draft"
    EDITED = "the node being edited"
    JOBS = "the jobs"
    JOB = "the job"
    JOB_STATE = "the version"
    QUEUES = "the queues"
    QUEUE = "the queue"
    VARIABLES = "the variables"
    VARIABLE = "the variable"
    WORKSPACES = "the workspaces"
    WORKSPACE = "the workspace"
    FILLED = "what is filled in"
    TEXT = "the definition"
    BACKFILL = "the backfill"
    PREVIEW = "the backfill to be made"
    FACTS = "what is known of it"
    GRAPH = "the graph"
    OUTPUT = "the output"
    FORM = "the form"
    TABS = "the page"
    RUN_TABS = "the run's page"
    LIST = "the list"
    DAEMON = "the daemon"
    APP = "everywhere"


FOCUSED = (Kind.GRAPH, Kind.OUTPUT, Kind.PREVIEW, Kind.FORM)
"""Kinds of what has the focus: a key that is for it there is for nothing else."""


def _always(_: Any) -> str:
    return ""


class Action(NamedTuple):
    """One thing to do. ``id`` is what the user's configuration names, ``keys`` what it is done by.

    ``why_not`` says why it can't be done to something now, as "it ...", and nothing where it can. What is
    destructive has a ``question``, given what it would hit.
    """

    id: str
    keys: tuple[str, ...]
    word: str
    help: str
    kind: Kind
    why_not: Callable[[Any], str] = _always
    question: Callable[[Sequence[Any]], str] | None = None
    footer: bool = False
    online: bool = False
    """It needs the daemon."""
    needs: Role | None = None
    """The role that it takes in the workspace."""
    sentence: str = ""
    """How doing it to something is said, with ``{}`` for its name; unset: its word, and the name."""

    def said(self, name: str) -> str:
        """Say that it is done to something."""
        return (self.sentence or f"{self.word} {{}}").format(name)


def possible(
    action: Action, things: Sequence[Any], *, live: bool, role: Role | None = Role.ADMIN
) -> tuple[list[Any], str]:
    """Give those of the things that an action can be done to now, and why it can't to another.

    ``role`` is that of who acts, in the workspace that is shown.
    """
    if action.online and not live:
        return [], "there is no daemon; it goes on when one is back"
    if action.needs and not (role and role.covers(action.needs)):
        yours = f"you are {role.value}" if role else "you have none"
        return [], f"to {action.word} needs the role {action.needs.value} here; {yours}"
    if not things:
        return [], f"there is nothing here to {action.word}"
    reasons = [(thing, action.why_not(thing)) for thing in things]
    able = [thing for thing, why in reasons if not why]
    refused = next(((thing, why) for thing, why in reasons if why), None)
    if refused is None:
        return able, ""
    thing, why = refused
    subject = name_of(thing)
    return able, why if subject == "it" else f"can't {action.said(subject)}: {why}"
