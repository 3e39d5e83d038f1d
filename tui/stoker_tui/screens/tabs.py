"""A line of tabs."""

from __future__ import annotations

from collections.abc import Sequence

from stoker_tui.widgets.pieces import Piece, Pieces


def tab_line(names: Sequence[str], current: int) -> Pieces:
    """Give the tabs as a line, with the current one marked by looks and by brackets."""
    pieces: list[Piece] = [(" ", "")]
    for index, name in enumerate(names):
        pieces.append((f"[{name}]", "strong") if index == current else (f" {name} ", "dim"))
        pieces.append((" ", ""))
    return pieces
