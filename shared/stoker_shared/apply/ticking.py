"""How events about ticks change a workflow: part of `stoker_shared.apply`.

That a tick has one run at most is decided here: what comes for a tick that is accounted for is not allowed.
"""

from __future__ import annotations

from datetime import datetime

from stoker_shared import events as ev
from stoker_shared.model import Schedule
from stoker_shared.state import Era, Skip, State, Workflow


class NotDue(ValueError):
    """An event about a tick of a workflow whose tick this is not, or not any more."""


def workflow_scheduling(state: State, _: ev.Record, event: ev.WorkflowScheduling) -> None:
    """Turn the switch. After which moment it schedules is for the command to say."""
    workflow = state.workflows[event.workflow]
    workflow.skipped = None
    if event.on and event.after:
        workflow.eras = [Era(event.after, event.schedule)]
        workflow.ticked = event.after
    else:
        workflow.eras = []


def reschedule(workflow: Workflow, schedule: Schedule | None, at: datetime) -> None:
    """Let the ticks after ``at`` be those of another schedule; those before it may still be to come."""
    if workflow.eras:
        # What an era later than this has of ticks is not any more: the clock was set back since.
        workflow.eras = [*(era for era in workflow.eras if era.since < at), Era(at, schedule)]


def tick_skipped(state: State, record: ev.Record, event: ev.TickSkipped) -> None:
    """Account for ticks without runs."""
    workflow = state.workflows[event.workflow]
    account_for(workflow, event.first, event.last)
    workflow.skipped = Skip(record.at, event.first, event.last, event.count, event.reason, event.detail)


def account_for(workflow: Workflow, first: datetime, last: datetime) -> None:
    """Account for a workflow's next ticks, from the first to the last of them. Raises `NotDue`."""
    if workflow.ticked is None or not workflow.eras:
        raise NotDue(f"workflow {workflow.id} is not scheduled")
    if not workflow.ticked < first <= last:
        raise NotDue(f"the tick {first} of workflow {workflow.id} has its run, or was skipped")
    workflow.ticked = last
    later = [era for era in workflow.eras if era.since >= last]
    workflow.eras = [era for era in workflow.eras if era.since < last][-1:] + later
