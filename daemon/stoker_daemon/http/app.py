"""The interface put together, and what it tells of itself."""

from __future__ import annotations

import asyncio
import os
import socket

import msgspec
from starlette.applications import Starlette
from starlette.responses import Response

from stoker_daemon.access.lookups import Names, Roster
from stoker_daemon.commands.draining import set_draining
from stoker_daemon.engine import Engine
from stoker_daemon.http import metrics
from stoker_daemon.http.actions import Actions
from stoker_daemon.http.answers import handlers
from stoker_daemon.http.backfills import Backfills
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.events import Events
from stoker_daemon.http.failures import Failures
from stoker_daemon.http.guard import Guard
from stoker_daemon.http.jobs import Jobs
from stoker_daemon.http.logs import Logs
from stoker_daemon.http.notifications import Notifications
from stoker_daemon.http.objects import Content
from stoker_daemon.http.once import Once
from stoker_daemon.http.openapi import document
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.http.operations import routes as routes_of
from stoker_daemon.http.plans import Plans
from stoker_daemon.http.queues import Queues
from stoker_daemon.http.retention import Letting
from stoker_daemon.http.runs import Runs
from stoker_daemon.http.scheduling import Scheduling
from stoker_daemon.http.ticks import Ticks
from stoker_daemon.http.variables import Variables
from stoker_daemon.http.workflows import Workflows
from stoker_daemon.http.workspaces import Workspaces
from stoker_daemon.parts import Attempts, Home, Stores, Workers
from stoker_shared import __version__, routes
from stoker_shared.api import API_VERSION, DrainingView, DueRun, SetDraining, Status
from stoker_shared.api.notifications import ChannelView
from stoker_shared.apply.notifying import lost
from stoker_shared.state import Outbox

_SHOWN = 5
"""Runs that the status names of those that schedules make next."""


class Api:
    """The application; `closing` ends its endless streams."""

    def __init__(
        self,
        engine: Engine,
        roster: Roster,
        stores: Stores,
        attempts: Attempts,
        workers: Workers,
        home: Home,
    ) -> None:
        self._engine = engine
        self._roster = roster
        self._workers = workers
        self._home = home
        self.closing = asyncio.Event()
        (objects, secrets, projection), zone = stores, home.zone
        once = Once(engine, projection)
        guard = Guard(roster.rules, Names(), engine, projection)
        self._operations = [
            Operation("GET", routes.STATUS, self.show_status),
            Operation("PUT", routes.DRAINING, self.set_draining),
            Operation("GET", routes.OPENAPI, self.describe, gives="application/json"),
            Operation("GET", routes.METRICS, self.show_metrics, gives="text/plain"),
            *Content(engine, objects).operations(),
            *Jobs(engine, once, objects).operations(),
            *Workspaces(engine).operations(),
            *Variables(engine, secrets).operations(),
            *Workflows(engine, once, objects, zone).operations(),
            *Scheduling(engine, objects, zone).operations(),
            *Ticks(engine, objects, zone).operations(),
            *Queues(engine, objects).operations(),
            *Runs(engine, once, objects, projection, zone).operations(),
            *Actions(engine, once, objects, projection).operations(),
            *Backfills(engine, once, objects, projection, zone).operations(),
            *Plans(engine, objects, attempts.preparer, zone).operations(),
            *Events(engine, guard, self.closing).operations(),
            *Failures(engine, projection, attempts.cards).operations(),
            *Notifications(engine, workers.office).operations(),
            *Letting(engine, workers.retention).operations(),
            *Logs(engine, guard, projection, attempts, self.closing).operations(),
        ]
        self.app = Starlette(
            routes=routes_of(self._operations, guard, engine.durable), exception_handlers=handlers()
        )

    async def show_status(self, caller: Caller) -> Answer[Status]:
        """Show the daemon at a glance."""
        return await self._status(caller)

    async def set_draining(self, caller: Caller, body: SetDraining) -> Answer[Status]:
        """Start no node any more, or do again. What runs goes on; what is due is accepted, and waits."""
        await self._engine.submit(set_draining(body.on, caller.user))
        return await self._status(caller)

    async def _status(self, caller: Caller) -> Answer[Status]:
        state, held = self._engine.state, self._engine.held()
        shown = Status(
            version=__version__,
            api=API_VERSION,
            host=socket.gethostname(),
            pid=os.getpid(),
            started_at=self._home.started_at,
            time_zone=self._home.zone.key,
            data=str(self._home.data),
            jobs=len(state.jobs),
            workflows=len(state.workflows),
            active_runs=len(state.runs),
            active_nodes=sum(len(run.active) for run in state.runs.values()),
            seq=state.seq,
            log=self._engine.log.id,
            held=held.problem.detail if held else "",
            draining=DrainingView(state.draining.at, state.draining.by) if state.draining else None,
            next_runs=[
                DueRun(workflow.workspace, workflow.name, moment)
                for moment, number in self._workers.scheduler.soonest(_SHOWN)
                if (workflow := state.workflows.get(number)) and caller.rights.sees(workflow.workspace)
            ],
            you=caller.rights.view(caller.user),
            pending_notifications=state.outbox.pending,
            lost_notifications=len(lost(state.outbox, self._engine.now())),
            notify_trouble=_trouble(state.outbox, *self._workers.office.views()),
            space=await self._workers.space.shown(),
            access_trouble=self._roster.trouble,
        )
        # That there is no room is told also where what happened since can't be written for want of it.
        return Answer(shown, seq=self._engine.log.durable if held else None)

    async def describe(self) -> Response:
        """Give this interface as an OpenAPI 3.1 document."""
        return Response(msgspec.json.encode(document(self._operations)), media_type="application/json")

    async def show_metrics(self) -> Response:
        """Give figures for Prometheus."""
        space = await self._workers.space.shown()
        tally = await self._engine.tally()
        figures = metrics.gathered(self._engine, tally, self._operations, space)
        text, media_type = await asyncio.to_thread(metrics.exposition, figures)
        return Response(text, headers={"Content-Type": media_type})


def _trouble(outbox: Outbox, *channels: ChannelView) -> str:
    """Say what keeps people from being told."""
    troubles = [channel.down for channel in channels if channel.down]
    if outbox.unsent:
        troubles.append(f"{outbox.unsent:,} were not sent, since no mail server is set (smtp_host)")
    return "; ".join(troubles)
