"""A world made from a seed: the daemon in it lives, is killed and starts again, until enough has happened.

A step is one event that was recorded or one fault. Everything that can go one way or another is asked of one
random generator, so that a seed gives the same world every time, to the byte.
"""

from __future__ import annotations

import gc
import heapq
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count, pairwise
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import msgspec

from stoker_daemon.app import Failure
from stoker_daemon.attempts.directory import AttemptKey
from stoker_daemon.engine import LONGEST_SLEEP, Turn
from stoker_daemon.planning.line import Line
from stoker_daemon.planning.waiting import why_waiting
from stoker_daemon.runlog import segments
from stoker_daemon.runlog.segments import Loaded, LogError, Tail, load
from stoker_shared import events as ev
from stoker_shared.apply import apply
from stoker_shared.model import CatchUpPolicy, RunState
from stoker_shared.state import State
from tests.strategies import T0
from tests.world.broken import Broken, must
from tests.world.clients import Client, Request
from tests.world.daemon import Life, Surroundings, failure_of
from tests.world.disk import Disk, Killed
from tests.world.invariants import Invariants
from tests.world.keeping import Objects
from tests.world.loop import Clock
from tests.world.post import Post
from tests.world.processes import Machine
from tests.world.syscalls import RUNLOG, Kernel
from tests.world.workflows import settle_in

CHECK_EVERY = 1000
"""Steps between comparisons of the log with the state; every crash is one besides."""

COLLECT_EVERY = 50_000
"""Steps between collections of garbage; Python by itself would go through the whole model over and over."""

FAULTY = 0.0018
"""How likely each thing that happens is a fault of the host."""

AT_ONCE = 20
"""Things that happen before anybody looks at how many steps there were."""

KEPT_SEGMENTS = 6
PLENTY = 10**9
LATEST_TICK = 120
"""Seconds after which a tick must have its run where nothing goes wrong."""

LATEST_END = 120
"""Seconds after which a process that was stopped must be gone, and a run stopped that has had its time, where
the daemon is there.
"""

REST = 7 * 86400
"""Seconds within which all must have come to rest."""


_RECORD, _FIRST = b'{"seq":', b'"first":'


class World:
    """All of it. ``events`` and ``faults`` are the steps so far."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = chance = Random(seed)
        self.clock = Clock()
        self.events = self.crashes = self.checks = 0
        self.digest = sha256()
        self._faults = 0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._shift = 0.0
        self._shown = 0.0, T0
        self._stalled_until = 0.0
        self._power_fails = False
        self._check_at = CHECK_EVERY
        self._collect_at = COLLECT_EVERY
        self._calm = False
        self.disk = Disk(chance, self._synced)
        self.machine = Machine(chance, self.at, self._spawned)
        objects = Objects()
        self.post = Post(chance, lambda: self.clock.seconds)
        self.invariants = Invariants(self.machine, objects, self.post)
        kernel = Kernel(self.disk)
        self.around = Surroundings(
            kernel, self.clock, self.machine, objects, self.post, chance, self.now, self._turned
        )
        self.clients = [Client(user, chance, self.invariants, self._ask_again) for user in ("alice", "bob")]
        self.requests: dict[Request, Client] = {}
        self.life: Life | None = None
        self._power_failed: bool | None = None
        """Of the daemon's last end, until what it left is compared."""
        self._last: State | None = None
        self._waiting: set[tuple[int, str, int]] = set()
        self._stopped: tuple[Life | None, float, set[AttemptKey | int]] = None, 0.0, set()

    @property
    def faults(self) -> int:
        """Faults so far, of host, disk, processes and clients."""
        lost = sum(client.lost for client in self.clients)
        return self._faults + self.disk.faults + self.machine.faults + lost

    @property
    def steps(self) -> int:
        """Events and faults so far."""
        return self.events + self.faults

    def now(self) -> datetime:
        """Give what the host's clock shows."""
        seconds = self.clock.seconds + self._shift
        if seconds != self._shown[0]:
            self._shown = seconds, T0 + timedelta(seconds=seconds)
        return self._shown[1]

    def at(self, seconds: float, happens: Callable[[], None]) -> None:
        """Have something happen after some seconds."""
        heapq.heappush(self._agenda, (self.clock.seconds + seconds, next(self._numbers), happens))

    def run(self, steps: int) -> None:
        """Let that many steps pass, then let all come to rest."""
        reading = patch.object(segments, "load", self._read)
        with self.around.installed(), reading, silence(), _uncollected(), self._breaking():
            self._begin()
            for client in self.clients:
                self.at(0.1, lambda client=client: self._act(client))
            while self.steps < steps:
                self._go_on()
            self._come_to_rest()

    @contextmanager
    def _breaking(self) -> Iterator[None]:
        """Take an error that nothing in the daemon took for what it is."""
        try:
            yield
        except Exception as error:
            raise Broken(f"an error that nobody took: {error!r}") from error
        finally:
            if self.life:
                self.life.discard()

    # What happens.

    def _go_on(self) -> None:
        """Let some things happen."""
        try:
            happen, dice = self._happen, self.chance.random
            for _ in range(AT_ONCE):
                happen(dice())
        except Killed:
            self._die(power=self._power_fails)
        if (life := self.life) and life.state and not life.failure:
            self._must_have_ended(life)
        self.post.check()
        steps = self.steps
        if steps >= self._check_at:
            self._check_at = steps + CHECK_EVERY
            self._check()
        if steps >= self._collect_at:
            self._collect_at = steps + COLLECT_EVERY
            gc.collect()

    def _happen(self, dice: float) -> None:
        """Let one thing happen."""
        life = self.life
        if dice < FAULTY and not self._calm:
            self._befall()
        elif life is None:
            self._pass_time()
        else:
            loop, writer = life.loop, life.writer
            idle = not loop.ready
            if (
                writer
                and (idle or dice > 0.8)
                and self._stalled_until <= self.clock.seconds
                and writer.has_work()
            ):
                writer.step()
            elif loop.jobs and (idle or dice < 0.2):
                loop.run_job()
            elif idle:
                self._pass_time()
            else:
                loop.run_next()
            if self.life is life and not life.failure and life.engine.failed.done():
                self._fail(life)

    def _pass_time(self) -> None:
        """Let time pass until something is due."""
        life, due = self.life, []
        if self._agenda:
            due.append(self._agenda[0][0])
        if life:
            if writer := life.writer:
                if writer.has_work():
                    due.append(self._stalled_until)
                elif writer.next_due is not None:
                    due.append(max(writer.next_due, self._stalled_until))
            if (timer := life.loop.next_due()) is not None:
                due.append(timer)
        self.clock.seconds = max(self.clock.seconds, min(due))
        while self._agenda and self._agenda[0][0] <= self.clock.seconds:
            heapq.heappop(self._agenda)[2]()
        if self.life:
            self.life.loop.wake()

    def _befall(self) -> None:
        """Let a fault happen."""
        self._faults += 1
        kind = self.chance.random()
        if kind < 0.25:
            self._die(power=False)
        elif kind < 0.5:
            if self.chance.random() < 0.3:
                self.disk.names_fuse = True
            else:
                self.disk.fuse = self.chance.randint(0, 6)
            self._power_fails = self.chance.random() < 0.5
        elif kind < 0.6:
            self._die(power=True)
        elif kind < 0.65:
            self._stop()
        elif kind < 0.75:
            self.disk.room = self.chance.randint(0, 8000)
            self.at(self.chance.uniform(0, 60), self._make_room)
        elif kind < 0.8:
            self.disk.broken = self.chance.choice([0.05, 0.5])
            self.at(self.chance.uniform(0, 60), self._mend)
        elif kind < 0.95:
            self._stalled_until = self.clock.seconds + self.chance.uniform(0, 5)
        else:
            self.invariants.shown = max(self.invariants.shown, self.now())
            self._shift += self.chance.choice([-3600.0, -5.0, 5.0, 3600.0])
            self.invariants.noticed = self.now() + timedelta(seconds=LONGEST_SLEEP)

    def _make_room(self) -> None:
        self.disk.room = PLENTY

    def _mend(self) -> None:
        self.disk.broken = 0.0

    # The daemon's lives.

    def _begin(self) -> None:
        """Start the daemon on what is on the disk."""
        self._power_failed, self._power_fails = self._power_fails, False
        self.around.kernel.restart()
        self._live(Life(self.around, None))

    def _live(self, life: Life) -> None:
        self.life = life
        try:
            life.start()
        except OSError:
            self._die(power=False)  # as systemd sees it: it ended, and is started again
        except LogError as error:
            raise Broken(f"the daemon refuses to start: {error}") from error
        except Killed:
            self._die(power=self._power_fails)
        else:
            self._synced()
            if not life.failure:
                self.invariants.noticed = max(self.invariants.noticed, self.now())
                life.loop.create_task(
                    life.engine.submit(lambda turn: settle_in(turn, self.around.objects, self.chance))
                ).add_done_callback(_heeded)

    def _die(self, *, power: bool) -> None:
        """End the daemon at once, with the host or without."""
        life, self.life = self.life, None
        self.machine.hands = None
        self.post.crashed()
        self.disk.kill()
        if life and life.state and not life.failure:
            self._last = life.state
        if power:
            self._power_fails = True
            self.machine.reboot()
            self.disk.lose_power()
        if life:
            life.discard()
            self.crashes += 1
            self.at(self.chance.choice([0.0, 1.0, 30.0, 400.0]), self._begin_again)
            self._reset_connections()

    def _begin_again(self) -> None:
        if self.life is None:
            self._begin()

    def _reset_connections(self) -> None:
        self.requests = {one: client for one, client in self.requests.items() if not one.is_over}
        for request, client in list(self.requests.items()):
            if request.under_way:
                client.reset(request)

    def _stop(self) -> None:
        """Have systemd stop the daemon, and start it again."""
        if self.life:
            self.life.close()
            self._die(power=False)

    def _fail(self, life: Life) -> None:
        """Do what `stoker_daemon.app` does when the engine fails."""
        error = life.why_failed()
        failure = failure_of(error, life.close())
        if failure is None:
            raise Broken(f"the engine failed: {error!r}") from error
        self._last = life.state
        self.machine.hands = None
        self.post.crashed()
        life.discard()
        self._reset_connections()
        self._live(Life(self.around, failure))
        self.at(10.0, lambda: self._probe(failure))

    def _probe(self, failure: Failure) -> None:
        """See whether the disk works again, and go on then."""
        life = self.life
        if life is None or life.failure is not failure:
            return
        if life.probe():
            life.discard()
            self._power_failed = False
            self._live(Life(self.around, None))
        else:
            self.at(10.0, lambda: self._probe(failure))

    # What is checked.

    def _turned(self, turn: Turn) -> None:
        self.events += len(turn.records)
        self.invariants.made.extend(turn.records)

    def _spawned(self, process: Any) -> None:
        self.invariants.spawned(process)

    def _synced(self) -> None:
        """See how far the log would go if the power failed now.

        What is there while the daemon starts, or once the disk has failed, may be cut off yet.
        """
        life = self.life
        if life and (life.state is None or life.failure or (life.writer and life.engine.failed.done())):
            return
        file = self.disk.newest_durable
        if file and file.durable == file.content:
            self.invariants.on_disk(_last_seq(file.content))

    def _read(self, directory: Path, end: Tail | None = None) -> Loaded:
        """Read the log for a daemon that starts, and compare what is found with where the last one ended."""
        loaded = load(directory, end)
        if self._power_failed is not None and end is None:
            self._compare(loaded.state, power=self._power_failed)
            self._power_failed = None
        return loaded

    def _compare(self, state: State, *, power: bool) -> None:
        """Check that the log gives the state as it was when the daemon ended."""
        self.checks += 1
        lost = self.invariants.crashed(state.seq, power=power)
        # What was lost is applied to a copy: the daemon goes on with this one.
        self._must_be(copied(state) if lost else state, lost, self._last)
        self._last = None

    def _check(self) -> None:
        """Check the log against the state as it is, and take away what is old."""
        life = self.life
        if life and life.state and not life.failure and not life.engine.failed.done():
            self.checks += 1
            state = load(RUNLOG).state
            self._must_be(state, [one for one in self.invariants.made if one.seq > state.seq], life.state)
            self._archive()

    def _must_be(self, replayed: State, more: list[Any], live: State | None) -> None:
        if live is not None:
            for record in more:
                apply(replayed, record)
            must(replayed == live, f"a replay up to {replayed.seq} is not the state at {live.seq}")

    def _must_have_ended(self, life: Life) -> None:
        """Check that what was to end a while ago is gone, if the daemon has been there since."""
        before, seconds, earlier = self._stopped
        if life is before and self.clock.seconds - seconds < LATEST_END:
            return
        alive, now = [process.key for process in self.machine.alive.values()], self.now()
        stopped = {key for key in alive if self.invariants.is_to_end(key, now)} | self.invariants.overdue(now)
        left = stopped & earlier if life is before else set()
        must(not left, left, f"were to end {self.clock.seconds - seconds:.0f} s ago, and did not")
        self._stopped = life, self.clock.seconds, stopped

    def _archive(self) -> None:
        names = sorted(name for name in self.disk.names if name.endswith(".jsonl"))
        for name, later in list(pairwise(names))[:-KEPT_SEGMENTS]:
            if int(later.partition(".")[0]) <= self.around.database.seq:
                self._take_away(name)
        for name in [name for name in self.disk.names if ".torn-at-" in name]:
            self._take_away(name)
        self.machine.forget(self.invariants.is_known)

    def _take_away(self, name: str) -> None:
        self.digest.update(self.disk.names[name].content)
        self.disk.forget(name)

    # Clients.

    def _act(self, client: Client) -> None:
        """Let a client ask for something, if the daemon is there."""
        if self._calm:
            return
        if self.life and self.life.state:
            self._ask(client, client.wish(self.life))
            self.at(self.chance.uniform(0, 6), lambda: self._act(client))
        else:
            self.at(self.chance.uniform(0, 60), lambda: self._act(client))

    def _ask(self, client: Client, request: Request) -> None:
        self.requests[request] = client
        if request.is_over:
            return
        if self.life and self.life.state:
            client.ask(self.life, request)
        else:
            self._ask_again(request)

    def _ask_again(self, request: Request) -> None:
        client = self.requests[request]
        pause = self.chance.uniform(0.01, request.patience) if self.life else self.chance.uniform(10, 60)
        self.at(pause, lambda: self._ask(client, request))

    # The end.

    def _come_to_rest(self) -> None:
        """Let nothing more go wrong, and check that everything that was begun comes to its end."""
        self._calm = self.machine.calm = self.post.calm = True
        self._make_room()
        self._mend()
        self.disk.fuse, self.disk.names_fuse = None, False
        self.at(1, self._let_go)
        self.at(190, self._let_go)  # by then what clients had asked for has come
        self.at(200, self._switch_off)
        self.at(300, self._look_who_waits)
        self.at(310, self._look_who_waits)
        self.at(600, self._stop_all)
        latest = self.clock.seconds + REST
        while not self._rests():
            must(self.clock.seconds < latest, f"it never comes to rest: {self._restless()}")
            self._go_on()
        self._check()
        assert self.life and self.life.state
        self.life.close()
        self.life.discard()
        self.post.must_have_told()
        must(not self.machine.alive, f"processes are left: {list(self.machine.alive)}")
        must(not any(queue.cu or queue.active for queue in self.life.state.queues.values()), "CU are left")
        differing = self.around.database.finished.keys() ^ self.invariants.runs.keys()
        must(not differing, f"history and log differ on whether there are the runs {sorted(differing)[:10]}")
        self._last = self.life.state
        self._compare(load(RUNLOG).state, power=False)
        for name in sorted(self.disk.names):
            self.digest.update(self.disk.names[name].content)

    def _rests(self) -> bool:
        life = self.life
        return bool(
            life
            and life.state
            and not life.failure
            and not life.state.runs
            and not life.state.notices
            and not any(workflow.scheduling for workflow in life.state.workflows.values())
            and all(held.has_ended for held in life.state.backfills.values())
            and not life.loop.jobs
            and all(request.is_over for request in self.requests)
            and not self.invariants.made
        )

    def _restless(self) -> str:
        asked = sum(not request.is_over for request in self.requests)
        runs = list(self.life.state.runs) if self.life and self.life.state else "no daemon"
        return f"active runs {runs}, {asked} requests"

    def _let_go(self) -> None:
        """Let go on what is paused, and start again what waits."""

        def let_go(turn: Turn) -> None:
            if turn.state.draining:
                turn.record(ev.DaemonDraining(on=False), "alice")
            for run in list(turn.state.runs.values()):
                if run.state is RunState.PAUSED:
                    turn.record(ev.RunResumed(run.id), "alice")

        self._command(let_go)

    def _switch_off(self) -> None:
        """Check that nothing is due that has no run, and let no more come."""

        def switch_off(turn: Turn) -> None:
            for workflow in list(turn.state.workflows.values()):
                if workflow.scheduling:
                    self._must_be_on_time(turn.state, workflow.id)
                    turn.record(ev.WorkflowScheduling(workflow.id, on=False), "alice")

        self._command(switch_off)

    def _must_be_on_time(self, state: State, workflow: int) -> None:
        tick = self.invariants.ticks[workflow].next()
        policy = self.invariants.policies[workflow]
        waits = policy is CatchUpPolicy.ALL and bool(state.runs_of.get(workflow))
        on_time = tick is None or tick > self.now() - timedelta(seconds=LATEST_TICK)
        must(on_time or waits, f"the tick {tick} of workflow {workflow} has no run at {self.now()}")

    def _look_who_waits(self) -> None:
        """Check that no node waits that could start, and did so at the look before."""

        def look(turn: Turn) -> None:
            before, self._waiting = self._waiting, set(_could_start(turn.state, turn.now))
            must(not before & self._waiting, f"{before & self._waiting} could start, and are forgotten")

        self._command(look)

    def _stop_all(self) -> None:
        """Stop what has not ended by now: what hangs, or waits for a clock that was set back."""

        def stop(turn: Turn) -> None:
            for held in list(turn.state.backfills.values()):
                if not held.has_ended:
                    turn.record(ev.BackfillCancelled(held.id), "alice")
            for run in list(turn.state.runs.values()):
                if not run.stopping:
                    turn.record(ev.RunStopRequested(run.id, ev.Reason.STOP), "alice")

        self._command(stop)
        self.at(600, self._stop_all)

    def _command(self, command: Callable[[Turn], None]) -> None:
        """Have a command carried out, as soon as there is a daemon that does."""
        if self.life and self.life.state and not self.life.failure:
            self.life.loop.create_task(self.life.engine.submit(command)).add_done_callback(_heeded)
        else:
            self.at(60, lambda: self._command(command))


def _could_start(state: State, now: datetime) -> Iterator[tuple[int, str, int]]:
    """Give the nodes that wait for nothing, with how many attempts they had."""
    line = Line(state, now)
    for run in state.runs.values():
        for name, why in why_waiting(line, run, now).items():
            if why == "starts now":
                yield run.id, name, len(run.node(name).attempts)


def copied(state: State) -> State:
    """Give a state that changes by itself."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=State)


def _last_seq(segment: bytearray) -> int:
    """Give the seq up to which a segment goes; 0 where it is torn."""
    if not segment.endswith(b"\n"):
        return 0
    start = segment.rfind(b"\n", 0, len(segment) - 1) + 1
    if segment.startswith(_RECORD, start):
        return int(segment[start + len(_RECORD) : segment.index(b",", start)])
    start = segment.index(_FIRST) + len(_FIRST)
    return int(segment[start : segment.index(b",", start)]) - 1


@contextmanager
def _uncollected() -> Iterator[None]:
    """Have no garbage collected but when it is asked for, and then look only at what the world has made."""
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()


@contextmanager
def silence() -> Iterator[None]:
    """Let the daemon's own log say nothing."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _heeded(done: Any) -> None:
    """Take what became of something that is asked again in any case."""
    if not done.cancelled():
        done.exception()
