"""What somebody else saved, beside what is yours: field by field, to keep either."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Static

from stoker_shared.definition import faults
from stoker_shared.difference import Change as Difference
from stoker_shared.difference import by_field
from stoker_shared.model import NodeSpec, WorkflowSpec
from stoker_shared.text import clean_line
from stoker_shared.writing import written
from stoker_tui.cli.tables import Column as Shape
from stoker_tui.editing.merging import Change, Place, Side, changes, merged, side_of, to_choose, value_words
from stoker_tui.looks import style
from stoker_tui.screens.dialogs import words
from stoker_tui.screens.publish import fault_words
from stoker_tui.widgets.line_table import Column, LineTable
from stoker_tui.widgets.pane import Pane
from stoker_tui.widgets.pieces import Pieces

if TYPE_CHECKING:
    from rich.style import Style

    from stoker_tui.app import StokerApp

_KEYS = "← yours  → theirs  b both  Y T all of one  enter save  esc not yet"


class Merge(ModalScreen[WorkflowSpec | None]):
    """Gives both together as was chosen; None where that is put off."""

    CSS = """
    Merge .dialog { width: 98%; max-width: 98%; height: 90%; }
    Merge .dialog LineTable { height: 1fr; background: $surface; }
    Merge .dialog Pane { height: 1fr; max-height: 100%; border-top: solid $panel; }
    """

    def __init__(self, title: str, base: WorkflowSpec, mine: WorkflowSpec, theirs: WorkflowSpec) -> None:
        super().__init__()
        self._title = title
        self._mine = mine
        self._theirs = theirs
        self._changes = changes(base, mine, theirs)
        self._chosen: dict[Place, Side] = {}
        self._open = to_choose(mine, theirs, self._changes, self._chosen)
        self._table: LineTable[Change] | None = None

    def compose(self) -> ComposeResult:
        """Give the fields that differ, and the one under the cursor whole."""
        ascii_only = cast("StokerApp", self.app).ascii_only
        self._table = LineTable(
            [
                Column(Shape("FIELD", text=True), self._field),
                Column(Shape("YOURS", text=True), lambda change: self._side(change, Side.MINE)),
                Column(Shape("THEIRS", text=True), lambda change: self._side(change, Side.THEIRS)),
            ],
            key=lambda change: change.place,
            styles=self._style,
            ascii_only=ascii_only,
        )
        with Vertical(classes="dialog"):
            yield Static(words(self._title, ascii_only=ascii_only), classes="title")
            yield self._table
            yield Pane(self._style, ascii_only=ascii_only)
            yield Static("", classes="problem")
            yield Static(words(_KEYS, ascii_only=ascii_only), classes="hint")

    def on_mount(self) -> None:
        """Show them, those first that are to be chosen."""
        if self._table is not None:
            self._table.set_rows(sorted(self._changes, key=lambda change: change.place not in self._open))
            self._table.focus()
        self._show_whole()

    def on_line_table_moved(self) -> None:
        """Show the field under the cursor whole."""
        self._show_whole()

    def on_key(self, event: Key) -> None:
        """Choose, go about, or leave."""
        if (table := self._table) is None:
            return
        event.stop()
        one = [table.current] if table.current else []
        match event.key:
            case "left" | "y" | "h":
                self._choose(one, Side.MINE)
            case "right" | "t" | "l":
                self._choose(one, Side.THEIRS)
            case "b":
                self._choose_both(one)
            case "Y" | "upper_y":
                self._choose(self._changes, Side.MINE)
            case "T" | "upper_t":
                self._choose(self._changes, Side.THEIRS)
            case "down" | "j":
                table.move(1)
            case "up" | "k":
                table.move(-1)
            case "pagedown" | "pageup":
                table.page(1 if event.key == "pagedown" else -1)
            case "enter":
                self._accept()
            case "escape":
                self.dismiss(None)

    def _choose(self, changes: list[Change], side: Side) -> None:
        self._chosen |= {change.place: side for change in changes}
        self._open = to_choose(self._mine, self._theirs, self._changes, self._chosen)
        self._say("")
        if self._table is not None:
            self._table.repaint()

    def _choose_both(self, changes: list[Change]) -> None:
        if any(change.both is None for change in changes):
            self._say("only lists of names can have what both did: choose yours or theirs")
        else:
            self._choose(changes, Side.BOTH)

    def _accept(self) -> None:
        spec = merged(self._mine, self._theirs, self._changes, self._chosen)
        wrong = [fault_words(fault, [node.name for node in spec.nodes]) for fault in faults(spec)]
        if wrong:
            self._say(f"these do not go together: {wrong[0]}")
        else:
            self.dismiss(spec)

    def _field(self, change: Change) -> Pieces:
        return [("✖ " if change.place in self._open else "  ", "warning"), (change.name, "")]

    def _side(self, change: Change, side: Side) -> Pieces:
        taken = side_of(change, self._chosen) in (side, Side.BOTH)
        text = value_words(change.mine if side is Side.MINE else change.theirs)
        return [("▸ " if taken else "  ", "strong"), (text, "strong" if taken else "dim")]

    def _show_whole(self) -> None:
        lines: list[Pieces] = []
        if self._table and (change := self._table.current):
            lines = list(_whole(change))
        self.query_one(Pane).set_lines(lines)

    def _say(self, text: str) -> None:
        ascii_only = cast("StokerApp", self.app).ascii_only
        self.query_one(".problem", Static).update(words(text, ascii_only=ascii_only))

    def _style(self, name: str) -> Style:
        return style(self.app.theme, name)


def _whole(change: Change) -> Iterator[Pieces]:
    yield [(change.name, "strong")]
    values = {"yours": change.mine, "theirs": change.theirs, "before": change.base}
    if change.side is Side.BOTH:
        values = {"both": change.both, **values}
    for name, value in values.items():
        for index, line in enumerate(_lines(value)):
            yield [(f"{'' if index else name:<7}", "dim"), (line, "")]


def _lines(value: Any) -> Iterator[str]:
    """Give a value as lines, a node by its fields."""
    if not isinstance(value, NodeSpec):
        yield value_words(value)
        return
    place = f"nodes/{value.name}"
    for field in by_field(Difference(place, None, written(value))):
        yield f"{clean_line(field.path.removeprefix(f'{place}/'))}: {value_words(field.after)}"
