"""A form on the screen: a line for each field, filled in where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.events import Blur, Click, Key, Paste, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from stoker_shared.text import clean_line
from stoker_tui.forms.completing import Completion, completion
from stoker_tui.forms.form import Field, Form
from stoker_tui.forms.typing import TypedLine
from stoker_tui.widgets.form_rows import (
    HIDDEN,
    Row,
    field_lines,
    rows_of,
    section_line,
    suggestion_lines,
    told_lines,
    typed_line,
)
from stoker_tui.widgets.pieces import Pieces, Styles, strip


class FormView(ScrollView, can_focus=True):
    """A form to be filled in.

    While it is `typing`, every key goes to `key` first: from field to field by tab and enter, until esc.
    Otherwise its actions move among the fields. What is typed is in the form at once.
    """

    DEFAULT_CSS = """
    FormView { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    """

    class Changed(Message):
        """Something was changed in the field at ``place``; ``value`` is None while something is wrong."""

        def __init__(self, view: FormView, place: str) -> None:
            super().__init__()
            self.view = view
            self.place = place
            self.value: Any = view.form.value

        @property
        def control(self) -> FormView:
            """The form's view."""
            return self.view

    class Moved(Message):
        """Another field is under the cursor, or typing began or ended."""

        def __init__(self, view: FormView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> FormView:
            """The form's view."""
            return self.view

    class Ended(Moved):
        """The last field was filled in."""

    def __init__(self, form: Form[Any], styles: Styles, *, ascii_only: bool = False, id: str | None = None):
        super().__init__(id=id)
        self._styles = styles
        self._ascii = ascii_only
        self._notes: dict[str, list[Pieces]] = {}
        self._lines: list[tuple[str, Pieces]] = []
        """What is shown, each line with the id of the row that it is of."""
        self.show(form)

    # What it shows.

    @property
    def form(self) -> Form[Any]:
        """The form."""
        return self._form

    @property
    def typing(self) -> bool:
        """Whether it is being filled in: keys are for that first."""
        return self._typing

    @property
    def hints(self) -> Pieces:
        """The keys while it is filled in."""
        field = self._form.field(self.place) if self.place else None
        if field and field.options:
            keys = [
                ("space", "next"),
                *((option[:1], option) for option in field.options),
                ("enter", "go on"),
            ]
        elif self._completion.words:
            keys = [("tab", "take it"), ("down", "another"), ("enter", "take it and go on")]
        else:
            keys = [("enter", "go on"), ("S-tab", "back")]
        return [
            piece for key, word in [*keys, ("esc", "end")] for piece in ((key, "key"), (f" {word}  ", ""))
        ]

    @property
    def place(self) -> str:
        """The place of the field under the cursor; nothing where that is the head of a section."""
        row = self._row
        return row.field.place if row and row.field else ""

    def show(self, form: Form[Any]) -> None:
        """Show another form, or one whose definition is another; the cursor stays in its field."""
        at = getattr(self, "_at", "")
        self._form = form
        sections = dict.fromkeys(field.section for field in form.fields if field.section)
        self._folded = {
            section
            for section in sections
            if not any(form.is_set(field.place) for field in form.fields if field.section == section)
        }
        self._typing = False
        self._line = TypedLine()
        self._completion = Completion()
        self._chosen = 0
        self._picked = False
        """One of the words that may be meant was gone to."""
        self._meant = False
        """Something was typed, or nothing yet: what may be meant is offered."""
        self._at = at
        self._rows: list[Row] = []
        self._update()

    def load(self, value: Any) -> None:
        """Show another definition, as after an undo; what was typed of the one before is no more."""
        self._form.load(value)
        self._open_line()
        self._update()

    def know_more(self) -> None:
        """Take note that more may be known of what can be meant, or inherited."""
        row = self._row
        if self._meant and self._typing and row is not None and row.field is not None and not self._picked:
            self._complete_from(row.field)
        self._update()

    def note(self, place: str, lines: Iterable[Pieces]) -> None:
        """Show lines below a field."""
        lines = list(lines)
        if lines != self._notes.get(place, []):
            self._notes[place] = lines
            self._update()

    @property
    def problem(self) -> str:
        """What is wrong first, with the field that it is of; nothing where all is well."""
        problems = self._form.problems
        wrong = next((field for field in self._form.shown() if field.place in problems), None)
        return f"{wrong.label}: {problems[wrong.place]}" if wrong else ""

    def reveal(self) -> str:
        """Go to the first field that something is wrong with, and give what; nothing where all is well."""
        place = self._form.reveal()
        if place is None:
            return ""
        self._folded.discard(self._form.field(place).section)
        self.go(place)
        return self.problem

    # What is done to it.

    def go(self, place: str) -> None:
        """Go to a field."""
        self._leave()
        self._folded.discard(self._form.field(place).section)
        self._at = place
        self._moved()

    def move(self, by: int) -> None:
        """Go down by so many rows, or up."""
        self._leave()
        index = min(max(self._index + by, 0), len(self._rows) - 1)
        self._at = self._rows[index].id if self._rows else ""
        self._moved()

    def first(self) -> None:
        """Go to the first row."""
        self.move(-len(self._rows))

    def last(self) -> None:
        """Go to the last row."""
        self.move(len(self._rows))

    def edit(self) -> str:
        """Begin to fill in the field, or open the section; give why it can't be, where it can't."""
        row = self._row
        if row is None or row.field is None:
            self.turn()
            return ""
        if not self._form.is_typable(row.field.place):
            return f"{row.field.label} has what can't be typed in a line; ^e opens it in $EDITOR"
        self._typing = True
        self._moved()
        return ""

    def turn(self, by: int = 1) -> None:
        """Have the next of a field's few words, or open and close a section."""
        row = self._row
        if row is None:
            return
        if row.field is None:
            self._folded ^= {row.section}
            self._update()
        elif row.field.options:
            self._form.turn(row.field.place, by)
            self._changed(row.field)

    def inherit(self) -> None:
        """Have the field inherit."""
        row = self._row
        if row is not None and row.field is not None and self._form.is_set(row.field.place):
            self._form.type(row.field.place, "")
            self._open_line()
            self._changed(row.field)

    def leave(self) -> None:
        """Fill in no more; what was typed stays."""
        if self._typing:
            self._leave()
            self._typing = False
            self._moved()

    def key(self, event: Key) -> bool:
        """Take a key while it is filled in, and tell whether it was for that."""
        row = self._row
        if not self._typing or row is None or row.field is None:
            return False
        taken = self._step(event.key) or (
            self._turned(row.field, event) if row.field.options else self._typed(row.field, event)
        )
        return taken or (event.is_printable and event.character is not None)

    def on_paste(self, event: Paste) -> None:
        """Take what is pasted, as one line."""
        event.stop()
        row = self._row
        if self._typing and row is not None and row.field is not None and not row.field.options:
            self._take(row.field, self._line.inserted(clean_line(event.text.strip())))

    def on_blur(self, event: Blur) -> None:
        """Fill in no more once something else has the focus."""
        self.leave()

    def on_click(self, event: Click) -> None:
        """Go to a field; a second click fills it in."""
        index = self.scroll_offset.y + event.y
        if index < len(self._lines) and event.y < self.size.height - 1:
            self._leave()
            self._at = self._lines[index][0]
            self._moved()
            if event.chain > 1:
                self.edit()

    def on_resize(self, event: Resize) -> None:
        """Fold to the room there is."""
        self._update()

    # Keys.

    def _step(self, key: str) -> bool:
        """Go from field to field, or to another suggestion."""
        match key:
            case "escape":
                self.leave()
            case "enter":
                self._complete()
                if not self._next(1):
                    self.post_message(self.Ended(self))
            case "tab":
                if not self._complete():
                    self._next(1)
            case "shift+tab":
                self._next(-1)
            case "down" | "up":
                by = 1 if key == "down" else -1
                if self._completion.words:
                    self._chosen = (self._chosen + by) % len(self._completion.words)
                    self._picked = True
                    self._update()
                else:
                    self._next(by)
            case _:
                return False
        return True

    def _next(self, by: int) -> bool:
        """Fill in the next field, or the one before; where there is none end, and tell whether there was."""
        rows = self._rows[self._index + 1 :] if by > 0 else self._rows[: self._index][::-1]
        field = next((row for row in rows if row.field), None)
        if field is None:
            self.leave()
            return False
        self._leave()
        self._at = field.id
        self._moved()
        return True

    def _turned(self, field: Field, event: Key) -> bool:
        """Choose one of a field's few words: the next, the one before, or one by its first letter."""
        if event.key in ("space", "right", "left"):
            self.turn(-1 if event.key == "left" else 1)
        elif event.key in ("backspace", "delete"):
            self.inherit()
        elif event.is_printable and event.character:
            begin = [option for option in field.options if option.startswith(event.character.lower())]
            if begin:
                at = begin.index(text) + 1 if (text := self._form.text(field.place)) in begin else 0
                self._form.type(field.place, begin[at % len(begin)])
                self._changed(field)
        else:
            return False
        return True

    def _typed(self, field: Field, event: Key) -> bool:
        if event.key == "right" and not self._line.after and self._complete():
            return True
        line = self._line.pressed(event.key)
        if line is None and event.is_printable and event.character:
            line = self._line.inserted(event.character)
        if line is None:
            return False
        self._take(field, line)
        return True

    def _take(self, field: Field, line: TypedLine) -> None:
        changed = line.text != self._line.text
        self._line, self._chosen, self._picked = line, 0, False
        if changed:
            self._form.type(field.place, line.text)
        self._complete_from(field)
        if changed:
            self._changed(field)
        else:
            self._update()
        self.post_message(self.Moved(self))

    def _complete(self) -> bool:
        """Take the word that is meant, and tell whether there was one."""
        row = self._row
        words = self._completion.words
        if row is None or row.field is None or not words:
            return False
        if not self._picked and not self._line.before[self._completion.start :].strip():
            return False
        before = self._line.before[: self._completion.start] + words[self._chosen]
        self._take(row.field, TypedLine(before + self._line.after, len(before)))
        self._completion = Completion()
        self._update()
        return True

    def _complete_from(self, field: Field) -> None:
        self._meant = True
        known = field.known() if field.known else ()
        self._completion = completion(field.kind, self._line.before, known)

    # Within.

    @property
    def _index(self) -> int:
        return next((index for index, row in enumerate(self._rows) if row.id == self._at), 0)

    @property
    def _row(self) -> Row | None:
        return self._rows[self._index] if self._rows else None

    def _leave(self) -> None:
        if self.place:
            self._form.touch(self.place)
        self._completion = Completion()

    def _moved(self) -> None:
        self._open_line()
        self._update()
        self._bring_into_view()
        if self.is_mounted:
            self.post_message(self.Moved(self))

    def _changed(self, field: Field) -> None:
        self._update()
        self._bring_into_view()
        self.post_message(self.Changed(self, field.place))

    def _open_line(self) -> None:
        """Have what the field under the cursor has be what is typed in."""
        row = self._row
        self._completion, self._chosen, self._picked, self._meant = Completion(), 0, False, False
        if not self._typing or row is None or row.field is None:
            return
        if not self._form.is_typable(row.field.place):
            self._typing = False
            return
        self._line = TypedLine.at_end(self._form.text(row.field.place))
        if not self._line.text:
            self._complete_from(row.field)

    def _update(self) -> None:
        """Make the lines anew, and draw those that changed."""
        self._rows = rows_of(self._form, self._folded)
        if not any(row.id == self._at for row in self._rows):
            self._at = self._rows[0].id if self._rows else ""
        room = self.scrollable_content_region.width
        if not room:
            return
        self._lines = [(row.id, line) for row in self._rows for line in self._lines_of(row, room)]
        self.virtual_size = Size(0, len(self._lines) + 1)
        self.refresh()

    def _lines_of(self, row: Row, room: int) -> Iterable[Pieces]:
        if row.field is None:
            yield section_line(self._form, row.section, is_folded=row.section in self._folded)
            return
        field = row.field
        if self._typing and row.id == self._at and not field.options:
            line = self._line
            if self._form.is_hidden(field.place):
                line = line._replace(text=HIDDEN * len(line.text))
            yield typed_line(field, line, self._completion, self._chosen, room)
            yield from suggestion_lines(self._completion, self._chosen)
        else:
            yield from field_lines(self._form, field, room)
        # What is being typed may not be all of it yet.
        begun = self._typing and row.id == self._at
        if begun and self._completion.words:
            return
        if problem := self._form.problem(field.place):
            yield from told_lines("✖", problem, "dim" if begun else "failed", room)
        elif warning := self._form.warning(field.place):
            yield from told_lines("!", warning, "warning", room)
        yield from self._notes.get(field.place, ())

    def _bring_into_view(self) -> None:
        lines = [index for index, (id, _) in enumerate(self._lines) if id == self._at]
        if lines and self.size.height > 1:
            # The last line is for the help, which hides what would be there.
            self.scroll_to_region(
                Region(0, lines[0], 1, len(lines) + 1), animate=False, immediate=True, force=True
            )

    def render_line(self, y: int) -> Strip:
        """Give a line of the screen; the last one says what the field is for."""
        wide = self.scrollable_content_region.width
        if y == self.size.height - 1:
            pieces: Pieces = self._help()
            return strip(pieces, wide, self._styles, self.rich_style, ascii_only=self._ascii)
        index = self.scroll_offset.y + y
        id, pieces = self._lines[index] if index < len(self._lines) else ("", [])
        base = self.rich_style
        is_first = id == self._at and (index == 0 or self._lines[index - 1][0] != id)
        if is_first and self.has_focus and not (self._typing and self.place and not self._field.options):
            base += self._styles("cursor")
        return strip(pieces, wide, self._styles, base, ascii_only=self._ascii)

    @property
    def _field(self) -> Field:
        return self._form.field(self.place)

    def _help(self) -> Pieces:
        if not self.place:
            return [(" space opens and closes it", "dim")]
        field = self._field
        options = f": {', '.join(field.options)}" if field.options and not self._typing else ""
        return [(f" {field.place.replace('/', '.')}  ", "strong"), (f"{field.help}{options}", "dim")]
