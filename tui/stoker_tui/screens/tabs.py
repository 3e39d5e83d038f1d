"""Pages of several tabs, one of which is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.widget import Widget
from textual.widgets import ContentSwitcher

from stoker_tui.screens.page import Page
from stoker_tui.widgets.frame import Line
from stoker_tui.widgets.pieces import Piece, Pieces


class TabbedPage(Page):
    """A page with ``TABS``: a line that names them, and a switcher of widgets that have their names."""

    TABS: ClassVar[Sequence[str]] = ()

    def __init__(self) -> None:
        super().__init__()
        self._tab = 0

    @property
    def tab(self) -> str:
        """The tab that is shown."""
        return self.TABS[self._tab]

    @property
    def shown(self) -> Widget:
        """What is shown in it."""
        return self.query_one(f"#{self.tab}")

    def turn(self, by: int) -> None:
        """Go to another tab."""
        self._tab = (self._tab + by) % len(self.TABS)
        self.query_one("#tabs", ContentSwitcher).current = self.tab
        self.shown.focus()
        self.redraw()

    def turn_to(self, tab: str) -> None:
        """Go to a tab."""
        self.turn(self.TABS.index(tab) - self._tab)

    def draw_tabs(self, right: Pieces = ()) -> None:
        """Name the tabs."""
        self.query_one("#tabline", Line).show(tab_line(self.TABS, self._tab), right)


def tab_line(names: Sequence[str], current: int) -> Pieces:
    """Give the tabs as a line, with the current one marked by looks and by brackets."""
    pieces: list[Piece] = [(" ", "")]
    for index, name in enumerate(names):
        pieces.append((f"[{name}]", "strong") if index == current else (f" {name} ", "dim"))
        pieces.append((" ", ""))
    return pieces
