"""How things look in the tests of widgets: in colours, or without any."""

from __future__ import annotations

from rich.style import Style

from stoker_tui.theme import COLOURS

_PLAIN = {"dim": "dim", "strong": "bold", "cursor": "reverse", "head": "bold", "mark": "reverse"}


def coloured(name: str) -> Style:
    return Style.parse({**_PLAIN, **COLOURS, "dim": "bright_black", "warning": "yellow"}.get(name, ""))


def plain(name: str) -> Style:
    return Style.parse(_PLAIN.get(name, ""))
