"""Commands on workspaces."""

from __future__ import annotations

from collections.abc import Callable

from stoker_daemon.commands.common import known_workspace
from stoker_daemon.engine import Turn
from stoker_daemon.problems import conflict, invalid
from stoker_daemon.views import workspace_view
from stoker_shared import events as ev
from stoker_shared.api import WorkspaceView
from stoker_shared.model import DEFAULT_WORKSPACE
from stoker_shared.state import Workspace
from stoker_shared.text import counted, name_problem


def save_workspace(name: str, description: str | None, by: str) -> Callable[[Turn], Workspace]:
    """Make a workspace, or describe one that is there otherwise; raises `Refused`."""
    if problem := name_problem(name):
        raise invalid(problem)

    def command(turn: Turn) -> Workspace:
        known = turn.state.workspaces.get(name)
        if known and description in (None, known.description):
            return known
        turn.record(ev.WorkspaceCreated(name, description or ""), by)
        return turn.state.workspaces[name]

    return command


def delete_workspace(name: str, by: str) -> Callable[[Turn], Workspace]:
    """Remove a workspace with nothing in it; runs that have finished stay in the history."""

    def command(turn: Turn) -> Workspace:
        workspace = known_workspace(turn.state, name)
        if name == DEFAULT_WORKSPACE:
            raise conflict(f"workspace {DEFAULT_WORKSPACE!r} can't be deleted: it is there from the start")
        if held := _held(workspace_view(turn.state, workspace)):
            raise conflict(f"workspace {name!r} can't be deleted: it has {held}")
        turn.record(ev.WorkspaceDeleted(name), by)
        return workspace

    return command


def _held(view: WorkspaceView) -> str:
    """Say in words what is in a workspace; nothing where it is empty."""
    counts = {
        "job": view.jobs,
        "workflow": view.workflows,
        "variable": view.variables,
        "active run": view.active_runs,
    }
    return ", ".join(counted(count, word) for word, count in counts.items() if count)
