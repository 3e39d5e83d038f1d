"""A draft being edited: its graph, what is known of the node selected, and what was done to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize

from stoker_shared import api
from stoker_shared.definition import faults
from stoker_shared.model import WorkflowSpec
from stoker_shared.text import clean_line
from stoker_tui.actions import AsText, EditedNode, Kind
from stoker_tui.documents import Document as TextDocument
from stoker_tui.editing.document import Document
from stoker_tui.editing.edits import CannotEdit, Step, upstream_of
from stoker_tui.editing.keeping import Kept, KeptDraft, OpenForm
from stoker_tui.mirror import Topic
from stoker_tui.screens.edited import draft_title, marks_since_save, node_facts
from stoker_tui.screens.page import focus_first
from stoker_tui.screens.run import WIDE
from stoker_tui.screens.unsaved import UnsavedPage
from stoker_tui.widgets.dag_view import DagView
from stoker_tui.widgets.frame import Line
from stoker_tui.widgets.pane import Pane

Edit = Callable[[WorkflowSpec], Step]


def as_text(name: str) -> TextDocument[WorkflowSpec]:
    """Give a workflow as what is edited as text."""
    return TextDocument(f"The workflow {name}", WorkflowSpec, faults)


class Pending(NamedTuple):
    """An edit that waits for the node selected when enter is pressed."""

    question: str
    edit: Callable[[WorkflowSpec, str], Step]


class EditScreen(UnsavedPage):
    """One draft, and the ``form`` that was left open over it with what is not valid."""

    DEFAULT_CSS = """
    EditScreen #panes { height: 1fr; layout: vertical; }
    EditScreen #panes.wide { layout: horizontal; }
    EditScreen #graph { height: 2fr; }
    EditScreen #facts { height: 1fr; border-top: solid $panel; }
    EditScreen #panes.wide #graph { height: 100%; width: 3fr; }
    EditScreen #panes.wide #facts { height: 100%; width: 2fr; border-top: none; border-left: solid $panel; }
    """

    def __init__(self, document: Document, row: api.WorkflowRow | None, form: OpenForm | None = None) -> None:
        super().__init__()
        self.document = document
        self.saving = False
        self._row = row
        self._form = form
        self._pending: Pending | None = None

    @property
    def topics(self) -> Sequence[Topic]:
        """What a draft refers to, and whether somebody else saves it."""
        return (self.stoker.workflows, self.stoker.jobs, self.stoker.queues)

    @property
    def crumbs(self) -> Sequence[str]:
        """Say where it is."""
        return ["workflows", clean_line(self.document.name), "edit"]

    @property
    def row(self) -> api.WorkflowRow | None:
        """The workflow as the daemon has it; None while it has none."""
        known = self.stoker.workflows.value or {}
        return known.get(self._row.id, self._row) if self._row else None

    @property
    def graph(self) -> DagView:
        """The graph."""
        return self.query_one(DagView)

    @property
    def draft(self) -> EditScreen:
        """The page of the draft."""
        return self

    @property
    def selected(self) -> str | None:
        """The node selected."""
        return self.graph.selected

    def body(self) -> ComposeResult:
        """Give the graph, and what is known of a node."""
        ascii_only = self.stoker.ascii_only
        yield Line(self.styles_of, ascii_only=ascii_only, id="title")
        with Container(id="panes"):
            yield DagView(self.styles_of, ascii_only=ascii_only, id="graph")
            yield Pane(self.styles_of, ascii_only=ascii_only, id="facts")

    def on_mount(self) -> None:
        """Look at what was selected."""
        super().on_mount()
        self._draw_graph(self.document.now.selected)

    def on_screen_resume(self) -> None:
        """Draw what was filled in meanwhile."""
        super().on_screen_resume()
        self._draw_graph(self.selected)

    def on_resize(self, event: Resize) -> None:
        """Put what is known of a node where there is room."""
        self.query("#panes").set_class(event.size.width >= WIDE, "wide")

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the draft, and the node selected."""
        nodes = [EditedNode(self.document, self.selected)] if self.selected else []
        return {
            Kind.EDITED: nodes,
            Kind.GRAPH_EDITED: [self.document],
            Kind.DRAFT: [self.document],
            Kind.TEXT: [AsText(as_text(self.document.name), self.document.spec, self._take_text)],
        }

    def draw(self) -> None:
        """Show the draft."""
        title = [(f" {self._pending.question}", "strong")] if self._pending else None
        self.query_one("#title", Line).show(title or draft_title(self.document, self.row))
        self._draw_facts()
        focus_first(self, self.graph)

    # What is not saved.

    @property
    def what(self) -> str:
        """Name the draft."""
        return self.document.name

    @property
    def is_unsaved(self) -> bool:
        """Whether something would be lost by leaving, if it were not kept."""
        return self.document.is_unsaved or self._form is not None

    @property
    def secret(self) -> Sequence[str]:
        """Name what of it is secret, and so not kept."""
        return self._form.typed.left_out if self._form else ()

    def kept(self, log: str, workspace: str) -> Kept:
        """Give the draft with what it was read as, and what is typed over it."""
        document = self.document
        return KeptDraft(
            log,
            workspace,
            self._row.id if self._row else 0,
            document.spec,
            self.stoker.now(),
            document.saved,
            document.revision,
            self._form,
        )

    def keep_form(self, form: OpenForm | None) -> None:
        """Keep what is typed over the draft and not in it, because it is not valid; or nothing more."""
        if form != self._form:
            self._form = form
            self.keep()

    async def save_all(self) -> bool:
        """Save it, or say why it can't be, and tell whether all of it is saved."""
        return await self.stoker.save_draft(self)

    # Editing.

    def edit(self, edit: Edit) -> None:
        """Do something to the draft, or say why it can't be done."""
        self._pending = None
        try:
            step = edit(self.document.spec)
        except CannotEdit as error:
            self.redraw()
            self.say(str(error))
        else:
            self.show(self.document.edited(step))
            self.say(step.what)

    def revise(self, since: int, edit: Edit) -> None:
        """Do something in place of all that was done since a step, as what is filled in goes on changing."""
        try:
            step = edit(self.document.steps[since].spec)
        except CannotEdit as error:
            self.stoker.say(str(error))
        else:
            self.show(self.document.revised(since, step))

    def show(self, document: Document) -> None:
        """Go on with a document: another step of it, or the same on another draft."""
        selected = self.selected if document.now is self.document.now else document.now.selected
        self.document = document
        self.keep()
        if self.stoker.page is self:
            self._draw_graph(selected)
        self.redraw()

    def undo(self) -> None:
        """Undo what was done last."""
        what = self.document.undoable
        selected = self.document.now.selected
        self.show(self.document.undone())
        if selected in upstream_of(self.document.spec):
            self.graph.select(selected)
        self.say(f"undone: {what}")

    def redo(self) -> None:
        """Do again what was undone."""
        what = self.document.redoable
        self.show(self.document.redone())
        self.say(f"done again: {what}")

    def choose_other(self, question: str, edit: Callable[[WorkflowSpec, str], Step]) -> None:
        """Let another node be gone to, and do something with it when enter is pressed."""
        self._pending = Pending(f"{question}: go there and press enter, / finds a name, esc gives up", edit)
        self.redraw()

    def open(self) -> None:
        """Take the node that was gone to, where one is asked for; else open it."""
        pending, selected = self._pending, self.selected
        if pending and selected:
            self.edit(lambda spec: pending.edit(spec, selected))
        elif selected:
            self.stoker.open_node(self, selected)

    def back(self) -> bool:
        """Give up what is asked, else leave."""
        if self._pending:
            self._pending = None
            self.redraw()
            return True
        return super().back()

    def saved(self, view: api.WorkflowView, spec: WorkflowSpec) -> None:
        """Note that a definition is saved as the draft."""
        self._row = view.row
        self.show(self.document.based_on(spec, view.row.revision))

    def adopt(self, view: api.WorkflowView, step: Step) -> None:
        """Go on with a step on top of what somebody else saved."""
        self._row = view.row
        self.show(self.document.based_on(view.spec, view.row.revision).edited(step))

    def rename(self, old: str, new: str) -> None:
        """Go on with it under the name that somebody else has given it."""
        self.show(self.document.renamed(old, new))

    def detach(self) -> None:
        """Go on with it as a workflow that is not there yet."""
        self._row = None
        self.show(self.document.detached())

    def on_dag_view_selected(self, event: DagView.Selected) -> None:
        """Tell of the node."""
        self.redraw()

    def on_dag_view_opened(self, event: DagView.Opened) -> None:
        """Open the node."""
        self.open()

    def _take_text(self, spec: WorkflowSpec) -> None:
        self.edit(lambda _: Step(spec, self.selected, "changed it in the editor"))

    def _draw_graph(self, selected: str | None) -> None:
        self.graph.empty = "It has no nodes yet: a adds the first one."
        upstream = upstream_of(self.document.spec)
        self.graph.show(upstream, marks_since_save(self.document))
        self.graph.select(selected if selected in upstream else self.document.now.selected)

    def _draw_facts(self) -> None:
        spec, name = self.document.spec, self.selected
        lines = []
        if name is not None and name in upstream_of(spec):
            node = next(node for node in spec.nodes if node.name == name)
            job = next((job for job in self.stoker.jobs.value or () if job.path == node.job), None)
            queues = {view.name: view.spec for view in self.stoker.queues.value or ()}
            lines = list(node_facts(spec, name, job, queues.get(node.queue or spec.queue)))
        self.query_one("#facts", Pane).set_lines(lines)
