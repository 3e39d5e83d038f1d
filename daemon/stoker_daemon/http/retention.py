"""What is let go: looked at, and done by hand."""

from __future__ import annotations

from stoker_daemon.engine import Engine
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.retention import Retention
from stoker_shared import routes
from stoker_shared.api import WentAway


class Letting:
    """Handlers over what lets go of what is not kept."""

    def __init__(self, engine: Engine, retention: Retention) -> None:
        self._engine = engine
        self._retention = retention

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("GET", routes.RETENTION, self.preview_retention),
            Operation("POST", routes.RETENTION, self.run_retention),
        ]

    async def preview_retention(self) -> Answer[WentAway]:
        """Tell what would be let go now; nothing is."""
        return Answer(await self._retention.look())

    async def run_retention(self, caller: Caller) -> Answer[WentAway]:
        """Let go, now, of what is not kept."""
        self._engine.admit(makes_room=True)
        return Answer(await self._retention.run(caller.user))
