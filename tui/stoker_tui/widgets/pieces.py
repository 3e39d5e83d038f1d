"""Styled text in pieces, as lines on the screen: cut and padded to cells. Only clean text may come here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.strip import Strip

from stoker_shared.text import ASCII, fit, width

Piece = tuple[str, str]
"""A text and the name of its style (`looks`)."""

Pieces = Sequence[Piece]

Styles = Callable[[str], Style]
"""What gives the style of a name."""

_ASCII = ASCII | str.maketrans("━╌▌▸▲‖←→", "=.*>^|<>") | dict.fromkeys(map(ord, "▁▂▃▄▅▆▇▏▎▍▋▊▉"), " ")
"""Ends of scrollbars are no finer than a cell there."""

_MOST_CHARACTERS = 4
"""Characters of a text looked at for each cell there is: it may be long, and take no cells."""


def cut(pieces: Iterable[Piece], cells: int) -> list[Piece]:
    """Give pieces in at most ``cells`` cells, an ellipsis for what was cut off."""
    room, shown = cells, []
    pieces = [piece for piece in pieces if piece[0]]
    for index, (text, name) in enumerate(pieces):
        short = text[: _MOST_CHARACTERS * (room + 2)]
        wide = width(short)
        more = len(short) < len(text) or any(rest for rest, _ in pieces[index + 1 :])
        if wide > room or (wide == room and more):
            shown.append((_ended(short, room), name))
            break
        shown.append((short, name))
        room -= wide
    return shown


def padded(pieces: Iterable[Piece], cells: int, *, right: bool = False) -> list[Piece]:
    """Give pieces in exactly ``cells`` cells."""
    shown = cut(pieces, cells)
    space = (" " * (cells - total(shown)), "")
    return [space, *shown] if right else [*shown, space]


def total(pieces: Iterable[Piece]) -> int:
    """Give the cells that pieces take."""
    return sum(width(text) for text, _ in pieces)


def strip(pieces: Iterable[Piece], cells: int, styles: Styles, base: Style, *, ascii_only: bool) -> Strip:
    """Give a line of the screen."""
    return Strip(list(_segments(padded(pieces, cells), styles, base, ascii_only)), cells)


def in_ascii(text: str) -> str:
    """Give text for a terminal that shows only ASCII, in as many cells."""
    if text.isascii():
        return text
    return "".join(
        character if character.isascii() else "?" * width(character) for character in text.translate(_ASCII)
    )


class InAscii(LineFilter):
    """What others draw, such as borders and scrollbars, for a terminal that shows only ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Give the segments in ASCII."""
        return [segment._replace(text=in_ascii(segment.text)) for segment in segments]


def _segments(pieces: Iterable[Piece], styles: Styles, base: Style, ascii_only: bool) -> Iterator[Segment]:
    for text, name in pieces:
        if text:
            yield Segment(in_ascii(text) if ascii_only else text, base + styles(name))


def _ended(text: str, cells: int) -> str:
    """Give a text that goes on with an ellipsis as its last cell."""
    return fit(text + " " * (cells + 1), cells)
