"""What every screen of the UI has: its frame, its topics, its table of things, and its keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from textual.app import ComposeResult
from textual.events import Key, Resize
from textual.messages import Prune
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from stoker_tui.actions import FOCUSED, Action, Kind, key_name, key_while_typing
from stoker_tui.looks import style
from stoker_tui.mirror import Connection, Topic
from stoker_tui.widgets.dag_view import DagView
from stoker_tui.widgets.form import FormView
from stoker_tui.widgets.frame import Line
from stoker_tui.widgets.line_table import LineTable
from stoker_tui.widgets.log_view import LogView
from stoker_tui.widgets.pane import Pane
from stoker_tui.widgets.pieces import Piece, Pieces, total

if TYPE_CHECKING:
    from rich.style import Style

    from stoker_tui.app import StokerApp


_ENDS = 2
"""Of where somebody is, the workspace and the place itself are said also where there is little room."""


class FilterLine(Input):
    """Where a filter is typed."""

    DEFAULT_CSS = """
    FilterLine { height: 1; border: none; padding: 0 1; display: none; background: $surface; }
    FilterLine:focus { border: none; }
    """


class Page(Screen[None]):
    """A screen: a header, a body, a line for what is said, and the keys.

    ``crumb`` says where it is. It shows ``topics``, and draws itself from their values in `draw`.
    """

    DEFAULT_CSS = """
    Page { layout: vertical; background: $background; overflow: hidden; }
    Page ContentSwitcher { height: 1fr; }
    """

    crumb = ""

    def __init__(self) -> None:
        super().__init__()
        self._said = ""
        self._showing = False
        self._ready = False
        """What it is made of is there."""

    # What a screen is asked for.

    @property
    def topics(self) -> Sequence[Topic]:
        """What it shows."""
        return ()

    @property
    def crumbs(self) -> Sequence[str]:
        """Say where it is."""
        return [self.crumb]

    def body(self) -> ComposeResult:
        """Give what is between the header and the line of keys."""
        yield from ()

    def draw(self) -> None:
        """Show what the topics say now."""

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give what actions would be about now."""
        return {}

    @property
    def table(self) -> LineTable | None:
        """The list that list actions are about."""
        return None

    @property
    def graph(self) -> DagView | None:
        """The graph that graph actions are about."""
        return None

    @property
    def output(self) -> LogView | None:
        """The output that its actions are about."""
        return None

    @property
    def facts(self) -> Pane | None:
        """What is known of what is under the cursor."""
        return None

    @property
    def form(self) -> FormView | None:
        """The form that its actions are about."""
        return None

    def why_not(self, action: Action) -> str:
        """Say why an action can't be done on this screen now, whatever it is about; nothing where it can."""
        return ""

    def holds_back(self) -> bool:
        """Ask what becomes of what is edited here before it is left, and tell whether that is asked."""
        return False

    def open(self) -> None:
        """Open what is under the cursor."""

    def turn(self, by: int) -> None:
        """Go to another tab."""

    # What all have.

    @property
    def stoker(self) -> StokerApp:
        """The application."""
        return cast("StokerApp", self.app)

    def key_of(self, id: str) -> str:
        """Give the key of an action, as the user has it."""
        return key_name(self.stoker.actions[id]) or self.key_of("app.palette")

    def styles_of(self, name: str) -> Style:
        """Give the style of a name in the theme there is."""
        return style(self.app.theme, name)

    def compose(self) -> ComposeResult:
        """Give the frame, and the body in it."""
        ascii_only = self.stoker.ascii_only
        yield Line(self.styles_of, ascii_only=ascii_only, id="header")
        yield from self.body()
        yield FilterLine(placeholder='words, status:failed, tag:team=sales, "two words"', id="filter")
        yield Line(self.styles_of, ascii_only=ascii_only, most=3, id="said")
        yield Line(self.styles_of, ascii_only=ascii_only, id="keys")

    def on_mount(self) -> None:
        """Make known what it shows."""
        self._ready = True
        for topic in self.topics:
            self.stoker.mirror.add(topic)
        self.redraw()

    def on_screen_resume(self) -> None:
        """Have what it shows kept up to date."""
        if not self._showing:
            self._showing = True
            self.stoker.mirror.show(self.topics)
        self.redraw()

    def on_screen_suspend(self) -> None:
        """Have it kept up to date no more, unless a dialog is all that is before it."""
        if self._showing and not self.app.screen.is_modal:
            self._showing = False
            self.stoker.mirror.hide(self.topics)

    async def on_prune(self, event: Prune) -> None:
        """Draw no more: what it is made of goes before it does."""
        self._ready = False

    def on_unmount(self) -> None:
        """Let go of what only this screen shows; once, though Textual calls what a subclass calls, too."""
        if self._showing:
            self._showing = False
            self.stoker.mirror.hide(self.topics)
        for topic in self.topics:
            if topic not in self.stoker.shared_topics:
                self.stoker.mirror.remove(topic)

    def on_resize(self, event: Resize) -> None:
        """Show as many keys as there is room for."""
        self.draw_frame()

    def redraw(self) -> None:
        """Draw the frame and what the topics say."""
        if self._ready:
            self.draw()
            self.draw_frame()

    def say(self, text: str) -> None:
        """Say something in the line above the keys, until the next key."""
        self._said = text
        self.draw_frame()

    def kinds(self) -> set[Kind]:
        """Give the kinds of things that actions can be about here."""
        shown = {
            Kind.LIST: self.table,
            Kind.GRAPH: self.graph,
            Kind.OUTPUT: self.output,
            Kind.FACTS: self.facts,
            Kind.FORM: self.form,
        }
        focused = {kind for kind, widget in shown.items() if widget is not None}
        return {Kind.APP, Kind.DAEMON, *self.things(), *focused}

    def why_nothing(self, topic: Topic) -> str:
        """Say why nothing is known yet of what is shown."""
        if self.stoker.mirror.connection is Connection.GONE:
            return "there is no daemon; it is shown when one is back"
        return topic.problem or "asking the daemon ..."

    # Keys.

    def on_key(self, event: Key) -> None:
        """Do what a key is for here, unless somebody types."""
        if isinstance(self.focused, Input):
            if event.key in ("escape", "enter"):
                event.stop()
                event.prevent_default()
                self._filtered(keep=event.key == "enter")
            return
        for typed in (self.graph, self.output):
            if typed is not None and typed.typing:
                typed.on_key(event)
                return
        if self.form is not None and self.form.key(event):
            event.stop()
            event.prevent_default()
            return
        key = event.character if event.is_printable and event.character not in (None, " ") else event.key
        if self._said:
            self.say("")
        actions = self.stoker.actions.under(key or event.key, self.kinds())
        if actions:
            event.stop()
            event.prevent_default()
            self.stoker.act(actions)

    def ask_filter(self) -> None:
        """Let a filter be typed."""
        line = self.query_one(FilterLine)
        # By itself: what is not shown can't have the focus.
        line.display = True
        line.value = self.table.filter_text if self.table else ""
        self.set_focus(line)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        if self.table is not None and isinstance(event.input, FilterLine):
            self.say(self.table.filter_by(event.value))

    def back(self) -> bool:
        """Drop marks, then the filter, and tell whether there was either."""
        table = self.table
        if table is None or not (table.marked or table.filter_text):
            return False
        if table.marked:
            table.unmark()
        else:
            table.filter_by("")
        self.draw_frame()
        return True

    def _filtered(self, *, keep: bool) -> None:
        line = self.query_one(FilterLine)
        line.display = False
        if self.table is not None:
            self.table.focus()
            if not keep:
                self.table.filter_by("")
        self.draw_frame()

    def on_line_table_moved(self, event: LineTable.Moved) -> None:
        """Show the keys for what is under the cursor now."""
        self.draw_frame()

    def on_form_view_moved(self, event: FormView.Moved) -> None:
        """Show the keys for what is under the cursor now."""
        self.draw_frame()

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """Open what was chosen."""
        self.open()

    # The frame.

    def draw_frame(self) -> None:
        """Draw what is around the body."""
        if not self._ready:
            return
        self.query_one("#header", Line).show(*self._header())
        self.query_one("#said", Line).show(*self._status_line(), fill="─")
        self.query_one("#keys", Line).show(*self._keys())

    def _header(self) -> tuple[Pieces, Pieces]:
        mirror = self.stoker.mirror
        # Whatever it is of, it lies on the list that it was opened from: back leads there.
        first = self.app.screen_stack[0]
        _, *below = self.crumbs
        where = [self.stoker.link.workspace, first.crumb if isinstance(first, Page) else "", *below]
        state = mirror.connection
        style = {Connection.LIVE: "live", Connection.GONE: "gone"}.get(state, "dim")
        glyph = {Connection.LIVE: "●", Connection.GONE: "✖"}.get(state, "◌")
        host = f"  {mirror.status.host}" if mirror.status else ""
        right = [(f"{glyph} {state.value}", style), (f"{host} ", "dim")]
        left = _path(where)
        while len(where) > _ENDS and total(left) + total(right) >= self.size.width:
            del where[1]
            left = _path(where)
        return left, right

    def _status_line(self) -> tuple[Pieces, Pieces]:
        mirror = self.stoker.mirror
        said: list[Piece] = []
        if self._said:
            said = [("─ ", "dim"), (self._said, "strong"), (" ", "")]
        elif mirror.connection is Connection.GONE:
            start = self.key_of("daemon.start")
            what = f"no daemon at {mirror.path}; {start} starts one"
            said = [("─ ", "dim"), (what, "gone"), (" ", "")]
        elif mirror.status and mirror.status.held:
            said = [("─ ", "dim"), (f"changes are refused: {mirror.status.held}", "warning"), (" ", "")]
        elif mirror.status and (drained := mirror.status.draining):
            said = [
                ("─ ", "dim"),
                (f"draining: no node is started, as {drained.by} asked", "warning"),
                (" ", ""),
            ]
        return said, self._counted()

    def _counted(self) -> Pieces:
        table = self.table
        if table is None:
            return []
        counted = f" {len(table.rows)} of {table.count}" if table.filter_text else f" {table.count}"
        marks = f", {len(table.marked)} marked" if table.marked else ""
        wanted = f" /{table.filter_text}" if table.filter_text else ""
        return [(wanted, "warning"), (counted + marks, "dim"), (" ─", "dim")]

    def _keys(self) -> tuple[Pieces, Pieces]:
        """Give the keys: those for what is here as far as they fit, and at the right those of all screens."""
        if self.form is not None and self.form.typing:
            return [(" ", ""), *self.form.hints], self._saving_key()
        here: list[tuple[Pieces, bool]] = []
        everywhere: list[Piece] = []
        done = set()
        for action, able in self._footer():
            key = key_name(action)
            if not key or key in done:
                continue
            done.add(key)
            shown = [(key, "key" if able else "dim"), (f" {action.word}  ", "" if able else "dim")]
            if action.kind in (Kind.APP, Kind.DAEMON):
                everywhere += shown
            else:
                here.append((shown, able))
        return [(" ", ""), *fitting(here, self.size.width - total(everywhere) - 2)], everywhere

    def _saving_key(self) -> Pieces:
        """Give the key that saves while somebody types, where there is one."""
        for action in self.stoker.actions.offered(self.kinds()):
            if action.id in ("filled.save", "draft.save") and (key := key_while_typing(action)):
                return [(key, "key"), (f" {action.word} ", "")]
        return []

    def _footer(self) -> Iterable[tuple[Action, bool]]:
        """Give the actions for the footer, of several under one key first what is possible.

        What is about things of which there are none is not among them.
        """
        things = self.things()
        here = self.stoker.actions.offered(self.kinds())
        taken = {key for action in here if action.kind in FOCUSED for key in action.keys}
        offered = [
            (action, self.stoker.is_possible(action))
            for action in here
            if action.footer
            and things.get(action.kind, (None,))
            and (action.kind in FOCUSED or taken.isdisjoint(action.keys[:1]))
        ]
        offered = [(action, able) for action, able in offered if able or action.kind is not Kind.DAEMON]
        able = {action.keys[:1] for action, can in offered if can}
        return [(action, can) for action, can in offered if can or action.keys[:1] not in able]


def _path(where: Sequence[str]) -> Pieces:
    pieces: list[Piece] = [(" stoker  ", "strong")]
    for crumb in where[:-1]:
        pieces += [(crumb, "dim"), (" ▸ ", "dim")]
    return [*pieces, (where[-1], "strong")]


def fitting(keys: Sequence[tuple[Pieces, bool]], room: int) -> Pieces:
    """Give the keys that there is room for in their order; those that can't be used now give way first."""
    shown = set()
    for index in sorted(range(len(keys)), key=lambda index: not keys[index][1]):
        room -= total(keys[index][0])
        if room < 0:
            break
        shown.add(index)
    return [piece for index in sorted(shown) for piece in keys[index][0]]


def focus_first(page: Page, widget: Widget | None) -> None:
    """Give a widget the focus, where nobody has it."""
    if widget is not None and page.focused is None:
        widget.focus()
