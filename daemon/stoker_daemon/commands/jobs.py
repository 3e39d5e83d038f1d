"""Commands on jobs."""

from __future__ import annotations

from collections.abc import Callable

from stoker_daemon.commands.common import (
    fitting,
    known_workspace,
)
from stoker_daemon.engine import Turn
from stoker_daemon.objects import Objects
from stoker_daemon.plan import type_of
from stoker_daemon.problems import invalid
from stoker_shared import events as ev
from stoker_shared.api import Fault, PublishJob
from stoker_shared.definition import config_faults
from stoker_shared.text import clean, path_problem


def publish_job(
    objects: Objects, workspace: str, path: str, request: PublishJob, by: str
) -> Callable[[Turn], int]:
    """Make stored content the next version of a job; raises `Refused`."""
    if problem := path_problem(path):
        raise invalid(problem)
    try:
        type_of(path)
    except ValueError as error:
        raise invalid(f"{clean(path)}: {error}") from error
    if wrong := [Fault(f"/config/{field}", why) for field, why in config_faults(request.config)]:
        raise invalid(f"the configuration of {clean(path)} can't be", wrong)
    if request.digest not in objects:
        raise invalid(f"no object {request.digest!r} is stored; send the content first")
    size = objects.size(request.digest)

    def command(turn: Turn) -> int:
        known_workspace(turn.state, workspace)
        known = turn.state.jobs.get((workspace, path))
        version = known.latest.version + 1 if known else 1
        event = ev.JobPublished(
            workspace, path, version, request.digest, size, request.config, request.remarks
        )
        turn.record(fitting(event), by)
        return version

    return command
