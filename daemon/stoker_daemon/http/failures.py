"""Failure cards: made when they are asked for, from how an attempt ended and what it wrote."""

from __future__ import annotations

import asyncio
from pathlib import Path

from stoker_daemon.attempts import AttemptDirectory, AttemptKey
from stoker_daemon.commands.common import guess
from stoker_daemon.engine import Engine
from stoker_daemon.failure import card, failed_attempt, hide, outcome, streams_of
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.http.runs import find_run
from stoker_daemon.output.ends import ends
from stoker_daemon.preparing import Preparer
from stoker_daemon.problems import not_found
from stoker_daemon.projection import Projection
from stoker_shared import routes
from stoker_shared.api import FailureView, Number
from stoker_shared.model import NodeState
from stoker_shared.state import Attempt, NodeRun, Run
from stoker_shared.text import clean


class Failures:
    """The handler over the attempts' files."""

    def __init__(self, engine: Engine, projection: Projection, preparer: Preparer, logs: Path) -> None:
        self._engine = engine
        self._projection = projection
        self._preparer = preparer
        self._logs = logs

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [Operation("GET", routes.NODE_FAILURE, self.explain_failure)]

    async def explain_failure(self, run: Number, node: str) -> Answer[FailureView]:
        """Say why a node failed.

        It is told of its newest attempt that failed: how it ended, what it raised, how to repeat it by hand.
        """
        found = await find_run(self._engine, self._projection, run)
        if node not in found.numbers:
            raise not_found(f"run #{run} has no node {clean(node)!r}{guess(node, found.numbers)}")
        its_node = found.node(node)
        attempt = failed_attempt(its_node)
        if attempt is None and its_node.state is not NodeState.FAILED:
            raise not_found(f"node {node!r} of run #{run} has not failed: it is {its_node.state.value}")
        return Answer(await asyncio.to_thread(self._card, found, its_node, attempt))

    def _card(self, run: Run, node: NodeRun, attempt: Attempt | None) -> FailureView:
        if attempt is None:
            return card(node, None, (), "", ())
        if not run.keeps_output_of(attempt):
            told = f"{outcome(node, attempt)}; what it wrote is not kept any more"
            return FailureView(node=node.name, outcome=told)
        directory = AttemptDirectory(self._logs, AttemptKey(run.id, node.number, node.name, attempt.number))
        streams = streams_of(self._preparer.frozen(run, node).type)
        secrets = self._preparer.secrets(run)
        written = [(stream, hide(ends(directory.path, stream), secrets)) for stream in streams]
        names = self._preparer.environment_names(run, node, attempt)
        return card(node, attempt, written, str(directory.path / "work"), names)
