"""The configuration in force, and what of it changes when it is read anew."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from stoker_daemon.config import FIXED, Config, ConfigError, Configured

logger = logging.getLogger(__name__)


class Settings:
    """The configuration in force; ``read`` reads it anew, from the same file, environment and flags."""

    def __init__(self, config: Config, read: Callable[[], Configured]) -> None:
        self.config = config
        self._read = read

    def reload(self) -> str:
        """Take up what changed, and say in words what can't be; of a faulty configuration nothing is."""
        try:
            wanted = self._read().config
        except ConfigError as error:
            logger.error("the configuration stays as it was: %s", "; ".join(str(error).splitlines()))
            return "the changed configuration is faulty, and not in force"
        changed = [name for name in Config.__struct_fields__ if _differ(self.config, wanted, name)]
        taken = [name for name in changed if name not in FIXED]
        left = [name for name in changed if name in FIXED]
        self.config = msgspec.structs.replace(self.config, **{name: getattr(wanted, name) for name in taken})
        logger.info("the configuration was read anew; changed: %s", ", ".join(taken) or "nothing")
        if left:
            logger.warning("only a restart takes up: %s", ", ".join(left))
        return f"only a restart takes up {', '.join(left)}" if left else ""


def _differ(one: Config, other: Config, name: str) -> bool:
    return getattr(one, name) != getattr(other, name)
