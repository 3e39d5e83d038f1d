"""The daemon put together: what stands on what, and the order in which it starts and stops."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import tzlocal

from stoker_daemon.config import Config
from stoker_daemon.engine import Engine
from stoker_daemon.executor import Executor
from stoker_daemon.http.app import Api
from stoker_daemon.launchers import CannotLaunch
from stoker_daemon.objects import Objects
from stoker_daemon.preparing import Preparer
from stoker_daemon.projection import Projection
from stoker_daemon.runlog.log import open_log
from stoker_daemon.server import Server, bind, lock_data
from stoker_shared import __version__
from stoker_shared.paths import check_socket_path

logger = logging.getLogger(__name__)


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


async def run(config: Config) -> None:
    """Run the daemon until SIGTERM or SIGINT. Jobs go on when it stops.

    Raises:
        AlreadyRunning: another daemon has the data directory or the socket.
        LogError: the run log can't be used.
        SocketPathTooLong: the kernel would not take the socket's path.
        OSError: a directory can't be used, or the run log could not be written any more.
    """
    check_socket_path(config.socket)
    with lock_data(config.data):
        listening = bind(config.socket)
        try:
            await _run(config, listening)
        finally:
            config.socket.unlink(missing_ok=True)


async def _run(config: Config, listening: socket.socket) -> None:
    logs = config.data / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    log, state = open_log(config.data / "runlog", machine_id(), now())
    gc.freeze()  # what is loaded stays: to look at 10,000 workflows for garbage would hold a run up by 20 ms
    objects = Objects(config.data / "objects")
    executor = Executor(logs, config.stop_grace)
    preparer = Preparer(objects, logs, config.spark_home)
    projection = Projection(config.data / "stoker.db")
    await projection.open(log.directory, log.id, log.durable)
    engine = Engine(state, log, projection, executor, preparer.order, now)
    executor.listener = engine
    api = Api(engine, objects, projection, preparer, config.data, zone(), now())
    server = Server(api.app)

    engine.start()
    threading.Thread(target=_look_for_spark, args=[preparer], daemon=True).start()
    serving = asyncio.create_task(server.serve([listening]))
    logger.info("stokerd %s listens on %s, data in %s", __version__, config.socket, config.data)
    try:
        await _until_told_to_stop(engine, serving)
    finally:
        logger.info("stopping; %d runs are active, and their jobs go on", len(engine.state.runs))
        api.closing.set()
        server.stop()
        await serving
        executor.close()
        engine.close()
        await asyncio.sleep(0)  # lets the engine hear of what came to disk last, and hand it to the history
        await projection.close()


async def _until_told_to_stop(engine: Engine, serving: asyncio.Task[None]) -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    waits = {asyncio.ensure_future(told.wait()), engine.failed, serving}
    done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in done:
        wait.result()


def _look_for_spark(preparer: Preparer) -> None:
    """Look beforehand, since asking Java for its version takes a moment. A job says what it misses."""
    try:
        preparer.find_spark({})
    except CannotLaunch as error:
        logger.warning("Spark jobs can't run yet: %s", error)
