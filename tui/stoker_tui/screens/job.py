"""What there is to know of a job, as lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from stoker_shared import api
from stoker_shared.events import Attachment
from stoker_shared.model import JobConfig
from stoker_tui.times import ago
from stoker_tui.widgets.pieces import Pieces


def job_lines(job: api.JobView, now: datetime) -> Iterator[Pieces]:
    """Give a job's latest version, and its draft where that says something else."""
    latest, draft = job.latest, job.draft
    yield [(job.type.value, "dim")]
    if latest is None:
        yield [("never published", "warning")]
    else:
        when = f"  {ago(latest.published_at, now)}, {latest.by}"
        yield []
        yield [(f"version {latest.version}", "strong"), (when, "dim"), (f"  {latest.remarks}", "")]
        yield from _content(latest.digest, latest.size, latest.config, latest.attachments)
    if latest is None or job.has_changes:
        yield []
        yield [("draft", "strong"), (f"  saved {ago(draft.saved_at, now)}, {draft.by}", "dim")]
        yield from _content(draft.digest, draft.size, draft.config, draft.attachments)
    yield []
    yield [("stoker job versions, diff, rollback and config do the rest", "dim")]


def _content(
    digest: str, size: int, config: JobConfig, attachments: tuple[Attachment, ...]
) -> Iterator[Pieces]:
    yield [("content ", "dim"), (f"{digest[:12]}, {size:,} bytes", "")]
    for name, value in config.settings().items():
        yield [(f"{name} ", "dim"), (value, "")]
    for attached in attachments:
        yield [(f"{attached.kind} ", "dim"), (f"{attached.name}, {attached.size:,} bytes", "")]
