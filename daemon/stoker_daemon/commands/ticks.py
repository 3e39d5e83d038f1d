"""The runs that schedules make: exactly one for each tick, or a record of why there is none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.commands.common import latest_job, read_definition
from stoker_daemon.commands.making import Wanted, creation
from stoker_daemon.commands.variables import plain_variables
from stoker_daemon.engine import STOKER, Turn
from stoker_daemon.objects import Objects
from stoker_daemon.planning.overlap import first_run
from stoker_daemon.preparing.plan import Plan, freeze
from stoker_daemon.problems import Refused
from stoker_daemon.scheduling.due import Drop, Make, ahead_of, due
from stoker_shared import events as ev
from stoker_shared.lateness import deadline
from stoker_shared.model import CatchUpPolicy, OverlapPolicy, WorkflowSpec
from stoker_shared.state import JobVersion, State, Workflow
from stoker_shared.text import fit

MOST_AT_ONCE = 200
"""Records of a turn after which no other workflow's runs are made in it: nothing else goes on meanwhile."""

MOST_ACTIVE = 100
"""Active scheduled runs of a workflow at which one that catches up on all its ticks waits with the others."""

_SYNCS = 8
"""Plans that are written at the same time: a disk syncs several in little more time than one."""

_LONGEST_DETAIL = 500

logger = logging.getLogger(__name__)


class Ready(msgspec.Struct, frozen=True):
    """What the runs of a workflow are made of whose ticks were ``noticed``: its latest version, frozen.

    ``refusal`` is why there is no plan.
    """

    workflow: int
    noticed: datetime
    definition: str
    spec: WorkflowSpec
    plan: Plan | None = None
    plan_digest: str = ""
    refusal: str = ""


async def make_ready(state: State, objects: Objects, noticed: Mapping[int, datetime]) -> list[Ready]:
    """Freeze the plans of workflows that have ticks; what can't be read is logged and left out.

    Raises:
        Refused: the plans can't be stored.
    """
    versions = {
        number: workflow.versions[-1].digest
        for number in noticed
        if (workflow := state.workflows.get(number)) and workflow.scheduling
    }
    specs = await asyncio.to_thread(_definitions, objects, versions)
    variables: dict[str, dict[str, str]] = {}
    ready: list[Ready] = []
    unfrozen: list[tuple[Ready, dict[str, JobVersion], dict[str, str]]] = []
    for number, spec in specs.items():
        if (workflow := state.workflows.get(number)) is None:
            continue
        space = workflow.workspace
        each = Ready(number, noticed[number], versions[number], spec)
        try:
            jobs = {node.job: latest_job(state, space, node.job) for node in spec.nodes}
        except Refused as refusal:
            ready.append(msgspec.structs.replace(each, refusal=fit(refusal.words, _LONGEST_DETAIL)))
        else:
            if space not in variables:
                variables[space] = plain_variables(state, space)
            unfrozen.append((each, jobs, variables[space]))
    parts = [unfrozen[start::_SYNCS] for start in range(_SYNCS) if start < len(unfrozen)]
    for frozen in await asyncio.gather(*(asyncio.to_thread(_frozen, objects, part) for part in parts)):
        ready += frozen
    return ready


def _definitions(objects: Objects, digests: Mapping[int, str]) -> dict[int, WorkflowSpec]:
    found: dict[int, WorkflowSpec] = {}
    for number, digest in digests.items():
        try:
            found[number] = read_definition(objects, digest)
        except (OSError, msgspec.MsgspecError) as error:
            logger.error("the definition %s of workflow %d can't be read: %s", digest, number, error)
    return found


def _frozen(
    objects: Objects, unfrozen: list[tuple[Ready, dict[str, JobVersion], dict[str, str]]]
) -> list[Ready]:
    plans: list[tuple[Ready, Plan]] = []
    for each, jobs, variables in unfrozen:
        try:
            plans.append((each, freeze(each.spec, jobs.__getitem__, variables)))
        except Exception:
            # One of them holds up no other.
            logger.exception("the plan of workflow %r can't be frozen", each.spec.workflow)
    digests = objects.put_all(msgspec.json.encode(plan) for _, plan in plans)
    return [
        msgspec.structs.replace(each, plan=plan, plan_digest=digest)
        for (each, plan), digest in zip(plans, digests, strict=True)
    ]


def make_runs(ready: Sequence[Ready], host: ZoneInfo, crowded: set[int]) -> Callable[[Turn], list[Ready]]:
    """Make the runs of workflows' ticks, and give what it did not come to, having made enough for one turn.

    A workflow that changed meanwhile is left as it is: that change has it looked at again. One that waits for
    runs of it to end is added to those that are ``crowded``.
    """

    def command(turn: Turn) -> list[Ready]:
        for index, each in enumerate(ready):
            if len(turn.records) >= MOST_AT_ONCE:
                return list(ready[index:])
            workflow = turn.state.workflows.get(each.workflow)
            if workflow is None or workflow.versions[-1].digest != each.definition:
                continue
            room = _room(turn.state, each)
            if not room:
                crowded.add(workflow.id)
                continue
            try:
                decisions = due(ahead_of(workflow, host), each.noticed, each.spec.catch_up)
                some = list(islice(decisions, room))
            except Exception:
                logger.exception("the ticks of workflow %r can't be told", workflow.name)
                continue
            _account_for(turn, workflow, each, some)
        return []

    return command


def _room(state: State, ready: Ready) -> int:
    """Give how many runs of a workflow may be made at once."""
    if ready.spec.catch_up is not CatchUpPolicy.ALL:
        return MOST_AT_ONCE
    runs = (state.runs[number] for number in state.runs_of.get(ready.workflow, ()))
    return max(MOST_ACTIVE - sum(run.trigger is ev.Trigger.SCHEDULE for run in runs), 0)


def _account_for(turn: Turn, workflow: Workflow, ready: Ready, decisions: list[Make | Drop]) -> None:
    makes: list[Make] = []
    for decision in decisions:
        if isinstance(decision, Drop):
            span = decision.first, decision.last, decision.count
            turn.record(ev.TickSkipped(workflow.id, *span, ev.SkipReason.CATCH_UP), STOKER)
        else:
            makes.append(decision)
    for index, make in enumerate(makes):
        try:
            turn.record(_creation(turn.state, workflow, ready, make), STOKER)
        except _NoRun as why:
            # What stands against one stands against those after it.
            span = make.tick, makes[-1].tick, len(makes) - index
            turn.record(ev.TickSkipped(workflow.id, *span, why.reason, why.detail), STOKER)
            return


class _NoRun(Exception):
    """Why a tick gets no run."""

    def __init__(self, reason: ev.SkipReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def _creation(state: State, workflow: Workflow, ready: Ready, make: Make) -> ev.RunCreated:
    spec = ready.spec
    if spec.overlap is OverlapPolicy.SKIP and (earlier := first_run(state, workflow.id)):
        raise _NoRun(ev.SkipReason.OVERLAP, f"run #{earlier.id} was active")
    if ready.plan is None:
        raise _NoRun(ev.SkipReason.REFUSED, ready.refusal)
    wanted = Wanted(
        workflow=workflow,
        spec=spec,
        version=workflow.versions[-1].version,
        cycle=make.cycle,
        time_zone=make.zone.key,
        trigger=ev.Trigger.SCHEDULE,
        scheduled_at=make.tick,
        start_by=deadline(spec.not_started_by, make.tick, make.zone) if spec.not_started_by else None,
        end_by=deadline(spec.not_done_by, make.tick, make.zone) if spec.not_done_by else None,
    )
    try:
        return creation(state, wanted, ready.plan, ready.plan_digest)
    except Refused as refusal:
        raise _NoRun(ev.SkipReason.REFUSED, fit(refusal.words, _LONGEST_DETAIL)) from refusal
