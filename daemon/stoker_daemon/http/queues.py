"""Queues: listed, shown, saved, deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

from stoker_daemon.access.rules import Rights
from stoker_daemon.commands import queues as commands
from stoker_daemon.engine import Engine
from stoker_daemon.http.answers import page
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.objects import Objects
from stoker_daemon.planning.waiting import holding, queued
from stoker_shared import routes
from stoker_shared.api import Page, PageQuery, QueuedNode, QueueView
from stoker_shared.model import QueueSpec
from stoker_shared.state import NodeRun, Queue, Run

SHOWN = 50
"""How many of the active, and of the waiting nodes of a queue are named."""


class Queues:
    """Handlers over the engine and the object store."""

    def __init__(self, engine: Engine, objects: Objects) -> None:
        self._engine = engine
        self._objects = objects

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("GET", routes.QUEUES, self.list_queues),
            Operation("GET", routes.QUEUE, self.show_queue),
            Operation("PUT", routes.QUEUE, self.save_queue),
            Operation("DELETE", routes.QUEUE, self.delete_queue),
        ]

    async def list_queues(self, query: PageQuery) -> Answer[Page[QueueView]]:
        """List the queues."""
        state = self._engine.state
        waiting = (await self._engine.tally()).waiting
        return Answer(page(query, state.queues, lambda name: _view(state.queues[name], waiting[name])))

    async def show_queue(self, caller: Caller, name: str) -> Answer[QueueView]:
        """Show a queue: what it allows, what is active in it, what waits for it.

        Nodes are named of the workspaces that who asks may see; all are counted.
        """
        queue = commands.known_queue(self._engine.state, name)
        return Answer(await self._shown(queue, caller.rights))

    async def save_queue(self, caller: Caller, name: str, body: QueueSpec) -> Answer[QueueView]:
        """Make a queue, or change one; what is active in it goes on."""
        queue = await self._engine.submit(commands.save_queue(name, body, caller.user))
        return Answer(await self._shown(queue, caller.rights))

    async def delete_queue(self, caller: Caller, name: str) -> Answer[QueueView]:
        """Remove a queue that nothing uses."""
        command = await commands.delete_queue(self._engine.state, self._objects, name, caller.user)
        return Answer(_view(await self._engine.submit(command), 0))

    async def _shown(self, queue: Queue, rights: Rights) -> QueueView:
        view = _view(queue, (await self._engine.tally()).waiting[queue.name])
        state, line = self._engine.state, self._engine.line
        active = [pair for pair in holding(state, queue.name) if rights.sees(pair[0].workspace)]
        view.holding = [_node(run, node, since=node.attempts[-1].starting_at) for run, node in active[:SHOWN]]
        waiting = (
            _node(run, node)
            for run, node in queued(line, datetime.now(UTC))
            if node.queue == queue.name and rights.sees(run.workspace)
        )
        view.next = list(islice(waiting, SHOWN))
        return view


def _view(queue: Queue, waiting: int) -> QueueView:
    return QueueView(queue.name, queue.spec, queue.cu, queue.active, waiting)


def _node(run: Run, node: NodeRun, since: datetime | None = None) -> QueuedNode:
    return QueuedNode(run.id, run.name, node.name, node.cu, since)
