"""A daemon that is none: a link with the answers that a test gives it, and a clock that stands still."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from string import ascii_letters
from typing import Any, cast

import msgspec
from rich.style import Style
from textual.events import Key
from textual.pilot import Pilot

from stoker_shared import api, routes
from stoker_shared.api.backfills import BackfillView
from stoker_shared.api.scheduling import SchedulingView, TickView
from stoker_shared.events import Reason, Trigger
from stoker_shared.model import (
    AttemptState,
    BackfillState,
    Days,
    JobType,
    NodeSpec,
    NodeState,
    QueueSpec,
    RunState,
    WorkflowSpec,
)
from stoker_shared.state import WorkflowVersion
from stoker_tui.app import StokerApp
from stoker_tui.cleaning import cleaned
from stoker_tui.client import Refused
from stoker_tui.link import Link, Listener
from stoker_tui.settings import Settings
from tests.harness import PATIENCE

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def ago(**time: float) -> datetime:
    """Give a moment before the one at which the clock stands."""
    return NOW - timedelta(**time)


class FakeLink(Link):
    """A link to nowhere. ``answers`` are by path; what is not there is refused. ``asked`` tells what was."""

    def __init__(self, answers: Mapping[str, Any], *, there: bool = True) -> None:
        super().__init__(Path("/run/user/1000/stoker/stokerd.sock"))
        self.answers = dict(answers)
        self.there = there
        self.asked: list[str] = []
        self.posted: list[tuple[str, api.Request]] = []
        self.put_there: list[tuple[str, msgspec.Struct]] = []
        self.deleted: list[str] = []
        self.listener: Listener | None = None

    async def get(self, path: str, kind: type[Any], query: Mapping[str, str] | None = None) -> Any:
        self.asked.append(path)
        if path not in self.answers:
            raise Refused(api.Problem("not-found", "not found", 404, f"there is no {path}"))
        answer = self.answers[path]
        return cleaned(api.Page(list(answer)) if isinstance(answer, list) else answer)

    async def put(self, path: str, request: msgspec.Struct, kind: type[Any]) -> Any:
        self.put_there.append((path, request))
        return None

    async def delete(self, path: str) -> None:
        self.deleted.append(path)

    async def pages(self, path: str, kind: type[Any], query: Mapping[str, str] | None = None) -> list[Any]:
        return (await self.get(path, kind, query)).items

    async def read(self, path: str, kind: type[Any], query: Mapping[str, str] | None = None) -> Any:
        await self.get(path, kind, query)
        return self.answers[path]

    async def save_draft(self, name: str, spec: WorkflowSpec, revision: int | None) -> api.WorkflowView:
        """Save a draft, as the daemon does: on the revision it has, None where it has none."""
        path = self.within(routes.WORKFLOW, name=name)
        known: api.WorkflowView | None = self.answers.get(path)
        if (known.row.revision if known else None) != revision:
            raise Refused(api.Problem("stale", "Changed meanwhile", 412, f"{name!r} was saved meanwhile"))
        row = known.row if known else workflow_row(9, name, version=0, revision=0)
        row = msgspec.structs.replace(row, revision=row.revision + 1, has_changes=True)
        self.answers[path] = api.WorkflowView(row, spec)
        return self.answers[path]

    async def post(self, path: str, request: api.Request, kind: type[Any]) -> Any:
        self.posted.append((path, request))
        return await self.get(path, kind)

    async def follow(self, listener: Listener) -> None:
        self.listener = listener
        if self.there:
            listener.connected(STATUS)
        else:
            listener.disconnected("no such file or directory")
        await asyncio.Event().wait()

    def happen(self, **event: Any) -> None:
        """Have an event happen."""
        assert self.listener
        self.listener.happened(msgspec.json.encode({"seq": 1, **event}))


STATUS = api.Status(
    version="0.1.0",
    api="1",
    host="eu-edge-01",
    pid=4242,
    started_at=ago(days=3),
    time_zone="Europe/Berlin",
    data="/var/lib/stoker",
    jobs=3,
    workflows=3,
    active_runs=1,
    active_nodes=1,
    seq=100,
    log="log",
)


def run_row(id: int, name: str = "daily_sales", state: str = "succeeded", **fields: Any) -> api.RunRow:
    """Give a run that took two minutes, an hour ago for each run after it."""
    started = ago(hours=max(9 - id % 9, 1))
    ended = None if state in ("running", "pending", "paused") else started + timedelta(minutes=2)
    known = {
        "id": id,
        "workspace": "default",
        "name": name,
        "version": 1,
        "trigger": Trigger.SCHEDULE,
        "state": RunState(state),
        "cycle": datetime(2026, 11, 21, 0, 0, tzinfo=UTC),
        "time_zone": "Europe/Berlin",
        "by": "alice",
        "created_at": started,
        "started_at": started,
        "ended_at": ended,
        "workflow": 1,
        "tags": {"team": "sales"},
    }
    return api.RunRow(**{**known, **fields})


def workflow_row(id: int, name: str, **fields: Any) -> api.WorkflowRow:
    """Give a published workflow."""
    known = {
        "id": id,
        "name": name,
        "version": 7,
        "revision": 9,
        "saved_at": ago(days=1),
        "saved_by": "alice",
        "has_changes": False,
    }
    return api.WorkflowRow(**{**known, **fields})


def node(name: str, state: str, upstream: tuple[str, ...] = (), **fields: Any) -> api.NodeView:
    """Give a node, with an attempt where it has begun."""
    begun = state not in ("pending", "skipped")
    ended = None if state in ("pending", "running", "retrying") else ago(minutes=4)
    status = {"failed": 3, "succeeded": 0}.get(state)
    attempt = api.AttemptView(
        number=1,
        state=AttemptState.ENDED if ended else AttemptState.RUNNING,
        starting_at=ago(minutes=6),
        started_at=ago(minutes=6),
        ended_at=ended,
        exit_status=status,
        reason=Reason.EXIT if ended else None,
    )
    known = {
        "name": name,
        "job": f"etl/{name}.py",
        "state": NodeState(state),
        "upstream": upstream,
        "ended_at": ended,
        "queue": "root_queue",
        "cu": 2,
        "attempts": [attempt] if begun else [],
        "usual_seconds": 130.0,
    }
    return api.NodeView(**{**known, **fields})


FAILED_RUN = api.RunView(
    row=run_row(12, state="failed", remarks="after the outage"),
    nodes=[
        node("ingest", "succeeded"),
        node("transform", "failed", ("ingest",), detail="exit status 3"),
        node("audit", "succeeded", ("ingest",)),
        node("report", "skipped", ("transform", "audit"), reason=Reason.UPSTREAM),
    ],
    usual_seconds=300.0,
    deeds=[api.DeedView(ago(minutes=5), "bob", "set audit successful")],
)
CARD = api.FailureView(
    node="transform",
    outcome="exit status 3",
    attempt=1,
    exit_status=3,
    cause=api.RaisedView("ValueError", "no such column: price", "transform.py:14"),
    last_lines=["reading 12 files", "ValueError: no such column: price"],
    command="/usr/bin/spark-submit transform.py",
    directory="/var/lib/stoker/logs/12/2/1/work",
)
SALES = workflow_row(
    1,
    "daily_sales",
    queue="root_queue",
    schedule=Days(at="01:00", time_zone="Europe/Berlin"),
    tags={"team": "sales"},
    scheduling=True,
    next_at=NOW + timedelta(hours=12),
    last_run=12,
)
SPEC = WorkflowSpec(
    workflow="daily_sales",
    schedule=SALES.schedule,
    nodes=tuple(NodeSpec(name=one.name, job=one.job, upstream=one.upstream) for one in FAILED_RUN.nodes),
)
RUNS = [
    run_row(13, "clickstream", "running", workflow=2, trigger=Trigger.MANUAL, by="bob", tags={}),
    FAILED_RUN.row,
    *(run_row(number) for number in range(11, 0, -1)),
]


def world(**others: Any) -> dict[str, Any]:
    """Give the answers of a daemon that has some of everything; ``others`` are by the names of routes."""
    within = {"workspace": "default"}
    answers = {
        routes.fill(routes.WORKFLOWS, **within): [
            workflow_row(3, "adhoc_fix", version=0, has_changes=True),
            workflow_row(2, "clickstream", active_runs=[13], last_run=13),
            SALES,
        ],
        routes.fill(routes.RUNS, **within): RUNS,
        routes.fill(routes.RUN, run=12): FAILED_RUN,
        routes.fill(routes.RUN, run=13): api.RunView(RUNS[0], [node("load", "running")]),
        routes.fill(routes.NODE_FAILURE, run=12, node="transform"): CARD,
        routes.fill(routes.WORKFLOW, name="daily_sales", **within): api.WorkflowView(SALES, SPEC),
        routes.fill(routes.WORKFLOW_VERSIONS, name="daily_sales", **within): [
            WorkflowVersion(1, "0" * 64, ago(days=9), "alice", "first cut"),
            WorkflowVersion(7, "1" * 64, ago(days=1), "bob", "audit"),
        ],
        routes.fill(routes.WORKFLOW_SCHEDULING, name="daily_sales", **within): SchedulingView(
            workflow="daily_sales",
            on=True,
            words="days 01:00 Berlin",
            time_zone="Europe/Berlin",
            next=[
                TickView(
                    local="2026-11-23T01:00:00+01:00",
                    utc=datetime(2026, 11, 23, tzinfo=UTC),
                    cycle_time=datetime(2026, 11, 22, tzinfo=UTC),
                    cycle_local="2026-11-22T01:00:00+01:00",
                )
            ],
        ),
        routes.fill(routes.BACKFILLS, **within): [BACKFILL],
        routes.fill(routes.JOBS, **within): [JOB],
        routes.fill(routes.JOB, path=JOB.path, **within): JOB,
        routes.fill(routes.JOB_VERSIONS, path=JOB.path, **within): [JOB.latest],
        routes.fill(routes.VARIABLES, **within): [api.VariableView("region", ago(days=1), "bob", "eu")],
        routes.WORKSPACES: [api.WorkspaceView("default", jobs=1, workflows=3, variables=1)],
        routes.QUEUES: [QUEUE],
        routes.fill(routes.QUEUE, name="root_queue"): msgspec.structs.replace(
            QUEUE,
            holding=[api.QueuedNode(13, "clickstream", "load", 4, ago(minutes=3))],
            next=[api.QueuedNode(14, "daily_sales", "ingest", 2)],
        ),
        routes.fill(routes.RUN_STOP, run=13): api.RunView(RUNS[0], []),
    }
    return answers | {routes.fill(getattr(routes, name), **within): value for name, value in others.items()}


BACKFILL = BackfillView(
    id=4,
    workspace="default",
    workflow="daily_sales",
    state=BackfillState.RUNNING,
    first=datetime(2026, 10, 1, tzinfo=UTC),
    last=datetime(2026, 10, 20, tzinfo=UTC),
    time_zone="Europe/Berlin",
    total=20,
    seen=9,
    passed=0,
    succeeded=6,
    failed=2,
    active=[15],
    created_at=ago(hours=2),
    by="bob",
    remarks="new column",
    seconds_left=1260.0,
)
JOB = api.JobView(
    path="etl/ingest.py",
    type=JobType.PYSPARK,
    version=2,
    has_changes=True,
    draft=api.JobDraftView(3, "0" * 64, 10, ago(hours=1), "alice"),
    latest=api.JobVersionView(
        "etl/ingest.py", JobType.PYSPARK, 2, "0" * 64, 10, ago(days=2), "alice", remarks="faster"
    ),
)
QUEUE = api.QueueView("root_queue", QueueSpec(limit=8), cu=4, active=1, waiting=1)


def app_over(link: Link, **more: Any) -> StokerApp:
    """Give the application over a link, with a clock that stands still."""
    settings = Settings(theme=more.pop("theme", ""), keys=more.pop("keys", {}))
    unsaved = more.pop("unsaved", Path("/dev/null/unsaved"))
    return StokerApp(link, settings, clock=lambda: NOW, unsaved=unsaved, **more)


TYPED = "typed:"

Do = Callable[[Pilot], Awaitable[None]]


def press(*keys: str) -> Do:
    """Press keys one after the other, each when what came of the last is on the screen.

    What begins with ``typed:`` is typed, all at once.
    """

    async def do(pilot: Pilot) -> None:
        app = cast("StokerApp", pilot.app)
        for key in keys:
            if key.startswith(TYPED):
                for character in key.removeprefix(TYPED):
                    app.post_message(Key(character, character))
            else:
                await pilot.press(key)
            await settled(pilot, app)

    return do


def lines_of(app: StokerApp) -> list[str]:
    """Give what is on the screen as text."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def styled_lines_of(app: StokerApp) -> list[str]:
    """Give what is on the screen, under each line a letter for the style of each cell, and what they mean."""
    rows = [
        [(segment, (segment.style or Style()).clear_meta_and_links()) for segment in strip]
        for strip in app.screen._compositor.render_strips()
    ]
    cells: Counter[Style] = Counter()
    for segment, style in chain.from_iterable(rows):
        cells[style] += segment.cell_length
    letters = dict(zip([style for style, _ in cells.most_common()], " " + ascii_letters, strict=False))
    shown: list[str] = []
    for row in rows:
        shown.append("".join(segment.text for segment, _ in row).rstrip())
        shown.append("".join(letters[style] * segment.cell_length for segment, style in row).rstrip())
    return [*shown, *(f"{letter}  {style}" for style, letter in letters.items())]


async def settled(pilot: Pilot, app: StokerApp, *, seconds: float = PATIENCE) -> None:
    """Wait until all keys have had their effect, and nothing that is shown is to be asked for any more."""
    received = asyncio.Event()
    app.call_later(received.set)
    await received.wait()
    deadline = asyncio.get_running_loop().time() + seconds
    while app.has_keys or app.mirror.busy or not (isinstance(app.link, FakeLink) and app.link.listener):
        assert asyncio.get_running_loop().time() < deadline, "the mirror does not come to rest"
        await asyncio.sleep(0.01)
    await pilot.pause()
