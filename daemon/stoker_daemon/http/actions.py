"""What can be done to a run and its nodes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from stoker_daemon.commands import actions, reruns
from stoker_daemon.engine import Command, Engine
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.once import Once
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.http.runs import find_run, view_run
from stoker_daemon.objects import Objects
from stoker_daemon.projection import Projection
from stoker_shared import routes
from stoker_shared.api import Number, RerunNode, RerunRun, RunView, SucceedNode
from stoker_shared.state import Run


class Actions:
    """Handlers over the engine and the history."""

    def __init__(self, engine: Engine, once: Once, objects: Objects, projection: Projection) -> None:
        self._engine = engine
        self._once = once
        self._objects = objects
        self._projection = projection

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("POST", routes.RUN_STOP, self.stop_run, status=202),
            Operation("POST", routes.RUN_PAUSE, self.pause_run),
            Operation("POST", routes.RUN_RESUME, self.resume_run),
            Operation("POST", routes.RUN_RERUN, self.rerun_run, status=202),
            Operation("POST", routes.NODE_STOP, self.stop_node, status=202),
            Operation("POST", routes.NODE_RERUN, self.rerun_node, status=202),
            Operation("POST", routes.NODE_SUCCEED, self.succeed_node),
        ]

    async def stop_run(self, caller: Caller, run: Number) -> Answer[RunView]:
        """Stop a run: what runs is ended, what has not started will not."""
        await self._once.carry_out(caller, partial(actions.stop_run, run, caller.user), makes_room=True)
        return await self._shown(run)

    async def pause_run(self, caller: Caller, run: Number) -> Answer[RunView]:
        """Pause a run: what runs goes on, nothing new is started."""
        await self._once.carry_out(caller, partial(actions.pause_run, run, caller.user))
        return await self._shown(run)

    async def resume_run(self, caller: Caller, run: Number) -> Answer[RunView]:
        """Let a paused run go on."""
        await self._once.carry_out(caller, partial(actions.resume_run, run, caller.user, caller.rights))
        return await self._shown(run)

    async def rerun_run(self, caller: Caller, run: Number, body: RerunRun) -> Answer[RunView]:
        """Run all nodes of a run again, or those that did not succeed."""

        async def prepare(found: Run) -> Command:
            state, objects = self._engine.state, self._objects
            return await reruns.rerun_run(found, state, objects, body, caller.user, caller.rights)

        return await self._go_on(caller, run, prepare)

    async def stop_node(self, caller: Caller, run: Number, node: str) -> Answer[RunView]:
        """Stop one node of a run."""
        command = partial(actions.stop_node, run, node, caller.user)
        await self._once.carry_out(caller, command, makes_room=True)
        return await self._shown(run)

    async def rerun_node(self, caller: Caller, run: Number, node: str, body: RerunNode) -> Answer[RunView]:
        """Run a node of a run again, with or without what is downstream of it."""

        async def prepare(found: Run) -> Command:
            state, objects = self._engine.state, self._objects
            return await reruns.rerun_node(found, node, state, objects, body, caller.user, caller.rights)

        return await self._go_on(caller, run, prepare)

    async def succeed_node(
        self, caller: Caller, run: Number, node: str, body: SucceedNode
    ) -> Answer[RunView]:
        """Set a node of a run successful, with or without what is downstream of it."""

        async def prepare(found: Run) -> Command:
            return reruns.succeed_node(found, node, body.downstream, caller.user, caller.rights)

        return await self._go_on(caller, run, prepare)

    async def _go_on(
        self, caller: Caller, run: int, prepare: Callable[[Run], Awaitable[Command]]
    ) -> Answer[RunView]:
        """Carry out what may open a finished run again; nobody else may open it meanwhile, or let it go."""

        async def prepared() -> Command:
            return await prepare(await find_run(self._engine, self._projection, run))

        async with self._engine.settled:
            await self._once.carry_out(caller, prepared)
        return await self._shown(run)

    async def _shown(self, run: int) -> Answer[RunView]:
        return Answer(await view_run(self._engine, self._projection, self._objects, run))
