"""Daemons' directories that take long to fill: made once in a benchmark's place, whoever asks first."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
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

BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
"""When the runs before the first of the varied ones would have begun."""


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
        asyncio.run(_write(home / "data/runlog", count, int(full * runlog.SEGMENT_BYTES), _again))
        with StokerDaemon(home):
            pass  # its first start brings stoker.db to where the log is
    return home


def with_varied_runs(place: Path, count: int) -> Path:
    """Give the home of a daemon with ``count`` finished runs that differ in all they can be asked for by.

    Run n began n seconds after `BEGAN` with a cycle n minutes after it, in one of 20 workflows, by one of 10
    users; of 10 runs one failed, of 100 one was stopped.
    """
    home = place / f"varied-{count}"
    if not home.exists():
        home.mkdir()
        with StokerDaemon(home) as daemon:
            measure.define(daemon, "once", chain(1), 1)
            measure.run(daemon, "once")
        asyncio.run(_write(home / "data/runlog", count, 0, _varied))
        with StokerDaemon(home, patience=3600):
            pass
    return home


async def _define(client: Client, number: int) -> None:
    name = f"workflow-{number:05d}"
    nodes = [{"name": node, "job": "true.sh", "upstream": up} for node, up in chain(3).items()]
    spec = json.dumps({"workflow": name, "nodes": nodes, "tags": {"number": str(number)}}).encode()
    path = f"/v1/workspaces/default/workflows/{name}"
    await client.ask("PUT", path, spec, {"If-None-Match": "*"})
    await client.ask("POST", f"{path}/publish", b"{}")


async def _write(directory: Path, count: int, size: int, told: Callable[[ev.Record, int], ev.Record]) -> None:
    log, state = runlog.open_log(directory, machine_id(), datetime.now(UTC))
    run = [record.event for record, of in replay(directory) if record and of]
    log.start(lambda _: None, lambda _: None)
    at = datetime.now(UTC)
    while state.counters.run < count or paths(directory)[-1].stat().st_size < size:
        records = []
        for number in range(state.counters.run + 1, state.counters.run + 1 + _GROUP):
            at += timedelta(milliseconds=1)
            records += [
                told(ev.Record(state.seq + place, at, "bench", event), number)
                for place, event in enumerate(run, 1)
            ]
            for record in records[-len(run) :]:
                apply(state, record)
        log.append(records, state)
        await log.wait_durable(state.seq)
    log.close()


def _again(record: ev.Record, number: int) -> ev.Record:
    """Give a record as it is for another run."""
    return msgspec.structs.replace(record, event=_of_run(record.event, number))


def _varied(record: ev.Record, number: int) -> ev.Record:
    event: Any = _of_run(record.event, number)
    at = BEGAN + timedelta(seconds=number)
    match event:
        case ev.RunCreated():
            event = msgspec.structs.replace(
                event,
                workflow=1 + number % 20,
                name=f"workflow-{number % 20}",
                trigger=(ev.Trigger.SCHEDULE, ev.Trigger.MANUAL, ev.Trigger.BACKFILL)[number % 3],
                cycle=BEGAN + timedelta(minutes=number),
                tags={"team": f"team-{number % 5}"},
            )
        case ev.NodeFinished() | ev.RunFinished():
            at += timedelta(seconds=number * 7919 % 600)
            if number % 10 == 0:
                state = "failed" if number % 100 else "stopped"
                event = msgspec.structs.replace(event, state=type(event.state)(state))
    return msgspec.structs.replace(record, event=event, at=at, by=f"user-{number % 10}")


def _of_run(event: Any, number: int) -> ev.EventType:
    return msgspec.structs.replace(event, run=number)
