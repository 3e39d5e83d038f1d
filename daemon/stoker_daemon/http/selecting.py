"""From what is asked in a query to the runs that are meant."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from stoker_daemon.moments import parse_range, parse_when
from stoker_daemon.problems import invalid
from stoker_daemon.projection import Selection, Slice
from stoker_daemon.projection.selection import (
    BACKFILL,
    NAME,
    STATE,
    TAG,
    TRIGGER,
    USER,
    WORKFLOW,
    Facet,
    Range,
    microseconds,
)
from stoker_shared.api import Fault, RunOrder, RunRow, RunsFilter, RunsQuery
from stoker_shared.state import State


def selection_of(query: RunsFilter, state: State, workspace: str, zone: ZoneInfo, now: datetime) -> Selection:
    """Give the runs that are asked for; raises `Refused`."""
    return Selection(workspace, tuple(_facets(query, state, workspace)), *_ranges(query, zone, now))


def part_of(query: RunsQuery) -> Slice:
    """Give the part of their list that is asked for, with one more run to see whether there are more."""
    order = query.sort or _natural_order(query)
    if not query.cursor:
        return Slice(query.limit + 1, order)
    key, _, number = query.cursor.rpartition(".")
    return Slice(query.limit + 1, order, (int(key or number), int(number)))


def cursor_at(part: Slice, row: RunRow) -> str:
    """Spell the cursor for what comes after a row."""
    key, number = part.place(row)
    return str(number) if part.order is RunOrder.NEWEST else f"{key}.{number}"


def _natural_order(query: RunsFilter) -> RunOrder:
    if query.since or query.until:
        return RunOrder.STARTED
    return RunOrder.CYCLE if query.cycle else RunOrder.NEWEST


def _facets(query: RunsFilter, state: State, workspace: str) -> list[Facet]:
    facets = []
    if query.workflow:
        known = state.workflow_named(workspace, query.workflow)
        facets.append(Facet(WORKFLOW, str(known.id)) if known else Facet(NAME, query.workflow))
    asked = {
        WORKFLOW: query.workflow_id,
        STATE: query.state,
        TRIGGER: query.trigger,
        BACKFILL: query.backfill,
        USER: query.user,
        TAG: query.tag,
    }
    if query.tag and "=" not in query.tag:
        raise _cannot_use("tag", "write it as name=value")
    return facets + [Facet(kind, str(value)) for kind, value in asked.items() if value]


def _ranges(query: RunsFilter, zone: ZoneInfo, now: datetime) -> tuple[Range, Range]:
    name = "cycle"
    try:
        cycle = _range(*parse_range(query.cycle, zone)) if query.cycle else Range()
        name = "since"
        since = parse_when(query.since, zone, now)[0] if query.since else None
        name = "until"
        until = parse_when(query.until, zone, now)[1] if query.until else None
    except ValueError as error:
        raise _cannot_use(name, str(error)) from error
    return cycle, _range(since, until)


def _range(first: datetime | None, last: datetime | None) -> Range:
    """Give the range from the first to the last moment, both included."""
    return Range(
        microseconds(first) if first else None,
        microseconds(last) + 1 if last else None,
    )


def _cannot_use(name: str, why: str) -> Exception:
    return invalid(f"{name} can't be used: {why}", [Fault(f"/{name}", why)])
