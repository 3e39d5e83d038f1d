"""The one writer: every change passes here, one turn at a time.

A turn takes the commands that have come in, checks and applies each in memory, asks the planner what follows,
and hands the records to the run log as one group. What the group means outside (answers, history, launches,
signals, followers) happens only when the group is on disk.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import sys
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from stoker_daemon.attempts.directory import AttemptKey
from stoker_daemon.attempts.executor import Order
from stoker_daemon.attempts.groups import UNKNOWN, Used
from stoker_daemon.attempts.processes import Identity
from stoker_daemon.figures import Figures
from stoker_daemon.journal import about
from stoker_daemon.launchers import CannotLaunch
from stoker_daemon.planning.line import Line
from stoker_daemon.planning.overlap import replaced_by
from stoker_daemon.planning.planner import Start, active, decide, starts, wake_at
from stoker_daemon.planning.tally import Tally
from stoker_daemon.problems import Refused, no_space, read_only, unavailable
from stoker_daemon.projection import Change, changes_by
from stoker_daemon.runlog.log import RunLog
from stoker_daemon.runlog.segments import Tail
from stoker_daemon.runlog.writer import Room
from stoker_daemon.scheduling import backfill
from stoker_daemon.volumes import BROKEN, DiskFailed, is_no_room
from stoker_shared import events as ev
from stoker_shared.apply import apply
from stoker_shared.model import FailureStrategy, NodeState
from stoker_shared.state import NodeRun, Run, State

STOKER = "stoker"
"""Who causes what nobody asked for by name."""

LONGEST_SLEEP = 30.0
"""Seconds between looks at the clock while something is due, so that a changed clock is noticed."""

_NOT_URGENT = (ev.AttemptStarted, ev.AttemptAdopted)
"""What may come to disk a little later: a start after a crash finds it out anyway."""

COUNTED_AT_ONCE = 100
"""Runs that are counted before others have their turn: a fraction of a millisecond."""

_T = TypeVar("_T")
logger = logging.getLogger(__name__)


class Hands(Protocol):
    """What carries out launches and endings."""

    boot_id: str

    def make_ready(self, order: Order) -> None:
        """Lay out what an attempt needs. Raises OSError."""

    def launch(self, order: Order) -> None:
        """Launch an attempt that was made ready."""

    def end(self, key: AttemptKey) -> None:
        """End every process of an attempt."""

    def recover(self, key: AttemptKey, tag: str, boot_id: str, start_time: int | None) -> None:
        """Find out what became of an attempt."""


class History(Protocol):
    """What keeps finished runs for queries."""

    def write(self, changes: list[Change], seq: int) -> None:
        """Take in what records up to ``seq`` changed."""


class Turn:
    """One turn: records made and applied so far, and what they mean outside.

    ``touched`` are the runs that they are about; from ``unplanned`` ones something may follow. From a turn
    that has not ``moved`` anything nothing does.
    """

    def __init__(self, state: State, now: datetime) -> None:
        self.state = state
        self.now = now
        self.records: list[ev.Record] = []
        self.changes: list[Change] = []
        self.touched: dict[int, Run] = {}
        self.unplanned: dict[int, Run] = {}
        self.moved = False
        self.backfills: set[int] = set()
        self.orders: list[Order] = []
        self.effects: list[Callable[[], object]] = []
        self.urgent = False
        self.key: ev.KeyUse | None = None

    def record(self, event: ev.EventType, by: str) -> None:
        """Make an event: give it its place, and apply it."""
        record = ev.Record(self.state.seq + 1, self.now, by, event, self.key)
        self.key = None
        run = apply(self.state, record)
        self.records.append(record)
        if run:
            self.touched[run.id] = run
        if type(event) is not ev.AttemptStarted:
            self.moved = True
            if run:
                self.unplanned[run.id] = run
        if number := getattr(event, "backfill", 0) or (run.backfill if run else 0):
            self.backfills.add(number)
        self.changes += changes_by(record, run)
        self.urgent = self.urgent or type(event) not in _NOT_URGENT

    def look_at(self, runs: Mapping[int, Run]) -> None:
        """Have runs planned that no event is about."""
        self.touched |= runs
        self.unplanned |= runs
        self.moved = True


Command = Callable[[Turn], Any]
"""Checks against ``turn.state`` and records events, or raises `Refused` before it has recorded any."""


class Engine:
    """Owns the state. ``prepare`` gives the order for a node's next attempt; ``now`` gives UTC.

    ``why_read_only`` is why the disk can't be written, where that is so: then nothing is changed or launched.
    ``most_active`` is how many attempts can be watched at once, whatever the queues allow.

    While there is no room on the disk no node is begun and changes are refused; how running attempts end is
    recorded, and so are stops, since they make room.
    """

    def __init__(
        self,
        state: State,
        log: RunLog,
        history: History,
        hands: Hands,
        prepare: Callable[[Run, NodeRun], Order],
        now: Callable[[], datetime],
        why_read_only: str = "",
        most_active: int = sys.maxsize,
    ) -> None:
        self.state = state
        self.line = Line(state, now())
        self._tally = Tally(self.line)
        self.log = log
        self._history = history
        self._hands = hands
        self._prepare = prepare
        self._now = now
        self._why_read_only = why_read_only
        self._most_active = most_active
        self._inbox: deque[tuple[Command, asyncio.Future[Any] | None, ev.KeyUse | None]] = deque()
        self._scheduled = False
        self._promises: set[asyncio.Future[Any]] = set()
        """What somebody waits for, until it is kept, or the engine has failed."""
        self._readers: set[asyncio.Future[None]] = set()
        """Those of them that need what is in the state to be on disk."""
        self._sought: set[AttemptKey] = set()
        self._undurable: deque[tuple[int, Turn]] = deque()
        self._wakes: list[tuple[datetime, int]] = []
        self._awaited: set[tuple[datetime, int]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_for = now()
        self.listeners: list[Callable[[Turn], None]] = []
        """Called after each turn with records, which need not be on disk yet."""
        self.figures = Figures()
        """What the events on disk come to since the start."""
        self.settled = asyncio.Lock()
        """Held by whoever reads how finished runs stand to open one again, or to let them go."""
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self, founding: Command = lambda _: None) -> None:
        """Begin: carry out ``founding``, find what was running, and plan every active run."""
        if self._why_read_only:
            return
        self.log.start(self._durable, self._log_failed, self._on_room)
        self._post(founding)
        for run in self.state.runs.values():
            for node in map(run.numbered, run.active):
                attempt = node.attempts[-1]
                self._sought.add(_key(run, node))
                self._hands.recover(_key(run, node), attempt.tag, attempt.boot_id, attempt.start_time)
                if node.stopping:
                    self._hands.end(_key(run, node))
        self._post(lambda turn: turn.look_at(turn.state.runs))

    async def submit(
        self, command: Callable[[Turn], _T], key: ev.KeyUse | None = None, *, makes_room: bool = False
    ) -> _T:
        """Carry out a command; returns its answer when all it did is on disk, ``key`` among it.

        One that ``makes_room`` is carried out on a full disk too, as long as the log's reserve lasts.

        Raises:
            Refused: the command was refused, and nothing was changed; or the disk failed meanwhile, and what
                became of it is not known.
        """
        self.admit(makes_room=makes_room)
        return await self._kept(self._promised(command, key))

    def now(self) -> datetime:
        """Give the moment (UTC) by the clock that was handed in."""
        return self._now()

    def post(self, command: Command) -> None:
        """Have a command carried out that nobody waits for and that refuses nothing."""
        self._post(command)

    def admit(self, *, makes_room: bool = False) -> None:
        """Raise `Refused` while no change can be accepted."""
        held = self.held()
        try:
            if held and not (makes_room and self.log.room is Room.RESERVE):
                raise held
        finally:
            del held  # else error and frame hold one another until there is a collection of garbage

    def held(self) -> Refused | None:
        """Give what changes are refused with now, if they are."""
        if self.failed.done():
            return _failed()
        if self._why_read_only:
            return read_only(self._why_read_only)
        return no_space(self.log.directory) if self.log.room is not Room.ENOUGH else None

    def why_nothing_starts(self) -> str:
        """Say what keeps every node from starting now, if anything does."""
        if held := self.held():
            return held.problem.title
        if draining := self.state.draining:
            return f"the daemon is draining, as {draining.by} asked"
        if active(self.state) >= self._most_active:
            return (
                f"{self._most_active} nodes are active, and stokerd may not have more files open (ulimit -n)"
            )
        return ""

    async def durable(self) -> int:
        """Wait until what is in the state now is on disk, and give its seq.

        Raises:
            Refused: there is no room for it, or the disk failed meanwhile.
        """
        seq = self.state.seq
        if self.log.durable < seq:
            if self.failed.done():
                raise _unknown()
            if self.log.room is Room.NONE:
                raise no_space(self.log.directory)
            written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._undurable[-1][1].effects.append(partial(_answer, written, None))
            self._readers.add(written)
            written.add_done_callback(self._readers.discard)
            await self._kept(written)
        return seq

    async def tally(self) -> Tally:
        """Give how many runs there are and nodes that wait, counted so that nobody is held up by it."""
        while not self._tally.up_to_date(self._now(), COUNTED_AT_ONCE):
            await asyncio.sleep(0)
        return self._tally

    def close(self) -> Tail:
        """Take no more commands; write what is pending. Gives where the log ends for certain."""
        if self._timer:
            self._timer.cancel()
        return self.log.close()

    # What the executor tells (executor.Listener).

    def attempt_started(self, key: AttemptKey, process: Identity) -> None:
        """Record the process of a launched attempt."""
        logger.info("attempt started, pid %d", process.pid, extra=about(key))
        event = ev.AttemptStarted(key.run, key.node, key.attempt, process.pid, process.start_time)
        self._post(lambda turn: turn.record(event, STOKER))

    def attempt_adopted(self, key: AttemptKey, process: Identity) -> None:
        """Record that an attempt is watched again."""
        logger.info("attempt adopted, pid %d", process.pid, extra=about(key))
        event = ev.AttemptAdopted(key.run, key.node, key.attempt, process.pid, process.start_time)
        self._sought.discard(key)
        self._post(lambda turn: turn.record(event, STOKER))

    def attempt_ended(
        self,
        key: AttemptKey,
        exit_status: int | None,
        reason: ev.Reason,
        detail: str,
        used: Used = UNKNOWN,
    ) -> None:
        """Record an attempt's end. What was being stopped ended for that reason, whatever its status."""
        self._sought.discard(key)

        def finish(turn: Turn) -> None:
            stopping = turn.state.runs[key.run].node(key.node).stopping
            turn.record(
                ev.AttemptFinished(
                    key.run,
                    key.node,
                    key.attempt,
                    exit_status,
                    stopping or reason,
                    detail,
                    used.cpu_seconds,
                    used.memory_peak,
                ),
                STOKER,
            )
            ended = detail or f"exit status {exit_status}"
            message = "attempt ended (%s): %s"
            turn.effects.append(partial(logger.info, message, reason.value, ended, extra=about(key)))

        self._post(finish)

    def watching_failed(self, error: BaseException) -> None:
        """End: the next start finds the attempt again."""
        self._fail("watching an attempt failed", error)

    async def _kept(self, promise: asyncio.Future[_T]) -> _T:
        """Wait for what is promised; once the engine has failed it is refused."""
        self._promises.add(promise)
        try:
            return await promise
        finally:
            self._promises.discard(promise)
            del promise  # it may hold a refusal, whose traceback holds this frame

    def _break_promises(self) -> None:
        for promise in self._promises:
            _refuse(promise, _unknown())

    # Turns.

    def _promised(self, command: Callable[[Turn], _T], key: ev.KeyUse | None) -> asyncio.Future[_T]:
        """Have a command carried out, and give what its answer comes in."""
        answer: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._post(command, answer, key)
        return answer

    def _post(
        self, command: Command, answer: asyncio.Future[Any] | None = None, key: ev.KeyUse | None = None
    ) -> None:
        if self.failed.done():
            _refuse(answer, _failed())
            return
        self._inbox.append((command, answer, key))
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self.failed.done():
            return
        turn = Turn(self.state, self._now())
        try:
            while self._inbox:
                self._command(turn, *self._inbox.popleft())
            self._plan(turn)
            self._plan_backfills(turn)
            self._end_what_stops(turn)
        except Exception as error:
            self._fail("a turn of the engine failed; nothing of it was kept", error)
            return
        self._hand_over(turn)
        self._make_ready(turn)
        self._wake_for(turn)
        if turn.records:
            for listener in self.listeners:
                listener(turn)

    def _command(
        self, turn: Turn, command: Command, answer: asyncio.Future[Any] | None, key: ev.KeyUse | None
    ) -> None:
        turn.key = key
        try:
            result = command(turn)
        except Refused as refusal:
            # Its traceback holds this frame, and so itself.
            effect = partial(_refuse, answer, refusal.with_traceback(None))
        else:
            effect = partial(_answer, answer, result)
        turn.key = None
        turn.effects.append(effect)

    def _plan(self, turn: Turn) -> None:
        """Carry out what follows. For no run before all its attempts are found again: they may have ended."""
        if not turn.moved:
            return
        sought = {key.run for key in self._sought}
        for run in list(turn.unplanned.values()):
            for stop in replaced_by(run, self.state):
                turn.record(stop, STOKER)
        for run in list(turn.unplanned.values()):
            if run.id not in sought:
                self._settle(turn, run)
        self.line.update(turn.unplanned.values(), turn.now)
        while self._may_start() and (picked := starts(self.line, turn.now, sought, self._most_active)):
            refused = {run.id: run for decision in picked if (run := self._begin(turn, decision))}
            for run in refused.values():
                self._settle(turn, run)
            self.line.update([turn.touched[decision.run] for decision in picked], turn.now)

    def _may_start(self) -> bool:
        return self.log.room is Room.ENOUGH and not self.state.draining

    def _plan_backfills(self, turn: Turn) -> None:
        known = self.state.backfills
        for touched in [known[number] for number in turn.backfills if number in known]:
            for decision in backfill.decide(touched):
                turn.record(decision, STOKER)

    def _settle(self, turn: Turn, run: Run) -> None:
        while run.ended_at is None and (
            decisions := decide(run, turn.now, passing=self.log.room is Room.ENOUGH)
        ):
            for decision in decisions:
                turn.record(decision, STOKER)

    def _begin(self, turn: Turn, decision: ev.RunStarted | Start) -> Run | None:
        """Carry out what starts; give the run if that is a node that is refused.

        Where a run fails fast, nothing of it is begun after such a node.
        """
        if isinstance(decision, ev.RunStarted):
            turn.record(decision, STOKER)
            return None
        run = self.state.runs[decision.run]
        if run.failed and run.failure_strategy is FailureStrategy.FAIL_FAST:
            return run
        node = run.node(decision.node)
        try:
            order = self._prepare(run, node)
        except CannotLaunch as error:
            finished = ev.NodeFinished(run.id, node.name, NodeState.FAILED, ev.Reason.REFUSED, str(error))
            turn.record(finished, STOKER)
            return run
        turn.record(
            ev.AttemptStarting(
                run.id, node.name, order.key.attempt, order.tag, self._hands.boot_id, order.launch.argv
            ),
            STOKER,
        )
        turn.orders.append(order)
        return None

    def _end_what_stops(self, turn: Turn) -> None:
        stops = [record.event for record in turn.records if isinstance(record.event, ev.NodeStopRequested)]
        for stop in stops:
            run = turn.touched[stop.run]
            turn.effects.append(partial(self._hands.end, _key(run, run.node(stop.node))))

    def _hand_over(self, turn: Turn) -> None:
        self._undurable.append((self.state.seq, turn))
        if turn.records:
            self.log.append(turn.records, self.state, urgent=turn.urgent)
        else:
            self._durable(self.log.durable)

    def _make_ready(self, turn: Turn) -> None:
        """Use the time that the sync takes. Launches come first of a turn's effects."""
        turn.effects[:0] = [self._made_ready(order) for order in turn.orders]

    def _made_ready(self, order: Order) -> Callable[[], None]:
        try:
            self._hands.make_ready(order)
        except OSError as error:
            return partial(self._not_ready, order.key, error)
        return partial(self._hands.launch, order)

    def _not_ready(self, key: AttemptKey, error: OSError) -> None:
        """An attempt could not be laid out. On a full disk it is tried again, once there is room."""
        detail = f"could not be made ready: {error}"
        if is_no_room(error):
            self.log.hold()
            self.attempt_ended(key, None, ev.Reason.NEVER_BEGAN, detail)
        elif error.errno in BROKEN:
            self._fail(f"{key} {detail}", _as_disk_failure(error))
        else:
            self.attempt_ended(key, None, ev.Reason.REFUSED, detail)

    def _durable(self, seq: int) -> None:
        """Carry out what waited for everything up to ``seq`` to be on disk."""
        while self._undurable and self._undurable[0][0] <= seq:
            reached, turn = self._undurable.popleft()
            self.figures.take(turn.records, turn.touched)
            try:
                for effect in turn.effects:
                    effect()
                if turn.changes:
                    self._history.write(turn.changes, reached)
            except Exception as error:
                self._fail("what a turn meant outside could not be carried out", error)

    def _log_failed(self, error: Exception) -> None:
        self._fail("the run log can't be written", _as_disk_failure(error))

    def _on_room(self, room: Room) -> None:
        """Hear that there is less or more room. What waited for it is planned again."""
        if room is Room.ENOUGH:
            logger.info("there is room again: nodes are started and changes accepted")
            self._post(lambda turn: turn.look_at(turn.state.runs))
            return
        refusal = no_space(self.log.directory)
        logger.warning("no node is started and changes are refused: %s", refusal)
        if room is Room.NONE:
            for reader in self._readers:
                _refuse(reader, refusal)

    def _fail(self, what: str, error: BaseException) -> None:
        """Stop at once: only reading the log again tells what is true.

        Nothing unacknowledged was shown to anybody; running jobs go on, and the next start finds them.
        """
        logger.critical("%s: %s", what, error, exc_info=error)
        if not self.failed.done():
            self.failed.set_exception(error)
            asyncio.get_running_loop().call_soon(self._break_promises)

    # Time.

    def _wake_for(self, turn: Turn) -> None:
        for run in turn.touched.values():
            moment = None if run.ended_at else wake_at(run, turn.now)
            if moment and (moment, run.id) not in self._awaited:
                self._awaited.add((moment, run.id))
                heapq.heappush(self._wakes, (moment, run.id))
        self._set_timer(turn.now)

    def _set_timer(self, now: datetime) -> None:
        """Have the clock looked at when the first moment comes that is awaited, or before that."""
        if not self._wakes:
            return
        moment = self._wakes[0][0]
        if self._timer:
            if self._timer_for <= moment:
                return
            self._timer.cancel()
        delay = min(max((moment - now).total_seconds(), 0), LONGEST_SLEEP)
        self._timer, self._timer_for = asyncio.get_running_loop().call_later(delay, self._wake), moment

    def _wake(self) -> None:
        self._timer = None
        now = self._now()
        due: set[int] = set()
        while self._wakes and self._wakes[0][0] <= now:
            wake = heapq.heappop(self._wakes)
            self._awaited.discard(wake)
            due.add(wake[1])
        if not due:
            self._set_timer(now)
            return
        runs = {number: self.state.runs[number] for number in due if number in self.state.runs}
        self._post(lambda turn: turn.look_at(runs))


def _failed() -> Refused:
    return unavailable("the daemon has failed, and its own log says why; ask again in a moment")


def _unknown() -> Refused:
    return unavailable(
        "the daemon failed before this was on disk; look whether it was done before you ask again"
    )


def _as_disk_failure(error: Exception) -> Exception:
    return DiskFailed(error.errno, error.strerror) if isinstance(error, OSError) else error


def _answer(waiting: asyncio.Future[Any] | None, result: object) -> None:
    if waiting and not waiting.done():
        waiting.set_result(result)


def _refuse(waiting: asyncio.Future[Any] | None, refusal: Refused) -> None:
    if waiting and not waiting.done():
        waiting.set_exception(refusal)


def _key(run: Run, node: NodeRun) -> AttemptKey:
    return AttemptKey(run.id, node.number, node.name, len(node.attempts))
