"""The daemon's HTTP interface for Python: requests and answers as the types both sides share."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import msgspec

from stoker_shared import api, routes
from stoker_shared.api.backfills import (
    BackfillPreview,
    BackfillsQuery,
    BackfillView,
    CancelBackfill,
    CreateBackfill,
)
from stoker_shared.api.notifications import NotificationsView, TriedView, TryNotifying
from stoker_shared.api.scheduling import SchedulingView, SetScheduling, TicksQuery, TickView
from stoker_shared.model import QueueSpec, WorkflowSpec
from stoker_shared.paths import check_socket_path, other_socket
from stoker_shared.routes import fill
from stoker_shared.skew import what_to_do
from stoker_shared.state import WorkflowVersion
from stoker_shared.text import clean

_T = TypeVar("_T")

_CONTENT_RANGE = re.compile(r"bytes (\d+)-")
_CUT = re.compile(r"(\d+)-(\d+)")

QUIET_SECONDS = 30.0
"""How long a stream may be silent before the daemon counts as gone; it sends a heartbeat every 10."""


RESTART_SECONDS = 10.0
"""How long a request that may have been carried out is sent again to a daemon that is restarting."""


_CLOSED = (
    os.strerror(errno.ECONNRESET).lower(),
    os.strerror(errno.EPIPE).lower(),
    "server disconnected without sending a response",
)
"""Why there is no answer where the connection was closed on the request."""


class Unreachable(Exception):
    """No daemon answers at the socket. ``sent``: it had the request, or part of it, before it was gone.

    ``why`` says it to somebody who knows where, and that a daemon is to be started.
    """

    def __init__(self, path: Path, why: str, *, sent: bool) -> None:
        self.sent = sent
        start = to_do = "Start one with `stokerd`, or set STOKER_SOCKET to where it is."
        if other := other_socket(path):
            to_do = f"This host's daemon is at {other}: set STOKER_SOCKET to that."
        if why == os.strerror(errno.EACCES):
            to_do = (
                "A daemon's socket is for its own user, and for the group it names; set STOKER_SOCKET to "
                "that of yours, or ask whoever runs it."
            )
        elif sent and why.lower() in _CLOSED:
            to_do = (
                "It may have ended at this moment. One that runs for several people closes the connection "
                "of whoever has no role there: ask whoever runs it."
            )
        self.why = why.lower() if to_do == start else f"{why.lower()}. {to_do}"
        super().__init__(f"no stokerd answers at {path} ({why.lower()}). {to_do}")


class NotStoker(Exception):
    """Somebody answers at the socket, but not as a stokerd does that this client understands."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"what answers at {path} is not a stokerd this client understands: {why}")


class Refused(Exception):
    """The daemon did not do it; carries the problem it answered with."""

    def __init__(self, problem: api.Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class LogPart(msgspec.Struct, frozen=True):
    """A part of an attempt's output: its bytes, where they begin, and how many before them were cut out."""

    data: bytes
    start: int
    cut: int = 0

    @property
    def end(self) -> int:
        """Where they end."""
        return self.start + len(self.data)


class Client:
    """One daemon, in one workspace.

    Every method raises `Unreachable`, `NotStoker`, or `Refused` with the problem. ``patience`` is how many
    seconds the daemon has for an answer.
    """

    def __init__(
        self, path: Path, workspace: str = api.DEFAULT_WORKSPACE, *, patience: float = QUIET_SECONDS
    ) -> None:
        check_socket_path(path)
        self.path = path
        self._workspace = workspace
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(path)),
            base_url="http://stokerd",
            headers={"Stoker-API": api.API_VERSION},
            timeout=patience,
        )

    def status(self) -> api.Status:
        """Give the daemon at a glance."""
        return self._get(routes.STATUS, api.Status)

    def notifications(self) -> NotificationsView:
        """Give what people are still to be told, and what was given up."""
        return self._get(routes.NOTIFICATIONS, NotificationsView)

    def try_notifying(self, to: str) -> TriedView:
        """Send a test to an address, or to none by the webhook."""
        return self._post(routes.NOTIFICATIONS_TEST, TryNotifying(to=to), TriedView)

    def prune(self, *, dry_run: bool) -> api.WentAway:
        """Let go of what is not kept, or only tell what would go; however long that takes."""
        method = "GET" if dry_run else "POST"
        return self._decoded(self._ask(method, routes.RETENTION, timeout=None), api.WentAway)

    def queues(self) -> Iterator[api.QueueView]:
        """Give every queue."""
        return self._pages(routes.QUEUES, api.QueueView)

    def queue(self, name: str) -> api.QueueView:
        """Give a queue with what is in it."""
        return self._get(fill(routes.QUEUE, name=name), api.QueueView)

    def save_queue(self, name: str, spec: QueueSpec) -> api.QueueView:
        """Make a queue, or change one."""
        return self._put(fill(routes.QUEUE, name=name), spec, api.QueueView)

    def delete_queue(self, name: str) -> None:
        """Remove a queue that nothing uses."""
        self._ask("DELETE", fill(routes.QUEUE, name=name))

    def workspaces(self) -> Iterator[api.WorkspaceView]:
        """Give every workspace."""
        return self._pages(routes.WORKSPACES, api.WorkspaceView)

    def save_workspace(self, name: str, description: str | None) -> api.WorkspaceView:
        """Make a workspace, or describe it otherwise."""
        request = api.SaveWorkspace(description=description)
        return self._put(fill(routes.WORKSPACE, workspace=name), request, api.WorkspaceView)

    def delete_workspace(self, name: str) -> None:
        """Remove an empty workspace."""
        self._ask("DELETE", fill(routes.WORKSPACE, workspace=name))

    def variables(self) -> Iterator[api.VariableView]:
        """Give every variable of the workspace."""
        return self._pages(self._in(routes.VARIABLES), api.VariableView)

    def set_variable(self, name: str, value: str, *, secret: bool) -> api.VariableView:
        """Give a variable of the workspace a value."""
        request = api.SetVariable(value=value, secret=secret)
        return self._put(self._in(routes.VARIABLE, name=name), request, api.VariableView)

    def unset_variable(self, name: str) -> None:
        """Remove a variable of the workspace."""
        self._ask("DELETE", self._in(routes.VARIABLE, name=name))

    def send(self, file: Path) -> str:
        """Store a file's content, and give its digest. Content that is stored already costs one look."""
        with file.open("rb") as content:
            digest = file_digest(content, "sha256").hexdigest()
            if not self._is_stored(digest):
                content.seek(0)
                self._ask("PUT", fill(routes.OBJECT, digest=digest), content=content)
        return digest

    def fetch(self, digest: str, file: Path) -> None:
        """Write an object's content into a new file."""
        with (
            file.open("xb") as content,
            self._stream(fill(routes.OBJECT, digest=digest), {}, quiet=QUIET_SECONDS) as answer,
        ):
            for chunk in answer.iter_bytes():
                content.write(chunk)

    def jobs(self) -> Iterator[api.JobView]:
        """Give every job."""
        return self._pages(self._in(routes.JOBS), api.JobView)

    def job(self, path: str) -> api.JobView:
        """Give a job: its latest version and its draft."""
        return self._get(self._in(routes.JOB, path=path), api.JobView)

    def save_job(
        self, path: str, request: api.SaveJob, revision: int | None, *, applied: bool = False
    ) -> api.JobView:
        """Save a draft made on a revision; None for a job that is not there yet."""
        answer = self._ask(
            "PUT",
            self._in(routes.JOB, path=path),
            params={"applied": "true"} if applied else {},
            content=msgspec.json.encode(request),
            headers=condition(revision),
        )
        return self._decoded(answer, api.JobView)

    def delete_job(self, path: str) -> api.JobView:
        """Delete a job, and give it as it was."""
        return self._decoded(self._ask("DELETE", self._in(routes.JOB, path=path)), api.JobView)

    def job_versions(self, path: str) -> Iterator[api.JobVersionView]:
        """Give a job's versions, oldest first."""
        return self._pages(self._in(routes.JOB_VERSIONS, path=path), api.JobVersionView)

    def publish_job(self, path: str, request: api.PublishJob) -> api.JobVersionView:
        """Make stored content a job's next version."""
        return self._post(self._in(routes.JOB_PUBLISH, path=path), request, api.JobVersionView)

    def roll_back_job(self, path: str, request: api.RollBackJob) -> api.JobVersionView:
        """Make an earlier version of a job its next one again."""
        return self._post(self._in(routes.JOB_ROLLBACK, path=path), request, api.JobVersionView)

    def job_diff(self, path: str, before: str | None, after: str | None) -> api.JobDiff:
        """Give how two states of a job differ: versions, or ``draft``; unset: the latest, the draft."""
        query = {name: state for name, state in (("from", before), ("to", after)) if state}
        return self._get(self._in(routes.JOB_DIFF, path=path), api.JobDiff, query)

    def workflows(self) -> Iterator[api.WorkflowRow]:
        """Give every workflow."""
        return self._pages(self._in(routes.WORKFLOWS), api.WorkflowRow)

    def workflow(
        self, name: str, version: int | None = None, revision: int | None = None
    ) -> api.WorkflowView:
        """Give a workflow's draft, one published version, or a draft that was replaced."""
        asked = {"version": version, "revision": revision}
        query = {key: str(number) for key, number in asked.items() if number is not None}
        return self._get(self._in(routes.WORKFLOW, name=name), api.WorkflowView, query)

    def workflow_versions(self, name: str) -> Iterator[WorkflowVersion]:
        """Give a workflow's versions, oldest first."""
        return self._pages(self._in(routes.WORKFLOW_VERSIONS, name=name), WorkflowVersion)

    def diff_workflow(self, name: str, before: str | None, after: str) -> api.WorkflowDifference:
        """Give what leads from one definition (None: the latest version) to another."""
        query = {"to": after} if before is None else {"from": before, "to": after}
        return self._get(self._in(routes.WORKFLOW_DIFF, name=name), api.WorkflowDifference, query)

    def preview_publishing(self, name: str) -> api.PublishingView:
        """Give what publishing a workflow's draft would come to."""
        return self._get(self._in(routes.WORKFLOW_PUBLISH, name=name), api.PublishingView)

    def save_workflow(
        self, spec: WorkflowSpec, revision: int | None, *, applied: bool = False
    ) -> api.WorkflowView:
        """Save a draft made on a revision; None for a workflow that is not there yet."""
        answer = self._ask(
            "PUT",
            self._in(routes.WORKFLOW, name=spec.workflow),
            params={"applied": "true"} if applied else {},
            content=msgspec.json.encode(spec),
            headers=condition(revision),
        )
        return self._decoded(answer, api.WorkflowView)

    def publish_workflow(self, name: str, remarks: str) -> api.PublishedVersion:
        """Make a workflow's draft its next version."""
        request = api.PublishWorkflow(remarks=remarks)
        return self._post(self._in(routes.WORKFLOW_PUBLISH, name=name), request, api.PublishedVersion)

    def plan_run(self, workflow: str, request: api.PlanRun) -> api.RunPlan:
        """Give what a run would be, were it started now."""
        return self._post(self._in(routes.WORKFLOW_PLAN, name=workflow), request, api.RunPlan)

    def roll_back_workflow(self, name: str, version: int, remarks: str) -> api.PublishedVersion:
        """Make what a version was the next one, and the draft."""
        request = api.RollBackWorkflow(version=version, remarks=remarks)
        return self._post(self._in(routes.WORKFLOW_ROLLBACK, name=name), request, api.PublishedVersion)

    def clone_workflow(self, name: str, new_name: str) -> api.WorkflowView:
        """Make a workflow whose draft is that of another."""
        request = api.NewName(name=new_name)
        return self._post(self._in(routes.WORKFLOW_CLONE, name=name), request, api.WorkflowView)

    def rename_workflow(self, name: str, new_name: str) -> api.WorkflowView:
        """Give a workflow another name."""
        request = api.NewName(name=new_name)
        return self._post(self._in(routes.WORKFLOW_RENAME, name=name), request, api.WorkflowView)

    def delete_workflow(self, name: str) -> api.WorkflowRow:
        """Delete a workflow, and give what it was."""
        return self._decoded(self._ask("DELETE", self._in(routes.WORKFLOW, name=name)), api.WorkflowRow)

    def scheduling(self, name: str) -> SchedulingView:
        """Give a workflow's switch, and what its schedule does."""
        return self._get(self._in(routes.WORKFLOW_SCHEDULING, name=name), SchedulingView)

    def set_scheduling(self, name: str, *, on: bool) -> SchedulingView:
        """Turn a workflow's switch."""
        return self._put(
            self._in(routes.WORKFLOW_SCHEDULING, name=name), SetScheduling(on=on), SchedulingView
        )

    def ticks(self, name: str, query: TicksQuery) -> list[TickView]:
        """Give when runs of a workflow are due."""
        return self._get(self._in(routes.WORKFLOW_TICKS, name=name), list[TickView], _parameters(query))

    def start_run(self, request: api.StartRun) -> api.RunView:
        """Start a run."""
        return self._post(self._in(routes.RUNS), request, api.RunView)

    def runs(self, query: api.RunsQuery, limit: int) -> Iterator[api.RunRow]:
        """Give runs, at most ``limit``, in the order asked for."""
        query = msgspec.structs.replace(query, limit=min(limit, api.MAX_PAGE))
        return islice(self._pages(self._in(routes.RUNS), api.RunRow, _parameters(query)), limit)

    def count_runs(self, query: api.RunsFilter) -> api.RunCounts:
        """Count runs by state."""
        return self._get(self._in(routes.RUN_COUNTS), api.RunCounts, _parameters(query))

    def run(self, number: int) -> api.RunView:
        """Give a run whole."""
        return self._get(fill(routes.RUN, run=number), api.RunView)

    def failure(self, number: int, node: str) -> api.FailureView:
        """Give why a node of a run failed."""
        return self._get(fill(routes.NODE_FAILURE, run=number, node=node), api.FailureView)

    def stop(self, number: int, node: str | None = None) -> api.RunView:
        """Stop a run, or one node of it."""
        place = (
            fill(routes.RUN_STOP, run=number)
            if node is None
            else fill(routes.NODE_STOP, run=number, node=node)
        )
        return self._post(place, api.Empty(), api.RunView)

    def pause(self, number: int) -> api.RunView:
        """Pause a run."""
        return self._post(fill(routes.RUN_PAUSE, run=number), api.Empty(), api.RunView)

    def resume(self, number: int) -> api.RunView:
        """Let a paused run go on."""
        return self._post(fill(routes.RUN_RESUME, run=number), api.Empty(), api.RunView)

    def rerun(self, number: int, request: api.RerunRun) -> api.RunView:
        """Run nodes of a run again."""
        return self._post(fill(routes.RUN_RERUN, run=number), request, api.RunView)

    def rerun_node(self, number: int, node: str, request: api.RerunNode) -> api.RunView:
        """Run one node again, and what is downstream of it where that is asked for."""
        return self._post(fill(routes.NODE_RERUN, run=number, node=node), request, api.RunView)

    def succeed(self, number: int, node: str, request: api.SucceedNode) -> api.RunView:
        """Set a node successful."""
        return self._post(fill(routes.NODE_SUCCEED, run=number, node=node), request, api.RunView)

    def create_backfill(self, request: CreateBackfill) -> BackfillView:
        """Make a backfill."""
        return self._post(self._in(routes.BACKFILLS), request, BackfillView)

    def preview_backfill(self, request: CreateBackfill, limit: int) -> BackfillPreview:
        """Give what a backfill would do, with its first intervals, at most ``limit``."""
        path, content = self._in(routes.BACKFILL_PREVIEW), msgspec.json.encode(request)
        answer = self._ask("POST", path, content=content, params={"limit": min(limit, api.MAX_PAGE)})
        return self._decoded(answer, BackfillPreview)

    def backfills(self, query: BackfillsQuery, limit: int) -> Iterator[BackfillView]:
        """Give backfills, at most ``limit``, newest first."""
        query = msgspec.structs.replace(query, limit=min(limit, api.MAX_PAGE))
        return islice(self._pages(self._in(routes.BACKFILLS), BackfillView, _parameters(query)), limit)

    def backfill(self, number: int) -> BackfillView:
        """Give a backfill."""
        return self._get(fill(routes.BACKFILL, backfill=number), BackfillView)

    def pause_backfill(self, number: int) -> BackfillView:
        """Have a backfill make no more runs for now."""
        return self._post(fill(routes.BACKFILL_PAUSE, backfill=number), api.Empty(), BackfillView)

    def resume_backfill(self, number: int) -> BackfillView:
        """Let a paused backfill go on."""
        return self._post(fill(routes.BACKFILL_RESUME, backfill=number), api.Empty(), BackfillView)

    def cancel_backfill(self, number: int, *, running: bool) -> BackfillView:
        """Have a backfill make no more runs; with ``running`` also those that run are stopped."""
        request = CancelBackfill(running=running)
        return self._post(fill(routes.BACKFILL_CANCEL, backfill=number), request, BackfillView)

    def retry_backfill(self, number: int) -> BackfillView:
        """Make another run for each interval of a backfill whose run failed."""
        return self._post(fill(routes.BACKFILL_RETRY, backfill=number), api.Empty(), BackfillView)

    def log(self, number: int, node: str, attempt: int, stream: str, last: int) -> LogPart:
        """Give the ``last`` bytes of an attempt's output so far, less where some of them were cut out."""
        headers = {"Range": f"bytes=-{last}"}
        try:
            answer = self._ask("GET", _log_path(number, node, attempt, stream), headers=headers)
        except Refused as refused:
            if refused.problem.status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return LogPart(b"", 0)
            raise
        place = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
        cut = _CUT.fullmatch(answer.headers.get("Stoker-Cut", ""))
        return LogPart(
            answer.content,
            int(place[1]) if place else 0,
            int(cut[2]) + 1 - int(cut[1]) if cut else 0,
        )

    def read_log(self, number: int, node: str, attempt: int, stream: str) -> Iterator[bytes]:
        """Give an attempt's output as far as it is written."""
        with self._stream(_log_path(number, node, attempt, stream), {}, quiet=QUIET_SECONDS) as answer:
            yield from answer.iter_bytes()

    def follow_log(
        self, number: int, node: str, attempt: int, stream: str, offset: int = 0
    ) -> Iterator[bytes]:
        """Give an attempt's output from ``offset`` on as it grows, until the attempt or the daemon ends."""
        query = {"follow": "true", "offset": str(offset)}
        with self._stream(_log_path(number, node, attempt, stream), query, quiet=None) as answer:
            yield from answer.iter_bytes()

    def events(self, after: int | None) -> Iterator[bytes]:
        """Give the run log's own lines after a position, then live, each without its newline.

        Heartbeats are among them. Without a position it begins with the oldest line that is kept.
        """
        try:
            yield from self._events(after or 0)
        except Refused as refusal:
            if after is not None or not refusal.problem.oldest:
                raise
            yield from self._events(refusal.problem.oldest)

    def _events(self, after: int) -> Iterator[bytes]:
        with self._stream(routes.EVENTS, {"after": str(after)}, quiet=QUIET_SECONDS) as answer:
            yield from _lines(answer.iter_bytes())

    def run_events(self, number: int, after: int = 0) -> Iterator[api.RunEvents]:
        """Give what happened in a run after a position of the log, part by part."""
        path, more = fill(routes.RUN_EVENTS, run=number), True
        while more:
            query = {"after": str(after), "limit": str(api.MAX_PAGE)}
            part = self._get(path, api.RunEvents, query)
            yield part
            after, more = part.seq, part.more

    def position(self) -> int:
        """Give the log's position now."""
        return int(self._ask("GET", routes.STATUS).headers["Stoker-Seq"])

    def _is_stored(self, digest: str) -> bool:
        with self._reaching():
            answer = self._http.head(fill(routes.OBJECT, digest=digest))
            if answer.status_code == httpx.codes.NOT_FOUND:
                return False
            self._checked(answer)
        return True

    def _in(self, template: str, **values: str) -> str:
        return fill(template, workspace=self._workspace, **values)

    def _pages(self, path: str, kind: type[_T], query: Mapping[str, str] | None = None) -> Iterator[_T]:
        cursor = {}
        while True:
            page = self._get(path, api.Page[kind], {**(query or {}), **cursor})
            yield from page.items
            if page.next is None:
                return
            cursor = {"cursor": page.next}

    def _get(self, path: str, kind: type[_T], query: Mapping[str, str] | None = None) -> _T:
        return self._decoded(self._ask("GET", path, params=query), kind)

    def _put(self, path: str, request: api.Request | QueueSpec, kind: type[_T]) -> _T:
        return self._decoded(self._ask("PUT", path, content=msgspec.json.encode(request)), kind)

    def _post(self, path: str, request: api.Request, kind: type[_T]) -> _T:
        """Ask for a change. The key makes it safe to ask again where the answer was lost."""
        headers = {"Idempotency-Key": uuid4().hex}
        content = msgspec.json.encode(request)
        deadline = time.monotonic() + RESTART_SECONDS
        sent = False
        while True:
            try:
                answer = self._ask("POST", path, content=content, headers=headers)
                return self._decoded(answer, kind)
            except Unreachable as error:
                sent = sent or error.sent
                if not sent or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _ask(self, method: str, path: str, **details: Any) -> httpx.Response:
        with self._reaching():
            answer = self._http.request(method, path, **details)
            return self._checked(answer)

    @contextmanager
    def _stream(self, path: str, query: Mapping[str, str], quiet: float | None) -> Iterator[httpx.Response]:
        timeout = httpx.Timeout(QUIET_SECONDS, read=quiet)
        with self._reaching(), self._http.stream("GET", path, params=query, timeout=timeout) as answer:
            if answer.is_error:
                answer.read()
            yield self._checked(answer)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            raise unreachable(self.path, error) from error

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        return checked(self.path, answer)

    def _decoded(self, answer: httpx.Response, kind: type[_T]) -> _T:
        return decoded(self.path, answer, kind)


def unreachable(path: Path, error: httpx.TransportError) -> Unreachable:
    """Say why nobody answered at the socket."""
    why = re.sub(r"^\[Errno \d+\] |\.$", "", str(error)) or type(error).__name__
    sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
    return Unreachable(path, why, sent=sent)


def checked(path: Path, answer: httpx.Response) -> httpx.Response:
    """Give an answer that is one. Raises `NotStoker`, and `Refused` for a problem."""
    if (spoken := answer.headers.get("Stoker-API")) != api.API_VERSION:
        why = (
            f"it speaks version {clean(spoken[:20])} of the interface, and this client {api.API_VERSION}; "
            + what_to_do(spoken[:20], api.API_VERSION)
            if spoken
            else "its answer names no version"
        )
        raise NotStoker(path, why)
    if not answer.is_error:
        return answer
    raise Refused(decoded(path, answer, api.Problem))


def decoded(path: Path, answer: httpx.Response, kind: type[_T]) -> _T:
    """Give what an answer says. Raises `NotStoker` where that is none."""
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.MsgspecError as error:
        raise NotStoker(path, f"its answer to {answer.request.url.path} is wrong: {error}") from error


def _parameters(query: api.Query) -> dict[str, str]:
    return {name: str(value) for name, value in msgspec.to_builtins(query).items()}


def condition(revision: int | None) -> dict[str, str]:
    """Give the precondition of a write made on a revision; None for what is not there yet."""
    return {"If-None-Match": "*"} if revision is None else {"If-Match": f'"{revision}"'}


def _log_path(number: int, node: str, attempt: int, stream: str) -> str:
    return fill(routes.LOG, run=number, node=node, attempt=attempt, stream=stream)


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Cut at the byte ``\\n`` alone: JSON leaves U+2028 raw, where `str.splitlines` would cut."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
