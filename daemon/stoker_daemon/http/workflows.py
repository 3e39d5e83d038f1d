"""Workflows: their drafts, their versions, and what differs between them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from starlette.requests import Request

from stoker_daemon.commands import workflows
from stoker_daemon.commands.common import known_workflow, known_workspace, read_definition
from stoker_daemon.engine import Engine
from stoker_daemon.http.answers import page
from stoker_daemon.http.callers import Caller
from stoker_daemon.http.drafts import PRECONDITIONS, etag, revision_of
from stoker_daemon.http.once import Once
from stoker_daemon.http.operations import Answer, Operation
from stoker_daemon.objects import Objects
from stoker_daemon.problems import invalid
from stoker_daemon.scheduling.due import ahead_of, next_tick
from stoker_daemon.timetable import BoundsError
from stoker_daemon.views import in_force, workflow_row
from stoker_shared import routes
from stoker_shared.api import (
    DifferenceQuery,
    NewName,
    Page,
    PageQuery,
    PublishedVersion,
    PublishingView,
    PublishWorkflow,
    RollBackWorkflow,
    SaveQuery,
    WorkflowDifference,
    WorkflowQuery,
    WorkflowRow,
    WorkflowView,
)
from stoker_shared.difference import Difference, difference
from stoker_shared.model import WorkflowSpec
from stoker_shared.state import Workflow, WorkflowVersion


class Workflows:
    """Handlers over the engine and the object store; ``zone`` is the host's."""

    def __init__(self, engine: Engine, once: Once, objects: Objects, zone: ZoneInfo) -> None:
        self._engine = engine
        self._zone = zone
        self._once = once
        self._objects = objects

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("GET", routes.WORKFLOWS, self.list_workflows),
            Operation("GET", routes.WORKFLOW_VERSIONS, self.list_workflow_versions),
            Operation("GET", routes.WORKFLOW_DIFF, self.diff_workflow),
            Operation("GET", routes.WORKFLOW_PUBLISH, self.preview_publishing),
            Operation("POST", routes.WORKFLOW_PUBLISH, self.publish_workflow, status=201),
            Operation("POST", routes.WORKFLOW_ROLLBACK, self.roll_back_workflow, status=201),
            Operation("POST", routes.WORKFLOW_CLONE, self.clone_workflow, status=201),
            Operation("POST", routes.WORKFLOW_RENAME, self.rename_workflow),
            Operation("GET", routes.WORKFLOW, self.show_workflow),
            Operation("PUT", routes.WORKFLOW, self.save_workflow, headers=PRECONDITIONS),
            Operation("DELETE", routes.WORKFLOW, self.delete_workflow),
        ]

    async def list_workflows(self, workspace: str, query: PageQuery) -> Answer[Page[WorkflowRow]]:
        """List the workflows of a workspace."""
        state = self._engine.state
        known_workspace(state, workspace)
        names = [name for space, name in state.names if space == workspace]

        def row(name: str) -> WorkflowRow:
            return self._row(known_workflow(state, workspace, name))

        return Answer(page(query, names, row))

    async def show_workflow(self, workspace: str, name: str, query: WorkflowQuery) -> Answer[WorkflowView]:
        """Show a workflow: its draft, a published version of it, or a draft that was replaced."""
        if query.version and query.revision:
            raise invalid("ask for a version or for a draft's revision, not for both")
        workflow = known_workflow(self._engine.state, workspace, name)
        if query.version:
            return self._shown(workflow, str(query.version))
        return self._shown(workflow, f"draft:{query.revision}" if query.revision else "draft")

    async def save_workflow(
        self,
        request: Request,
        caller: Caller,
        workspace: str,
        name: str,
        query: SaveQuery,
        body: WorkflowSpec,
    ) -> Answer[WorkflowView]:
        """Save the draft, made on the revision that If-Match names."""
        self._engine.admit()
        command = await workflows.save_workflow(
            self._objects,
            workspace,
            name,
            body,
            revision_of(request),
            caller.user,
            self._zone,
            applied=query.applied,
        )
        return self._shown(await self._engine.submit(command), "draft")

    async def delete_workflow(self, caller: Caller, workspace: str, name: str) -> Answer[WorkflowRow]:
        """Delete a workflow without active runs; the runs it had stay in the history."""
        self._engine.admit()
        workflow = await self._engine.submit(workflows.delete_workflow(workspace, name, caller.user))
        return Answer(self._row(workflow))

    async def list_workflow_versions(
        self, workspace: str, name: str, query: PageQuery
    ) -> Answer[Page[WorkflowVersion]]:
        """List a workflow's versions, oldest first."""
        workflow = known_workflow(self._engine.state, workspace, name)
        versions = {f"{version.version:09d}": version for version in workflow.versions}
        return Answer(page(query, versions, versions.__getitem__))

    async def diff_workflow(
        self, workspace: str, name: str, query: DifferenceQuery
    ) -> Answer[WorkflowDifference]:
        """Show what leads from one definition of a workflow to another, field by field and as a graph."""
        workflow = known_workflow(self._engine.state, workspace, name)
        before = query.before or _latest(workflow)
        return Answer(
            WorkflowDifference(before, query.after, self._difference(workflow, before, query.after))
        )

    async def preview_publishing(self, workspace: str, name: str) -> Answer[PublishingView]:
        """Show what publishing the draft would come to: what keeps it from it, and what it would change."""
        workflow = known_workflow(self._engine.state, workspace, name)
        shown = PublishingView(
            len(workflow.versions) + 1, self._difference(workflow, _latest(workflow), "draft")
        )
        spec = workflows.definition_at(self._objects, workflow, "draft")
        shown.warnings = workflows.publishing_warnings(self._engine.state, spec)
        shown.errors = await workflows.publishing_faults(self._engine.state, workspace, spec, self._zone)
        return Answer(shown)

    async def publish_workflow(
        self, caller: Caller, workspace: str, name: str, body: PublishWorkflow
    ) -> Answer[PublishedVersion]:
        """Make the draft the workflow's next version."""
        state = self._engine.state
        number = await self._once.carry_out(
            caller,
            lambda: workflows.publish_workflow(
                state, self._objects, workspace, name, body, caller.user, self._zone, caller.rights
            ),
        )
        return self._published(workspace, name, number)

    async def roll_back_workflow(
        self, caller: Caller, workspace: str, name: str, body: RollBackWorkflow
    ) -> Answer[PublishedVersion]:
        """Make what a version was the workflow's next version, and its draft."""
        state = self._engine.state
        number = await self._once.carry_out(
            caller,
            lambda: workflows.roll_back_workflow(
                state, self._objects, workspace, name, body, caller.user, self._zone, caller.rights
            ),
        )
        return self._published(workspace, name, number)

    async def clone_workflow(
        self, caller: Caller, workspace: str, name: str, body: NewName
    ) -> Answer[WorkflowView]:
        """Make a new workflow whose draft is that of this one."""
        state = self._engine.state
        await self._once.carry_out(
            caller,
            lambda: workflows.clone_workflow(state, self._objects, workspace, name, body.name, caller.user),
        )
        return self._shown(known_workflow(state, workspace, body.name), "draft")

    async def rename_workflow(
        self, caller: Caller, workspace: str, name: str, body: NewName
    ) -> Answer[WorkflowView]:
        """Give the workflow another name; its versions and its history stay with it."""
        state = self._engine.state
        await self._once.carry_out(
            caller,
            lambda: workflows.rename_workflow(state, self._objects, workspace, name, body.name, caller.user),
        )
        return self._shown(known_workflow(state, workspace, body.name), "draft")

    def _published(self, workspace: str, name: str, number: int) -> Answer[PublishedVersion]:
        version = known_workflow(self._engine.state, workspace, name).versions[number - 1]
        warnings = workflows.publishing_warnings(
            self._engine.state, read_definition(self._objects, version.digest)
        )
        return Answer(PublishedVersion(**msgspec.structs.asdict(version), warnings=warnings))

    def _shown(self, workflow: Workflow, place: str) -> Answer[WorkflowView]:
        view = workflows.workflow_view(self._engine.state, self._objects, workflow, place)
        view.row.next_at = self._next_at(workflow)
        return Answer(view, etag(workflow.draft.revision))

    def _row(self, workflow: Workflow) -> WorkflowRow:
        definition = read_definition(self._objects, in_force(workflow))
        row = workflow_row(self._engine.state, workflow, definition)
        row.next_at = self._next_at(workflow)
        return row

    def _next_at(self, workflow: Workflow) -> datetime | None:
        try:
            return next_tick(ahead_of(workflow, self._zone))
        except BoundsError:
            return None

    def _difference(self, workflow: Workflow, before: str, after: str) -> Difference:
        old = workflows.definition_at(self._objects, workflow, before) if before else None
        return difference(old, workflows.definition_at(self._objects, workflow, after))


def _latest(workflow: Workflow) -> str:
    """Give the place of the latest version, nothing where there is none."""
    return str(len(workflow.versions) or "")
