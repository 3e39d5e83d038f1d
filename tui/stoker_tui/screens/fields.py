"""What a filter can ask of the rows of each list. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stoker_shared import api
from stoker_shared.api.backfills import BackfillView, IntervalView
from stoker_shared.events import Record
from stoker_shared.model import NodeSpec
from stoker_shared.schedules import in_words
from stoker_tui.filtering import Fields
from stoker_tui.telling import told
from stoker_tui.times import local


def tags(pairs: Mapping[str, str]) -> Iterator[str]:
    """Give tags as they are asked for: ``team=sales``."""
    return (f"{name}={value}" for name, value in pairs.items())


def _in_sync(has_changes: bool) -> list[str]:
    return ["changed" if has_changes else "published"]


RUN: Fields[api.RunRow] = {
    "run": lambda row: [f"#{row.id}"],
    "name": lambda row: [row.name],
    "status": lambda row: [row.state.value],
    "trigger": lambda row: [row.trigger.value],
    "user": lambda row: [row.by],
    "tag": lambda row: tags(row.tags),
    "backfill": lambda row: [f"B{row.backfill}"] if row.backfill else [],
    "remarks": lambda row: [row.remarks],
    "cycle": lambda row: [local(row.cycle, row.time_zone)],
}
WORKFLOW: Fields[api.WorkflowRow] = {
    "name": lambda row: [row.name],
    "queue": lambda row: [row.queue],
    "schedule": lambda row: [in_words(row.schedule)],
    "on": lambda row: ["yes" if row.scheduling else "no"],
    "tag": lambda row: tags(row.tags),
    "draft": lambda row: _in_sync(row.has_changes),
}
BACKFILL: Fields[BackfillView] = {
    "name": lambda row: [f"B{row.id}", row.workflow],
    "status": lambda row: [row.state.value],
    "user": lambda row: [row.by],
    "remarks": lambda row: [row.remarks],
}
JOB: Fields[api.JobView] = {
    "name": lambda row: [row.path],
    "type": lambda row: [row.type.value],
    "user": lambda row: [row.latest.by if row.latest else row.draft.by],
    "draft": lambda row: _in_sync(row.has_changes),
}
QUEUE: Fields[api.QueueView] = {
    "name": lambda row: [row.name],
    "environment": lambda row: [row.spec.environment.value],
    "master": lambda row: [row.spec.master],
}
EVENT: Fields[Record] = {
    "node": lambda record: [getattr(record.event, "node", "")],
    "what": lambda record: [*told(record.event, "UTC")[:1]],
    "type": lambda record: [str(record.event.__struct_config__.tag)],
    "user": lambda record: [record.by],
}
INTERVAL: Fields[IntervalView] = {
    "cycle": lambda interval: [interval.local],
    "status": lambda interval: [interval.state.value if interval.state else "none"],
    "run": lambda interval: [f"#{interval.run}"] if interval.run else [],
    "would": lambda interval: ["run" if interval.made else "nothing"],
}
NODE: Fields[api.NodeView] = {
    "name": lambda node: [node.name],
    "status": lambda node: [node.state.value],
    "job": lambda node: [node.job],
    "queue": lambda node: [node.queue],
}
NODE_PLAN: Fields[api.NodePlan] = {
    "name": lambda node: [node.name],
    "job": lambda node: [node.job],
    "queue": lambda node: [node.queue],
    "missing": lambda node: node.missing,
}
NODE_SPEC: Fields[NodeSpec] = {
    "name": lambda node: [node.name],
    "job": lambda node: [node.job],
    "queue": lambda node: [node.queue] if node.queue else [],
    "tag": lambda node: tags(node.tags),
    "upstream": lambda node: node.upstream,
}
