"""How a run is to be started, planned, or run again: dialogs, and the requests that are made of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from stoker_shared import api
from stoker_shared.text import quoted
from stoker_tui.screens.asking import Asking, BadField, Field, pairs_in

Start = Callable[[api.StartRun], Awaitable[int]]
Plan = Callable[[api.StartRun], Awaitable[None]]
Rerun = Callable[[api.RerunRun], Awaitable[str]]

DRAFT = "draft"


def start_dialog(
    row: api.WorkflowRow, *, debug: bool, queues: Sequence[str], zone: str, start: Start, note: str = ""
) -> Asking[int]:
    """Ask how a run is to be started; the answer is its number. ``note`` is what else to know."""

    async def done(asking: Asking[int]) -> int:
        return await start(_request(row, asking, debug=debug))

    what = "Debug the draft of" if debug else "Run"
    fields = [*_fields(row, debug=debug, queues=queues, zone=zone), Field("remarks", "why")]
    return Asking(f"{what} {row.name}", fields, "start", done, note=note)


def plan_dialog(row: api.WorkflowRow, *, queues: Sequence[str], zone: str, plan: Plan) -> Asking[None]:
    """Ask what run is to be planned; it stays, so that other settings can be looked at."""

    async def done(asking: Asking[None]) -> None:
        await plan(_request(row, asking, debug=not row.version))

    fields = _fields(row, debug=not row.version, queues=queues, zone=zone)
    return Asking(f"Plan a run of {row.name}: nothing is started", fields, "plan", done)


def rerun_dialog(row: api.RunRow, rerun: Rerun) -> Asking[str]:
    """Ask how a run is to be run again; the answer says what is done."""

    async def done(asking: Asking[str]) -> str:
        return await rerun(
            api.RerunRun(
                failed=asking.typed("nodes") != "all",
                latest_jobs=asking.typed("jobs") == "latest",
                settings=pairs_in("settings", asking.typed("settings")),
            )
        )

    fields = [
        Field("nodes", choices=("failed", "all")),
        Field("settings", "ingest.config.executor_memory=8g config.timeout=600"),
        Field("jobs", choices=("as they were", "latest")),
    ]
    return Asking(f"Run #{row.id} {row.name} again, with settings for this run only", fields, "rerun", done)


def _fields(row: api.WorkflowRow, *, debug: bool, queues: Sequence[str], zone: str) -> list[Field]:
    """Give the fields, in the order in which they are likely to be wanted."""
    version = [] if debug else [Field("version", f"{row.version}, the latest", [DRAFT])]
    return [
        Field("cycle", f"2026-11-21, 2026-11-21T01:00 {zone}; or the usual"),
        Field("queue", "a development queue" if debug else f"{row.queue}, the workflow's", queues),
        Field("variables", "region=eu name='two words'"),
        *version,
    ]


def _request(row: api.WorkflowRow, asking: Asking, *, debug: bool) -> api.StartRun:
    version = "" if debug else asking.typed("version")
    if version and version != DRAFT and not version.isdecimal():
        raise BadField(
            f"{quoted(version, 20)} is not a version; write its number, or nothing for the latest, or draft"
        )
    debug = debug or version == DRAFT
    return api.StartRun(
        workflow=row.name,
        cycle=asking.typed("cycle") or None,
        version=int(version) if version and not debug else None,
        debug=debug,
        queue=asking.typed("queue"),
        variables=pairs_in("variables", asking.typed("variables")),
        remarks=asking.typed("remarks"),
    )
