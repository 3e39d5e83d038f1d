"""A DAG to look at and to walk through: boxes in the colours of their states, the path of one brightened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby, zip_longest

from rich.segment import Segment
from rich.style import Style
from textual.events import Click, Key, Resize
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from stoker_shared.dag import Upstream
from stoker_shared.text import clean, fit
from stoker_tui.graph.drawing import Piece
from stoker_tui.graph.layout import Layout, lay_out
from stoker_tui.graph.pictures import Drawing, List, Picture
from stoker_tui.graph.placing import Zoom
from stoker_tui.graph.walking import Graph, Way
from stoker_tui.theme import GLYPHS
from stoker_tui.widgets.pieces import Styles, in_ascii, strip

MOST_COLUMNS = 500
"""What is wider opens smaller: as rows, as dots, or in the end as a list."""

LONGEST_NAME = 40
"""Cells of a name that a box shows."""

_SIZES = (None, Zoom.DOTS, Zoom.ROWS, Zoom.BOXES)
"""From small to large; None is the list."""


class DagView(ScrollView, can_focus=True):
    """A DAG drawn, with one node selected.

    ``styles`` gives how states, ``dim``, ``strong`` and ``cursor`` look.
    """

    DEFAULT_CSS = """
    DagView { height: 1fr; scrollbar-size: 1 1; }
    """

    class Selected(Message):
        """Another node is selected, or none."""

        def __init__(self, view: DagView, node: str | None) -> None:
            super().__init__()
            self.view = view
            self.node = node

        @property
        def control(self) -> DagView:
            """The view."""
            return self.view

    class Opened(Selected):
        """The selected node was clicked twice."""

    def __init__(self, styles: Styles, *, ascii_only: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.empty = ""
        """What stands where there are no nodes."""
        self._styles = styles
        self._ascii = ascii_only
        self._upstream: Upstream = {}
        self._graph = Graph({})
        self._states: dict[str, str] = {}
        self._layouts: dict[Zoom, Layout] = {}
        self._zoom: Zoom | None = Zoom.BOXES
        self._chosen = False
        """Whether it was chosen, and not by how much room there is."""
        self._shown: Picture = List(self._graph)
        self._path: set[str] = set()
        self._selected: str | None = None
        self._came_from: dict[str, str] = {}
        self._typed: str | None = None

    # What there is.

    def show(self, upstream: Upstream, states: Mapping[str, str]) -> None:
        """Show a DAG; what is selected stays so while it is there. Nodes without a state show none.

        Only where the DAG is another one it is laid out again.

        Raises:
            ValueError: there is a cycle.
        """
        if upstream == self._upstream and states.keys() == self._states.keys():
            self.show_states(states)
            return
        graph = Graph(upstream)
        self._states, self._upstream = dict(states), dict(upstream)
        self._graph, self._layouts, self._came_from = graph, {}, {}
        self._zoom_to(self._zoom if self._chosen else self._sensible())
        first = next(iter(graph.upstream), None)
        self.select(self._selected if self._selected in graph.upstream else first)

    def show_states(self, states: Mapping[str, str]) -> None:
        """Show other states of the same nodes; only what changed is drawn again."""
        changed = [node for node in self._graph.upstream if states.get(node) != self._states.get(node)]
        self._states = dict(states)
        for node in changed:
            self._repaint(node)

    @property
    def selected(self) -> str | None:
        """The node that is selected."""
        return self._selected

    @property
    def typing(self) -> bool:
        """Whether a name is being typed: every key is for that then."""
        return self._typed is not None

    @property
    def zoom(self) -> Zoom | None:
        """How nodes are drawn; None where they are a list."""
        return self._zoom

    # Where to look.

    def select(self, node: str | None) -> None:
        """Select a node, or none where there is no such node, and bring it into view."""
        node = node if node in self._graph.downstream else None
        if node != self._selected:
            self._selected = node
            self.post_message(self.Selected(self, node))
        self._path = self._graph.path(node) if node is not None else set()
        self._shown.brighten(node)
        self._bring_into_view()
        self.refresh()

    def go(self, way: Way) -> None:
        """Go from the selected node along an edge, or to the one beside it."""
        here = self._selected
        if here is None:
            return
        there = self._shown.step(here, way, self._came_from.get(f"{way.value} {here}"))
        if there == here:
            return
        if way in _BACK:
            self._came_from[f"{_BACK[way].value} {there}"] = here
        self.select(there)

    def pan(self, columns: int, rows: int) -> None:
        """Look elsewhere, whatever is selected."""
        self.scroll_to(
            self.scroll_offset.x + columns, self.scroll_offset.y + rows, animate=False, immediate=True
        )

    def zoom_in(self) -> None:
        """Draw larger."""
        self._zoom_by(1)

    def zoom_out(self) -> None:
        """Draw smaller: rows, dots, in the end a list."""
        self._zoom_by(-1)

    def next_zoom(self) -> None:
        """Draw smaller, and after the smallest large again."""
        self._chosen = True
        self._zoom_to(_SIZES[(_SIZES.index(self._zoom) - 1) % len(_SIZES)])
        self.select(self._selected)

    def jump(self) -> None:
        """Let a name be typed; the first node that has what is typed in its name is selected."""
        self._typed = ""
        self.refresh()

    # How it is drawn.

    def render_line(self, y: int) -> Strip:
        """Give a line of the screen."""
        wide = self.size.width
        if self._typed is not None and y == self.size.height - 1:
            return self._prompt(wide)
        if not self._graph.order:
            return strip(
                [(f"  {self.empty if y == 1 else ''}", "dim")],
                wide,
                self._styles,
                self.rich_style,
                ascii_only=self._ascii,
            )
        margin = self._margin
        first = self.scroll_offset.x
        segments = [Segment(" " * margin, self.rich_style)]
        segments += self._segments(self.scroll_offset.y + y, first, first + wide - margin)
        cells = sum(segment.cell_length for segment in segments)
        return Strip([*segments, Segment(" " * max(wide - cells, 0), self.rich_style)]).crop(0, wide)

    def _segments(self, row: int, first: int, last: int) -> Iterator[Segment]:
        """Give what is seen of a row from a column on."""
        base = self.rich_style
        for piece in self._shown.pieces(row, first, last, self._label):
            line = Strip([self._segment(text, base + style) for text, style in self._styled(piece, row)])
            # Only a box may begin left of what is seen.
            yield from line.crop(max(first - piece.column, 0))

    def _segment(self, text: str, style: Style) -> Segment:
        return Segment(in_ascii(text) if self._ascii else text, style)

    def _styled(self, piece: Piece, row: int) -> Iterator[tuple[str, Style]]:
        if piece.node is None:
            bright = self._shown.bright(row, piece.column, piece.column + len(piece.text))
            cells = zip_longest(piece.text, bright, fillvalue=0)
            for is_bright, run in groupby(cells, lambda cell: bool(cell[1])):
                yield "".join(str(glyph) for glyph, _ in run), self._styles("strong" if is_bright else "dim")
            return
        state = self._styles(self._states.get(piece.node, ""))
        if piece.node == self._selected:
            yield piece.text, state + self._styles("strong") + self._styles("cursor")
        elif piece.node in self._path:
            yield piece.text, state + self._styles("strong")
        else:
            yield piece.text, state

    def _label(self, node: str) -> str:
        return self._label_at(self._zoom, node)

    def _label_at(self, size: Zoom | None, node: str) -> str:
        glyph = GLYPHS.get(self._states.get(node, ""), "")
        if size is Zoom.DOTS:
            return glyph or "·"
        return f"{glyph} {fit(clean(node), LONGEST_NAME)}".lstrip()

    def _prompt(self, wide: int) -> Strip:
        found = self._found()
        what = f"/{self._typed}"
        told = (
            f"  {found.index(self._selected) + 1} of {len(found)}"
            if self._selected in found
            else "  no such node"
        )
        text = fit(what + (told if self._typed else "  type a name"), wide)
        return Strip([Segment(text, self.rich_style + self._styles("strong"))]).adjust_cell_length(
            wide, self.rich_style
        )

    # What happens to it.

    def on_resize(self, event: Resize) -> None:
        """Fit into the room there is, unless a size was chosen, and keep what is selected in view."""
        if not self._chosen:
            self._zoom_to(self._sensible())
        self.select(self._selected)

    def on_key(self, event: Key) -> None:
        """Take what is typed of a name."""
        if self._typed is None:
            return
        event.stop()
        event.prevent_default()
        if event.key in ("escape", "enter"):
            self._typed = None
        elif event.key in ("tab", "down", "up", "shift+tab"):
            self._next_found(1 if event.key in ("tab", "down") else -1)
        elif event.key == "backspace":
            self._typed = self._typed[:-1]
        elif event.is_printable and event.character:
            self._typed += event.character
            found = self._found()
            if found and self._selected not in found:
                self.select(found[0])
        self.refresh()

    def on_click(self, event: Click) -> None:
        """Select a node; a second click opens it."""
        node = self._shown.at(self.scroll_offset.x + event.x - self._margin, self.scroll_offset.y + event.y)
        if node is not None:
            self.select(node)
            if event.chain > 1:
                self.post_message(self.Opened(self, node))

    # Within.

    @property
    def _margin(self) -> int:
        """Columns before a drawing that leaves room, so that it stands in the middle."""
        return 0 if self._zoom is None else max((self.size.width - self._shown.width) // 2, 0)

    def _sensible(self) -> Zoom | None:
        """Give the largest size at which all is seen, else the largest that is not too wide."""
        zooms = [zoom for zoom in reversed(_SIZES) if zoom is not None]
        for zoom in (Zoom.BOXES, Zoom.ROWS):
            layout = self._laid_out(zoom)
            if layout.width <= self.size.width and layout.height <= self.size.height:
                return zoom
        return next((zoom for zoom in zooms if self._laid_out(zoom).width <= MOST_COLUMNS), None)

    def _laid_out(self, zoom: Zoom) -> Layout:
        if zoom not in self._layouts:
            labels = {node: self._label_at(zoom, node) for node in self._graph.upstream}
            self._layouts[zoom] = lay_out(self._graph.upstream, labels, zoom)
        return self._layouts[zoom]

    def _zoom_by(self, step: int) -> None:
        at = _SIZES.index(self._zoom) + step
        if 0 <= at < len(_SIZES):
            self._chosen = True
            self._zoom_to(_SIZES[at])
            self.select(self._selected)

    def _zoom_to(self, size: Zoom | None) -> None:
        self._zoom = size
        self._shown = (
            Drawing(self._graph, self._laid_out(size), ascii_only=self._ascii) if size else List(self._graph)
        )
        self.virtual_size = Size(self._shown.width, self._shown.height)

    def _bring_into_view(self) -> None:
        if self._selected is not None and self.size.width:
            region = Region(*self._shown.place(self._selected))
            self.scroll_to_region(region.grow((1, 3, 1, 3)), animate=False, immediate=True, force=True)

    def _repaint(self, node: str) -> None:
        if self.is_mounted:
            region = Region(*self._shown.place(node))
            self.refresh(region.translate(Offset(self._margin, 0) - self.scroll_offset))

    def _found(self) -> list[str]:
        """Give the nodes that have what is typed in their names, those that begin with it first."""
        typed = (self._typed or "").casefold()
        names = [node for node in self._graph.upstream if typed in node.casefold()]
        return sorted(names, key=lambda node: not node.casefold().startswith(typed))

    def _next_found(self, step: int) -> None:
        if found := self._found():
            at = found.index(self._selected) + step if self._selected in found else 0
            self.select(found[at % len(found)])


_BACK = {Way.UP: Way.DOWN, Way.DOWN: Way.UP}
