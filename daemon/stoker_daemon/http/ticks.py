"""Ticks: when runs of a workflow are due."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import UNSET, UnsetType

from stoker_daemon.commands.common import known_workflow
from stoker_daemon.commands.workflows import definition_at
from stoker_daemon.engine import Engine
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.moments import INSTANT, parse_span
from stoker_daemon.objects import Objects
from stoker_daemon.problems import conflict, invalid
from stoker_daemon.timetable import bounds, timetable
from stoker_daemon.timetable.notes import tick_views
from stoker_shared import routes
from stoker_shared.api import Fault
from stoker_shared.api.scheduling import PreviewTicks, TicksQuery, TickView
from stoker_shared.model import Schedule
from stoker_shared.schedules import schedule_faults
from stoker_shared.state import Workflow
from stoker_shared.text import clean


class Ticks:
    """Handlers over the engine's state; ``zone`` is the host's."""

    def __init__(self, engine: Engine, objects: Objects, zone: ZoneInfo) -> None:
        self._engine = engine
        self._objects = objects
        self._zone = zone

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("GET", routes.WORKFLOW_TICKS, self.list_ticks),
            Operation("POST", routes.TICKS_PREVIEW, self.preview_ticks),
        ]

    async def list_ticks(self, workspace: str, name: str, query: TicksQuery) -> Answer[list[TickView]]:
        """List when runs of a workflow are due by a schedule of it, whether or not it is switched on."""
        workflow = known_workflow(self._engine.state, workspace, name)
        place = _place(workflow, query)
        schedule = definition_at(self._objects, workflow, place).schedule
        if schedule is None:
            which = "the draft" if place == "draft" else f"version {place}"
            raise conflict(f"{which} of {clean(name)!r} has no schedule: give it one, or start runs by hand")
        try:
            return Answer(self._ticks(schedule, query.after, query.limit))
        except ValueError as error:
            # It was published before that was found out, or on another host.
            raise conflict(f"the schedule of {clean(name)!r} can't be used: {error}") from error

    async def preview_ticks(self, body: PreviewTicks) -> Answer[list[TickView]]:
        """List when runs would be due by a schedule from now on. Nothing is changed."""
        faults = [Fault(f"/schedule/{field}", problem) for field, problem in schedule_faults(body.schedule)]
        if faults:
            raise invalid("no ticks can be told", faults)
        try:
            return Answer(self._ticks(body.schedule, UNSET, body.limit))
        except ValueError as error:
            raise invalid(f"no ticks can be told: {error}", [Fault("/schedule", str(error))]) from error

    def _ticks(self, schedule: Schedule, after: str | UnsetType, limit: int) -> list[TickView]:
        ticks = timetable(schedule, self._zone)
        start, end = bounds(schedule, self._zone)
        moment = self._engine.now() if after is UNSET else _after(after, ticks.zone)
        if start:
            moment = max(moment, start - INSTANT)
        return tick_views(ticks, moment, end, limit)


def _place(workflow: Workflow, query: TicksQuery) -> str:
    """Give the place of the definition that is asked for; raises `Refused`."""
    if query.draft and query.version:
        raise invalid("ask for a version or for the draft, not for both")
    if query.version:
        return str(query.version)
    return "draft" if query.draft or not workflow.versions else str(len(workflow.versions))


def _after(text: str, zone: ZoneInfo) -> datetime:
    """Give the moment after which ticks are asked for: a date's are those from its beginning on."""
    try:
        first, last = parse_span(text, zone)
        return first if first == last else first - INSTANT
    except (ValueError, OverflowError) as error:
        raise invalid(f"no ticks can be told: {error}", [Fault("/after", str(error))]) from error
