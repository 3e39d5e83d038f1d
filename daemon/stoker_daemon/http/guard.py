"""Who is asking, and whether they may."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from starlette.requests import Request

from stoker_daemon.access.lookups import Names
from stoker_daemon.access.rules import Rights, Rules
from stoker_daemon.commands.backfills import known_backfill
from stoker_daemon.engine import Engine
from stoker_daemon.problems import not_found
from stoker_daemon.projection import Projection
from stoker_shared.roles import Role


class Guard:
    """The rules over the state and the history, which know in which workspace a run is."""

    def __init__(self, rules: Rules, names: Names, engine: Engine, projection: Projection) -> None:
        self._rules = rules
        self._names = names
        self._engine = engine
        self._projection = projection

    async def admit(self, request: Request, path: Mapping[str, Any], need: Role) -> tuple[str, Rights]:
        """Give who asks, and what they may do; raises `Refused` where they lack the role at that ``path``."""
        rights = self.rights_of(request)
        if not rights.is_admin:
            rights.require(need, await self._workspace(path))
        return await self._names.of(request.state.peer.uid), rights

    def rights_of(self, request: Request) -> Rights:
        """Give what who asks may do now: while a stream lasts that may change."""
        return self._rules.rights_of(request.state.peer)

    def sees(self, request: Request, workspace: str) -> bool:
        """Tell whether who asks may see now what is in a workspace."""
        return self.rights_of(request).sees(workspace)

    async def workspaces_of(self, runs: Collection[int]) -> dict[int, str]:
        """Give the workspace of each run, of those that there are."""
        active = self._engine.state.runs
        found = {number: active[number].workspace for number in runs if number in active}
        if others := [number for number in runs if number not in found]:
            found |= await self._projection.workspaces_of(others)
        return found

    async def _workspace(self, path: Mapping[str, Any]) -> str | None:
        if "run" in path:
            number = path["run"]
            if number not in self._engine.state.runs:
                await self._engine.durable()
            found = await self.workspaces_of([number])
            if number not in found:
                raise not_found(f"there is no run #{number}")
            return found[number]
        if "backfill" in path:
            return known_backfill(self._engine.state, path["backfill"]).workspace
        return path.get("workspace")
