"""Plans: what a run would be."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from stoker_daemon.commands.planning import plan_run
from stoker_daemon.engine import Engine
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.objects import Objects
from stoker_daemon.preparing.preparer import Preparer
from stoker_shared import routes
from stoker_shared.api import PlanRun, RunPlan


class Plans:
    """Handlers over the engine's state."""

    def __init__(self, engine: Engine, objects: Objects, preparer: Preparer, zone: ZoneInfo) -> None:
        self._engine = engine
        self._objects = objects
        self._preparer = preparer
        self._zone = zone

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [Operation("POST", routes.WORKFLOW_PLAN, self.plan_run)]

    async def plan_run(self, caller: Caller, workspace: str, name: str, body: PlanRun) -> Answer[RunPlan]:
        """Show what a run would launch, node by node, and what is missing for it. Nothing is launched."""
        state, now = self._engine.state, self._engine.now()
        return Answer(
            plan_run(
                state, self._objects, self._preparer, workspace, name, body, self._zone, now, caller.user
            )
        )
