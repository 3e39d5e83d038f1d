"""Failure cards, made of an attempt's files when they are asked for."""

from __future__ import annotations

from pathlib import Path

from stoker_daemon.attempts.directory import AttemptDirectory, AttemptKey
from stoker_daemon.attempts.failure import card, failed_attempt, hide, outcome, streams_of
from stoker_daemon.output.ends import ends
from stoker_daemon.preparing.preparer import Preparer
from stoker_shared.api import FailureView
from stoker_shared.state import NodeRun, Run


class Cards:
    """The cards of failed nodes; ``logs`` is where attempts write."""

    def __init__(self, preparer: Preparer, logs: Path) -> None:
        self._preparer = preparer
        self._logs = logs

    def of(self, run: Run, node: NodeRun) -> FailureView:
        """Give the card of a node, from its newest attempt that failed, without the secrets it wrote."""
        attempt = failed_attempt(node)
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
