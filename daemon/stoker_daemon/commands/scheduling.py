"""The scheduling switch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from stoker_daemon.access.rules import Rights
from stoker_daemon.commands.common import known_workflow, read_definition
from stoker_daemon.commands.workflows import published_version
from stoker_daemon.engine import Turn
from stoker_daemon.objects import Objects
from stoker_daemon.planning.placing import queues_of
from stoker_daemon.problems import conflict
from stoker_daemon.timetable import BoundsError, bounds
from stoker_shared import events as ev
from stoker_shared.model import Schedule
from stoker_shared.schedules import schedule_faults
from stoker_shared.state import Workflow

_FAR_AHEAD = timedelta(days=1)
"""Ticks so far in the future were made by a clock that was wrong: they are not waited for."""


def set_scheduling(
    objects: Objects,
    workspace: str,
    name: str,
    on: bool,
    by: str,
    host: ZoneInfo,
    rights: Rights,
) -> Callable[[Turn], Workflow]:
    """Turn a workflow's switch; on, it schedules from this moment; raises `Refused`.

    ``host`` is the host's time zone.
    """

    def command(turn: Turn) -> Workflow:
        workflow = known_workflow(turn.state, workspace, name)
        if workflow.scheduling == on:
            return workflow
        if not on:
            turn.record(ev.WorkflowScheduling(workflow.id, on=False), by)
            return workflow
        version = published_version(workflow, None)
        spec = read_definition(objects, version.digest)
        rights.require_queues(queues_of(spec))
        schedule = spec.schedule
        if schedule is None:
            raise conflict(
                f"version {version.version} of {name!r} has no schedule; give it one and publish it, "
                "or start runs by hand"
            )
        _check(name, schedule, host)
        after = _from(turn.now, workflow.ticked)
        turn.record(ev.WorkflowScheduling(workflow.id, on=True, after=after, schedule=schedule), by)
        return workflow

    return command


def _check(name: str, schedule: Schedule, host: ZoneInfo) -> None:
    """Refuse a schedule that was published when less was asked of one."""
    problems = [f"{field}: {problem}" for field, problem in schedule_faults(schedule)]
    try:
        bounds(schedule, host)
    except BoundsError as error:
        problems.append(str(error))
    if problems:
        raise conflict(f"the schedule of {name!r} can't be used: {'; '.join(problems)}")


def _from(now: datetime, ticked: datetime | None) -> datetime:
    """Give the moment after which ticks count: none twice, also where the clock was set back a little."""
    if ticked is None or ticked - now > _FAR_AHEAD:
        return now
    return max(now, ticked)
