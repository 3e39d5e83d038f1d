"""Daemons' directories that take long to fill: made once in a benchmark's place, whoever asks first."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from stoker_daemon.app import machine_id
from stoker_daemon.runlog import log as runlog
from stoker_daemon.runlog.segments import paths, replay
from stoker_shared import events as ev
from stoker_shared.apply import apply
from tests.bench import measure
from tests.bench.client import Client, together
from tests.bench.dags import chain
from tests.harness import StokerDaemon

_AT_ONCE = 8
"""Clients that define workflows, so that several share a sync."""

_GROUP = 100
"""Finished runs that are written under one sync."""


def with_workflows(place: Path, count: int) -> Path:
    """Give the home of a daemon with ``count`` published workflows of three nodes, defined over HTTP."""
    home = place / f"workflows-{count}"
    if not home.exists():
        home.mkdir()
        with StokerDaemon(home) as daemon:
            daemon.publish_job("true.sh", measure.TRUE)
            asyncio.run(together(daemon.socket, _AT_ONCE, range(count), _define))
    return home


def with_finished_runs(place: Path, count: int, full: float = 0) -> Path:
    """Give the home of a daemon with ``count`` finished runs, and more until its newest segment is so full.

    One run is really run; the others are written as its events again, by the daemon's own log.
    """
    home = place / f"finished-{count}"
    if not home.exists():
        home.mkdir()
        with StokerDaemon(home) as daemon:
            measure.define(daemon, "once", chain(1), 1)
            measure.run(daemon, "once")
        asyncio.run(_write(home / "data/runlog", count, int(full * runlog.SEGMENT_BYTES)))
        with StokerDaemon(home):
            pass  # its first start brings stoker.db to where the log is
    return home


async def _define(client: Client, number: int) -> None:
    name = f"workflow-{number:05d}"
    nodes = [{"name": node, "job": "true.sh", "upstream": up} for node, up in chain(3).items()]
    spec = json.dumps({"workflow": name, "nodes": nodes, "tags": {"number": str(number)}}).encode()
    path = f"/v1/workspaces/default/workflows/{name}"
    await client.ask("PUT", path, spec, {"If-None-Match": "*"})
    await client.ask("POST", f"{path}/publish", b"{}")


async def _write(directory: Path, count: int, size: int) -> None:
    log, state = runlog.open_log(directory, machine_id(), datetime.now(UTC))
    run = [record.event for record, of in replay(directory) if record and of]
    log.start(lambda _: None, lambda _: None)
    at = datetime.now(UTC)
    while state.counters.run < count or paths(directory)[-1].stat().st_size < size:
        records = []
        for _ in range(_GROUP):
            at += timedelta(milliseconds=1)
            records += [
                ev.Record(state.seq + place, at, "bench", _of_run(event, state.counters.run + 1))
                for place, event in enumerate(run, 1)
            ]
            for record in records[-len(run) :]:
                apply(state, record)
        log.append(records, state)
        await log.wait_durable(state.seq)
    log.close()


def _of_run(event: Any, number: int) -> ev.EventType:
    return msgspec.structs.replace(event, run=number)
