"""Dialogs: a question, a choice among several things, a line to type, and what is to be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import Key, Resize
from textual.screen import ModalScreen
from textual.style import Style as VisualStyle
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from stoker_shared.text import fit, width
from stoker_tui.looks import style
from stoker_tui.widgets.pane import Pane
from stoker_tui.widgets.pieces import Pieces, in_ascii

if TYPE_CHECKING:
    from rich.style import Style

    from stoker_tui.app import StokerApp

DIALOG_CSS = """
Confirm, Choose, Ask, Read, StartRun, Merge, Publish { align: center middle; background: transparent; }
.dialog {
    width: 78; max-width: 100%; height: auto; max-height: 90%;
    border: round $primary; background: $surface; padding: 0 1;
}
.dialog .title { text-style: bold; height: auto; }
.dialog .hint { color: $text-muted; height: auto; }
.dialog .problem { color: $error; height: auto; }
.dialog Input { height: 1; border: none; padding: 0; background: $surface; }
.dialog Input:focus { border: none; background: $panel; }
.dialog OptionList { height: auto; max-height: 16; border: none; padding: 0; background: $surface; }
.dialog OptionList > .option-list--option-highlighted {
    background: $surface; color: $foreground; text-style: none;
}
.dialog Pane { height: 20; max-height: 70vh; padding: 0; background: $surface; }
"""

_DIGITS = "123456789"
"""What chooses one of the first things."""

_SCROLLBAR = 2


def room_in_dialog(columns: int) -> int:
    """Give the cells that a dialog has for text on a screen of so many columns."""
    return min(78, columns) - 5


def words(text: str, *, ascii_only: bool) -> Content:
    """Give clean text as it stands, whatever brackets are in it."""
    return Content(in_ascii(text) if ascii_only else text)


class Confirm(ModalScreen[bool]):
    """Ask before something is done that can't be undone."""

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Give the question, and how to answer it."""
        ascii_only = cast("StokerApp", self.app).ascii_only
        with Vertical(classes="dialog"):
            yield Static(words(self._question, ascii_only=ascii_only), classes="title")
            yield Static(words("y yes   n, esc no", ascii_only=ascii_only), classes="hint")

    def on_key(self, event: Key) -> None:
        """Take an answer; anything but a clear yes or no is none."""
        event.stop()
        if event.key in ("y", "n", "escape", "q"):
            self.dismiss(event.key == "y")


class Choice(NamedTuple):
    """One thing to choose: ``why_not`` says why it can't be, where it can't.

    It is found by ``also`` as well as by what is shown of it.
    """

    label: str
    value: Any
    note: str = ""
    why_not: str = ""
    also: str = ""


def found(choices: Sequence[Choice], text: str) -> list[Choice]:
    """Give the choices that have all words of a text, first those with names that the first of them begins.

    Of a path the name is its last part.
    """
    wanted = text.casefold().split()
    having = [
        choice
        for choice in choices
        if all(word in f"{choice.label} {choice.note} {choice.also}".casefold() for word in wanted)
    ]
    first = "".join(wanted[:1])
    return sorted(having, key=lambda choice: not choice.label.rpartition("/")[2].casefold().startswith(first))


class Options(OptionList):
    """Things to choose among: the one under the cursor is in reverse video, as it is in lists."""

    def get_visual_style(self, *component_classes: str, partial: bool = False) -> VisualStyle:
        """Give a style; what a sheet says of reverse video is not heard."""
        found = super().get_visual_style(*component_classes, partial=partial)
        highlighted = "option-list--option-highlighted" in component_classes
        return found + VisualStyle(reverse=True) if highlighted else found


class Choose(ModalScreen[Any]):
    """Choose one of several things by its number; with ``search`` by typing some of its words."""

    def __init__(self, title: str, choices: Sequence[Choice], *, search: bool = False) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._search = search
        self._shown: list[Choice] = []

    def compose(self) -> ComposeResult:
        """Give the things to choose among."""
        ascii_only = cast("StokerApp", self.app).ascii_only
        with Vertical(classes="dialog"):
            yield Static(words(self._title, ascii_only=ascii_only), classes="title")
            if self._search:
                yield Input(placeholder="type some words", compact=True)
            yield Options(compact=True)
            yield Static("", classes="problem")
            yield Static("enter take it   up, down another   esc give up", classes="hint")

    def on_mount(self) -> None:
        """Show all of them."""
        self._fill("")
        self.set_focus(self.query_one(Input if self._search else OptionList))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show those that have the words typed."""
        self._fill(event.value)

    def on_input_submitted(self) -> None:
        """Choose the one that is highlighted."""
        self._choose(self.query_one(OptionList).highlighted)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Choose it."""
        self._choose(event.option_index)

    def on_key(self, event: Key) -> None:
        """Move among the choices while words are typed, and leave."""
        options = self.query_one(OptionList)
        if event.key == "escape":
            event.stop()
            self.dismiss(None)
        elif event.key in ("down", "up") and self._search:
            event.stop()
            options.action_cursor_down() if event.key == "down" else options.action_cursor_up()
        elif event.key in ("j", "k") and not self._search:
            event.stop()
            options.action_cursor_down() if event.key == "j" else options.action_cursor_up()
        elif event.key in _DIGITS and not self._search:
            event.stop()
            self._choose(_DIGITS.index(event.key))

    def _fill(self, text: str) -> None:
        app = cast("StokerApp", self.app)
        self._shown = found(self._choices, text)
        options = self.query_one(OptionList)
        options.clear_options()
        for index, choice in enumerate(self._shown):
            options.add_option(Option(self._line(index, choice, app)))
        self.query_one(".problem", Static).update("" if self._shown else "nothing here has these words")
        if self._shown:
            options.highlighted = next(
                (index for index, choice in enumerate(self._shown) if not choice.why_not), 0
            )

    def _line(self, index: int, choice: Choice, app: StokerApp) -> Content:
        """Give a choice with its note; where words are searched, in one line with the note at the right."""
        dim = str(style(app.theme, "dim"))
        label, note = choice.label, choice.why_not or choice.note
        if not self._search:
            label = f"{_DIGITS[index] if index < len(_DIGITS) else ' '}  {label}"
        elif not choice.why_not:
            room = room_in_dialog(app.size.width) - _SCROLLBAR
            label = fit(label, room - width(note) - 2)
            label += " " * (room - width(label) - width(note) - 2)
        content = words(f"{label}  {note}" if note else label, ascii_only=app.ascii_only)
        return content.stylize(dim, 0 if choice.why_not else len(label))

    def _choose(self, index: int | None) -> None:
        if index is None or index >= len(self._shown):
            return
        choice = self._shown[index]
        if choice.why_not:
            self.query_one(".problem", Static).update(
                words(choice.why_not, ascii_only=cast("StokerApp", self.app).ascii_only)
            )
        else:
            self.dismiss(choice.value)


class Ask(ModalScreen[str | None]):
    """Ask for a line of text; ``problem`` says what is wrong with what was typed, and it is kept then."""

    def __init__(
        self,
        title: str,
        value: str = "",
        *,
        hint: str = "",
        problem: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        super().__init__()
        self._title = title
        self._value = value
        self._hint = hint
        self._problem = problem

    def compose(self) -> ComposeResult:
        """Give the question, and where to type."""
        ascii_only = cast("StokerApp", self.app).ascii_only
        with Vertical(classes="dialog"):
            yield Static(words(self._title, ascii_only=ascii_only), classes="title")
            yield Input(self._value, placeholder=self._hint, compact=True)
            yield Static("", classes="problem")
            yield Static("enter take it   esc give up", classes="hint")

    def on_key(self, event: Key) -> None:
        """Give up."""
        if event.key == "escape":
            event.stop()
            self.dismiss(None)

    def on_input_changed(self) -> None:
        """Say no more what was wrong with what was there before."""
        self.query_one(".problem", Static).update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what was typed, or say what is wrong with it."""
        event.stop()
        text = event.value.strip()
        if problem := self._problem(text):
            ascii_only = cast("StokerApp", self.app).ascii_only
            self.query_one(".problem", Static).update(words(problem, ascii_only=ascii_only))
        else:
            self.dismiss(text)


class Read(ModalScreen[None]):
    """Something to read."""

    def __init__(self, title: str, lines: Sequence[Pieces]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        """Give the lines."""
        ascii_only = cast("StokerApp", self.app).ascii_only
        with Vertical(classes="dialog"):
            yield Static(words(self._title, ascii_only=ascii_only), classes="title")
            yield Pane(self._style, ascii_only=ascii_only)

    def on_mount(self) -> None:
        """Show them."""
        pane = self.query_one(Pane)
        pane.set_lines(self._lines)
        self.set_focus(pane)

    def on_resize(self, event: Resize) -> None:
        """Take as much room as the lines need, where there is that much."""
        self.query_one(Pane).styles.height = min(len(self._lines) + 1, 24, event.size.height * 7 // 10)

    def on_key(self, event: Key) -> None:
        """Scroll, or leave."""
        pane = self.query_one(Pane)
        if event.key in ("escape", "q", "enter") or event.character == "?":
            event.stop()
            self.dismiss(None)
        elif event.key in ("j", "k"):
            event.stop()
            pane.scroll_relative(y=1 if event.key == "j" else -1, animate=False)

    def _style(self, name: str) -> Style:
        return style(self.app.theme, name)
