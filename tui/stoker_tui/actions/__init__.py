"""What a person can do in the terminal UI: one table, for keys, footer, help and palette alike. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from stoker_shared.text import nearest, quoted
from stoker_tui.actions.action import FOCUSED, Action, Kind, possible
from stoker_tui.actions.defining import DEFINING
from stoker_tui.actions.moving import MOVING
from stoker_tui.actions.output import OUTPUT
from stoker_tui.actions.running import RUNNING
from stoker_tui.actions.things import (
    AsText,
    EditedNode,
    Filled,
    JobState,
    NodeOf,
    VersionOf,
    name_of,
    names_of,
)

__all__ = [
    "FOCUSED",
    "TABLE",
    "Action",
    "Actions",
    "AsText",
    "EditedNode",
    "Filled",
    "JobState",
    "Kind",
    "NodeOf",
    "VersionOf",
    "key_faults",
    "key_name",
    "key_names",
    "key_while_typing",
    "name_of",
    "names_of",
    "possible",
]

TABLE: tuple[Action, ...] = (*OUTPUT, *RUNNING, *DEFINING, *MOVING)
"""All actions. Of several under one key the one that is possible now is done; of more it is asked which."""

KEY_NAMES = {
    "backspace": "BS",
    "escape": "esc",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "shift+tab": "S-tab",
    "shift+up": "S-up",
    "shift+down": "S-down",
    "shift+left": "S-left",
    "shift+right": "S-right",
}


class Actions:
    """The table with the keys that the user has them under."""

    def __init__(self, keys: Mapping[str, Sequence[str]] | None = None) -> None:
        keys = keys or {}
        self._all = {
            action.id: action._replace(keys=tuple(keys[action.id])) if action.id in keys else action
            for action in TABLE
        }

    def __getitem__(self, id: str) -> Action:
        return self._all[id]

    def __iter__(self) -> Iterator[Action]:
        return iter(self._all.values())

    def under(self, key: str, kinds: Collection[Kind]) -> list[Action]:
        """Give the actions that a key is for, where things of those kinds are offered."""
        found = [action for action in self if key in action.keys and action.kind in kinds]
        if any(action.kind is Kind.LIST for action in found):
            found = [action for action in found if action.kind is not Kind.RUN_TABS]
        return [action for action in found if action.kind in FOCUSED] or found

    def offered(self, kinds: Collection[Kind]) -> list[Action]:
        """Give the actions on things of those kinds."""
        return [action for action in self if action.kind in kinds]


def key_faults(keys: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Give what is wrong with the keys of a user's configuration."""
    known = [action.id for action in TABLE]
    for id in keys:
        if id not in known:
            guess = nearest(id, known)
            hint = f"did you mean {guess}?" if guess else f"there are {', '.join(known)}"
            yield f"there is no action {quoted(id, 60)}; {hint}"


def key_name(action: Action) -> str:
    """Give the key of an action as it stands in the footer; nothing where it has none."""
    if not action.keys:
        return ""
    key = action.keys[0]
    return KEY_NAMES.get(key, key.replace("ctrl+", "^"))


def key_while_typing(action: Action) -> str:
    """Give the key of an action that is no character, and so is no text; nothing where it has none."""
    return next(
        (key_name(action._replace(keys=(key,))) for key in action.keys if key.startswith("ctrl+")), ""
    )


def key_names(action: Action) -> str:
    """Give all keys of an action."""
    return " ".join(key_name(action._replace(keys=(key,))) for key in action.keys)
