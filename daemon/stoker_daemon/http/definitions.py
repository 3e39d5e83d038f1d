"""Workflows."""

from __future__ import annotations

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
from stoker_daemon.views import runs_by_workflow, workflow_row
from stoker_shared import routes
from stoker_shared.api import (
    Page,
    PageQuery,
    PublishWorkflow,
    WorkflowQuery,
    WorkflowRow,
    WorkflowView,
)
from stoker_shared.model import WorkflowSpec
from stoker_shared.state import Workflow, WorkflowVersion


class Definitions:
    """Handlers over the engine and the object store."""

    def __init__(self, engine: Engine, once: Once, objects: Objects) -> None:
        self._engine = engine
        self._once = once
        self._objects = objects

    def operations(self) -> list[Operation]:
        """Give the operations."""
        return [
            Operation("GET", routes.WORKFLOWS, self.list_workflows),
            Operation("GET", routes.WORKFLOW, self.show_workflow),
            Operation("PUT", routes.WORKFLOW, self.save_workflow, headers=PRECONDITIONS),
            Operation("POST", routes.WORKFLOW_PUBLISH, self.publish_workflow, status=201),
        ]

    async def list_workflows(self, workspace: str, query: PageQuery) -> Answer[Page[WorkflowRow]]:
        """List the workflows of a workspace."""
        state = self._engine.state
        known_workspace(state, workspace)
        runs = runs_by_workflow(state)
        names = [name for space, name in state.names if space == workspace]

        def row(name: str) -> WorkflowRow:
            workflow = known_workflow(state, workspace, name)
            return workflow_row(workflow, runs.get(workflow.id, []))

        return Answer(page(query, names, row))

    async def show_workflow(self, workspace: str, name: str, query: WorkflowQuery) -> Answer[WorkflowView]:
        """Show a workflow: its draft, or a published version of it."""
        workflow = known_workflow(self._engine.state, workspace, name)
        digest = workflow.draft.digest
        if query.version:
            digest = workflows.published_version(workflow, query.version).digest
        return self._shown(workflow, digest)

    async def save_workflow(
        self, request: Request, caller: Caller, workspace: str, name: str, body: WorkflowSpec
    ) -> Answer[WorkflowView]:
        """Save the draft, made on the revision that If-Match names."""
        self._engine.admit()
        command = await workflows.save_workflow(
            self._objects, workspace, name, body, revision_of(request), caller.user
        )
        workflow = await self._engine.submit(command)
        return self._shown(workflow, workflow.draft.digest)

    async def publish_workflow(
        self, caller: Caller, workspace: str, name: str, body: PublishWorkflow
    ) -> Answer[WorkflowVersion]:
        """Make the draft the workflow's next version."""
        state = self._engine.state
        number = await self._once.carry_out(
            caller,
            lambda: workflows.publish_workflow(state, self._objects, workspace, name, body, caller.user),
        )
        return Answer(known_workflow(state, workspace, name).versions[number - 1])

    def _shown(self, workflow: Workflow, digest: str) -> Answer[WorkflowView]:
        runs = runs_by_workflow(self._engine.state).get(workflow.id, [])
        view = WorkflowView(workflow_row(workflow, runs), read_definition(self._objects, digest))
        return Answer(view, etag(workflow.draft.revision))
