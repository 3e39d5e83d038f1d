"""Why something was refused."""

from __future__ import annotations

import msgspec

from stoker_shared.api.base import Fault
from stoker_shared.api.jobs import JobView
from stoker_shared.api.workflows import WorkflowView
from stoker_shared.roles import Role


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as RFC 9457 has it; ``type`` is stable and names the kind.

    Some kinds carry more: ``invalid`` the ``errors``, ``stale`` the ``current`` draft where there is one
    (``current_job`` of a job), ``gone`` the ``log`` there is and the ``oldest`` position that it can be read
    from, ``forbidden`` the ``role`` that is missing, where that is what is.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []
    current: WorkflowView | None = None
    current_job: JobView | None = None
    log: str | None = None
    oldest: int | None = None
    role: Role | None = None
