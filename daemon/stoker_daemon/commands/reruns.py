"""Commands on what has ended: nodes are rerun or set successful, and a run that had finished goes on.

A finished run is no longer in the state. To open it again the log is given the whole of it first, in the same
group as what opens it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

import msgspec

from stoker_daemon.access.rules import Rights
from stoker_daemon.commands.actions import allow_node, allow_run, node_of
from stoker_daemon.commands.common import fitting, latest_job
from stoker_daemon.commands.settings import NodeSettings, differences, read_settings
from stoker_daemon.engine import Turn
from stoker_daemon.objects import Objects
from stoker_daemon.planning.placing import placed
from stoker_daemon.preparing.plan import Plan, PlanNode, read_plan, with_job, with_settings
from stoker_daemon.problems import conflict, invalid
from stoker_shared import events as ev
from stoker_shared.actions import NodeAction, RunAction
from stoker_shared.api import Fault, RerunNode, RerunRun
from stoker_shared.dag import descendants, topological
from stoker_shared.model import NodeState
from stoker_shared.state import JobVersion, NodeRun, Run, State

PART = 200_000
"""Characters of a run in one event: in a line of the log each takes four bytes at most."""

_Choice = Callable[[Run], list[str]]
"""Gives the nodes that are to run again, or raises `Refused` where that is not allowed."""


class _Changes(msgspec.Struct, frozen=True):
    """What a rerun goes on with, where that is not what the run had."""

    plan: str = ""
    changed: tuple[ev.PlannedNode, ...] = ()
    settings: dict[str, str] = {}


async def rerun_run(
    found: Run,
    state: State,
    objects: Objects,
    request: RerunRun,
    by: str,
    rights: Rights,
) -> Callable[[Turn], int]:
    """Run all nodes of a run again, or those that did not succeed; ``found`` is it as it stood when asked."""

    def choose(run: Run) -> list[str]:
        allow_run(RunAction.RERUN_FAILED if request.failed else RunAction.RERUN_ALL, run)
        chosen = [
            node.name for node in run.nodes if not request.failed or node.state is not NodeState.SUCCEEDED
        ]
        if not chosen:
            raise conflict(f"run #{run.id} can't be rerun from failed: all its nodes succeeded; rerun all")
        return chosen

    return await _rerun(found, choose, state, objects, request, by, rights)


async def rerun_node(
    found: Run,
    name: str,
    state: State,
    objects: Objects,
    request: RerunNode,
    by: str,
    rights: Rights,
) -> Callable[[Turn], int]:
    """Run a node again, and what is downstream of it where that is asked for."""

    def choose(run: Run) -> list[str]:
        allow_node(NodeAction.RERUN, run, node_of(run, name))
        below = descendants(_upstream(run), name) if request.downstream else set()
        for node in map(run.node, below):
            if node.state in (NodeState.RUNNING, NodeState.RETRYING):
                raise conflict(
                    f"node {name!r} of run #{run.id} can't be rerun with its downstream: "
                    f"{node.name!r} is {node.state.value}"
                )
        return [node.name for node in run.nodes if node.name == name or node.name in below]

    return await _rerun(found, choose, state, objects, request, by, rights)


def succeed_node(found: Run, name: str, downstream: bool, by: str, rights: Rights) -> Callable[[Turn], int]:
    """Set a node successful; with ``downstream`` what waited on it runs."""

    def command(turn: Turn) -> int:
        run = turn.state.runs.get(found.id, found)
        allow_node(NodeAction.SUCCEED, run, node_of(run, name))
        resumed = tuple(_waited_on(run, name)) if downstream else ()
        _check_queues(turn.state, run, resumed, rights)
        return _go_on(turn, run, fitting(ev.NodeSetSuccessful(run.id, name, resumed)), by)

    return command


def _waited_on(run: Run, name: str) -> list[str]:
    """Give what is downstream of a node and never began, unless another upstream of it did not succeed."""
    upstream = _upstream(run)
    below = descendants(upstream, name)
    goes_on = {name}
    for node in map(run.node, topological(upstream)):
        if node.name in below and _never_began(node):
            above = [run.node(other) for other in node.upstream if other not in goes_on]
            if all(other.state is NodeState.SUCCEEDED or not other.has_ended for other in above):
                goes_on.add(node.name)
    return [node.name for node in run.nodes if node.name in goes_on and node.name != name]


def _never_began(node: NodeRun) -> bool:
    return node.state is NodeState.SKIPPED or (node.state is NodeState.STOPPED and not node.tries)


async def _rerun(
    found: Run,
    choose: _Choice,
    state: State,
    objects: Objects,
    request: RerunRun | RerunNode,
    by: str,
    rights: Rights,
) -> Callable[[Turn], int]:
    chosen = choose(found)
    changes = _Changes()
    if request.latest_jobs or request.settings:
        changes = await _changes(found, chosen, state, objects, request, rights)

    def command(turn: Turn) -> int:
        run = turn.state.runs.get(found.id, found)
        if choose(run) != chosen:
            raise conflict(f"run #{run.id} changed at this moment; look at it and ask again")
        nodes = tuple(name for name in chosen if run.node(name).has_ended)
        _check_queues(turn.state, run, nodes, rights)
        event = ev.RunRerunRequested(
            run=run.id,
            nodes=nodes,
            plan=changes.plan,
            changed=changes.changed,
            settings=changes.settings,
        )
        return _go_on(turn, run, fitting(event), by)

    return command


async def _changes(
    run: Run,
    chosen: list[str],
    state: State,
    objects: Objects,
    request: RerunRun | RerunNode,
    rights: Rights,
) -> _Changes:
    settings = read_settings(request.settings, chosen, run.numbers)
    for changed in settings.values():
        rights.require_settings(changed.config, run.workspace)
    plan = read_plan(objects, run.plan)
    before = {node.name: node for node in plan.nodes if node.name in chosen}
    latest = {}
    if request.latest_jobs:
        latest = {name: latest_job(state, run.workspace, node.job) for name, node in before.items()}
    after = {
        name: _changed(node, latest.get(name), settings.get(name, NodeSettings()))
        for name, node in before.items()
    }
    cu = _cu(run, after, state)
    planned = {
        name: _planned(run.node(name), node, settings.get(name, NodeSettings()).retries, cu[name])
        for name, node in after.items()
    }
    words = {
        setting: change
        for name in chosen
        for setting, change in _in_words(run.node(name), before[name], after[name], planned[name]).items()
    }
    digest = await asyncio.to_thread(objects.put, msgspec.json.encode(_with_nodes(plan, after)))
    changed = tuple(node for node in planned.values() if _differs(run.node(node.name), node))
    return _Changes(digest, changed, words)


def _changed(node: PlanNode, version: JobVersion | None, settings: NodeSettings) -> PlanNode:
    renewed = with_job(node, version) if version else node
    return with_settings(renewed, settings.config)


def _cu(run: Run, nodes: Mapping[str, PlanNode], state: State) -> dict[str, int]:
    """Give what each node takes of its queue now; raises `Refused` where one can't fit."""
    found: dict[str, int] = {}
    faults: list[Fault] = []
    for name, frozen in nodes.items():
        node = run.node(name)
        found[name] = node.cu
        if queue := state.queues.get(node.queue):
            debug = run.trigger is ev.Trigger.DEBUG
            found[name], against = placed(frozen, queue, f"/nodes/{node.number - 1}", debug)
            faults += against
    if faults:
        raise invalid(f"run #{run.id} can't be rerun like that", faults)
    return found


def _planned(node: NodeRun, frozen: PlanNode, retries: int | None, cu: int) -> ev.PlannedNode:
    return ev.PlannedNode(
        name=node.name,
        upstream=node.upstream,
        retries=node.retries if retries is None else retries,
        timeout=frozen.config.timeout,
        enabled=node.enabled,
        priority=node.priority,
        queue=node.queue,
        cu=cu,
    )


def _differs(node: NodeRun, planned: ev.PlannedNode) -> bool:
    return any(getattr(node, field) != getattr(planned, field) for field in planned.__struct_fields__)


def _in_words(node: NodeRun, before: PlanNode, after: PlanNode, planned: ev.PlannedNode) -> dict[str, str]:
    words = differences(node.name, before.config, after.config, (node.retries, planned.retries))
    if after.version != before.version:
        words[f"{node.name}.job"] = f"version {before.version} -> {after.version}"
    return words


def _with_nodes(plan: Plan, changed: Mapping[str, PlanNode]) -> Plan:
    return msgspec.structs.replace(plan, nodes=[changed.get(node.name, node) for node in plan.nodes])


def _check_queues(state: State, run: Run, names: Iterable[str], rights: Rights) -> None:
    for name in names:
        queue = run.node(name).queue
        rights.require_queues([queue])
        if queue and queue not in state.queues:
            raise conflict(f"node {name!r} of run #{run.id} can't run: there is no queue {queue!r} any more")


def _go_on(turn: Turn, run: Run, event: ev.EventType, by: str) -> int:
    for record in [*in_parts(run), event]:
        turn.record(record, by)
    return run.id


def in_parts(run: Run) -> list[ev.RunRestored]:
    """Give a finished run in parts; nothing of one that is active."""
    return [] if run.ended_at is None else restoring(run.id, msgspec.json.encode(run))


def restoring(number: int, encoded: bytes) -> list[ev.RunRestored]:
    """Give in parts the finished run of that number, as JSON."""
    text = encoded.decode()
    parts = [text[start : start + PART] for start in range(0, len(text), PART)]
    return [ev.RunRestored(number, part, len(parts), content) for part, content in enumerate(parts, 1)]


def _upstream(run: Run) -> dict[str, tuple[str, ...]]:
    return {node.name: node.upstream for node in run.nodes}
