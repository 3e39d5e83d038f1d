"""How the terminal UI looks: its themes, and the style of each status and role in each of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

from stoker_tui.theme import COLOURS, THEME_NAMES

TERMINAL, DARK, LIGHT, SAFE = THEME_NAMES

_PLAIN = {"": "", "dim": "dim", "strong": "bold", "head": "bold", "cursor": "reverse", "mark": "bold"}

STYLES: dict[str, dict[str, str]] = {
    TERMINAL: {
        **COLOURS,
        **_PLAIN,
        "stopped": "bright_black",
        "cancelled": "bright_black",
        "warning": "yellow",
        "live": "green",
        "gone": "red",
        "key": "bold",
        "dim": "bright_black",
    },
    DARK: {
        **_PLAIN,
        "pending": "#c39cf2",
        "running": "#64a8ff",
        "retrying": "#f0cf5a",
        "paused": "#f0cf5a",
        "succeeded": "#5fd38d",
        "failed": "#ff6b70",
        "stopped": "#9097a6",
        "skipped": "#9097a6",
        "disabled": "#9097a6",
        "cancelled": "#9097a6",
        "warning": "#f0cf5a",
        "live": "#5fd38d",
        "gone": "#ff6b70",
        "key": "bold #8ab4f8",
        "dim": "#8a92a3",
    },
    LIGHT: {
        **_PLAIN,
        "pending": "#7a3fb5",
        "running": "#0b57d0",
        "retrying": "#8a6100",
        "paused": "#8a6100",
        "succeeded": "#17713a",
        "failed": "#b3261e",
        "stopped": "#5f6570",
        "skipped": "#5f6570",
        "disabled": "#5f6570",
        "cancelled": "#5f6570",
        "warning": "#8a6100",
        "live": "#17713a",
        "gone": "#b3261e",
        "key": "bold #0b57d0",
        "dim": "#646b78",
    },
    # Okabe and Ito's colours, which people with any of the common deficiencies tell apart.
    SAFE: {
        **_PLAIN,
        "pending": "#cc79a7",
        "running": "#56b4e9",
        "retrying": "#f0e442",
        "paused": "#f0e442",
        "succeeded": "#00b386",
        "failed": "#ff8c42",
        "stopped": "#a0a0a0",
        "skipped": "#a0a0a0",
        "disabled": "#a0a0a0",
        "cancelled": "#a0a0a0",
        "warning": "#f0e442",
        "live": "#00b386",
        "gone": "#ff8c42",
        "key": "bold #56b4e9",
        "dim": "#a0a0a0",
    },
}
"""By theme: the style of statuses, and of what else is told by looks, by its name."""

THEMES = (
    replace(BUILTIN_THEMES["ansi-dark"], name=TERMINAL),
    Theme(
        name=DARK,
        primary="#64a8ff",
        secondary="#8ab4f8",
        warning="#f0cf5a",
        error="#ff6b70",
        success="#5fd38d",
        accent="#64a8ff",
        foreground="#dde1ea",
        background="#14161b",
        surface="#1b1e25",
        panel="#232730",
    ),
    Theme(
        name=LIGHT,
        dark=False,
        primary="#0b57d0",
        secondary="#3367d6",
        warning="#8a6100",
        error="#b3261e",
        success="#17713a",
        accent="#0b57d0",
        foreground="#1c1f24",
        background="#fbfbfc",
        surface="#f1f3f6",
        panel="#e6e9ee",
    ),
    Theme(
        name=SAFE,
        primary="#56b4e9",
        secondary="#cc79a7",
        warning="#f0e442",
        error="#ff8c42",
        success="#00b386",
        accent="#56b4e9",
        foreground="#e6e6e6",
        background="#121212",
        surface="#1a1a1a",
        panel="#242424",
    ),
)


_LIKE = {"added": "succeeded", "removed": "failed", "changed": "warning"}
"""How changes look."""


@cache
def style(theme: str, name: str) -> Style:
    """Give the style that something of that name has in a theme."""
    styles = STYLES.get(theme, STYLES[TERMINAL])
    return Style.parse(styles.get(_LIKE.get(name, name), ""))
