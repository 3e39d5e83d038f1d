"""When the nodes of a run ran, over the room there is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual.events import Resize

from stoker_shared.api import NodeView
from stoker_tui.graph.gantt import gantt
from stoker_tui.widgets.pane import Pane
from stoker_tui.widgets.pieces import Styles


class GanttView(Pane):
    """A run's nodes over time."""

    def __init__(self, styles: Styles, *, ascii_only: bool = False, id: str | None = None) -> None:
        super().__init__(styles, ascii_only=ascii_only, wrap=False, id=id)
        self._shown: Sequence[NodeView] = ()
        self._from = self._to = datetime.min

    def show(self, nodes: Sequence[NodeView], start: datetime, now: datetime) -> None:
        """Show a run that started then, as it stands now."""
        self._shown, self._from, self._to = nodes, start, now
        self._fit()

    def on_resize(self, event: Resize) -> None:
        """Draw it as wide as the room there is."""
        self._fit()

    def _fit(self) -> None:
        room = self.scrollable_content_region.width
        if room and self._shown:
            self.set_lines(gantt(self._shown, self._from, self._to, room))
