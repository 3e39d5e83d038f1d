"""Variables of a workspace. A secret's value comes in and is in no answer."""

from __future__ import annotations

import asyncio

from stoker_daemon.commands import variables as commands
from stoker_daemon.commands.common import known_workspace
from stoker_daemon.engine import Engine
from stoker_daemon.http.answers import page
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.secrets import Secrets
from stoker_daemon.views import variable_view
from stoker_shared import routes
from stoker_shared.api import Page, PageQuery, SetVariable, VariableView


class Variables:
    """Handlers over the engine and the file of secrets."""

    def __init__(self, engine: Engine, secrets: Secrets) -> None:
        self._engine = engine
        self._secrets = secrets

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("GET", routes.VARIABLES, self.list_variables),
            Operation("PUT", routes.VARIABLE, self.set_variable),
            Operation("DELETE", routes.VARIABLE, self.unset_variable),
        ]

    async def list_variables(self, workspace: str, query: PageQuery) -> Answer[Page[VariableView]]:
        """List the variables of a workspace."""
        state = self._engine.state
        known_workspace(state, workspace)
        variables = {variable.name: variable for variable in commands.variables_of(state, workspace)}
        return Answer(page(query, variables, lambda name: variable_view(variables[name])))

    async def set_variable(
        self, caller: Caller, workspace: str, name: str, body: SetVariable
    ) -> Answer[VariableView]:
        """Set a variable."""
        self._engine.admit()
        commands.check_variable(self._engine.state, workspace, name, body)
        kept = await asyncio.to_thread(self._secrets.put, body.value) if body.secret else ""
        command = commands.set_variable(workspace, name, body, kept, caller.user)
        variable, before = await self._engine.submit(command)
        await self._drop(before)
        return Answer(variable_view(variable))

    async def unset_variable(self, caller: Caller, workspace: str, name: str) -> Answer[VariableView]:
        """Remove a variable."""
        gone = await self._engine.submit(commands.unset_variable(workspace, name, caller.user))
        await self._drop(gone.kept)
        return Answer(variable_view(gone))

    async def _drop(self, kept: str) -> None:
        if kept:
            await asyncio.to_thread(self._secrets.drop, kept)
