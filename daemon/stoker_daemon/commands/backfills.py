"""Commands on backfills."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.access.rules import Rights
from stoker_daemon.commands.common import fitting, known_workflow, read_definition
from stoker_daemon.commands.making import Wanted, creation, frozen_plan
from stoker_daemon.commands.workflows import published_version
from stoker_daemon.engine import Turn
from stoker_daemon.moments import INSTANT, parse_span
from stoker_daemon.objects import Objects
from stoker_daemon.planning.placing import queues_of, unknown
from stoker_daemon.preparing.plan import Plan
from stoker_daemon.problems import conflict, invalid, not_found
from stoker_daemon.timetable import Timetable, stepping, timetable, zone_of
from stoker_shared import events as ev
from stoker_shared.actions import BackfillAction, why_not_backfill
from stoker_shared.api import Fault
from stoker_shared.api.backfills import MOST_INTERVALS, CreateBackfill
from stoker_shared.definition import address_faults
from stoker_shared.model import BackfillOrder, Environment, RunState, WorkflowSpec
from stoker_shared.schedules import in_words
from stoker_shared.state import Backfill, Run, State
from stoker_shared.text import clean, quoted
from stoker_shared.variables import variable_name_problem


class Asked(msgspec.Struct, frozen=True):
    """A backfill that is asked for: the event that would create it, without its number, and its ticks.

    ``version`` of the workflow is the one it would be of now, with this ``plan``.
    """

    event: ev.BackfillCreated
    ticks: Timetable
    spec: WorkflowSpec
    version: int
    plan: Plan

    def check(self, state: State) -> None:
        """Raise `Refused` where no run of it could be made."""
        event = self.event
        workflow = known_workflow(state, event.workspace, event.name)
        if workflow.id != event.workflow:
            raise conflict(f"workflow {event.name!r} was replaced meanwhile; look at it and ask again")
        wanted = Wanted(
            workflow=workflow,
            spec=self.spec,
            version=self.version,
            cycle=event.first,
            time_zone=event.time_zone,
            trigger=ev.Trigger.BACKFILL,
            queue=event.queue,
            variables=event.variables,
            remarks=event.remarks,
            scheduled_at=self.ticks.after(event.first),
        )
        creation(state, wanted, self.plan, "")


async def asked_backfill(
    state: State, objects: Objects, workspace: str, request: CreateBackfill, host: ZoneInfo, now: datetime
) -> Asked:
    """Give the backfill that is asked for; raises `Refused`."""
    workflow = known_workflow(state, workspace, request.workflow)
    version = published_version(workflow, request.version)
    spec = read_definition(objects, version.digest)
    if errors := [*_faults(request, state), *_every_faults(request, spec)]:
        raise _refused(errors)
    zone = zone_of(spec.schedule, host) if spec.schedule else host
    start, end = _span(request, zone)
    try:
        ticks = timetable(spec.schedule, host) if spec.schedule else stepping(start, request.every, zone)
    except ValueError as error:
        raise _refused([Fault("/every", str(error))]) from error
    first, last = _ends(ticks, start, end, spec)
    total = await asyncio.to_thread(ticks.count, first - INSTANT, last)
    if total > MOST_INTERVALS:
        detail = f"the range has {total:,} intervals, and a backfill has at most {MOST_INTERVALS:,}"
        raise _refused([Fault("/to", f"{detail}; make several")])
    event = ev.BackfillCreated(
        backfill=0,
        workspace=workspace,
        workflow=workflow.id,
        name=workflow.name,
        first=first,
        last=last,
        split=_split(ticks, first, last, now) if request.order is BackfillOrder.NEWEST else first - INSTANT,
        total=total,
        time_zone=zone.key,
        schedule=spec.schedule,
        every=request.every,
        intervals=request.intervals,
        order=request.order,
        parallel=request.parallel,
        stop_after=request.stop_after,
        queue=request.queue,
        version=request.version or 0,
        variables=request.variables,
        remarks=request.remarks,
        notify=request.notify,
    )
    return Asked(event, ticks, spec, version.version, frozen_plan(state, workspace, spec))


async def create_backfill(
    state: State,
    objects: Objects,
    workspace: str,
    request: CreateBackfill,
    host: ZoneInfo,
    now: datetime,
    by: str,
    rights: Rights,
) -> Callable[[Turn], int]:
    """Make a backfill; its runs come as they can start. Raises `Refused`."""
    asked = await asked_backfill(state, objects, workspace, request, host, now)

    def command(turn: Turn) -> int:
        asked.check(turn.state)
        rights.require_queues(queues_of(asked.spec, asked.event.queue))
        event = msgspec.structs.replace(asked.event, backfill=turn.state.counters.backfill + 1)
        turn.record(fitting(event), by)
        return event.backfill

    return command


def pause_backfill(number: int, by: str) -> Callable[[Turn], int]:
    """Make no more runs for now; those that are active go on."""
    return _on_backfill(number, BackfillAction.PAUSE, ev.BackfillPaused(number), by)


def resume_backfill(number: int, by: str) -> Callable[[Turn], int]:
    """Let a paused backfill go on."""
    return _on_backfill(number, BackfillAction.RESUME, ev.BackfillResumed(number), by)


def retry_backfill(number: int, by: str) -> Callable[[Turn], int]:
    """Make another run for each interval whose run failed or was stopped; then go on with the rest."""
    return _on_backfill(number, BackfillAction.RETRY, ev.BackfillRetried(number), by)


def cancel_backfill(number: int, running: bool, by: str) -> Callable[[Turn], int]:
    """Make no more runs, for ever; stop those of which nothing has started, or with ``running`` all."""

    def command(turn: Turn) -> int:
        found = _allowed(turn.state, number, BackfillAction.CANCEL)
        turn.record(ev.BackfillCancelled(number, running), by)
        for run in map(turn.state.runs.__getitem__, found.active):
            if not run.stopping and (running or _is_waiting(run)):
                turn.record(ev.RunStopRequested(run.id, ev.Reason.STOP), by)
        return number

    return command


def known_backfill(state: State, number: int) -> Backfill:
    """Give the backfill of that number; raises `Refused`."""
    if found := state.backfills.get(number):
        return found
    if 0 < number <= state.counters.backfill:
        raise not_found(f"backfill B{number} ended long ago and is not kept; its runs are in the history")
    raise not_found(f"there is no backfill B{number}")


def _on_backfill(number: int, action: BackfillAction, event: ev.EventType, by: str) -> Callable[[Turn], int]:
    def command(turn: Turn) -> int:
        _allowed(turn.state, number, action)
        turn.record(event, by)
        return number

    return command


def _allowed(state: State, number: int, action: BackfillAction) -> Backfill:
    found = known_backfill(state, number)
    if why := why_not_backfill(action, found):
        raise conflict(f"backfill B{number} can't be {action.value}: {why}")
    return found


def _is_waiting(run: Run) -> bool:
    """Tell whether nothing of a run has started since it was opened."""
    return run.state is RunState.PENDING or (run.state is RunState.PAUSED and run.begun_at is None)


def _refused(errors: list[Fault]) -> Exception:
    return invalid("the backfill can't be made", errors)


def _faults(request: CreateBackfill, state: State) -> Iterator[Fault]:
    if request.queue:
        queue = state.queues.get(request.queue)
        if queue is None:
            yield Fault("/queue", unknown(request.queue, state.queues))
        elif queue.spec.environment is Environment.DEVELOPMENT:
            yield Fault("/queue", f"{queue.name} is for development; runs need a queue for production")
    for name in request.variables:
        if problem := variable_name_problem(name):
            yield Fault(f"/variables/{clean(name)}", problem)
    for field, problem in address_faults("notify", request.notify):
        yield Fault(f"/{field}", problem)


def _every_faults(request: CreateBackfill, spec: WorkflowSpec) -> Iterator[Fault]:
    name = clean(spec.workflow)
    if spec.schedule and request.every:
        words = in_words(spec.schedule)
        yield Fault("/every", f"workflow {name!r} has a schedule ({words}), which says it; leave it out")
    if not spec.schedule and not request.every:
        yield Fault("/every", f"workflow {name!r} has no schedule; say how long an interval is, such as 1d")


def _span(request: CreateBackfill, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Give the first and the last instant of the range that is asked for; raises `Refused`."""
    spans, errors = [], []
    for field, text in (("from", request.first), ("to", request.last)):
        try:
            spans.append(parse_span(text, zone))
        except ValueError as error:
            errors.append(Fault(f"/{field}", str(error)))
    if errors:
        raise _refused(errors)
    (start, _), (_, end) = spans
    if end < start:
        first, last = quoted(request.first, 60), quoted(request.last, 60)
        raise _refused([Fault("/to", f"{last} is before {first}; write the earlier one first")])
    return start, end


def _ends(ticks: Timetable, start: datetime, end: datetime, spec: WorkflowSpec) -> tuple[datetime, datetime]:
    """Give the first and the last cycle time in a range; raises `Refused` where there is none."""
    try:
        first, last = ticks.after(start - INSTANT), ticks.before(end + INSTANT)
        if first and last and first <= last and ticks.after(last):
            return first, last
    except OverflowError:
        raise _refused([Fault("/from", "the range reaches to the end of all calendars")]) from None
    around = [cycle for cycle in (ticks.before(start), ticks.after(end)) if cycle]
    nearest = " and ".join(f"{cycle.astimezone(ticks.zone):%Y-%m-%dT%H:%M%z}" for cycle in around)
    words = in_words(spec.schedule)
    detail = f"no interval begins in that range: the schedule is {words}, and the nearest begin at {nearest}"
    raise _refused([Fault("/from", detail)])


def _split(ticks: Timetable, first: datetime, last: datetime, now: datetime) -> datetime:
    """Give the place just after the newest interval that has ended, or before the first where none has."""
    latest = ticks.before(now + INSTANT)
    ended = latest and ticks.before(latest)
    return min(ended, last) + INSTANT if ended and ended >= first else first - INSTANT
