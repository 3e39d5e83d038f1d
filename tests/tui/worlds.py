"""Worlds to look at: with some of everything, with nothing, and with names that are hard to draw."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

import msgspec

from stoker_shared import api, routes
from stoker_shared import events as ev
from stoker_shared.api import Stream
from stoker_shared.api.backfills import BackfillPreview, IntervalView
from stoker_shared.codec import encode_record
from stoker_shared.difference import difference
from stoker_shared.model import NodeSpec, RunState
from stoker_tui.logs.source import Source
from tests.tui.fake import (
    BACKFILL,
    FAILED_RUN,
    JOB,
    NOW,
    QUEUE,
    RUNS,
    SPEC,
    FakeLink,
    ago,
    run_row,
    workflow_row,
    world,
)
from tests.tui.logs.fakes import Memory

_WITHIN = {"workspace": "default"}
_SALES = {**_WITHIN, "name": "daily_sales"}

WRITTEN = b"".join(b"row %d\n" % number for number in range(90)) + b"ValueError: no such column: price\n"

PREVIEW = BackfillPreview(
    workflow="daily_sales",
    version=7,
    time_zone="Europe/Berlin",
    total=3,
    made=2,
    waiting=1,
    own_queue=["audit"],
    items=[
        IntervalView(ago(days=3), "", ago(days=2), made=False, run=9, state=RunState.SUCCEEDED),
        IntervalView(ago(days=2), "", ago(days=1), made=True, run=10, state=RunState.FAILED),
        IntervalView(ago(days=1), "", NOW + timedelta(hours=5), made=True, variables={"ds": "2026-11-21"}),
    ],
)
PLAN = api.RunPlan(
    "daily_sales",
    7,
    ago(days=1),
    "Europe/Berlin",
    [
        api.NodePlan("ingest", "etl/ingest.py", 2, "root_queue", 4, command=("spark-submit", "a b")),
        api.NodePlan(
            "report", "etl/r.sql", 0, "root_queue", 1, ("ingest",), missing=["the job is not published"]
        ),
    ],
)
TICKS = world()[routes.fill(routes.WORKFLOW_SCHEDULING, **_SALES)].next
DRAFT = msgspec.structs.replace(SPEC, nodes=(*SPEC.nodes[1:], NodeSpec(name="mail", job="etl/mail.sh")))


class ShownLink(FakeLink):
    """A link on which every attempt has written the same, and which tells the next ticks of any schedule."""

    def __init__(self, answers: Mapping[str, Any], *, there: bool = True, said: bytes = b"") -> None:
        super().__init__(answers, there=there)
        self._written = WRITTEN + said

    def output(self, run: int, node: str, attempt: int, stream: Stream) -> Source:
        return Memory(self._written)

    async def post(self, path: str, request: api.Request, kind: type[Any]) -> Any:
        return TICKS if path == routes.TICKS_PREVIEW else await super().post(path, request, kind)


def full(**others: Any) -> dict[str, Any]:
    """Give a world in which every screen has something to show."""
    happened = (
        ev.RunStarted(12),
        ev.AttemptFinished(12, "transform", 1, 3),
        ev.Unknown("x"),
        ev.RunPaused(12),
    )
    records = [ev.Record(1 + nth, ago(minutes=6), "alice", event) for nth, event in enumerate(happened)]
    lines = [msgspec.Raw(encode_record(record, 1)[:-1]) for record in records]
    more = {
        "/v1/runs/12/events": api.RunEvents(lines, len(lines), False),
        "/v1/backfills/4": BACKFILL,
        "/v1/workspaces/default/backfills/preview?limit=1000": PREVIEW,
        routes.fill(routes.WORKFLOW_DIFF, **_SALES): api.WorkflowDifference(
            "1", "7", difference(SPEC, DRAFT)
        ),
        routes.fill(routes.WORKFLOW_PUBLISH, **_SALES): api.PublishingView(8, difference(SPEC, DRAFT)),
        routes.fill(routes.WORKFLOW_PLAN, **_SALES): PLAN,
    }
    return world(**others) | more


def empty() -> dict[str, Any]:
    """Give a world in which nothing was made yet."""
    return world(WORKFLOWS=[], RUNS=[], BACKFILLS=[], JOBS=[], VARIABLES=[])


LONG, WIDE = "n" * 64, "売上の日次集計と監査レポートの作成"


def hard_names() -> dict[str, Any]:
    """Give a world of names that are as long as can be, of wide characters, or of both."""
    run = api.RunView(
        run_row(12, LONG, "failed", remarks="r" * 500, by="a-user-with-a-long-name"),
        [
            msgspec.structs.replace(node, name=f"{node.name}-" + "長い名前" * 14, upstream=())
            for node in FAILED_RUN.nodes
        ],
    )
    job = msgspec.structs.replace(JOB, path=f"{WIDE}/{LONG}.py")
    rows = [
        workflow_row(1, WIDE, last_run=12),
        workflow_row(2, LONG, active_runs=[13], last_run=13, tags={"team": "x" * 200}),
        workflow_row(3, "naïve résumé 🚀", last_run=0),
    ]
    named = world(
        WORKFLOWS=rows,
        RUNS=[run_row(13, WIDE, "running", by=WIDE), run.row, *RUNS[2:]],
        BACKFILLS=[
            msgspec.structs.replace(BACKFILL, workflow=LONG, by=WIDE, remarks="r" * 300),
            msgspec.structs.replace(BACKFILL, id=3, workflow=WIDE, total=1_000_000, seen=999_999),
        ],
        JOBS=[job, msgspec.structs.replace(JOB, path=LONG * 3)],
        VARIABLES=[api.VariableView(WIDE, ago(days=1), WIDE, "v" * 500)],
    )
    queues = [msgspec.structs.replace(QUEUE, name=WIDE), msgspec.structs.replace(QUEUE, name=LONG)]
    return named | {routes.fill(routes.RUN, run=12): run, routes.QUEUES: queues}


HOSTILE = "\x1b]52;c;aGk=\x07\x1b[31m\x9b31m\u202egnp.exe\u2066\u200b\x00\r"
_KEPT = (
    "name",
    "workflow",
    "path",
    "time_zone",
    "local",
    "cycle_local",
    "workspace",
    "queue",
    "upstream",
    "mark",
)
"""Names that are checked when they are given, and what is no text."""


def hostile(answer: Any) -> Any:
    """Give an answer with what would command a terminal, and 10 kB, in each text that anybody can write."""
    if isinstance(answer, list | tuple):
        return type(answer)(map(hostile, answer))
    if isinstance(answer, dict):
        return {name: hostile(value) for name, value in answer.items()}
    if isinstance(answer, str) and not isinstance(answer, Enum):
        return answer + HOSTILE + "x" * 10_000
    if isinstance(answer, msgspec.Struct):
        fields = {name: getattr(answer, name) for name in answer.__struct_fields__ if name not in _KEPT}
        return msgspec.structs.replace(answer, **{name: hostile(value) for name, value in fields.items()})
    return answer
