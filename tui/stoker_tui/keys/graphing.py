"""Keys that edit the graph of a draft: its nodes, its edges, and what was done to them."""

from __future__ import annotations

from collections.abc import Callable

from stoker_shared import api, routes
from stoker_shared.dag import downstream_of
from stoker_shared.difference import difference
from stoker_shared.model import WorkflowSpec
from stoker_tui.actions import EditedNode
from stoker_tui.editing import edits
from stoker_tui.editing.document import Document
from stoker_tui.editing.edits import CannotEdit, Step, node_named, upstream_of
from stoker_tui.keys.publishing import PublishingApp
from stoker_tui.screens.dialogs import Ask, Choice, Choose, Read
from stoker_tui.screens.diff import change_lines
from stoker_tui.screens.edit import EditScreen
from stoker_tui.screens.filling import FillScreen

_NO_JOBS = "no job is published yet: n among the jobs (4) publishes one, or `stoker job publish FILE`"


class GraphingApp(PublishingApp):
    """An application that does what `stoker_tui.actions` lists for the graph of a draft."""

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
