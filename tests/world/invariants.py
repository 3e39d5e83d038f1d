"""What must be so whatever happens, checked on each record as it comes to disk and each process as it begins.

This keeps a small model of its own, of nothing but what was recorded, so that it shares no mistake with the
state that the daemon keeps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from stoker_daemon.attempts.directory import AttemptKey
from stoker_shared import events as ev
from stoker_shared.model import (
    CatchUpPolicy,
    FailureStrategy,
    NodeState,
    OverlapPolicy,
    RunState,
    WorkflowSpec,
)
from stoker_shared.state import About
from tests.world.broken import must
from tests.world.keeping import Objects
from tests.world.ledger import Intervals, Ticks
from tests.world.post import Post
from tests.world.processes import Machine, Process

_RETRIED = (ev.Reason.EXIT, ev.Reason.LOST, ev.Reason.TIMEOUT)
"""Ends of an attempt after which the node is tried again, as long as it has retries."""


PROMPTLY = timedelta(seconds=2)
"""How long after its moment what is due is done, where the daemon is there and the clock was not set."""


class Node:
    """What was recorded of a node.

    ``excused`` are upstream nodes that had not succeeded when somebody asked for this one to run again, or
    were run again after it had ``begun``. ``tries`` count against its retries, ``due`` is when the next is,
    and ``end_by`` when its attempt's time is over.
    """

    __slots__ = (
        "active",
        "attempts",
        "begun",
        "cu",
        "done",
        "due",
        "end_by",
        "ended",
        "excused",
        "number",
        "planned",
        "queue",
        "stopped",
        "tries",
        "upstream",
    )

    def __init__(self, number: int, planned: ev.PlannedNode) -> None:
        self.number = number
        self.planned = planned
        self.upstream = planned.upstream
        self.queue = planned.queue
        self.cu = planned.cu
        self.attempts = 0
        self.active = False
        self.done = False
        self.ended = self.begun = self.stopped = False
        self.excused: set[str] = set()
        self.tries = 0
        self.due: datetime | None = None
        self.end_by: datetime | None = None


class RunModel:
    """What was recorded of a run; ``end_by`` is when its time is over, once it has begun."""

    __slots__ = (
        "backfill",
        "end_by",
        "ended",
        "fail_fast",
        "failed",
        "nodes",
        "notify",
        "opened",
        "parallelism",
        "paused",
        "stopping",
        "timeout",
        "waits",
        "workflow",
    )

    def __init__(self, event: ev.RunCreated, opened: int) -> None:
        counts = event.trigger in (ev.Trigger.MANUAL, ev.Trigger.SCHEDULE)
        self.workflow = event.workflow if counts else 0
        self.waits = counts and event.overlap is not OverlapPolicy.PARALLEL
        self.opened = opened
        self.nodes = {node.name: Node(number, node) for number, node in enumerate(event.nodes, 1)}
        self.parallelism = event.parallelism
        self.timeout = event.timeout
        self.end_by: datetime | None = None
        self.backfill = event.backfill
        self.fail_fast = event.failure_strategy is FailureStrategy.FAIL_FAST
        self.failed = False
        self.notify = event.notify if counts else None
        self.paused = False
        self.stopping = False
        self.ended = False

    def reset(self, names: tuple[str, ...]) -> None:
        """Let nodes run again: each waits for those upstream that have not ended."""
        for name in names:
            node = self.nodes[name]
            node.done = node.ended = node.begun = node.stopped = False
            node.tries, node.due = 0, None
        self.failed = False
        for name, node in self.nodes.items():
            again = {other for other in node.upstream if other in names}
            node.excused = node.excused | again if node.begun else node.excused - again
            if name in names:
                node.excused = {
                    other for other in node.upstream if self.nodes[other].ended and not self.nodes[other].done
                }


class Invariants:
    """The model, what it is waiting for, and what people were told.

    Records wait in ``made`` until they are on disk; what a crash took from there never was. All up to ``seq``
    was in the log when somebody looked, and up to ``durable`` no failure of the power takes it away. What is
    due by what the host's clock has ``shown``, before it was set, may be recorded after that. Nobody needs to
    have heeded a moment before ``noticed``: the daemon was not there, or the clock was set.
    """

    def __init__(self, machine: Machine, objects: Objects, post: Post) -> None:
        self.machine = machine
        self.post = post
        self._objects = objects
        self.made: deque[ev.Record] = deque()
        self.seq = self.durable = self.told = 0
        self.draining = False
        self.shown = self.noticed = datetime.min.replace(tzinfo=UTC)
        self.runs: dict[int, RunModel] = {}
        self.active: dict[int, list[RunModel]] = {}
        self.timed: set[int] = set()
        self.queues: dict[str, list[Any]] = {}
        self.keys: dict[tuple[str, str, str], tuple[int, int]] = {}
        self.refused: set[tuple[str, str, str]] = set()
        self.ticks: dict[int, Ticks] = {}
        self.policies: dict[int, CatchUpPolicy] = {}
        self.backfills: dict[int, Intervals] = {}
        self._checks: dict[type, Callable[[ev.Record, Any], None]] = {
            ev.DaemonDraining: self._daemon_draining,
            ev.QueueSaved: self._queue_saved,
            ev.RunCreated: self._run_created,
            ev.RunStarted: self._run_started,
            ev.RunPaused: self._run_paused,
            ev.RunResumed: self._run_resumed,
            ev.RunStopRequested: self._run_stop_requested,
            ev.RunRerunRequested: self._run_rerun_requested,
            ev.RunFinished: self._run_finished,
            ev.RunLate: self._run_late,
            ev.NotificationSent: lambda _, event: post.recorded(event),
            ev.NotificationGivenUp: lambda _, event: post.recorded(event),
            ev.NodeFinished: self._node_finished,
            ev.NodeSkipped: self._node_skipped,
            ev.NodeStopRequested: self._node_stop_requested,
            ev.NodeSetSuccessful: self._node_set_successful,
            ev.AttemptStarting: self._attempt_starting,
            ev.AttemptStarted: self._attempt_started,
            ev.AttemptFinished: self._attempt_finished,
            ev.AttemptRetryAt: self._attempt_retry_at,
            ev.WorkflowScheduling: self._workflow_scheduling,
            ev.WorkflowPublished: self._workflow_published,
            ev.TickSkipped: self._tick_skipped,
            ev.BackfillCreated: self._backfill_created,
            ev.BackfillPassed: self._backfill_passed,
            ev.BackfillPaused: self._backfill_held,
            ev.BackfillCancelled: self._backfill_held,
            ev.BackfillResumed: self._backfill_resumed,
            ev.BackfillRetried: self._backfill_retried,
            ev.BackfillFinished: self._backfill_finished,
        }

    def on_disk(self, seq: int) -> None:
        """Check what has come to disk."""
        self.durable = max(self.durable, seq)
        self.in_log(seq)

    def in_log(self, seq: int) -> None:
        """Check what is in the log, and will be on disk unless the power fails."""
        made = self.made
        while made and made[0].seq <= seq:
            record = made.popleft()
            must(record.seq == self.seq + 1, "record", record.seq, "came to disk after", self.seq)
            self.seq = record.seq
            if record.key:
                self._key_used(record, record.key)
            if check := self._checks.get(type(record.event)):
                check(record, record.event)

    def crashed(self, seq: int, *, power: bool) -> list[ev.Record]:
        """Take in how far the log goes after a crash; gives the records that it took."""
        must(seq >= self.told, f"people were told of what went up to {self.told}, and the log ends at {seq}")
        must(seq >= self.seq or power, f"the log went up to {self.seq}, and ends at {seq}")
        if power:
            self.durable = seq
        self.in_log(seq)
        lost = list(self.made)
        self.made.clear()
        return lost

    def tell(self, seq: int) -> None:
        """Check that what somebody is told of is on disk."""
        must(seq <= self.durable, "somebody was told of record", seq, "and the disk has", self.durable)
        self.told = max(self.told, seq)

    def tell_number(self, place: tuple[str, str, str], number: int) -> None:
        """Check that what a request under a key came to is on disk."""
        must(place in self.keys, place, "was answered, and the disk knows nothing of it")
        came_to, seq = self.keys[place]
        must(came_to == number, place, "came to", came_to, "and was answered", number)
        self.tell(seq)

    def tell_refusal(self, place: tuple[str, str, str]) -> None:
        """Check that what was refused changed nothing, now and later."""
        made = any(
            (record.by, record.key.route, record.key.id) == place for record in self.made if record.key
        )
        must(place not in self.keys and not made, place, "was refused, and was done")
        self.refused.add(place)

    def spawned(self, process: Process) -> None:
        """Check a process that begins."""
        key = process.key
        other = self.machine.alive.get((key.run, key.number))
        must(key not in self.machine.processes, key, "was launched twice")
        must(other is None, key, "was launched while a process of", other and other.key, "is alive")
        node = self.runs[key.run].nodes[key.node] if key.run in self.runs else None
        must(node and node.active and node.attempts == key.attempt, key, "was launched before its intent")

    def is_known(self, key: AttemptKey) -> bool:
        """Tell whether an attempt may still be asked for: it is active, or its run could be run again."""
        node = self.runs[key.run].nodes[key.node]
        return node.active and node.attempts == key.attempt

    def is_to_end(self, key: AttemptKey, now: datetime) -> bool:
        """Tell whether an attempt is to end: its node was stopped, or its time is over."""
        node = self.runs[key.run].nodes[key.node]
        return self.is_known(key) and (node.stopped or (node.end_by is not None and node.end_by <= now))

    def overdue(self, now: datetime) -> set[int]:
        """Give the runs whose time is over and that nobody stops."""
        runs = ((number, self.runs[number]) for number in self.timed)
        return {number for number, run in runs if run.end_by and run.end_by <= now and not run.stopping}

    def _must_be_timely(self, what: str, record: ev.Record, end_by: datetime | None) -> None:
        """Check that something was ended when its time was over: neither before nor long after."""
        must(
            end_by and end_by <= record.at,
            what,
            "is ended for its time at",
            record.at,
            "and has until",
            end_by,
        )
        late = record.at - max(end_by or record.at, self.noticed)
        must(late <= PROMPTLY, what, "had time until", end_by, "and is ended", late, "later")

    def _key_used(self, record: ev.Record, key: ev.KeyUse) -> None:
        place = (record.by, key.route, key.id)
        must(place not in self.keys, place, "was done twice")
        must(place not in self.refused, place, "was done after it was refused")
        self.keys[place] = ev.number_of(record.event), record.seq

    def _queue_saved(self, _: ev.Record, event: ev.QueueSaved) -> None:
        self.queues.setdefault(event.name, [None, 0, 0])[0] = event.spec

    def _run_created(self, record: ev.Record, event: ev.RunCreated) -> None:
        must(event.run not in self.runs, "run", event.run, "was created twice")
        run = self.runs[event.run] = RunModel(event, record.seq)
        self.active.setdefault(run.workflow, []).append(run)
        if event.timeout:
            self.timed.add(event.run)
        if event.trigger is ev.Trigger.SCHEDULE:
            self.ticks[event.workflow].ran(event)
        if event.backfill:
            self.backfills[event.backfill].ran(event)

    def _run_started(self, record: ev.Record, event: ev.RunStarted) -> None:
        run = self.runs[event.run]
        run.end_by = record.at + timedelta(seconds=run.timeout) if run.timeout else None

    def _daemon_draining(self, _: ev.Record, event: ev.DaemonDraining) -> None:
        self.draining = event.on

    def _run_paused(self, _: ev.Record, event: ev.RunPaused) -> None:
        self.runs[event.run].paused = True

    def _run_resumed(self, _: ev.Record, event: ev.RunResumed) -> None:
        self.runs[event.run].paused = False

    def _run_stop_requested(self, record: ev.Record, event: ev.RunStopRequested) -> None:
        run = self.runs[event.run]
        if event.reason is ev.Reason.RUN_TIMEOUT:
            self._must_be_timely(f"run {event.run}", record, run.end_by)
        run.stopping = True

    def _opened(self, record: ev.Record, number: int) -> RunModel:
        run = self.runs[number]
        if run.ended:
            if run.backfill:
                self.backfills[run.backfill].opened(number)
            run.opened = record.seq
            self.active[run.workflow].append(run)
            run.ended = run.paused = run.stopping = False
            run.end_by = None
            if run.timeout:
                self.timed.add(number)
        return run

    def _run_rerun_requested(self, record: ev.Record, event: ev.RunRerunRequested) -> None:
        run = self._opened(record, event.run)
        for name in event.nodes:
            must(not run.nodes[name].active, f"{event.run}/{name} is run again while it runs")
        for changed in event.changed:
            node = run.nodes[changed.name]
            node.planned, node.queue, node.cu = changed, changed.queue, changed.cu
        run.reset(event.nodes)

    def _node_stop_requested(self, record: ev.Record, event: ev.NodeStopRequested) -> None:
        node = self.runs[event.run].nodes[event.node]
        if event.reason is ev.Reason.TIMEOUT:
            self._must_be_timely(f"{event.run}/{event.node}", record, node.end_by)
        node.stopped = event.reason is not ev.Reason.TIMEOUT

    def _node_set_successful(self, record: ev.Record, event: ev.NodeSetSuccessful) -> None:
        run = self._opened(record, event.run)
        run.nodes[event.node].done = run.nodes[event.node].ended = True
        run.reset(event.resumed)

    def _run_late(self, record: ev.Record, event: ev.RunLate) -> None:
        self._must_be_told(record, event.run, About.RUN_LATE)

    def _must_be_told(self, record: ev.Record, number: int, about: About) -> None:
        notify = self.runs[number].notify
        if notify is not None:
            self.post.is_due(about, number, record.at, notify)

    def _run_finished(self, record: ev.Record, event: ev.RunFinished) -> None:
        run = self.runs[event.run]
        nodes = run.nodes.values()
        must(not run.ended, "run", event.run, "finished twice")
        must(all(node.ended for node in nodes), "run", event.run, "finished before its nodes")
        if event.state is RunState.SUCCEEDED:
            must(all(node.done for node in nodes), "run", event.run, "succeeded without its nodes")
        if run.backfill:
            self.backfills[run.backfill].active.discard(event.run)
        run.ended = True
        self.active[run.workflow].remove(run)
        self.timed.discard(event.run)
        if event.state is RunState.FAILED:
            self._must_be_told(record, event.run, About.RUN_FAILED)

    def _node_finished(self, _: ev.Record, event: ev.NodeFinished) -> None:
        run = self.runs[event.run]
        node = run.nodes[event.node]
        what = f"{event.run}/{event.node}"
        must(not node.ended and not node.active, what, "finished twice, or while it runs")
        node.ended = True
        node.done = event.state is NodeState.SUCCEEDED
        if event.state is NodeState.FAILED:
            could_retry = event.reason in _RETRIED and not run.stopping
            must(not could_retry or node.tries > node.planned.retries, what, "failed with retries left")
            run.failed = True

    def _node_skipped(self, _: ev.Record, event: ev.NodeSkipped) -> None:
        node = self.runs[event.run].nodes[event.node]
        must(not node.ended and not node.active, f"{event.run}/{event.node} was skipped while it runs")
        node.ended = True

    def _attempt_starting(self, record: ev.Record, event: ev.AttemptStarting) -> None:
        run = self.runs[event.run]
        node = run.nodes[event.node]
        what = f"{event.run}/{event.node} attempt {event.attempt}"
        must(event.attempt == node.attempts + 1, what, "comes after attempt", node.attempts)
        must(not node.active, what, "starts while the one before it is active")
        must(not node.done, what, "starts, and the node has succeeded")
        must(not node.ended, what, "starts, and the node has ended")
        must(not node.stopped, what, "starts, and the node was stopped")
        must(not (run.ended or run.paused or run.stopping), what, "starts in a held run")
        must(not (run.failed and run.fail_fast), what, "starts in a run that failed")
        must(node.planned.enabled, what, "starts, and its node is disabled")
        must(node.tries <= node.planned.retries, what, "starts, and the node had its retries")
        clock = max(record.at, self.shown)
        must(not node.due or node.due <= clock, what, "starts before it is due, at", node.due)
        must(not self.draining, what, "starts while the daemon drains")
        earlier = run.waits and any(other.opened < run.opened for other in self.active[run.workflow])
        must(not earlier, what, "starts while an earlier run of its workflow is active")
        for name in node.upstream:
            other = run.nodes[name]
            may_start = other.done or (other.ended and name in node.excused)
            must(may_start, what, "starts before", name, "has succeeded")
        node.attempts += 1
        node.tries += 1
        self._time(node, record.at)
        node.active = node.begun = True
        if run.parallelism:
            active = sum(other.active for other in run.nodes.values())
            must(active <= run.parallelism, what, "is beyond its run's parallelism")
        if queue := self.queues.get(node.queue):
            spec, cu, nodes = queue
            fits = spec.limit is None or cu + node.cu <= spec.limit
            must(fits, what, "is beyond the limit of", node.queue)
            must(spec.nodes is None or nodes < spec.nodes, what, "is beyond the nodes of", node.queue)
            queue[1:] = cu + node.cu, nodes + 1

    def _attempt_started(self, record: ev.Record, event: ev.AttemptStarted) -> None:
        self._time(self.runs[event.run].nodes[event.node], record.at)

    def _time(self, node: Node, began: datetime) -> None:
        timeout = node.planned.timeout
        node.end_by = began + timedelta(seconds=timeout) if timeout else None

    def _attempt_finished(self, _: ev.Record, event: ev.AttemptFinished) -> None:
        node = self.runs[event.run].nodes[event.node]
        what = f"{event.run}/{event.node} attempt {event.attempt}"
        must(node.active and node.attempts == event.attempt, what, "ended, and was not active")
        node.active = False
        if queue := self.queues.get(node.queue):
            queue[1:] = queue[1] - node.cu, queue[2] - 1
        process = self.machine.processes.get(AttemptKey(event.run, node.number, event.node, event.attempt))
        must(process is None or not process.alive, what, "ended, and its process is alive")
        if event.exit_status is not None:
            must(process and process.status == event.exit_status, what, "did not end so")

    def _attempt_retry_at(self, _: ev.Record, event: ev.AttemptRetryAt) -> None:
        node = self.runs[event.run].nodes[event.node]
        node.tries -= event.free
        node.due = event.due

    def _workflow_scheduling(self, _: ev.Record, event: ev.WorkflowScheduling) -> None:
        self.ticks.setdefault(event.workflow, Ticks(event.workflow)).switched(event)

    def _workflow_published(self, record: ev.Record, event: ev.WorkflowPublished) -> None:
        spec = msgspec.json.decode(self._objects.read(event.digest), type=WorkflowSpec)
        self.policies[event.workflow] = spec.catch_up
        if event.rescheduled:
            self.ticks[event.workflow].rescheduled(event.schedule, record.at)

    def _tick_skipped(self, _: ev.Record, event: ev.TickSkipped) -> None:
        self.ticks[event.workflow].skipped(event, self.policies[event.workflow])

    def _backfill_created(self, _: ev.Record, event: ev.BackfillCreated) -> None:
        self.backfills[event.backfill] = Intervals(event)

    def _backfill_passed(self, _: ev.Record, event: ev.BackfillPassed) -> None:
        if not event.again:
            self.backfills[event.backfill].seen += event.count

    def _backfill_held(self, _: ev.Record, event: ev.BackfillPaused | ev.BackfillCancelled) -> None:
        self.backfills[event.backfill].goes_on = False

    def _backfill_resumed(self, _: ev.Record, event: ev.BackfillResumed) -> None:
        self.backfills[event.backfill].goes_on = True

    def _backfill_retried(self, _: ev.Record, event: ev.BackfillRetried) -> None:
        self.backfills[event.backfill].retried()

    def _backfill_finished(self, _: ev.Record, event: ev.BackfillFinished) -> None:
        self.backfills[event.backfill].finished()
