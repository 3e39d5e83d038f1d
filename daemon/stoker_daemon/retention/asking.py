"""The history as what lets go asks it, and how much is taken at once, so that nothing holds up the loop."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from stoker_daemon.engine import Engine
from stoker_daemon.projection import Projection

RUNS_AT_ONCE, FACTS_AT_ONCE = 50, 500
"""Of what is recorded, or said again, in one turn."""

PAGE = 200
"""Of what is looked at at once."""

_T = TypeVar("_T")
_P = ParamSpec("_P")


class History:
    """The history as of now."""

    def __init__(self, engine: Engine, projection: Projection) -> None:
        self._engine = engine
        self._projection = projection

    async def ask(
        self,
        question: Callable[Concatenate[sqlite3.Connection, _P], _T],
        *args: _P.args,
        **named: _P.kwargs,
    ) -> _T:
        """Give what a question (`stoker_daemon.projection.keeping`) finds; raises `NotWritten`."""
        await self._engine.durable()
        return await self._projection.ask(lambda db: question(db, *args, **named))


def pieces(entries: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """Give entries in pieces of that size."""
    for start in range(0, len(entries), size):
        yield entries[start : start + size]
