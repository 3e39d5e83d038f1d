"""The form of a workflow: the fields of the service's panel in its order, then Stoker's own. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from stoker_shared.api import Fault
from stoker_shared.definition import faults
from stoker_shared.model import ROOT_QUEUE, CatchUpPolicy, FailureStrategy, OverlapPolicy, WorkflowSpec
from stoker_tui.forms.form import Field, Form, Inherited, Values, default
from stoker_tui.forms.kinds import Choice, Decimal, Number, Pairs, Text, Words
from stoker_tui.forms.known import Known
from stoker_tui.forms.schedule import is_scheduled, schedule_fields


class WorkflowForm(Form[WorkflowSpec]):
    """A workflow without its nodes, which stay as they are. One that is there is renamed elsewhere."""

    def __init__(self, value: WorkflowSpec | None, known: Known) -> None:
        name = [] if value and value.workflow else [_NAME]
        self._begin([*name, *_first(known), *_more()], value)

    def _begin(self, fields: Sequence[Field], value: WorkflowSpec | None) -> None:
        self._nodes = value.nodes if value else ()
        super().__init__(WorkflowSpec, fields, value)

    def load(self, value: WorkflowSpec | None) -> None:
        """Show another definition."""
        self._nodes = value.nodes if value else ()
        super().load(value)

    def taken(self, value: WorkflowSpec) -> dict[str, Any]:
        """Give what one would write of it but its nodes."""
        return super().taken(msgspec.structs.replace(value, nodes=()))

    def made(self, mapping: dict[str, Any]) -> WorkflowSpec:
        """Give the workflow with its nodes; by a type that is none it has no schedule."""
        if mapping.get("schedule", {}).get("type", "none") == "none":
            mapping.pop("schedule", None)
        return msgspec.structs.replace(super().made(mapping), nodes=self._nodes)

    def faults(self, value: WorkflowSpec) -> Iterable[Fault]:
        """Give what is wrong with it beside its nodes."""
        return faults(msgspec.structs.replace(value, nodes=()))


class ScheduleForm(WorkflowForm):
    """Of a workflow only what is about time."""

    def __init__(self, value: WorkflowSpec, known: Known) -> None:
        about_time = [field for field in _more() if field.place in _ABOUT_TIME]
        self._begin([*schedule_fields(known.zone), *about_time], value)
        self.is_new = value.schedule is None


_ABOUT_TIME = ("overlap", "catch_up", "not_started_by", "not_done_by")

_NAME = Field("workflow", "name", Text(), "unique in the workspace", "daily_sales")


def _first(known: Known) -> list[Field]:
    return [
        Field(
            "queue", "resource queue", Text(), "where its nodes wait, unless they have one of their own",
            inherited=default(ROOT_QUEUE), known=known.queues, warn=known.why_no_queue,
        ),
        *schedule_fields(known.zone),
        Field(
            "retries", "retries after failure", Number(), "attempts of a node after the first",
            inherited=default("0"),
        ),
        Field(
            "notify", "failure notification", Words(commas=True), "who is told by e-mail when a run fails",
            inherited=lambda _: Inherited("nobody", ""),
        ),
        Field("tags", "tags", Pairs(), "team=sales 'cost centre=12'"),
    ]  # fmt: skip


def _more() -> list[Field]:
    fields = (
        Field("description", "description", Text(), "for people"),
        Field(
            "variables", "variables", Pairs(), "region=eu name='two words': for ${region} in its jobs",
        ),
        Field(
            "retry_delay", "retry delay", Decimal(), "seconds before the first retry", inherited=default("0"),
        ),
        Field(
            "retry_backoff", "retry backoff", Decimal(), "each later retry waits so many times longer",
            inherited=default("1"),
        ),
        Field(
            "run_timeout", "run timeout", Number(), "seconds that a whole run may take",
            inherited=lambda _: Inherited("no limit", ""),
        ),
        Field(
            "parallelism", "node parallelism", Number(), "nodes of a run that are active at once",
            inherited=lambda _: Inherited("as the queue allows", ""),
        ),
        Field(
            "failure_strategy", "failure strategy", Choice(tuple(FailureStrategy)),
            "where a node failed: continue with what does not depend on it, or fail fast",
            inherited=default(FailureStrategy.CONTINUE.value),
        ),
        Field(
            "overlap", "overlap", Choice(tuple(OverlapPolicy)),
            "while an earlier run is active: wait, go on in parallel, skip this one, or replace that",
            inherited=default(OverlapPolicy.WAIT.value),
        ),
        Field(
            "catch_up", "catch-up", Choice(tuple(CatchUpPolicy)),
            "which ticks are run that were missed while the daemon was down",
            inherited=default(CatchUpPolicy.LATEST.value), shown=_of_use("catch_up"),
        ),
        Field(
            "not_started_by", "late, not started by", Text(), "so long after its tick (90m, 2h), or a time",
            inherited=lambda _: Inherited("never", ""), shown=_of_use("not_started_by"),
        ),
        Field(
            "not_done_by", "late, not done by", Text(), "so long after its tick (90m, 2h), or a time",
            inherited=lambda _: Inherited("never", ""), shown=_of_use("not_done_by"),
        ),
    )  # fmt: skip
    return [field._replace(section="more") for field in fields]


def _of_use(place: str) -> Callable[[Values], bool]:
    """Tell whether a field is of use: where there is a schedule, and where it is set."""
    return lambda values: is_scheduled(values) or place in values
