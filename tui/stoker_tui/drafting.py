"""Keys that open drafts and edit them: their graph, and the forms over them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from stoker_shared import api, routes
from stoker_shared.dag import downstream_of
from stoker_shared.difference import difference
from stoker_shared.model import NodeSpec, WorkflowSpec
from stoker_shared.text import clean_line, name_problem, quoted
from stoker_tui.actions import EditedNode
from stoker_tui.client import Refused
from stoker_tui.documents import Document as TextDocument
from stoker_tui.editing import document as documents
from stoker_tui.editing import edits
from stoker_tui.editing.document import Document
from stoker_tui.editing.edits import CannotEdit, Step, node_named, upstream_of
from stoker_tui.editing.keeping import KeptDraft, KeptForm, Left, OpenForm
from stoker_tui.forms.node import NodeForm
from stoker_tui.forms.workflow import ScheduleForm, WorkflowForm
from stoker_tui.publishing import PublishingApp
from stoker_tui.screens.dialogs import Ask, Choice, Choose, Confirm, Read
from stoker_tui.screens.diff import change_lines
from stoker_tui.screens.edit import EditScreen, as_text
from stoker_tui.screens.filling import FillScreen
from stoker_tui.topics import Workflows

_NO_JOBS = "no job is published yet: n among the jobs (4) publishes one, or `stoker job publish FILE`"


class DraftingApp(PublishingApp):
    """An application that does what `stoker_tui.actions` lists for drafts that are edited."""

    workflows: Workflows

    # Opening.

    def do_workflow_edit(self, row: api.WorkflowRow) -> None:
        """Edit the draft, or go on with what was not saved of it."""
        self.flow(self._edit(row))

    def do_workflow_new(self) -> None:
        """Make a workflow, or go on with one that was not saved."""
        self.flow(self._new())

    def do_app_unsaved(self) -> None:
        """Choose among all that was left unsaved here what to go on with."""
        self.flow(self._choose_unsaved())

    def tell_of_unsaved(self) -> None:
        """Say what was left unsaved here, if anything was."""
        if (left := self.left()) and self.page:
            names = ", ".join(dict.fromkeys(each.kept.name for each in left))
            key = self.page.key_of("app.unsaved")
            self.say(f"{key} goes on with what was not saved and is kept here: {names}")

    async def _edit(self, row: api.WorkflowRow) -> None:
        left = self._left_drafts(lambda kept: kept.workflow == row.id)
        chosen = await self.choose_left(f"Changes of {row.name} were not saved", left, "open the draft")
        if isinstance(chosen, Left):
            self._go_on(chosen, row)
        elif chosen:
            view = await self.link.read(self.link.within(routes.WORKFLOW, name=row.name), api.WorkflowView)
            self._open_draft(EditScreen(documents.opened(view.spec, view.row.revision), view.row))

    async def _new(self) -> None:
        known = self.workflows.value or {}
        # Those, too, of workflows that were deleted meanwhile.
        left = self._left_drafts(lambda kept: kept.workflow not in known)
        chosen = await self.choose_left("New workflows were not saved", left, "make another one")
        if isinstance(chosen, Left):
            self._go_on(chosen)
        elif chosen:
            name = await self.asked(
                Ask("Name of the new workflow", hint="daily_sales", problem=self._name_problem)
            )
            if name is not None:
                self._open_draft(EditScreen(documents.new(name), None))

    async def _choose_unsaved(self) -> None:
        if not (left := self.left()):
            self.say("nothing was left unsaved here")
            return
        chosen = await self.asked(Choose("Not saved, and kept here", [*map(self.choice_of, left)]))
        if chosen is None:
            return
        kept = chosen.kept
        mode = kept.where[0] if isinstance(kept, KeptForm) else "workflows"
        if self.current_mode != mode:
            await self.switch_mode(mode)
        if isinstance(kept, KeptDraft):
            rows = await self.link.pages(self.link.within(routes.WORKFLOWS), api.WorkflowRow)
            self._go_on(chosen, next((row for row in rows if row.id == kept.workflow), None))
            return
        try:
            await self.go_on_with(chosen)
        except Refused as error:
            if error.problem.status != 404:
                raise
            question = f"{kept.name}: {error.problem.detail}. Drop what was typed there?"
            if await self.asked(Confirm(clean_line(question))):
                self.drop(chosen)

    def _left_drafts(self, wanted: Callable[[KeptDraft], bool]) -> list[Left]:
        return [each for each in self.left() if isinstance(each.kept, KeptDraft) and wanted(each.kept)]

    def _go_on(self, left: Left, row: api.WorkflowRow | None = None) -> None:
        """Go on with a draft that was left, and with the form that was open over it."""
        kept = left.kept
        if not isinstance(kept, KeptDraft):
            return
        document = documents.recovered(kept.saved, kept.revision, kept.spec)
        page = EditScreen(document, row, kept.form)
        page.keep_in(self.take(left))
        self.push_screen(page)
        if kept.form is not None:
            self._open_again(page, kept.form)

    def _open_draft(self, page: EditScreen) -> None:
        page.keep_in(self.keeper())
        self.push_screen(page)

    def _name_problem(self, name: str) -> str | None:
        taken = {row.name for row in (self.workflows.value or {}).values()}
        return f"there is a workflow {quoted(name)} already" if name in taken else name_problem(name)

    # Its name.

    def do_workflow_rename(self, row: api.WorkflowRow) -> None:
        """Give a workflow another name."""
        self.flow(self._rename(row))

    def do_draft_rename(self, document: Document) -> None:
        """Give the workflow that is edited another name, which it has once it is saved."""

        def named(name: str | None) -> None:
            if name is not None:
                self.on_draft(lambda page: page.edit(lambda spec: edits.rename_workflow(spec, name)))

        self.push_screen(self._ask_name(document.name), named)

    async def _rename(self, row: api.WorkflowRow) -> None:
        name = await self.asked(self._ask_name(row.name))
        if name is not None:
            path = self.link.within(routes.WORKFLOW_RENAME, name=row.name)
            await self.link.post(path, api.NewName(name=name), api.WorkflowView)
            self.say(f"renamed {row.name} to {name}")

    def _ask_name(self, name: str) -> Ask:
        return Ask(f"New name of {clean_line(name)}", name, problem=self._name_problem)

    # The graph.

    def do_draft_add(self, document: Document) -> None:
        """Add a node downstream of the selected one."""
        self._with_job(edits.add_below)

    def do_edited_beside(self, edited: EditedNode) -> None:
        """Add a node that waits for the same ones."""
        self._with_job(lambda spec, _, job: edits.add_beside(spec, edited.name, job))

    def do_edited_insert(self, edited: EditedNode) -> None:
        """Insert a node between this one and those downstream of it."""
        self.flow(self._insert(edited))

    def do_edited_connect(self, edited: EditedNode) -> None:
        """Let another node wait for this one."""
        self.on_draft(
            lambda page: page.choose_other(
                f"{edited.name} -> ?", lambda spec, other: edits.connect(spec, edited.name, other)
            )
        )

    def do_edited_connect_up(self, edited: EditedNode) -> None:
        """Let this node wait for another one."""
        self.on_draft(
            lambda page: page.choose_other(
                f"? -> {edited.name}", lambda spec, other: edits.connect(spec, other, edited.name)
            )
        )

    def do_edited_disconnect(self, edited: EditedNode) -> None:
        """Cut an edge to or from the node."""
        spec, name = edited.document.spec, edited.name
        edges = [(above, name) for above in node_named(spec, name).upstream]
        edges += [(name, below) for below in downstream_of(upstream_of(spec))[name]]

        def cut(edge: tuple[str, str] | None) -> None:
            if edge is not None:
                self.on_draft(lambda page: page.edit(lambda spec: edits.disconnect(spec, *edge)))

        if len(edges) == 1:
            cut(edges[0])
        else:
            choices = [Choice(f"{above} -> {below}", (above, below)) for above, below in edges]
            self.push_screen(Choose("Which edge is to be cut?", choices, search=True), cut)

    def do_edited_delete(self, edited: EditedNode) -> None:
        """Delete the node; where it stands between others, ask what becomes of these."""
        spec, name = edited.document.spec, edited.name
        above, below = node_named(spec, name).upstream, downstream_of(upstream_of(spec))[name]

        def delete(bridge: bool | None) -> None:
            if bridge is not None:
                self.on_draft(lambda page: page.edit(lambda spec: edits.delete(spec, name, bridge=bridge)))

        if not (above and below):
            delete(False)
            return
        joined = f"{', '.join(below)} then waits for {', '.join(above)}"
        choices = [Choice("bridge over it", True, joined), Choice("cut its edges", False)]
        self.push_screen(Choose(f"Delete {name}?", choices), delete)

    def do_edited_duplicate(self, edited: EditedNode) -> None:
        """Add a node like this one."""
        self.on_draft(lambda page: page.edit(lambda spec: edits.duplicate(spec, edited.name)))

    def do_edited_rename(self, edited: EditedNode) -> None:
        """Give the node another name."""

        def problem(name: str) -> str | None:
            try:
                edits.rename(edited.document.spec, edited.name, name)
            except CannotEdit as error:
                return str(error)
            return None

        def named(name: str | None) -> None:
            if name is not None:
                self.on_draft(lambda page: page.edit(lambda spec: edits.rename(spec, edited.name, name)))

        self.push_screen(Ask(f"New name of {edited.name}", edited.name, problem=problem), named)

    def do_draft_undo(self, document: Document) -> None:
        """Undo what was done last."""
        self.on_draft(lambda page: page.undo())

    def do_draft_redo(self, document: Document) -> None:
        """Do again what was undone."""
        self.on_draft(lambda page: page.redo())

    def do_draft_changes(self, document: Document) -> None:
        """Show what is changed since the last save."""
        self.push_screen(Read("Not saved yet", list(change_lines(difference(document.saved, document.spec)))))

    async def _insert(self, edited: EditedNode) -> None:
        below = downstream_of(upstream_of(edited.document.spec))[edited.name]
        chosen: list[str] | None = list(below)
        if len(below) > 1:
            every = Choice(f"all of them: {', '.join(below)}", list(below))
            each = [Choice(name, [name]) for name in below]
            title = f"Between {edited.name} and which node?"
            chosen = await self.asked(Choose(title, [every, *each], search=True))
        if chosen is not None and (job := await self._choose_job()):
            self.on_draft(
                lambda page: page.edit(lambda spec: edits.insert_between(spec, edited.name, chosen, job))
            )

    def _with_job(self, edit: Callable[[WorkflowSpec, str | None, str], Step]) -> None:
        async def choose() -> None:
            if job := await self._choose_job():
                self.on_draft(lambda page: page.edit(lambda spec: edit(spec, page.selected, job)))

        self.flow(choose())

    async def _choose_job(self) -> str | None:
        """Ask for a job; those that no node has yet come first."""
        jobs: list[api.JobView] | None = self.jobs.value
        if jobs is None:
            jobs = await self.link.pages(self.link.within(routes.JOBS), api.JobView)
        if not jobs:
            self.say(self.jobs.problem or _NO_JOBS)
            return None
        draft = self.page.draft if isinstance(self.page, EditScreen | FillScreen) else None
        used = {node.job for node in draft.document.spec.nodes} if draft else set()
        choices = [
            Choice(job.path, job.path, job.type.value, "" if job.version else "it is not published yet")
            for job in sorted(jobs, key=lambda job: (job.path in used, not job.version, job.path))
        ]
        return await self.asked(Choose("Which job?", choices, search=True))

    # Forms.

    def open_node(self, page: EditScreen, name: str) -> None:
        """Fill in what a node has."""
        self.push_screen(self._node_form(page, name))

    def do_draft_settings(self, document: Document) -> None:
        """Fill in the workflow's settings."""
        if isinstance(self.page, EditScreen):
            self.push_screen(self._workflow_form(self.page, "settings", self.page.selected))

    def do_draft_schedule(self, document: Document) -> None:
        """Say when its runs are due."""
        if isinstance(self.page, EditScreen):
            self.push_screen(self._workflow_form(self.page, "schedule", self.page.selected))

    def _node_form(self, page: EditScreen, name: str) -> FillScreen:
        spec = page.document.spec
        form = NodeForm(spec, name, self.known)

        def put(spec: WorkflowSpec, node: NodeSpec) -> Step:
            return edits.change_node(spec, name, node)

        text = TextDocument(f"The node {name} of {spec.workflow}", NodeSpec, form.faults)
        return FillScreen(page, "node", form, text, put, node=name)

    def _workflow_form(
        self, page: EditScreen, name: Literal["settings", "schedule"], selected: str | None
    ) -> FillScreen:
        spec = page.document.spec
        form = (WorkflowForm if name == "settings" else ScheduleForm)(spec, self.known)

        def put(_: WorkflowSpec, value: WorkflowSpec) -> Step:
            return Step(value, selected, f"changed the {name}")

        return FillScreen(page, name, form, as_text(page.document.name), put)

    def _open_again(self, page: EditScreen, form: OpenForm) -> None:
        """Open the form that was open over a draft, with what was typed in it."""
        if form.name == "node":
            if form.node not in upstream_of(page.document.spec):
                return
            screen = self._node_form(page, form.node)
        else:
            screen = self._workflow_form(page, form.name, page.document.now.selected)
        screen.type_again(form.typed)
        self.push_screen(screen)
