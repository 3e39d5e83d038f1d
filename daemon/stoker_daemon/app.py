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
from stoker_daemon.access import Rules
from stoker_daemon.backfiller import Backfiller
from stoker_daemon.commands.queues import found_queues
from stoker_daemon.config import Config
from stoker_daemon.engine import Engine
from stoker_daemon.executor import Executor
from stoker_daemon.http.app import Api
from stoker_daemon.launchers import CannotLaunch
from stoker_daemon.objects import Objects
from stoker_daemon.output.watcher import Watcher
from stoker_daemon.peers import group_id
from stoker_daemon.preparing import Preparer
from stoker_daemon.projection import Projection
from stoker_daemon.runlog.log import RunLog, open_log, read_log
from stoker_daemon.runlog.segments import Tail, cut_back, sync_directory
from stoker_daemon.scheduler import Scheduler
from stoker_daemon.secrets import Secrets
from stoker_daemon.server import Server, bind, lock_data
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


async def run(config: Config, *, take_over: bool = False) -> None:
    """Run the daemon until SIGTERM or SIGINT. Jobs go on when it stops.

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
    check_socket_path(config.socket)
    check_local(config.data)
    descriptors.raise_limit()
    with lock_data(config.data):
        listening = bind(config.socket, config.socket_group)
        try:
            await _run_whatever_the_disk_does(config, listening, take_over)
        finally:
            config.socket.unlink(missing_ok=True)
            listening.close()


async def _run_whatever_the_disk_does(config: Config, listening: socket.socket, take_over: bool) -> None:
    """Run; when the disk fails open the log again, only to be read, and as before once it can be written."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    runlog, started_at = config.data / "runlog", now()
    log, state = open_log(runlog, machine_id(), now(), take_over=take_over)
    failure = await _run(config, listening.dup(), log, state, None, told, started_at)
    while not told.is_set():
        log, state = read_log(runlog, failure.end) if failure else open_log(runlog, machine_id(), now())
        failure = await _run(config, listening.dup(), log, state, failure, told, started_at)


async def _run(
    config: Config,
    listening: socket.socket,
    log: RunLog,
    state: State,
    failure: Failure | None,
    told: asyncio.Event,
    started_at: datetime,
) -> Failure | None:
    """Run on an open log until told to stop or the disk fails; after a ``failure`` until the disk works."""
    logs = config.data / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    gc.freeze()  # what is loaded stays: to look at 10,000 workflows for garbage would hold a run up by 20 ms
    objects = Objects(config.data / "objects")
    executor = Executor(logs, config.stop_grace)
    secrets = Secrets(config.data / "secrets")
    preparer = Preparer(objects, logs, config.spark_home, state.queues, partial(secrets.of, state))
    projection = Projection(None if failure else config.data / "stoker.db")
    await projection.open(log.directory, log.id, log.durable)
    why = failure.why if failure else ""
    engine = Engine(state, log, projection, executor, preparer.order, now, why, descriptors.ATTEMPTS)
    backfiller = Backfiller(engine, objects, projection, now)
    watcher = Watcher(logs, config.output_limit, engine)
    executor.listener = watcher
    host = zone()
    scheduler = Scheduler(engine, objects, host, now)
    api = Api(
        engine,
        _rules(config),
        objects,
        secrets,
        projection,
        preparer,
        watcher,
        scheduler,
        config.data,
        host,
        started_at,
    )
    server = Server(api.app, api.rules)

    if not failure:
        objects.clean()
        secrets.keep_only({variable.kept for variable in state.variables.values()})
    engine.start(found_queues(os.cpu_count() or 1, _memory()))
    if not failure:
        scheduler.start()
        backfiller.start()
    threading.Thread(target=_look_for_spark, args=[preparer], daemon=True).start()
    serving = asyncio.create_task(server.serve([listening]))
    logger.info("stokerd %s listens on %s, data in %s", __version__, config.socket, config.data)
    if failure:
        logger.warning("read only, since %s", failure.why)
    signs = [told.wait(), *([_disk_works(failure.end)] if failure else [])]
    failed: DiskFailed | None = None
    try:
        await _first_of(signs, {engine.failed, serving})
    except DiskFailed as error:
        failed = error
    finally:
        logger.info("stopping; %d runs are active, and their jobs go on", len(engine.state.runs))
        api.closing.set()
        server.stop()
        await serving
        await scheduler.close()
        backfiller.close()
        executor.close()
        watcher.close()
        end = engine.close()
        await asyncio.sleep(0)  # lets the engine hear of what came to disk last, and hand it to the history
        await projection.close()
    return Failure(f"the disk failed ({failed})", end) if failed else None


def _rules(config: Config) -> Rules:
    rules = Rules(config.access, os.geteuid(), group_id)
    if rules.unknown:
        logger.warning("[access] names groups that are not there: %s", ", ".join(rules.unknown))
    return rules


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
