"""A job: what there is to know of it, its versions, and how they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from textual.app import ComposeResult

from stoker_shared import api
from stoker_shared.events import Attachment
from stoker_shared.model import JobConfig
from stoker_shared.text import clean_block
from stoker_tui.actions import JobState, Kind
from stoker_tui.cli.tables import Column as Shape
from stoker_tui.mirror import Topic
from stoker_tui.screens import cells
from stoker_tui.screens.page import Page, focus_first
from stoker_tui.times import ago
from stoker_tui.topics import Job, JobPage
from stoker_tui.widgets.line_table import Column, LineTable
from stoker_tui.widgets.pane import Pane
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


def _content(
    digest: str, size: int, config: JobConfig, attachments: tuple[Attachment, ...]
) -> Iterator[Pieces]:
    yield [("content ", "dim"), (f"{digest[:12]}, {size:,} bytes", "")]
    for name, value in config.settings().items():
        yield [(f"{name} ", "dim"), (value, "")]
    for attached in attachments:
        yield [(f"{attached.kind} ", "dim"), (f"{attached.name}, {attached.size:,} bytes", "")]


def diff_lines(diff: api.JobDiff) -> Iterator[Pieces]:
    """Give how two states of a job differ: source, attached files, configuration."""
    if diff.content is not None:
        yield from _content_diff(diff.content)
    for change in diff.attachments:
        name = change.name
        if change.before is not None:
            yield [(f"-{name} {change.before.digest[:12]}, {change.before.size:,} bytes", "failed")]
        if change.after is not None:
            yield [(f"+{name} {change.after.digest[:12]}, {change.after.size:,} bytes", "succeeded")]
    for change in diff.config:
        if change.before is not None:
            yield [(f"-{change.field}={change.before}", "failed")]
        if change.after is not None:
            yield [(f"+{change.field}={change.after}", "succeeded")]
    if not (diff.content or diff.attachments or diff.config):
        yield [("nothing differs", "dim")]


def _content_diff(content: api.ContentDiff) -> Iterator[Pieces]:
    if content.text is None:
        for mark, state in (("-", content.before), ("+", content.after)):
            yield [(f"{mark}source {state.digest[:12]}, {state.size:,} bytes", _STYLES[mark])]
        return
    for line in clean_block(content.text).expandtabs().splitlines():
        yield [(line, _STYLES.get(line[:1], ""))]
    if content.cut:
        yield [(f"({content.cut:,} more lines)", "dim")]


_STYLES = {"-": "failed", "+": "succeeded", "@": "dim"}


class JobScreen(Page):
    """One job: what it is, and its versions, newest first, the draft above them where it says otherwise."""

    DEFAULT_CSS = """
    JobScreen #facts { height: auto; max-height: 50%; }
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._topic = Job(path)
        self._table: LineTable[JobState] | None = None

    @property
    def topics(self) -> Sequence[Topic]:
        """The job."""
        return (self._topic,)

    @property
    def crumbs(self) -> Sequence[str]:
        """Say where it is."""
        return ["jobs", self._topic.path]

    @property
    def table(self) -> LineTable[JobState] | None:
        """The versions."""
        return self._table

    def body(self) -> ComposeResult:
        """Give what it is, and its versions."""
        ascii_only = self.stoker.ascii_only
        yield Pane(self.styles_of, ascii_only=ascii_only, id="facts")
        self._table = LineTable(
            self._columns(),
            key=lambda state: state.number,
            styles=self.styles_of,
            ascii_only=ascii_only,
            id="versions",
        )
        yield self._table

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the job, and the version under the cursor."""
        known = self._topic.value
        if known is None:
            return {}
        current = self._table.current if self._table else None
        return {Kind.JOB: [known.view], Kind.JOB_STATE: [current] if current else []}

    def open(self) -> None:
        """Show what is new in the version."""
        if self._table and (state := self._table.current):
            self.stoker.do_job_state_changes(state)

    def draw(self) -> None:
        """Show the job."""
        pane, known = self.query_one("#facts", Pane), self._topic.value
        if known is None or self._table is None:
            pane.set_lines([[(self.why_nothing(self._topic), "dim")]])
            return
        pane.set_lines(list(job_lines(known.view, self.stoker.now())))
        self._table.empty = ("nothing is published yet; P publishes the draft, p a file",)
        self._table.set_rows(states_of(known))
        focus_first(self, self._table)

    def _columns(self) -> Sequence[Column[JobState]]:
        now = self.stoker.now
        return [
            Column(Shape("VERSION"), lambda state: [(state.words, "" if state.number else "warning")]),
            Column(Shape("SAVED"), lambda state: cells.plain(ago(state.at, now()))),
            Column(Shape("USER", text=True, spare=1), lambda state: cells.dim(state.by)),
            Column(Shape("SHA256", spare=2), lambda state: cells.dim(state.digest[:12])),
            Column(Shape("REMARKS", text=True), lambda state: cells.plain(state.remarks)),
        ]


def states_of(page: JobPage) -> list[JobState]:
    """Give a job's versions, newest first, and above them the draft where it says otherwise."""
    view, draft = page.view, page.view.draft
    states = [
        JobState(view, each.version, each.published_at, each.by, each.digest, each.remarks)
        for each in page.versions
    ]
    if view.has_changes or not states:
        states.insert(0, JobState(view, 0, draft.saved_at, draft.by, draft.digest, "not published"))
    return states
