"""The rows of a form as they are shown, one below the other: fields, and heads of sections. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from stoker_tui.forms.completing import Completion
from stoker_tui.forms.form import Field, Form
from stoker_tui.forms.typing import TypedLine
from stoker_tui.widgets.pane import folded
from stoker_tui.widgets.pieces import Piece, Pieces, total

LABEL = 24
"""Cells before the values."""

HIDDEN = "*"
"""What stands for each character that is not to be seen."""

_MARGIN = " " * (LABEL + 1)


class Row(NamedTuple):
    """A field, or the head of a section, which has no ``field``."""

    field: Field | None
    section: str

    @property
    def id(self) -> str:
        """What identifies it."""
        return self.field.place if self.field else f"§{self.section}"


def rows_of(form: Form[Any], folded_sections: Collection[str]) -> list[Row]:
    """Give the rows there are; of a folded section only its head."""
    rows: list[Row] = []
    section = ""
    for field in form.shown():
        if field.section != section:
            section = field.section
            if section:
                rows.append(Row(None, section))
        if field.section not in folded_sections:
            rows.append(Row(field, section))
    return rows


def section_line(form: Form[Any], section: str, *, is_folded: bool) -> Pieces:
    """Give the head of a section, folded with what is set in it, or else inherited from something."""
    pieces: list[Piece] = [(f" {'▸' if is_folded else '▼'} {section}", "head")]
    if is_folded:
        places = [(field.label, field.place) for field in form.shown() if field.section == section]
        own = [f"{label} {form.text(place)}".strip() for label, place in places if form.is_set(place)]
        beneath = [(label, form.inherited(place)) for label, place in places]
        given = [f"{label} {have.text} ({have.source})" for label, have in beneath if have and have.is_given]
        pieces.append((f"  {', '.join(own or given) or 'nothing set'}", "dim"))
    return pieces


def field_lines(form: Form[Any], field: Field, room: int) -> Iterator[Pieces]:
    """Give the lines of a field that nobody types in: its label, its value, and where that is from."""
    label: list[Piece] = [(f" {field.label}".ljust(LABEL)[:LABEL] + " ", "")]
    for index, line in enumerate(folded(_value(form, field), max(room - LABEL - 1, 10))):
        yield [*(label if index == 0 else [(_MARGIN, "")]), *line]


def typed_line(field: Field, line: TypedLine, completion: Completion, chosen: int, room: int) -> Pieces:
    """Give the line of a field that is typed in, what is seen of it, with the cursor in it."""
    wide = max(room - LABEL - 2, 10)
    before, at, after = line.before, line.after[:1], line.after[1:]
    start = 0
    while total([(before[start:], "")]) > wide - 1:
        start += 1
    ghost = ""
    if not line.after and completion.words:
        typed, meant = line.text[completion.start :], completion.words[chosen]
        ghost = meant[len(typed) :] if typed and meant.casefold().startswith(typed.casefold()) else ""
    return [
        (f" {field.label}".ljust(LABEL)[:LABEL] + " ", "strong"),
        (before[start:], "strong"),
        (at or ghost[:1] or " ", "cursor"),
        (after, "strong"),
        (ghost[1:], "dim"),
        (f"  {field.example}" if not line.text and field.example else "", "dim"),
    ]


def suggestion_lines(completion: Completion, chosen: int) -> Iterator[Pieces]:
    """Give the words that may be meant."""
    for index, word in enumerate(completion.words):
        yield [(_MARGIN, ""), (f" {word} ", "cursor" if index == chosen else "dim")]


def told_lines(glyph: str, text: str, style: str, room: int) -> Iterator[Pieces]:
    """Give what is said beneath a field."""
    for index, line in enumerate(folded([(text, style)], max(room - LABEL - 3, 10))):
        yield [(_MARGIN, ""), (f"{glyph} " if index == 0 else "  ", style), *line]


def _value(form: Form[Any], field: Field) -> Pieces:
    text, inherited = form.text(field.place), form.inherited(field.place)
    if form.is_set(field.place):
        beneath = f"  {told}" if (told := form.told(field.place)) else ""
        if inherited and inherited.is_given and inherited.text != text:
            beneath = f"  ({inherited.source.removeprefix('from ')}: {inherited.text})"
        shown = HIDDEN * len(text) if form.is_hidden(field.place) else text
        return [(shown or "nothing", "strong"), (beneath, "dim")]
    if inherited is None:
        return [(f"{field.example}?" if field.example else "–", "dim")]
    return [(inherited.text, "dim"), (f"  ({inherited.source})" if inherited.source else "", "dim")]
