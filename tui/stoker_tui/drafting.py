"""Keys that edit: workflows made, changed, saved, published and rolled back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import msgspec
from textual.screen import Screen

from stoker_shared import api, routes
from stoker_shared.api.scheduling import TickView
from stoker_shared.dag import downstream_of
from stoker_shared.difference import difference
from stoker_shared.model import NodeSpec, WorkflowSpec
from stoker_shared.schedules import in_words
from stoker_shared.state import WorkflowVersion
from stoker_shared.text import clean_line, name_problem, quoted
from stoker_tui.actions import EditedNode, VersionOf
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.deeds import DEEDS, first_tick
from stoker_tui.documents import Document as TextDocument
from stoker_tui.editing import document as documents
from stoker_tui.editing import edits
from stoker_tui.editing.document import Document
from stoker_tui.editing.edits import CannotEdit, Step, node_named, upstream_of
from stoker_tui.editing.keeping import Drawer, Keeper, Kept
from stoker_tui.filling import FillingApp
from stoker_tui.forms.node import NodeForm
from stoker_tui.forms.workflow import ScheduleForm, WorkflowForm
from stoker_tui.screens.dialogs import Ask, Choice, Choose, Confirm, Read
from stoker_tui.screens.diff import change_lines
from stoker_tui.screens.edit import EditScreen, as_text
from stoker_tui.screens.filling import FillScreen
from stoker_tui.screens.merge import Merge
from stoker_tui.screens.publish import Publish, fault_words
from stoker_tui.times import ago
from stoker_tui.topics import Workflows

_NO_JOBS = "no job is published yet: n among the jobs (4) publishes one, or `stoker job publish FILE`"
_HELD: ContextVar[asyncio.Event] = ContextVar("_HELD")
"""What keys wait for while something goes on."""

_NO_DAEMON = "no daemon answers: what you did is kept here, s saves it when one is back"


class DraftingApp(FillingApp):
    """An application that does what `stoker_tui.actions` lists for drafts and what is made of them."""

    drawer: Drawer
    workflows: Workflows
    editing: set[EditScreen]

    # Opening.

    def do_workflow_edit(self, row: api.WorkflowRow) -> None:
        """Edit the draft, or go on with what was not saved of it."""
        self._flow(self._edit(row))

    def do_workflow_new(self) -> None:
        """Make a workflow, or go on with one that was not saved."""
        self._flow(self._new())

    def tell_of_unsaved(self) -> None:
        """Say what was left unsaved here, if anything was."""
        if left := self._left():
            names = ", ".join(dict.fromkeys(kept.spec.workflow for _, kept in left))
            self.say(f"changes that were not saved are kept here: {names}; e, or n, goes on with them")

    async def _edit(self, row: api.WorkflowRow) -> None:
        left = [one for one in self._left() if one[1].workflow == row.id]
        chosen = await self._choose_left(f"Changes of {row.name} were not saved", left, "open the draft")
        if chosen is None:
            return
        if chosen in left:
            self._go_on(chosen[0], chosen[1], row)
            return
        view = await self.link.read(self.link.within(routes.WORKFLOW, name=row.name), api.WorkflowView)
        document = documents.opened(view.spec, view.row.revision)
        self.push_screen(EditScreen(document, view.row, self._keeper()))

    async def _new(self) -> None:
        known = self.workflows.value or {}
        # Those, too, of workflows that were deleted meanwhile.
        left = [one for one in self._left() if one[1].workflow not in known]
        chosen = await self._choose_left("New workflows were not saved", left, "make another one")
        if chosen is None:
            return
        if chosen in left:
            self._go_on(chosen[0], chosen[1])
            return
        name = await self._asked(
            Ask("Name of the new workflow", hint="daily_sales", problem=self._name_problem)
        )
        if name is not None:
            self.push_screen(EditScreen(documents.new(name), None, self._keeper()))

    async def _choose_left(self, title: str, left: list[tuple[str, Kept]], otherwise: str) -> Any:
        """Give what was left unsaved that is to be gone on with, what else is to be done, or None."""
        if not left:
            return otherwise
        choices = [
            Choice(
                f"go on with {clean_line(one[1].spec.workflow)}", one, f"as of {ago(one[1].at, self.now())}"
            )
            for one in left
        ]
        drop = Choice(f"{otherwise}, and drop what was not saved", "drop")
        chosen = await self._asked(Choose(title, [*choices, Choice(otherwise, otherwise), drop]))
        if chosen == "drop":
            for name, _ in left:
                if keeper := self.drawer.take(name):
                    keeper.drop()
        return chosen

    def _go_on(self, name: str, kept: Kept, row: api.WorkflowRow | None = None) -> None:
        keeper = self.drawer.take(name)
        document = documents.recovered(kept.saved, kept.revision, kept.spec)
        self.push_screen(EditScreen(document, row, keeper or self._keeper()))

    def _left(self) -> list[tuple[str, Kept]]:
        status = self.mirror.status
        try:
            return self.drawer.left(status.log, self.link.workspace) if status else []
        except OSError:
            return []  # The screen that edits says so when it can't keep anything there.

    def _keeper(self) -> Keeper | None:
        try:
            return self.drawer.open()
        except OSError as error:
            self.call_later(self.say, f"what is not saved can't be kept here: {error}")
            return None

    def _name_problem(self, name: str) -> str | None:
        taken = {row.name for row in (self.workflows.value or {}).values()}
        return f"there is a workflow {quoted(name)} already" if name in taken else name_problem(name)

    # The graph.

    def do_draft_add(self, document: Document) -> None:
        """Add a node downstream of the selected one."""
        self._with_job(edits.add_below)

    def do_edited_beside(self, edited: EditedNode) -> None:
        """Add a node that waits for the same ones."""
        self._with_job(lambda spec, _, job: edits.add_beside(spec, edited.name, job))

    def do_edited_insert(self, edited: EditedNode) -> None:
        """Insert a node between this one and those downstream of it."""
        self._flow(self._insert(edited))

    def do_edited_connect(self, edited: EditedNode) -> None:
        """Let another node wait for this one."""
        self._on_draft(
            lambda page: page.choose_other(
                f"{edited.name} -> ?", lambda spec, other: edits.connect(spec, edited.name, other)
            )
        )

    def do_edited_connect_up(self, edited: EditedNode) -> None:
        """Let this node wait for another one."""
        self._on_draft(
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
                self._on_draft(lambda page: page.edit(lambda spec: edits.disconnect(spec, *edge)))

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
                self._on_draft(lambda page: page.edit(lambda spec: edits.delete(spec, name, bridge=bridge)))

        if not (above and below):
            delete(False)
            return
        joined = f"{', '.join(below)} then waits for {', '.join(above)}"
        choices = [Choice("bridge over it", True, joined), Choice("cut its edges", False)]
        self.push_screen(Choose(f"Delete {name}?", choices), delete)

    def do_edited_duplicate(self, edited: EditedNode) -> None:
        """Add a node like this one."""
        self._on_draft(lambda page: page.edit(lambda spec: edits.duplicate(spec, edited.name)))

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
                self._on_draft(lambda page: page.edit(lambda spec: edits.rename(spec, edited.name, name)))

        self.push_screen(Ask(f"New name of {edited.name}", edited.name, problem=problem), named)

    def do_draft_undo(self, document: Document) -> None:
        """Undo what was done last."""
        self._on_draft(lambda page: page.undo())

    def do_draft_redo(self, document: Document) -> None:
        """Do again what was undone."""
        self._on_draft(lambda page: page.redo())

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
            chosen = await self._asked(Choose(title, [every, *each], search=True))
        if chosen is not None and (job := await self._choose_job()):
            self._on_draft(
                lambda page: page.edit(lambda spec: edits.insert_between(spec, edited.name, chosen, job))
            )

    def _with_job(self, edit: Callable[[WorkflowSpec, str | None, str], Step]) -> None:
        async def choose() -> None:
            if job := await self._choose_job():
                self._on_draft(lambda page: page.edit(lambda spec: edit(spec, page.selected, job)))

        self._flow(choose())

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
        return await self._asked(Choose("Which job?", choices, search=True))

    # Forms, and text.

    def open_node(self, page: EditScreen, name: str) -> None:
        """Fill in what a node has."""
        spec = page.document.spec
        form = NodeForm(spec, name, self.known)

        def put(spec: WorkflowSpec, node: NodeSpec) -> Step:
            return edits.change_node(spec, name, node)

        text = TextDocument(f"The node {name} of {spec.workflow}", NodeSpec, form.faults)
        self.push_screen(FillScreen(page, name, form, text, put))

    def do_draft_settings(self, document: Document) -> None:
        """Fill in the workflow's settings."""
        self._fill_workflow("settings", WorkflowForm(document.spec, self.known))

    def do_draft_schedule(self, document: Document) -> None:
        """Say when its runs are due."""
        self._fill_workflow("schedule", ScheduleForm(document.spec, self.known))

    def _fill_workflow(self, name: str, form: WorkflowForm) -> None:
        page = self.page
        if not isinstance(page, EditScreen):
            return
        selected = page.selected

        def put(_: WorkflowSpec, value: WorkflowSpec) -> Step:
            return Step(value, selected, f"changed the {name}")

        self.push_screen(FillScreen(page, name, form, as_text(page.document.name), put))

    # Saving.

    def do_draft_save(self, document: Document) -> None:
        """Save the draft."""
        self._on_draft(lambda page: self._flow(self._save(page)))

    def do_draft_publish(self, document: Document) -> None:
        """Save, and publish it as the next version."""
        self.after_saving(self._publish)

    def do_workflow_publish(self, row: api.WorkflowRow) -> None:
        """Publish the draft as the next version."""
        self._flow(self._publish(row))

    def do_version_rollback(self, of: VersionOf) -> None:
        """Make what a version was the next version."""
        self._flow(self._roll_back(of))

    def ask_leaving(self, page: EditScreen) -> None:
        """Ask what becomes of what is not saved, and leave."""
        self._flow(self._leave(page))

    def after_saving(self, then: Callable[[api.WorkflowRow], Awaitable[None]]) -> None:
        """Save the draft that is edited, and do something with the workflow."""

        async def work(page: EditScreen) -> None:
            if await self._save(page) and page.row:
                await then(page.row)

        self._on_draft(lambda page: self._flow(work(page)))

    @property
    def unsaved(self) -> list[str]:
        """The names of drafts that are edited and not saved."""
        return sorted(page.document.name for page in self.editing if page.document.is_unsaved)

    async def _save(self, page: EditScreen) -> bool:
        """Save a draft, and tell whether all of it is saved."""
        if page.saving:
            return False
        page.saving = True
        try:
            while page.document.is_unsaved:
                if not await self._saved(page) and not await self._merged(page):
                    return False
        except Refused as error:
            self._tell_faults(page, error.problem)
            return False
        except (Unreachable, NotStoker) as error:
            self.say(_NO_DAEMON if isinstance(error, Unreachable) else clean_line(str(error)))
            return False
        finally:
            page.saving = False
        return True

    async def _saved(self, page: EditScreen) -> bool:
        """Save a draft as it is now; False where somebody else has saved it meanwhile."""
        document, spec = page.document, page.document.spec
        name = document.saved.workflow if document.saved else spec.workflow
        # Under the name it has, on the revision it was read at; only then it is given another one.
        named = msgspec.structs.replace(spec, workflow=name)
        if named != document.saved:
            try:
                view = await self.link.save_draft(name, named, document.revision)
            except Refused as error:
                if error.problem.type == "stale":
                    return False
                raise
            page.saved(view, named)
        if spec.workflow != name:
            path = self.link.within(routes.WORKFLOW_RENAME, name=name)
            page.saved(await self.link.post(path, api.NewName(name=spec.workflow), api.WorkflowView), spec)
        if self.page is not None:
            self.page.redraw()
        self.say(f"saved as draft {page.document.revision}")
        return True

    async def _merged(self, page: EditScreen) -> bool:
        """Put what somebody else saved meanwhile together with what is edited here; False: not yet."""
        document = page.document
        name = (document.saved or document.spec).workflow
        try:
            theirs = await self.link.read(self.link.within(routes.WORKFLOW, name=name), api.WorkflowView)
        except Refused as error:
            if error.problem.status != 404:
                raise
            question = f"{name} was deleted or renamed meanwhile. Save it as a new workflow?"
            if again := await self._asked(Confirm(clean_line(question))):
                page.detach()
            return bool(again)
        if theirs.spec == msgspec.structs.replace(document.spec, workflow=name):
            page.saved(theirs, theirs.spec)  # It is what was sent, and only the answer was lost.
            return True
        title = f"{theirs.row.saved_by} saved draft {theirs.row.revision} of {name} meanwhile"
        base = document.saved or WorkflowSpec(workflow=name)
        spec = await self._asked(Merge(clean_line(title), base, document.spec, theirs.spec))
        if spec is None:
            self.say("it is not saved yet: s asks again")
            return False
        if isinstance(self.page, FillScreen):
            self.pop_screen()  # What it fills in may be another thing now.
        page.adopt(theirs, Step(spec, page.selected, "put together with what was saved meanwhile"))
        return True

    async def _publish(self, row: api.WorkflowRow) -> None:
        name = row.name
        path = self.link.within(routes.WORKFLOW_PUBLISH, name=name)
        view = await self.link.get(path, api.PublishingView)
        names = [node.name for node in view.difference.nodes if node.mark != "-"]
        wrong = [fault_words(fault, names) for fault in view.errors]
        title = f"{'Can not publish' if wrong else 'Publish'} {name} as version {view.version}"

        async def publish(remarks: str) -> int:
            request = api.PublishWorkflow(remarks=remarks)
            return (await self.link.post(path, request, WorkflowVersion)).version

        version = await self._asked(Publish(title, view.difference, wrong, publish))
        if version is not None:
            self.say(clean_line("; ".join([f"published {name} version {version}", *view.warnings])))
            await self._offer_switch(name)

    async def _offer_switch(self, name: str) -> None:
        """Offer to switch scheduling on, where there is a schedule that is off."""
        row = (await self.link.get(self.link.within(routes.WORKFLOW, name=name), api.WorkflowView)).row
        if row.schedule is None or row.scheduling:
            return
        path = self.link.within(routes.WORKFLOW_TICKS, name=name)
        ticks = await self.link.get(path, list[TickView], {"limit": "1"})
        what = f"Switch the schedule of {name} on? {in_words(row.schedule)}{first_tick(ticks)}."
        if await self._asked(Confirm(what)):
            self.say(await DEEDS["workflow.on"](self.link, row))

    async def _roll_back(self, of: VersionOf) -> None:
        name, number = of.row.name, of.version.version
        path = self.link.within(routes.WORKFLOW_DIFF, name=name)
        found = await self.link.get(path, api.WorkflowDifference, {"to": str(number)})
        title = f"Roll {name} back to version {number}, as version {of.row.version + 1} and as the draft"

        async def roll_back(remarks: str) -> int:
            request = api.RollBackWorkflow(version=number, remarks=remarks)
            path = self.link.within(routes.WORKFLOW_ROLLBACK, name=name)
            return (await self.link.post(path, request, WorkflowVersion)).version

        default = f"as version {number}"
        version = await self._asked(Publish(title, found.difference, [], roll_back, remarks=default))
        if version is not None:
            self.say(f"rolled {name} back to version {number}, as version {version}")

    async def _leave(self, page: EditScreen) -> None:
        choices = [
            Choice("save it, and leave", "save"),
            Choice("leave; it stays kept here, and is offered again", "keep"),
            Choice("drop it", "drop", "back to the draft that was saved last"),
        ]
        chosen = await self._asked(Choose(f"{page.document.name} is not saved", choices))
        if chosen == "drop":
            page.give_up()
        if chosen in ("keep", "drop") or (chosen == "save" and await self._save(page)):
            self.pop_screen()

    def _tell_faults(self, page: EditScreen, problem: api.Problem) -> None:
        if not problem.errors:
            self.say(problem.detail)
            return
        names = [node.name for node in page.document.spec.nodes]
        lines = [[("✖ ", "failed"), (fault_words(fault, names), "")] for fault in problem.errors]
        self.push_screen(Read("It can't be saved yet", lines))

    # What all of it needs.

    def _flow(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something beside all else, and say why it can't be done; keys wait while it shows no dialog."""
        held = self._hold()

        async def flow() -> None:
            _HELD.set(held)
            try:
                await work
            except Refused as error:
                self.say(error.problem.detail)
            except (Unreachable, NotStoker) as error:
                self.say(str(error))
            finally:
                _HELD.get().set()

        self.spawn(flow())

    async def _asked(self, dialog: Screen[Any]) -> Any:
        """Show a dialog, and give what comes of it."""
        answer: asyncio.Future[tuple[Any, asyncio.Event]] = asyncio.get_running_loop().create_future()
        self.push_screen(dialog, lambda result: answer.set_result((result, self._hold())))
        _HELD.get().set()
        result, held = await answer
        _HELD.set(held)
        return result

    def _hold(self) -> asyncio.Event:
        """Let keys wait until the event is set."""
        held = asyncio.Event()
        self.go(held.wait())
        return held

    def _on_draft(self, do: Callable[[EditScreen], Any]) -> None:
        page = self.page
        if isinstance(page, FillScreen):
            page.form.leave()
        if isinstance(page, EditScreen | FillScreen):
            do(page.draft)
