"""Lines of output as styled text: colours stay, nothing else that commands a terminal does."""

from __future__ import annotations

from collections.abc import Sequence

from rich.ansi import AnsiDecoder
from rich.cells import chop_cells
from rich.style import Style
from rich.text import Text as Styled

from stoker_shared.terminal import TerminalCleaner
from stoker_tui.logs.searching import Pattern
from stoker_tui.logs.text import Line

_TAB = 8


def drawn(line: Line, gone: Style) -> Styled:
    """Give a line to show. Of what overwrites itself, as a progress bar, it is what stands there last."""
    if line.data is None:
        return Styled(f"[stoker: {line.end - line.start:,} bytes were cut out here]", gone, end="")
    cleaner = TerminalCleaner()
    clean = cleaner.feed(line.data.removesuffix(b"\n")) + cleaner.finish()
    text = AnsiDecoder().decode_line(clean)
    text.expand_tabs(_TAB)
    text.end = ""
    return text


def folded(text: Styled, cells: int) -> Sequence[Styled]:
    """Give a text as lines of at most so many cells."""
    ends, at = [], 0
    for part in chop_cells(text.plain, cells):
        at += len(part)
        ends.append(at)
    return list(text.divide(ends[:-1]))


def mark(text: Styled, pattern: Pattern, style: Style) -> None:
    """Let what was looked for stand out."""
    encoded = text.plain.encode(errors="replace")
    for found in pattern.spans(encoded):
        first, last = (len(encoded[:at].decode(errors="ignore")) for at in found)
        text.stylize(style, first, last)
