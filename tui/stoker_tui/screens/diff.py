"""What leads from one definition of a workflow to another: its changes, and both graphs as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.widgets import ContentSwitcher

from stoker_shared.difference import Difference, by_field, told
from stoker_tui.actions import Kind
from stoker_tui.mirror import Topic
from stoker_tui.screens.page import focus_first
from stoker_tui.screens.tabs import TabbedPage
from stoker_tui.topics import Diff
from stoker_tui.widgets.dag_view import DagView
from stoker_tui.widgets.frame import Line
from stoker_tui.widgets.pane import Pane
from stoker_tui.widgets.pieces import Pieces

LOOKS = {"+": "added", "-": "removed", "~": "changed", "": "same"}
"""How a mark of the difference looks."""


class DiffScreen(TabbedPage):
    """A difference: between versions, or a version and the draft."""

    TABS = ("changes", "graph")

    def __init__(self, name: str, before: str, after: str) -> None:
        super().__init__()
        self._topic = Diff(name, before, after)

    @property
    def topics(self) -> Sequence[Topic]:
        """The difference."""
        return (self._topic,)

    @property
    def crumbs(self) -> Sequence[str]:
        """Say where it is."""
        places = [
            place if place == "draft" else f"v{place}" for place in (self._topic.before, self._topic.after)
        ]
        return ["workflows", self._topic.name, f"{places[0]} to {places[1]}"]

    @property
    def graph(self) -> DagView | None:
        """Both graphs as one, where it is shown."""
        return self.query_one(DagView) if self.tab == "graph" else None

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """There are tabs."""
        return {Kind.TABS: [None]}

    def body(self) -> ComposeResult:
        """Give the changes and the graph."""
        ascii_only = self.stoker.ascii_only
        yield Line(self.styles_of, ascii_only=ascii_only, id="tabline")
        with ContentSwitcher(id="tabs", initial="changes"):
            yield Pane(self.styles_of, ascii_only=ascii_only, id="changes")
            yield DagView(self.styles_of, ascii_only=ascii_only, id="graph")

    def draw(self) -> None:
        """Show the difference."""
        self.draw_tabs()
        pane, known = self.query_one("#changes", Pane), self._topic.value
        if known is None:
            pane.set_lines([[(self.why_nothing(self._topic), "dim")]])
            return
        pane.set_lines(change_lines(known.difference))
        show_graphs(self.query_one(DagView), known.difference)
        focus_first(self, self.shown)


def change_lines(difference: Difference) -> Iterator[Pieces]:
    """Give what differs, a line a field, then the edges that only one of them has."""
    if not difference.changes:
        yield [("they say the same", "dim")]
    for field in (field for change in difference.changes for field in by_field(change)):
        look = LOOKS["+" if field.before is None else "-" if field.after is None else "~"]
        yield [(told(field), look)]
    if difference.edges:
        yield []
    for edge in difference.edges:
        yield [(f"{edge.mark} {edge.upstream} → {edge.downstream}", LOOKS[edge.mark])]


def show_graphs(graph: DagView, difference: Difference) -> None:
    """Draw both graphs as one; without the edges that are gone where with them there would be a cycle."""
    looks = {node.name: LOOKS[node.mark] for node in difference.nodes}
    gone = {(edge.upstream, edge.downstream) for edge in difference.edges if edge.mark == "-"}
    try:
        graph.show({node.name: node.upstream for node in difference.nodes}, looks)
    except ValueError:
        graph.show(
            {
                node.name: [above for above in node.upstream if (above, node.name) not in gone]
                for node in difference.nodes
            },
            looks,
        )
