"""The daemon's own switch: whether nodes are started at all."""

from __future__ import annotations

from collections.abc import Callable

from stoker_daemon.engine import Turn
from stoker_shared import events as ev


def set_draining(on: bool, by: str) -> Callable[[Turn], None]:
    """Start no node any more, or do again. What is due and asked for meanwhile is accepted, and waits."""

    def command(turn: Turn) -> None:
        if on != bool(turn.state.draining):
            turn.record(ev.DaemonDraining(on), by)

    return command
