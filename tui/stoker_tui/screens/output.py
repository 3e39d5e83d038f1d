"""What a node wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual.app import ComposeResult

from stoker_shared.api import Stream
from stoker_tui.actions import Action, Kind, NodeOf
from stoker_tui.client import Client
from stoker_tui.logs.source import Source
from stoker_tui.mirror import Topic
from stoker_tui.screens.page import Page
from stoker_tui.topics import Run
from stoker_tui.widgets.log_view import LogView


class OutputScreen(Page):
    """The output of one node of a run, and what can be done to the node."""

    def __init__(self, run: int, node: str, attempts: int, stream: Stream = Stream.BOTH) -> None:
        super().__init__()
        self._stream = stream
        self._topic = Run(run)
        self._node = node
        self._attempts = attempts

    @property
    def topics(self) -> Sequence[Topic]:
        """The run, for the attempts that there are."""
        return (self._topic,)

    @property
    def crumbs(self) -> Sequence[str]:
        """Say where it is."""
        return ["runs", f"#{self._topic.number}", self._node]

    @property
    def output(self) -> LogView:
        """The view."""
        return self.query_one(LogView)

    def body(self) -> ComposeResult:
        """Give the view."""
        yield LogView(
            self.styles_of,
            self._source,
            self._whole,
            title=f"#{self._topic.number} {self._node}",
            attempts=self._attempts,
            stream=self._stream,
            ascii_only=self.stoker.ascii_only,
        )

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the node."""
        known = self._topic.value
        nodes = [node for node in known.view.nodes if node.name == self._node] if known else []
        return {Kind.NODE: [NodeOf(known.view, node, known.cards.get(node.name)) for node in nodes if known]}

    def why_not(self, action: Action) -> str:
        """Say that it is read already."""
        return "its log is shown already; t shows another stream" if action.id == "node.log" else ""

    def draw(self) -> None:
        """Take note of new attempts."""
        known = self._topic.value
        if known is not None:
            attempts = {node.name: len(node.attempts) for node in known.view.nodes}
            self.output.know_attempts(max(attempts.get(self._node, 0), 1))

    def _source(self, attempt: int, stream: Stream) -> Source:
        return self.stoker.link.output(self._topic.number, self._node, attempt, stream)

    def _whole(self, attempt: int, stream: Stream) -> Iterator[bytes]:
        # In a client of its own: it is read in a thread, or while the UI stands still.
        client = Client(self.stoker.link.path)
        return client.read_log(self._topic.number, self._node, attempt, stream.value)
