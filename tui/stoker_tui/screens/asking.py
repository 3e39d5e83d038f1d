"""A dialog with fields to fill in, that keeps what was typed until what is asked for has worked."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, cast

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Static

from stoker_shared.text import clean, quoted
from stoker_tui.cli.common import with_faults
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.looks import style
from stoker_tui.screens.dialogs import words
from stoker_tui.widgets.pieces import Piece, strip

if TYPE_CHECKING:
    from stoker_tui.app import StokerApp

_R = TypeVar("_R")

_MOST_DIGITS = 15


class BadField(ValueError):
    """What was typed can't be what it is to be."""


class Field(NamedTuple):
    """A field: text with a ``hint`` of what it may be and what is ``known``, or one of some ``choices``."""

    name: str
    hint: str = ""
    known: Sequence[str] = ()
    choices: Sequence[str] = ()
    value: str = ""


class Pick(Widget, can_focus=True):
    """One of several words; space, left and right go from one to the next."""

    DEFAULT_CSS = "Pick { height: 1; width: 1fr; }"

    def __init__(self, choices: Sequence[str], *, id: str) -> None:
        super().__init__(id=id)
        self._choices = choices
        self._at = 0

    @property
    def value(self) -> str:
        """The word that is chosen."""
        return self._choices[self._at]

    def render_line(self, y: int) -> Strip:
        """Give all words, and the chosen one in brackets."""
        app = cast("StokerApp", self.app)
        pieces: list[Piece] = []
        for index, choice in enumerate(self._choices):
            chosen = index == self._at
            look = ("cursor" if self.has_focus else "strong") if chosen else "dim"
            pieces.append((f"[{choice}]" if chosen else f" {choice} ", look))
        return strip(
            pieces,
            self.size.width,
            lambda name: style(app.theme, name),
            self.rich_style,
            ascii_only=app.ascii_only,
        )

    def on_key(self, event: Key) -> None:
        """Go to the next word, or to the one before."""
        if event.key in ("space", "right", "left"):
            event.stop()
            self._at = (self._at + (-1 if event.key == "left" else 1)) % len(self._choices)
            self.refresh()


class Asking(ModalScreen[_R | None], Generic[_R]):
    """Fields, and what is done with what is in them: it gives that dialog's answer, or what is wrong."""

    DEFAULT_CSS = """
    Asking { align: center middle; background: transparent; }
    Asking .row { height: 1; }
    Asking .label { width: 11; color: $text-muted; }
    Asking .row Input { width: 1fr; }
    """

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        verb: str,
        do: Callable[[Asking[_R]], Awaitable[_R | None]],
        *,
        note: str = "",
    ) -> None:
        super().__init__()
        self._note = note
        self._title = title
        self._fields = fields
        self._verb = verb
        self._do = do
        self._doing = False

    def compose(self) -> ComposeResult:
        """Give the fields."""
        with Vertical(classes="dialog"):
            yield self._words(self._title, "title")
            for field in self._fields:
                with Horizontal(classes="row"):
                    yield self._words(field.name, "label")
                    yield self._widget(field)
            if self._note:
                yield self._words(self._note, "hint")
            yield self._words("", "problem")
            picks = "space choose   " if any(field.choices for field in self._fields) else ""
            yield self._words(f"enter {self._verb}   tab next field   {picks}esc give up", "hint")

    def on_mount(self) -> None:
        """Let the first field be filled in, at once: Textual would wait until it is drawn."""
        self.set_focus(self.query("Input, Pick").first())

    async def on_key(self, event: Key) -> None:
        """Go from field to field, be done, or give up."""
        if event.key == "escape":
            event.stop()
            self.dismiss(None)
        elif event.key in ("down", "up"):
            event.stop()
            self.focus_next() if event.key == "down" else self.focus_previous()
        elif event.key == "enter" and isinstance(self.focused, Pick):
            event.stop()
            await self._submit()

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        """Be done."""
        event.stop()
        await self._submit()

    def typed(self, name: str) -> str:
        """Give what is in a field; nothing where there is no such field."""
        widget = next(iter(self.query(f"#{_id(name)}")), None)
        return widget.value.strip() if isinstance(widget, Input | Pick) else ""

    def number(self, name: str, absent: int | None = None) -> int | None:
        """Give the whole number that is in a field; raises `BadField` where it is none."""
        text = self.typed(name)
        if text and not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
            raise BadField(f"{name}: {quoted(text, 20)} is not a whole number")
        return int(text) if text else absent

    async def _submit(self) -> None:
        """Do it, or say what is wrong and keep what was typed."""
        if self._doing:
            return
        self._doing = True
        self._say(f"{self._verb} ...")
        try:
            answer = await self._do(self)
        except Refused as error:
            self._say(with_faults(error.problem.detail, error.problem.errors))
        except (BadField, Unreachable, NotStoker) as error:
            self._say(clean(str(error)))
        else:
            self._say("")
            if answer is not None:
                self.dismiss(answer)
        finally:
            self._doing = False

    def _widget(self, field: Field) -> Widget:
        if field.choices:
            return Pick(field.choices, id=_id(field.name))
        known = SuggestFromList(field.known) if field.known else None
        hint = words(field.hint, ascii_only=cast("StokerApp", self.app).ascii_only).plain
        return Input(field.value, placeholder=hint, id=_id(field.name), compact=True, suggester=known)

    def _words(self, text: str, role: str) -> Static:
        return Static(words(text, ascii_only=cast("StokerApp", self.app).ascii_only), classes=role)

    def _say(self, text: str) -> None:
        ascii_only = cast("StokerApp", self.app).ascii_only
        self.query_one(".problem", Static).update(words(text, ascii_only=ascii_only))


def _id(name: str) -> str:
    return name.replace(" ", "-")


def pairs_in(name: str, text: str) -> dict[str, str]:
    """Read pairs as they are typed in a field, ``name=value``, quoted as for a shell. Raises `BadField`."""
    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise BadField(f"{name}: {error}; quote a value with spaces: name='two words'") from error
    return dict(_pairs(name, parts))


def _pairs(name: str, parts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise BadField(f"{name}: {quoted(part, 40)} is not NAME=VALUE")
        yield key, value
