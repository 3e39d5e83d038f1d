"""How a run is made, whatever it is made by: a person, the schedule, a backfill."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from stoker_daemon.commands.common import fitting, latest_job
from stoker_daemon.commands.variables import plain_variables, secret_names
from stoker_daemon.planning.placing import places
from stoker_daemon.preparing.plan import Place, Plan, freeze, planned_nodes
from stoker_daemon.preparing.variables import Facts, Scope, VariableError
from stoker_daemon.problems import invalid
from stoker_shared import events as ev
from stoker_shared.model import WorkflowSpec
from stoker_shared.state import State, Workflow


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is to be of: a published version, or for debug the draft, whose version is 0.

    ``scheduled_at`` is the end of the interval that it is about, where there is one. ``queue`` is the one
    asked for in place of the workflow's.
    """

    workflow: Workflow
    spec: WorkflowSpec
    version: int
    cycle: datetime
    time_zone: str
    trigger: ev.Trigger = ev.Trigger.MANUAL
    revision: int = 0
    queue: str = ""
    variables: dict[str, str] = {}
    remarks: str = ""
    scheduled_at: datetime | None = None
    start_by: datetime | None = None
    end_by: datetime | None = None
    backfill: int = 0
    retry_of: int = 0

    @property
    def debug(self) -> bool:
        """Whether it is of the draft, on a development queue."""
        return self.trigger is ev.Trigger.DEBUG

    def created(
        self, number: int, digest: str, plan: Plan, seats: Iterable[Place], secrets: Iterable[str]
    ) -> ev.RunCreated:
        """Give the event that creates the run under a number, with its frozen plan and its nodes' places.

        ``secrets`` are the names of the workspace's. Raises `Refused` for tags that can't be.
        """
        spec = self.spec
        return ev.RunCreated(
            run=number,
            workspace=self.workflow.workspace,
            workflow=self.workflow.id,
            name=self.workflow.name,
            version=self.version,
            trigger=self.trigger,
            cycle=self.cycle,
            time_zone=self.time_zone,
            plan=digest,
            nodes=planned_nodes(spec, plan, seats),
            parallelism=spec.parallelism or 0,
            failure_strategy=spec.failure_strategy,
            retry_delay=spec.retry_delay,
            retry_backoff=spec.retry_backoff,
            timeout=spec.run_timeout,
            variables=self.variables,
            remarks=self.remarks,
            revision=self.revision,
            queue=self.queue,
            overlap=spec.overlap,
            tags=self._tags(number, plan, secrets),
            scheduled_at=self.scheduled_at,
            start_by=self.start_by,
            end_by=self.end_by,
            backfill=self.backfill,
            retry_of=self.retry_of,
            notify=spec.notify,
        )

    def _tags(self, number: int, plan: Plan, secrets: Iterable[str]) -> dict[str, str]:
        """Give the workflow's tags with variables replaced. Secrets are refused there, so need no value."""
        tags = self.spec.tags
        if not any("${" in value for value in tags.values()):
            return tags
        zone = ZoneInfo(self.time_zone)
        due = self.scheduled_at and self.scheduled_at.astimezone(zone)
        facts = Facts(self.cycle.astimezone(zone), self.workflow.name, "", number, 0, due)
        custom = {
            "workspace": plan.workspace_variables,
            "workflow": plan.variables,
            "run": self.variables,
        }
        try:
            return Scope(facts, custom, dict.fromkeys(secrets, "")).tags(tags)
        except VariableError as error:
            raise invalid(f"the tags of the run can't be: {error}") from error


def frozen_plan(state: State, workspace: str, spec: WorkflowSpec) -> Plan:
    """Give the plan of a definition over the newest published jobs; raises `Refused` where one has none."""
    return freeze(spec, lambda path: latest_job(state, workspace, path), plain_variables(state, workspace))


def creation(state: State, wanted: Wanted, plan: Plan, digest: str) -> ev.RunCreated:
    """Give the event that creates the next run, with its plan, stored under ``digest``; raises `Refused`.

    What is refused does not depend on the cycle: another run of the workflow would be refused too.
    """
    seats, errors = places(wanted.spec, plan, state.queues, wanted.queue, debug=wanted.debug)
    if errors:
        raise invalid(f"workflow {wanted.workflow.name!r} can't run as it stands", errors)
    secrets = secret_names(state, wanted.workflow.workspace)
    return fitting(wanted.created(state.counters.run + 1, digest, plan, seats, secrets))
