"""The event stream as somebody may see it who does not see every workspace.

What is of a workspace that they may not see, or of which that can't be told (a deleted workflow's), has a
line in its place that says nothing, so that positions stay without a gap.
"""

from __future__ import annotations

import asyncio

import msgspec

from stoker_daemon.access.rules import Rights
from stoker_daemon.http.guard import Guard
from stoker_shared.state import State

_FOR_ALL = ("queue.", "daemon.")
"""Types of events that are of no workspace, and that everybody may see. Others of none are hidden."""


class Hidden(msgspec.Struct, frozen=True, tag="hidden", tag_field="type"):
    """Stands for an event that is not shown."""

    seq: int


class _About(msgspec.Struct, frozen=True):
    """What an event says of where it belongs."""

    type: str
    seq: int
    workspace: str = ""
    workflow: int = 0
    backfill: int = 0
    run: int = 0


async def veiled(lines: bytes, rights: Rights, state: State, guard: Guard) -> bytes:
    """Give lines of the log with those hidden that somebody may not see."""
    whole = lines.splitlines(keepends=True)
    about = await asyncio.to_thread(_read, whole)
    spaces = await guard.workspaces_of({event.run for event in about if event.run})

    def workspace_of(event: _About) -> str:
        if event.workspace or event.run in spaces:
            return event.workspace or spaces[event.run]
        known = state.workflows.get(event.workflow) or state.backfills.get(event.backfill)
        return known.workspace if known else ""

    def shown(line: bytes, event: _About) -> bytes:
        if event.type.startswith(_FOR_ALL) or ((place := workspace_of(event)) and rights.sees(place)):
            return line
        return msgspec.json.encode(Hidden(event.seq)) + b"\n"

    return b"".join(map(shown, whole, about))


def _read(lines: list[bytes]) -> list[_About]:
    return [msgspec.json.decode(line, type=_About) for line in lines]
