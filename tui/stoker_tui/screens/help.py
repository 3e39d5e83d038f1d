"""The keys of a screen, as lines to read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stoker_shared.text import width
from stoker_tui.actions import Action, key_names
from stoker_tui.widgets.pane import folded
from stoker_tui.widgets.pieces import Piece, Pieces, total

_KEYS = 13
"""Cells for the keys, with the space before and behind."""


def help_lines(actions: Iterable[Action], room: int) -> Iterator[Pieces]:
    """Give actions in lines of ``room`` cells, by what they are about: keys, what they do, and their ids."""
    offered = list(actions)
    kinds = list(dict.fromkeys(action.kind for action in offered))
    kind = None
    for action in sorted(offered, key=lambda action: kinds.index(action.kind)):
        if action.kind is not kind:
            if kind is not None:
                yield []
            kind = action.kind
            yield [(kind.value, "head")]
        yield from _lines(action, room)


def _lines(action: Action, room: int) -> Iterator[Pieces]:
    keys, id = f"  {key_names(action)}", action.id
    if width(keys) >= _KEYS:
        yield [(keys, "key")]
        keys = ""
    texts = list(folded([(action.help, "")], room - _KEYS))
    if total(texts[-1]) + width(id) + 2 > room - _KEYS:
        texts.append([])
    for index, text in enumerate(texts):
        head: Piece = (f"{keys if index == 0 else '':{_KEYS}}", "key")
        if index < len(texts) - 1:
            yield [head, *text]
        else:
            space = room - _KEYS - total(text) - width(id)
            yield [head, *text, (" " * space, ""), (id, "dim")]
