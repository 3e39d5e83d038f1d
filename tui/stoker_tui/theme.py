"""How a status, or a change, looks: a glyph, a word and a colour, each of which says it alone."""

from __future__ import annotations

from stoker_shared.api import NodeView, RunRow
from stoker_shared.events import Reason
from stoker_shared.model import BackfillState, NodeState, RunState

GLYPHS = {
    "pending": "◌",
    "running": "●",
    "retrying": "↻",
    "paused": "‖",
    "succeeded": "✔",
    "failed": "✖",
    "stopped": "■",
    "cancelled": "■",
    "skipped": "–",
    "added": "+",
    "removed": "-",
    "changed": "~",
    "same": "·",
    "disabled": "⊘",
}
COLOURS = {
    "pending": "magenta",
    "running": "blue",
    "retrying": "yellow",
    "paused": "yellow",
    "succeeded": "green",
    "failed": "red",
    "stopped": "bright_black",
    "cancelled": "bright_black",
    "skipped": "bright_black",
    "disabled": "bright_black",
}
THEME_NAMES = ("terminal", "dark", "light", "colour-blind")
"""The themes of the terminal UI; the first is the terminal's own 16 colours."""


def marked(state: NodeState | RunState | BackfillState) -> str:
    """Give a status as glyph and word."""
    return f"{GLYPHS[state.value]} {state.value}"


def node_look(node: NodeView) -> str:
    """Give what a node looks like: its state, but of one that was passed through that it is disabled."""
    return "disabled" if node.reason is Reason.DISABLED else node.state.value


def node_word(node: NodeView) -> str:
    """Give a node's status as glyph and word; a node being ended is shown stopping until that is proved."""
    look = node_look(node)
    return f"{GLYPHS[look]} {'stopping' if node.stopping else look}"


def version_word(row: RunRow) -> str:
    """Give in a word what a run is of."""
    return f"v{row.version}" if row.version else "draft"


def trigger_word(row: RunRow) -> str:
    """Give in words what made a run."""
    return f"{row.trigger.value} B{row.backfill}" if row.backfill else row.trigger.value
