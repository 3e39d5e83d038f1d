"""Refusals, as problems with a stable type (RFC 9457)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from stoker_daemon.volumes import BROKEN, free_bytes, is_no_room
from stoker_shared.api import Fault, JobView, Problem, WorkflowView
from stoker_shared.roles import Role


class Refused(Exception):
    """What was asked for is not done, and nothing was changed; carries the problem to answer with."""

    def __init__(self, problem: Problem, headers: dict[str, str] | None = None) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.headers = headers or {}

    @property
    def words(self) -> str:
        """What is wrong, and where, in a line."""
        faults = "; ".join(fault.detail for fault in self.problem.errors)
        return f"{self.problem.detail}: {faults}" if faults else self.problem.detail


def not_found(detail: str) -> Refused:
    """There is no such thing."""
    return Refused(Problem("not-found", "Not found", 404, detail))


def forbidden(detail: str, role: Role | None) -> Refused:
    """Who asks may not; ``role`` is the one that is missing, where that is what is."""
    return Refused(Problem("forbidden", "Not allowed", 403, detail, role=role))


def conflict(detail: str) -> Refused:
    """What is there does not allow it now."""
    return Refused(Problem("conflict", "Not possible now", 409, detail))


def invalid(detail: str, errors: list[Fault] | None = None) -> Refused:
    """The request is understood and makes no sense; ``errors`` say where."""
    return Refused(Problem("invalid", "Not valid", 422, detail, errors or []))


def malformed(detail: str, errors: list[Fault] | None = None) -> Refused:
    """The request can't be read."""
    return Refused(Problem("malformed", "Not readable", 400, detail, errors or []))


def stale(detail: str, current: WorkflowView | None, current_job: JobView | None = None) -> Refused:
    """The draft was changed since it was read; ``current``, or ``current_job``, is what it is now."""
    problem = Problem("stale", "Changed meanwhile", 412, detail, current=current, current_job=current_job)
    return Refused(problem)


def precondition_required(detail: str) -> Refused:
    """A write to a draft must say which revision it is made on."""
    return Refused(Problem("precondition-required", "Which revision?", 428, detail))


def not_kept(detail: str, log: str, oldest: int) -> Refused:
    """The run log can't be read from there; ``oldest`` is the position from which it can."""
    return Refused(Problem("gone", "Not kept", 410, detail, log=log, oldest=oldest))


def output_not_kept(run: int) -> Refused:
    """What a run wrote was removed; the run itself is kept."""
    detail = f"what run #{run} wrote is not kept any more; its launch stream can be read"
    return Refused(Problem("output-gone", "Not kept", 410, detail))


def key_reused(key: str, at: datetime) -> Refused:
    """An Idempotency-Key came again with another body."""
    detail = f"Idempotency-Key {key!r} was used at {at:%F %T} UTC for another body; use a new key"
    return Refused(Problem("key-reused", "Key used before", 422, detail))


def no_space(directory: Path) -> Refused:
    """There is no room on the disk for it."""
    detail = (
        f"there is no room left in {directory} ({free_bytes(directory) / 2**20:,.1f} MiB free); make some. "
        "Running jobs go on and how they end is recorded; Stoker goes on by itself once there is room"
    )
    return Refused(Problem("no-space", "No room on the disk", 507, detail))


@contextmanager
def disk_refusals(directory: Path) -> Iterator[None]:
    """Refuse what can't be written into a directory for want of room, or because the disk failed."""
    try:
        yield
    except OSError as error:
        if is_no_room(error):
            raise no_space(directory) from error
        if error.errno in BROKEN:
            raise read_only(f"the disk failed ({error})") from error
        raise


def read_only(reason: str) -> Refused:
    """The disk failed, and nothing can be changed."""
    detail = (
        f"nothing can be changed, since {reason}. Running jobs go on, and how they end will be found; "
        "Stoker tries the disk again by itself"
    )
    return Refused(Problem("read-only", "Read only", 503, detail))


def not_sent(detail: str) -> Refused:
    """Another server did not take what was to be handed over to it."""
    return Refused(Problem("not-sent", "Not sent", 502, detail))


def unavailable(detail: str) -> Refused:
    """The daemon can't take it now."""
    return Refused(Problem("unavailable", "Not available", 503, detail))
