"""The lines of the frame around every screen."""

from __future__ import annotations

from textual.strip import Strip
from textual.widget import Widget

from stoker_tui.widgets.pieces import Pieces, Styles, cut, strip, total


class Line(Widget):
    """One line of the frame: pieces at the left, and some at the right that give way last."""

    DEFAULT_CSS = """
    Line { height: 1; }
    """

    def __init__(self, styles: Styles, *, ascii_only: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self._styles = styles
        self._ascii = ascii_only
        self._left: Pieces = ()
        self._right: Pieces = ()
        self._fill = " "

    def show(self, left: Pieces, right: Pieces = (), *, fill: str = " ") -> None:
        """Show these; what is shown already is not drawn again."""
        if (left, right, fill) != (self._left, self._right, self._fill):
            self._left, self._right, self._fill = left, right, fill
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Give the line."""
        wide = self.size.width
        right = cut(self._right, wide)
        left = cut(self._left, max(wide - total(right) - (1 if right else 0), 0))
        space = wide - total(left) - total(right)
        pieces = [*left, (self._fill * space, "dim" if self._fill != " " else ""), *right]
        return strip(pieces, wide, self._styles, self.rich_style, ascii_only=self._ascii)
