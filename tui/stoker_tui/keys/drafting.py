"""Keys that open drafts, go on with what was not saved, and open the forms over them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from stoker_shared import api, routes
from stoker_shared.model import NodeSpec, WorkflowSpec
from stoker_shared.text import clean, clean_line, name_problem, quoted
from stoker_tui.client import Refused
from stoker_tui.documents import Document as TextDocument
from stoker_tui.editing import document as documents
from stoker_tui.editing import edits
from stoker_tui.editing.document import Document
from stoker_tui.editing.edits import Step
from stoker_tui.editing.keeping import KeptDraft, KeptForm, KeptText, Left, OpenForm
from stoker_tui.forms.node import NodeForm
from stoker_tui.forms.workflow import ScheduleForm, WorkflowForm
from stoker_tui.keys.graphing import GraphingApp
from stoker_tui.screens.dialogs import Ask, Choose, Confirm, Read
from stoker_tui.screens.edit import EditScreen, as_text
from stoker_tui.screens.filling import FillScreen
from stoker_tui.topics import Workflows


class DraftingApp(GraphingApp):
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
            await self._go_on(chosen, row)
        elif chosen:
            view = await self.link.read(self.link.within(routes.WORKFLOW, name=row.name), api.WorkflowView)
            await self._open_draft(EditScreen(documents.opened(view.spec, view.row.revision), view.row))

    async def _new(self) -> None:
        known = self.workflows.value or {}
        # Those, too, of workflows that were deleted meanwhile.
        left = self._left_drafts(lambda kept: kept.workflow not in known)
        chosen = await self.choose_left("New workflows were not saved", left, "make another one")
        if isinstance(chosen, Left):
            await self._go_on(chosen)
        elif chosen:
            name = await self.asked(
                Ask("Name of the new workflow", hint="daily_sales", problem=self._name_problem)
            )
            if name is not None:
                await self._open_draft(EditScreen(documents.new(name), None))

    async def _choose_unsaved(self) -> None:
        if not (left := self.left()):
            known = self.mirror.status is not None
            self.say(
                "nothing was left unsaved here" if known else "what was left is known once a daemon answers"
            )
            return
        chosen = await self.asked(Choose("Not saved, and kept here", [*map(self.choice_of, left)]))
        if chosen is None:
            return
        kept = chosen.kept
        if isinstance(kept, KeptText):
            await self._show_text(chosen, kept)
            return
        mode = kept.where[0] if isinstance(kept, KeptForm) else "workflows"
        if self.current_mode != mode:
            await self.switch_mode(mode)
        if isinstance(kept, KeptDraft):
            rows = await self.link.pages(self.link.within(routes.WORKFLOWS), api.WorkflowRow)
            await self._go_on(chosen, next((row for row in rows if row.id == kept.workflow), None))
            return
        try:
            match kept.where:
                case ("workflows", name, _):
                    await self.publish(name)
                case _:
                    await self.go_on_with(chosen)
        except Refused as error:
            if error.problem.status != 404:
                raise
            question = f"{kept.name}: {error.problem.detail}. Drop what was typed there?"
            if await self.asked(Confirm(clean_line(question))):
                self.drop(chosen)

    async def _show_text(self, left: Left, kept: KeptText) -> None:
        """Show a text that was left in the editor, and ask whether it is dropped."""
        lines = [[(clean(line), "")] for line in kept.text.expandtabs().splitlines()]
        await self.asked(Read(clean_line(kept.name), lines))
        question = (
            f"Drop that text? Until then ^e goes on with it, where {kept.name[:1].lower()}{kept.name[1:]} is."
        )
        if await self.asked(Confirm(clean_line(question))):
            self.drop(left)

    def _left_drafts(self, wanted: Callable[[KeptDraft], bool]) -> list[Left]:
        return [each for each in self.left() if isinstance(each.kept, KeptDraft) and wanted(each.kept)]

    async def _go_on(self, left: Left, row: api.WorkflowRow | None = None) -> None:
        """Go on with a draft that was left, and with the form that was open over it."""
        kept = left.kept
        if not isinstance(kept, KeptDraft):
            return
        document = documents.recovered(kept.saved, kept.revision, kept.spec)
        form = kept.form
        if form and form.name == "node" and form.node not in edits.upstream_of(kept.spec):
            form = None  # It was kept a moment after the draft, in which the node has another name.
        page = EditScreen(document, row, form)
        page.keep_in(self.take(left))
        await self.push_screen(page)
        if form is not None:
            await self.push_screen(self._form_again(page, form))

    async def _open_draft(self, page: EditScreen) -> None:
        page.keep_in(self.keeper())
        await self.push_screen(page)

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

    def _form_again(self, page: EditScreen, form: OpenForm) -> FillScreen:
        """Give the form that was open over a draft, with what was typed in it."""
        if form.name == "node":
            screen = self._node_form(page, form.node)
        else:
            screen = self._workflow_form(page, form.name, page.document.now.selected)
        screen.type_again(form.typed)
        return screen
