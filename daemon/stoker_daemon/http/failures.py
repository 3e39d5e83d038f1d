"""Failure cards: made when they are asked for, from how an attempt ended and what it wrote."""

from __future__ import annotations

import asyncio

from stoker_daemon.attempts.cards import Cards
from stoker_daemon.attempts.failure import failed_attempt
from stoker_daemon.commands.actions import node_of
from stoker_daemon.engine import Engine
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.http.runs import find_run
from stoker_daemon.problems import not_found
from stoker_daemon.projection import Projection
from stoker_shared import routes
from stoker_shared.api import FailureView, Number
from stoker_shared.model import NodeState


class Failures:
    """The handler over the cards."""

    def __init__(self, engine: Engine, projection: Projection, cards: Cards) -> None:
        self._engine = engine
        self._projection = projection
        self._cards = cards

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [Operation("GET", routes.NODE_FAILURE, self.explain_failure)]

    async def explain_failure(self, run: Number, node: str) -> Answer[FailureView]:
        """Say why a node failed.

        It is told of its newest attempt that failed: how it ended, what it raised, how to repeat it by hand.
        """
        found = await find_run(self._engine, self._projection, run)
        its_node = node_of(found, node)
        if failed_attempt(its_node) is None and its_node.state is not NodeState.FAILED:
            raise not_found(f"node {node!r} of run #{run} has not failed: it is {its_node.state.value}")
        return Answer(await asyncio.to_thread(self._cards.of, found, its_node))
