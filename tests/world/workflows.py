"""The workflows and queues of a world, of every kind that the planner tells apart."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec

from stoker_daemon.engine import Turn
from stoker_shared import events as ev
from stoker_shared.model import (
    CatchUpPolicy,
    FailureStrategy,
    Minutes,
    NodeSpec,
    NodeState,
    OverlapPolicy,
    QueueSpec,
    Subscription,
    WorkflowSpec,
)
from tests.world.keeping import Objects

QUEUES = ("narrow", "wide")
WORKFLOWS = 8
SCHEDULED = 5
NOTIFIED = ("oncall@example.com", "lead@example.com")
SUBSCRIPTION = Subscription(NOTIFIED[1:], (NodeState.FAILED, NodeState.RETRYING))
JOB = "job.sh"


def settle_in(turn: Turn, objects: Objects, chance: Random) -> None:
    """Publish all there is, in a world that has nothing yet."""
    if turn.state.workflows:
        return
    turn.record(ev.QueueSaved("narrow", QueueSpec(limit=2)), "alice")
    turn.record(ev.QueueSaved("wide", QueueSpec(limit=8)), "alice")
    turn.record(ev.JobPublished("default", JOB, 1, objects.put(b"true"), 4), "alice")
    for number, spec in enumerate(specs(chance), 1):
        digest = objects.put(msgspec.json.encode(spec))
        turn.record(ev.WorkflowSaved("default", number, spec.workflow, 1, digest), "alice")
        turn.record(ev.WorkflowPublished(number, 1, digest), "alice")
        if spec.schedule:
            switched = ev.WorkflowScheduling(number, on=True, after=turn.now, schedule=spec.schedule)
            turn.record(switched, "alice")


def specs(chance: Random) -> Iterator[WorkflowSpec]:
    """Give definitions."""
    for number in range(1, WORKFLOWS + 1):
        yield WorkflowSpec(
            workflow=f"w{number}",
            nodes=tuple(_nodes(chance)),
            overlap=list(OverlapPolicy)[number % 4],
            retries=chance.choice([0, 1, 2]),
            retry_delay=chance.choice([0, 2.5]),
            retry_backoff=chance.choice([1, 2]),
            run_timeout=chance.choice([None, 120]),
            parallelism=chance.choice([None, 1, 3]),
            failure_strategy=chance.choice(list(FailureStrategy)),
            schedule=schedule(chance) if number <= SCHEDULED else None,
            catch_up=list(CatchUpPolicy)[number % 3],
            not_started_by=chance.choice([None, "1m"]),
            not_done_by=chance.choice([None, "2m"]),
            notify=NOTIFIED[: number % 3],
        )


def schedule(chance: Random) -> Minutes:
    """Give a schedule, by which a tick comes every few minutes."""
    return Minutes(every=chance.choice([1, 2, 5]), time_zone="UTC")


def _nodes(chance: Random) -> Iterator[NodeSpec]:
    names: list[str] = []
    for number in range(chance.randint(2, 8)):
        yield NodeSpec(
            name=f"n{number}",
            job=JOB,
            upstream=tuple(sorted(chance.sample(names, min(len(names), chance.choice([0, 1, 1, 2]))))),
            timeout=chance.choice([None, None, 20]),
            queue=chance.choice([None, *QUEUES]),
            enabled=chance.random() < 0.9,
            priority=chance.choice([0, 0, 1]),
            subscription=Subscription(NOTIFIED[1:], (NodeState.FAILED, NodeState.RETRYING))
            if number == 1
            else None,
        )
        names.append(f"n{number}")
