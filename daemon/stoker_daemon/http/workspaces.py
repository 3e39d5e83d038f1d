"""Workspaces."""

from __future__ import annotations

from stoker_daemon.commands import workspaces as commands
from stoker_daemon.engine import Engine
from stoker_daemon.http.answers import page
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.views import workspace_view
from stoker_shared import routes
from stoker_shared.api import Page, PageQuery, SaveWorkspace, WorkspaceView


class Workspaces:
    """Handlers over the engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("GET", routes.WORKSPACES, self.list_workspaces),
            Operation("PUT", routes.WORKSPACE, self.save_workspace),
            Operation("DELETE", routes.WORKSPACE, self.delete_workspace),
        ]

    async def list_workspaces(self, caller: Caller, query: PageQuery) -> Answer[Page[WorkspaceView]]:
        """List the workspaces that who asks has a role in."""
        state = self._engine.state
        spaces = state.workspaces
        seen = filter(caller.rights.sees, spaces)
        return Answer(page(query, seen, lambda name: workspace_view(state, spaces[name])))

    async def save_workspace(
        self, caller: Caller, workspace: str, body: SaveWorkspace
    ) -> Answer[WorkspaceView]:
        """Make a workspace, or describe one that is there otherwise."""
        command = commands.save_workspace(workspace, body.description, caller.user)
        saved = await self._engine.submit(command)
        return Answer(workspace_view(self._engine.state, saved))

    async def delete_workspace(self, caller: Caller, workspace: str) -> Answer[WorkspaceView]:
        """Remove a workspace with nothing in it."""
        gone = await self._engine.submit(commands.delete_workspace(workspace, caller.user))
        return Answer(workspace_view(self._engine.state, gone))
