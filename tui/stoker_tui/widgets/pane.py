"""Lines of styled text, wrapped to the room there is, that can be scrolled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from textual.events import Resize
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from stoker_shared.text import width
from stoker_tui.widgets.pieces import Piece, Pieces, Styles, strip

LONGEST = 2000
"""Characters of one line that are shown; what is longer goes on elsewhere."""


class Pane(ScrollView, can_focus=True):
    """Lines to read."""

    DEFAULT_CSS = """
    Pane { height: 1fr; scrollbar-size: 1 1; padding: 0 1; scrollbar-gutter: stable; }
    """

    def __init__(
        self, styles: Styles, *, ascii_only: bool = False, wrap: bool = True, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._styles = styles
        self._ascii = ascii_only
        self._wrap = wrap
        self._given: Sequence[Pieces] = ()
        self._lines: list[Pieces] = []

    def set_lines(self, lines: Iterable[Pieces]) -> None:
        """Show these lines; only what is otherwise than before is drawn again."""
        given = list(lines)
        if given != self._given:
            self._given = given
            self._fold()

    def render_line(self, y: int) -> Strip:
        """Give a line of the screen."""
        index = self.scroll_offset.y + y
        pieces = self._lines[index] if index < len(self._lines) else []
        wide = max(self.virtual_size.width, self.scrollable_content_region.width)
        line = strip(pieces, wide, self._styles, self.rich_style, ascii_only=self._ascii)
        return line.crop(self.scroll_offset.x, self.scroll_offset.x + self.size.width)

    def on_resize(self, event: Resize) -> None:
        """Wrap to the room there is."""
        self._fold()

    def _fold(self) -> None:
        room = self.scrollable_content_region.width
        if not room:
            return
        before, size = self._lines, self.virtual_size
        self._lines = [
            part for line in self._given for part in (folded(line, room) if self._wrap else [line])
        ]
        longest = (
            0 if self._wrap else max((sum(width(t) for t, _ in line) for line in self._lines), default=0)
        )
        self.virtual_size = Size(longest, len(self._lines))
        if self.virtual_size != size or not before:
            self.refresh()
            return
        top = self.scroll_offset.y
        for index in range(top, min(top + self.size.height, len(self._lines))):
            if self._lines[index] != before[index]:
                self.refresh(Region(0, index - top, room, 1))


def folded(line: Pieces, room: int) -> Iterator[Pieces]:
    """Give a line as lines of at most ``room`` cells, broken at spaces where there are any."""
    current: list[Piece] = []
    used = 0
    for text, name in line:
        for word in _words(text[:LONGEST]):
            rest = word
            while rest:
                wide = width(rest)
                if used + wide <= room:
                    current.append((rest, name))
                    used += wide
                    break
                if used and not rest.isspace():
                    yield current
                    current, used = [], 0
                elif rest.isspace():
                    break
                else:
                    part = _head(rest, room)
                    yield [(part, name)]
                    rest = rest[len(part) :]
    yield current


def _words(text: str) -> Iterator[str]:
    """Give words and the spaces between them, in turn."""
    start = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or text[index].isspace() != text[start].isspace():
            yield text[start:index]
            start = index


def _head(text: str, cells: int) -> str:
    """Give as many characters as fit, one at least."""
    used = 0
    for index, character in enumerate(text):
        used += width(character)
        if used > cells:
            return text[: max(index, 1)]
    return text
