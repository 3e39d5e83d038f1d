"""The lines of the frame around every screen."""

from __future__ import annotations

from collections.abc import Sequence

from textual.events import Resize
from textual.strip import Strip
from textual.widget import Widget

from stoker_tui.widgets.pane import folded
from stoker_tui.widgets.pieces import Pieces, Styles, cut, strip, total


class Line(Widget):
    """One line of the frame: pieces at the left, and some at the right that give way last.

    Where it is narrower than what it says it takes as many lines as ``most``.
    """

    DEFAULT_CSS = """
    Line { height: 1; }
    """

    def __init__(
        self, styles: Styles, *, ascii_only: bool = False, most: int = 1, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._styles = styles
        self._ascii = ascii_only
        self._most = most
        self._lines: Sequence[Pieces] = [()]
        self._left: Pieces = ()
        self._right: Pieces = ()
        self._fill = " "

    def show(self, left: Pieces, right: Pieces = (), *, fill: str = " ") -> None:
        """Show these; what is shown already is not drawn again."""
        if (left, right, fill) != (self._left, self._right, self._fill):
            self._left, self._right, self._fill = left, right, fill
            self._fold()
            self.refresh()

    def on_resize(self, event: Resize) -> None:
        """Take the lines that it needs in the room there is."""
        self._fold()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Give a line."""
        wide, last = self.size.width, y >= len(self._lines) - 1
        right = cut(self._right, wide) if last else []
        left = cut(self._lines[min(y, len(self._lines) - 1)], max(wide - total(right) - bool(right), 0))
        space, fill = wide - total(left) - total(right), self._fill if last else " "
        pieces = [*left, (fill * space, "dim" if fill != " " else ""), *right]
        return strip(pieces, wide, self._styles, self.rich_style, ascii_only=self._ascii)

    def _fold(self) -> None:
        """Fold what it says where it is too long for a line; what is too long for all of them is cut."""
        self._lines = [self._left]
        wide = self.size.width - 1
        if self._most > 1 and wide > 0 and total(self._left) + total(self._right) > wide:
            first, *others = folded(self._left, wide)
            head = [first, *([(" ", ""), *line] for line in others)]
            rest = [piece for line in head[self._most - 1 :] for piece in line]
            self._lines = [*head[: self._most - 1], rest]
            if total(rest) + total(self._right) > wide and len(self._lines) < self._most:
                self._lines.append(())
        if self.styles.height is None or self.styles.height.value != len(self._lines):
            self.styles.height = len(self._lines)
