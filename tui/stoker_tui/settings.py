"""The user's configuration of the terminal UI: ``tui.toml``, with colours and keys."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec
import platformdirs

from stoker_shared.text import nearest, quoted
from stoker_tui.actions import key_faults
from stoker_tui.theme import THEME_NAMES


class WrongSettings(Exception):
    """The user's configuration can't be read."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``theme`` is one of the UI's; ``keys`` are the keys of actions, by their ids."""

    theme: str = ""
    keys: dict[str, str | list[str]] = {}

    def key_lists(self) -> dict[str, list[str]]:
        """Give the keys of each action that has others than by default."""
        return {id: [keys] if isinstance(keys, str) else keys for id, keys in self.keys.items()}


def settings_path(environment: Mapping[str, str]) -> Path:
    """Give where the configuration is: STOKER_TUI_CONFIG, else the user's configuration directory."""
    named = environment.get("STOKER_TUI_CONFIG")
    return Path(named) if named else platformdirs.user_config_path("stoker") / "tui.toml"


def read_settings(path: Path) -> Settings:
    """Read the configuration; without a file all is as by default. Raises `WrongSettings`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSettings(path, str(error)) from error
    try:
        settings = msgspec.convert(tomllib.loads(text), Settings)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise WrongSettings(path, str(error)) from error
    if settings.theme not in ("", *THEME_NAMES):
        guess = nearest(settings.theme, THEME_NAMES)
        hint = f"did you mean {guess}?" if guess else f"there are {', '.join(THEME_NAMES)}"
        raise WrongSettings(path, f"there is no theme {quoted(settings.theme, 40)}; {hint}")
    for fault in key_faults(settings.key_lists()):
        raise WrongSettings(path, f"keys: {fault}")
    return settings
