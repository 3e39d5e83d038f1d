"""The daemon put together: what stands on what, and the order in which it starts and stops."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Coroutine
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import tzlocal

from stoker_daemon import descriptors
from stoker_daemon.access.lookups import Roster, known_groups
from stoker_daemon.access.rules import Access
from stoker_daemon.attempts.cards import Cards
from stoker_daemon.attempts.executor import Executor
from stoker_daemon.attempts.groups import Groups, delegated
from stoker_daemon.commands.queues import found_queues
from stoker_daemon.engine import Engine, Turn
from stoker_daemon.http.app import Api
from stoker_daemon.launchers import CannotLaunch
from stoker_daemon.notify.office import Office
from stoker_daemon.objects import Objects
from stoker_daemon.output.watcher import Watcher
from stoker_daemon.parts import Attempts, Home, Stores, Workers
from stoker_daemon.preparing.preparer import Preparer
from stoker_daemon.projection import Projection
from stoker_daemon.reloading import Settings
from stoker_daemon.retention import Retention
from stoker_daemon.runlog.log import RunLog, open_log, read_log
from stoker_daemon.runlog.segments import Tail, cut_back, sync_directory
from stoker_daemon.scheduling.backfiller import Backfiller
from stoker_daemon.scheduling.scheduler import Scheduler
from stoker_daemon.secrets import Secrets
from stoker_daemon.server import NoSuchGroup, Server, bind, lock_data
from stoker_daemon.service.manager import Manager
from stoker_daemon.service.report import Report
from stoker_daemon.space import SpaceWatch
from stoker_daemon.volumes import DiskFailed, check_local
from stoker_shared import __version__
from stoker_shared.paths import check_socket_path
from stoker_shared.state import State

PROBE_SECONDS = 10.0
"""How long a failed disk is left alone before it is tried; twice as long each time, up to `LONGEST_PROBE`."""
LONGEST_PROBE = 600.0

logger = logging.getLogger(__name__)


class Failure(msgspec.Struct, frozen=True):
    """Why the disk can't be written, and where in the run log what is acknowledged ends."""

    why: str
    end: Tail


def now() -> datetime:
    """Give the moment, in UTC."""
    return datetime.now(UTC)


def machine_id() -> str:
    """Give what names this machine: systemd's machine id, or nothing where there is none."""
    path = Path("/etc/machine-id")
    return path.read_text("ascii").strip() if path.exists() else ""


def zone() -> ZoneInfo:
    """Give the host's time zone."""
    return ZoneInfo(tzlocal.get_localzone_name())


def _memory() -> int:
    """Give the host's memory in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


async def run(settings: Settings, manager: Manager, *, take_over: bool = False) -> None:
    """Run the daemon until SIGTERM or SIGINT. Jobs go on when it stops. SIGHUP reads the settings anew.

    With ``take_over`` the data directory may be another machine's, and is this one's from then on.

    Raises:
        AlreadyRunning: another daemon has the data directory or the socket.
        LogError: the run log can't be used.
        NetworkFileSystem: the data directory is on one.
        NoSuchGroup: the socket can't be given to its group.
        SecretsError: the file of secrets can't be used.
        SocketPathTooLong: the kernel would not take the socket's path.
        OSError: a directory can't be used.
    """
    config = settings.config
    check_socket_path(config.socket)
    check_local(config.data)
    descriptors.raise_limit()
    with lock_data(config.data):
        listening = manager.listening or bind(config.socket, await _found_group(config.socket_group))
        where = listening.getsockname() if manager.listening else config.socket
        logger.info("stokerd %s listens on %s, data in %s", __version__, where, config.data)
        try:
            await _run_whatever_the_disk_does(settings, manager, listening, take_over)
        finally:
            if listening is not manager.listening:
                config.socket.unlink(missing_ok=True)
            listening.close()


async def _run_whatever_the_disk_does(
    settings: Settings, manager: Manager, listening: socket.socket, take_over: bool
) -> None:
    """Run; when the disk fails open the log again, only to be read, and as before once it can be written."""
    data = settings.config.data
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    loop.add_signal_handler(signal.SIGHUP, settings.reload)  # else it would end a start that takes its time
    runlog, started_at = data / "runlog", now()
    log, state = open_log(runlog, machine_id(), now(), take_over=take_over)
    failure = await _run(settings, manager, listening.dup(), log, state, None, told, started_at)
    while not told.is_set():
        log, state = read_log(runlog, failure.end) if failure else open_log(runlog, machine_id(), now())
        failure = await _run(settings, manager, listening.dup(), log, state, failure, told, started_at)


async def _run(
    settings: Settings,
    manager: Manager,
    listening: socket.socket,
    log: RunLog,
    state: State,
    failure: Failure | None,
    told: asyncio.Event,
    started_at: datetime,
) -> Failure | None:
    """Run on an open log until told to stop or the disk fails; after a ``failure`` until the disk works."""
    gc.freeze()  # what is loaded stays: to look at 10,000 workflows for garbage would hold a run up by 20 ms
    parts = _Parts(settings, manager, log, state, failure, started_at)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, parts.reload)
    await parts.projection.open(log.directory, log.id, log.durable)
    serving = await parts.start(listening)
    if failure:
        logger.warning("read only, since %s", failure.why)
    signs = [told.wait(), *([_disk_works(failure.end)] if failure else [])]
    failed: DiskFailed | None = None
    try:
        await _first_of(signs, {parts.engine.failed, serving})
    except DiskFailed as error:
        failed = error
    finally:
        end = await parts.close(serving, stopping=told.is_set())
    return Failure(f"the disk failed ({failed})", end) if failed else None


class _Parts:
    """The daemon's parts on an open log: made, started and closed in the order in which they need each other.

    After a ``failure`` they only show.
    """

    def __init__(
        self,
        settings: Settings,
        manager: Manager,
        log: RunLog,
        state: State,
        failure: Failure | None,
        started_at: datetime,
    ) -> None:
        config, host = settings.config, zone()
        logs = config.data / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        self._settings = settings
        self._state = state
        self._writes = failure is None
        objects = Objects(config.data / "objects")
        secrets = Secrets(config.data / "secrets")
        preparer = Preparer(objects, logs, config.spark_home, state.queues, partial(secrets.of, state))
        self.projection = projection = Projection(config.data / "stoker.db" if self._writes else None)
        self._stores = Stores(objects, secrets, projection)
        self._executor = executor = Executor(logs, config.stop_grace, Groups(delegated()))
        why = failure.why if failure else ""
        self.engine = engine = Engine(
            state, log, projection, executor, preparer.order, now, why, descriptors.ATTEMPTS
        )
        executor.listener = watcher = Watcher(logs, config.output_limit, engine)
        cards = Cards(preparer, logs)
        self._attempts = Attempts(logs, preparer, watcher, cards)
        self._backfiller = backfiller = Backfiller(engine, objects, projection, now)
        retention = Retention(engine, projection, objects, config, now, backfiller.plans)
        self._workers = Workers(
            Scheduler(engine, objects, host, now),
            Office(engine, projection, cards, config, now),
            retention,
            SpaceWatch(engine, config.data, config.low_space, retention.ask),
        )
        self._roster = Roster(config.access, os.geteuid())
        home = Home(config.data, host, started_at)
        self._api = Api(engine, self._roster, self._stores, self._attempts, self._workers, home)
        self._server = Server(self._api.app, self._roster.rules)
        self._report = Report(manager, engine, self.reload)

    async def start(self, listening: socket.socket) -> asyncio.Task[None]:
        """Start to work and to serve; gives the serving."""
        await self._roster.start()
        _warn_of(self._settings.config.access, self._state)
        if self._writes:
            self._clean()
        self.engine.start(partial(_found, self._workers.office))
        if self._writes:
            for worker in (self._backfiller, *self._workers):
                worker.start()
        threading.Thread(target=_look_for_spark, args=[self._attempts.preparer], daemon=True).start()
        serving = asyncio.create_task(self._server.serve([listening]))
        self._report.start()
        return serving

    def _clean(self) -> None:
        """Remove what earlier daemons left and nobody needs."""
        state = self._state
        self._stores.objects.clean()
        self._executor.sweep(
            {node.attempts[-1].tag for run in state.runs.values() for node in map(run.numbered, run.active)}
        )
        self._stores.secrets.keep_only({variable.kept for variable in state.variables.values()})

    def reload(self) -> str:
        """Read the settings anew, and have them heeded from now on; gives what is wrong with them."""
        problem, config = self._settings.reload(), self._settings.config
        self._roster.go_by(config.access)
        _warn_of(config.access, self.engine.state)
        self._executor.grace = config.stop_grace
        self._attempts.watcher.limit = config.output_limit
        self._attempts.preparer.spark_home = config.spark_home
        self._workers.retention.config = config
        self._workers.space.below = config.low_space
        return problem

    async def close(self, serving: asyncio.Task[None], *, stopping: bool) -> Tail:
        """Answer who is there, and end; gives the place in the log from which on nothing was acknowledged."""
        self._report.close(stopping=stopping)
        self._api.closing.set()
        self._roster.close()
        self._server.stop()
        await serving
        for worker in self._workers:
            await worker.close()
        self._backfiller.close()
        self._executor.close()
        self._attempts.watcher.close()
        end = self.engine.close()
        await asyncio.sleep(0)  # lets the engine hear of what came to disk last, and hand it to the history
        await self.projection.close()
        return end


async def _found_group(group: str | None) -> str | None:
    """Look up the socket's group, and give its number, or what is named where there is none."""
    if group is None:
        return None
    try:
        found = (await known_groups([group]))[group]
    except TimeoutError as error:
        raise NoSuchGroup(f"socket_group can't be looked up: {error}; its number would do") from error
    return group if found is None else str(found)


def _warn_of(access: Access, state: State) -> None:
    """Tell what is named and not there: a slip in a name would leave something open, or closed."""
    unknown = {
        "workspaces": access.workspaces.keys() - state.workspaces.keys(),
        "queues": access.queues.keys() - state.queues.keys() if state.queues else (),
    }
    for kind, names in unknown.items():
        if names:
            logger.warning("[access] names %s that are not there: %s", kind, ", ".join(sorted(names)))


def _found(office: Office, turn: Turn) -> None:
    """Record what this host and this configuration have."""
    found_queues(os.cpu_count() or 1, _memory())(turn)
    office.channels(turn)


async def _first_of(signs: list[Coroutine[Any, Any, Any]], work: set[asyncio.Future[None]]) -> None:
    """Wait for a sign, or for work that ends by itself, and raise what the first of them raises."""
    watched = {asyncio.ensure_future(sign) for sign in signs}
    done, _ = await asyncio.wait(watched | work, return_when=asyncio.FIRST_COMPLETED)
    for sign in watched:
        sign.cancel()
    for first in done:
        first.result()


async def _disk_works(end: Tail) -> None:
    """Wait until the disk can be written again, and the run log ends where it ends for certain."""
    pause = PROBE_SECONDS
    while True:
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PROBE)
        try:
            await asyncio.to_thread(_probe, end)
        except OSError as error:
            logger.warning("the disk still fails, and is tried again in %.0f s: %s", pause, error)
        else:
            logger.info("the disk can be written again")
            return


def _probe(end: Tail) -> None:
    path = end.path.with_name("probe")
    with path.open("wb") as file:
        file.write(os.urandom(4096))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_directory(path.parent)
    cut_back(end)


def _look_for_spark(preparer: Preparer) -> None:
    """Look beforehand, since asking Java for its version takes a moment. A job says what it misses."""
    try:
        preparer.find_spark({})
    except CannotLaunch as error:
        logger.warning("Spark jobs can't run yet: %s", error)
