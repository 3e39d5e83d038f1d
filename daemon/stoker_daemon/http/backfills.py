"""Backfills: made, previewed, shown, and what can be done to them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from stoker_daemon.commands import backfills as commands
from stoker_daemon.commands.common import known_workspace, read_definition
from stoker_daemon.commands.previewing import preview
from stoker_daemon.commands.workflows import published_version
from stoker_daemon.engine import Command, Engine
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.once import Once
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.objects import Objects
from stoker_daemon.planning.durations import RUN
from stoker_daemon.planning.placing import queues_of
from stoker_daemon.projection import Projection
from stoker_daemon.views import backfill_view
from stoker_shared import routes
from stoker_shared.api import Number, Page
from stoker_shared.api.backfills import (
    BackfillPreview,
    BackfillsQuery,
    BackfillView,
    CancelBackfill,
    CreateBackfill,
    PreviewQuery,
)
from stoker_shared.state import Backfill


class Backfills:
    """Handlers over the engine and the history."""

    def __init__(
        self, engine: Engine, once: Once, objects: Objects, projection: Projection, zone: ZoneInfo
    ) -> None:
        self._engine = engine
        self._once = once
        self._objects = objects
        self._projection = projection
        self._zone = zone

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("GET", routes.BACKFILLS, self.list_backfills),
            Operation("POST", routes.BACKFILLS, self.create_backfill, status=201),
            Operation("POST", routes.BACKFILL_PREVIEW, self.preview_backfill),
            Operation("GET", routes.BACKFILL, self.show_backfill),
            Operation("POST", routes.BACKFILL_PAUSE, self.pause_backfill),
            Operation("POST", routes.BACKFILL_RESUME, self.resume_backfill),
            Operation("POST", routes.BACKFILL_CANCEL, self.cancel_backfill, status=202),
            Operation("POST", routes.BACKFILL_RETRY, self.retry_backfill),
        ]

    async def list_backfills(self, workspace: str, query: BackfillsQuery) -> Answer[Page[BackfillView]]:
        """List backfills, newest first."""
        state = self._engine.state
        known_workspace(state, workspace)
        found = [
            held
            for held in reversed(state.backfills.values())
            if held.workspace == workspace
            and (not query.workflow or self._name(held) == query.workflow)
            and (not query.state or held.state is query.state)
            and (not query.cursor or held.id < query.cursor)
        ]
        shown = [await self._shown(held) for held in found[: query.limit]]
        more = len(found) > query.limit
        return Answer(Page(shown, str(shown[-1].id) if more else None))

    async def create_backfill(
        self, caller: Caller, workspace: str, body: CreateBackfill
    ) -> Answer[BackfillView]:
        """Make a backfill: a run for each interval of a range, each made when it can start."""
        state, now = self._engine.state, self._engine.now()
        number = await self._once.carry_out(
            caller,
            lambda: commands.create_backfill(
                state, self._objects, workspace, body, self._zone, now, caller.user, caller.rights
            ),
        )
        return await self.show_backfill(number)

    async def preview_backfill(
        self, workspace: str, query: PreviewQuery, body: CreateBackfill
    ) -> Answer[BackfillPreview]:
        """Show what a backfill would do. Nothing is made."""
        state, now = self._engine.state, self._engine.now()
        asked = await commands.asked_backfill(state, self._objects, workspace, body, self._zone, now)
        asked.check(state)
        await self._engine.durable()
        return Answer(await preview(asked, self._projection, query.limit, now))

    async def show_backfill(self, backfill: Number) -> Answer[BackfillView]:
        """Show a backfill and how far it has come."""
        return Answer(await self._shown(commands.known_backfill(self._engine.state, backfill)))

    async def pause_backfill(self, caller: Caller, backfill: Number) -> Answer[BackfillView]:
        """Make no more runs for now; those that are active go on."""
        return await self._carry_out(caller, backfill, commands.pause_backfill(backfill, caller.user))

    async def resume_backfill(self, caller: Caller, backfill: Number) -> Answer[BackfillView]:
        """Let a paused backfill go on."""
        self._require_queues(caller, backfill)
        return await self._carry_out(caller, backfill, commands.resume_backfill(backfill, caller.user))

    async def cancel_backfill(
        self, caller: Caller, backfill: Number, body: CancelBackfill
    ) -> Answer[BackfillView]:
        """Make no more runs, for ever, and stop what waits, or all that is active."""
        command = commands.cancel_backfill(backfill, body.running, caller.user)
        return await self._carry_out(caller, backfill, command, makes_room=True)

    async def retry_backfill(self, caller: Caller, backfill: Number) -> Answer[BackfillView]:
        """Make another run for each interval whose run failed or was stopped, then go on with the rest."""
        self._require_queues(caller, backfill)
        return await self._carry_out(caller, backfill, commands.retry_backfill(backfill, caller.user))

    async def _carry_out(
        self, caller: Caller, number: int, command: Command, *, makes_room: bool = False
    ) -> Answer[BackfillView]:
        await self._once.carry_out(caller, lambda: command, makes_room=makes_room)
        return await self.show_backfill(number)

    def _require_queues(self, caller: Caller, number: int) -> None:
        """Raise `Refused` where who asks may not have runs on the queues of those that it would make now."""
        state = self._engine.state
        held = commands.known_backfill(state, number)
        if workflow := state.workflows.get(held.workflow):
            version = published_version(workflow, held.version or None)
            queues = queues_of(read_definition(self._objects, version.digest), held.queue)
            caller.rights.require_queues(queues)

    def _name(self, held: Backfill) -> str:
        """Give the name that its workflow has now, or had last."""
        workflow = self._engine.state.workflows.get(held.workflow)
        return workflow.name if workflow else held.name

    async def _shown(self, held: Backfill) -> BackfillView:
        usual = await self._projection.usual(held.workflow)
        return backfill_view(held, self._name(held), usual.get(RUN), self._engine.now())
