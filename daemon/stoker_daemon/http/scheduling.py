"""Schedules at work: the switch of a workflow, and what its schedule does."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from stoker_daemon.commands.common import known_workflow, read_definition
from stoker_daemon.commands.scheduling import set_scheduling
from stoker_daemon.engine import Engine
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.objects import Objects
from stoker_daemon.scheduling.due import ahead_of
from stoker_daemon.timetable.notes import tick_views
from stoker_daemon.views import in_force
from stoker_shared import routes
from stoker_shared.api.scheduling import SchedulingView, SetScheduling, SkipView, TickView
from stoker_shared.schedules import in_words
from stoker_shared.state import Workflow

SHOWN = 5
"""Ticks to come that are shown with the switch."""


class Scheduling:
    """Handlers over the engine; ``zone`` is the host's."""

    def __init__(self, engine: Engine, objects: Objects, zone: ZoneInfo) -> None:
        self._engine = engine
        self._objects = objects
        self._zone = zone

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("GET", routes.WORKFLOW_SCHEDULING, self.show_scheduling),
            Operation("PUT", routes.WORKFLOW_SCHEDULING, self.set_scheduling),
        ]

    async def show_scheduling(self, workspace: str, name: str) -> Answer[SchedulingView]:
        """Show a workflow's switch, the ticks to come, and what was skipped last."""
        return Answer(self._shown(known_workflow(self._engine.state, workspace, name)))

    async def set_scheduling(
        self, caller: Caller, workspace: str, name: str, body: SetScheduling
    ) -> Answer[SchedulingView]:
        """Turn a workflow's switch. On, it schedules from this moment, by its latest version."""
        command = set_scheduling(
            self._objects, workspace, name, body.on, caller.user, self._zone, caller.rights
        )
        return Answer(self._shown(await self._engine.submit(command)))

    def _shown(self, workflow: Workflow) -> SchedulingView:
        schedule = read_definition(self._objects, in_force(workflow)).schedule
        return SchedulingView(
            workflow=workflow.name,
            on=workflow.scheduling,
            words=in_words(schedule),
            time_zone=(schedule and schedule.time_zone) or self._zone.key,
            ticked=workflow.ticked,
            next=self._next(workflow),
            skipped=skip_view(workflow),
        )

    def _next(self, workflow: Workflow) -> list[TickView]:
        found: list[TickView] = []
        for ticks, after, until in ahead_of(workflow, self._zone):
            found += tick_views(ticks, after, until, SHOWN - len(found))
        return found


def skip_view(workflow: Workflow) -> SkipView | None:
    """Show which ticks of a workflow were skipped last."""
    if (skip := workflow.skipped) is None:
        return None
    return SkipView(skip.at, skip.first, skip.last, skip.count, skip.reason, skip.detail)
