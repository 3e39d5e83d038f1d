"""Keys that save drafts, put them together with others' changes, publish and roll back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from stoker_shared import api, routes
from stoker_shared.api.scheduling import TickView
from stoker_shared.model import WorkflowSpec
from stoker_shared.schedules import in_words
from stoker_shared.state import WorkflowVersion
from stoker_shared.text import clean_line
from stoker_tui.actions import VersionOf
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.deeds import DEEDS, first_tick
from stoker_tui.editing.document import Document
from stoker_tui.editing.edits import Step
from stoker_tui.editing.keeping import KeptForm
from stoker_tui.forms.typed import Typed, TypedText
from stoker_tui.keys.filling import PUBLISH, FillingApp
from stoker_tui.screens.dialogs import Confirm, Read
from stoker_tui.screens.edit import EditScreen
from stoker_tui.screens.filling import FillScreen
from stoker_tui.screens.merge import Merge
from stoker_tui.screens.publish import Publish, Remarks, fault_words

_NO_DAEMON = "no daemon answers: what you did is kept here, s saves it when one is back"


class PublishingApp(FillingApp):
    """An application that does what `stoker_tui.actions` lists for what is made of drafts."""

    def do_draft_save(self, document: Document) -> None:
        """Save the draft."""
        self.on_draft(lambda page: self.flow(self.save_draft(page)))

    def do_draft_publish(self, document: Document) -> None:
        """Save, and publish it as the next version."""
        self.after_saving(lambda row: self.publish(row.name))

    def do_workflow_publish(self, row: api.WorkflowRow) -> None:
        """Publish the draft as the next version."""
        self.flow(self.publish(row.name))

    def do_version_rollback(self, of: VersionOf) -> None:
        """Make what a version was the next version."""
        self.flow(self._roll_back(of))

    def after_saving(self, then: Callable[[api.WorkflowRow], Awaitable[None]]) -> None:
        """Save the draft that is edited, and do something with the workflow."""

        async def work(page: EditScreen) -> None:
            if await self.save_draft(page) and page.row:
                await then(page.row)

        self.on_draft(lambda page: self.flow(work(page)))

    async def save_draft(self, page: EditScreen) -> bool:
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
            new_name = await self._name_by_now(page)
            if new_name and new_name != name:
                page.rename(name, new_name)
                return True
            question = f"{name} was deleted meanwhile. Save it as a new workflow?"
            if again := await self.asked(Confirm(clean_line(question))):
                page.detach()
            return bool(again)
        # It is what was sent, and only the answer was lost; or they changed nothing but its name.
        if theirs.spec in (msgspec.structs.replace(document.spec, workflow=name), document.saved):
            page.saved(theirs, theirs.spec)
            return True
        title = f"{theirs.row.saved_by} saved draft {theirs.row.revision} of {name} meanwhile"
        base = document.saved or WorkflowSpec(workflow=name)
        spec = await self.asked(Merge(clean_line(title), base, document.spec, theirs.spec))
        if spec is None:
            self.say("it is not saved yet: s asks again")
            return False
        if isinstance(self.page, FillScreen):
            self.pop_screen()  # What it fills in may be another thing now.
        page.adopt(theirs, Step(spec, page.selected, "put together with what was saved meanwhile"))
        return True

    async def _name_by_now(self, page: EditScreen) -> str | None:
        """Give the name that the workflow has now, by its id; None where it is no more."""
        rows = await self.link.pages(self.link.within(routes.WORKFLOWS), api.WorkflowRow)
        return next((row.name for row in rows if page.row and row.id == page.row.id), None)

    async def publish(self, name: str) -> None:
        """Show what publishing a draft comes to, and publish it."""
        path = self.link.within(routes.WORKFLOW_PUBLISH, name=name)
        view = await self.link.get(path, api.PublishingView)
        names = [node.name for node in view.difference.nodes if node.mark != "-"]
        wrong = [fault_words(fault, names) for fault in view.errors]
        title = f"{'Can not publish' if wrong else 'Publish'} {name} as version {view.version}"

        async def publish(remarks: str) -> int:
            request = api.PublishWorkflow(remarks=remarks)
            return (await self.link.post(path, request, WorkflowVersion)).version

        version = await self._with_remarks(
            name, lambda remarks: Publish(title, view.difference, wrong, publish, remarks)
        )
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
        if await self.asked(Confirm(what)):
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
        version = await self._with_remarks(
            name, lambda remarks: Publish(title, found.difference, [], roll_back, remarks, default=default)
        )
        if version is not None:
            self.say(f"rolled {name} back to version {number}, as version {version}")

    async def _with_remarks(self, name: str, dialog: Callable[[Remarks], Publish]) -> int | None:
        """Show a dialog that asks for remarks, and give the version made; until then they are kept."""
        where = ("workflows", name, PUBLISH)
        left, kept = next(iter(self.left_forms(where, new=True)), (None, None))
        keeper = self.take(left) if left else self.keeper()
        status, workspace = self.mirror.status, self.link.workspace

        def keep(text: str) -> None:
            if keeper is None or status is None:
                return
            typed = Typed({"remarks": TypedText(text)})
            try:
                if text:
                    keeper.keep(KeptForm(status.log, workspace, where, True, self.now(), typed))
                else:
                    keeper.drop()
            except OSError as error:
                self.say(f"the remarks can't be kept here: {error}")

        text = kept.typed.texts["remarks"].text if kept else ""
        version = await self.asked(dialog(Remarks(text, keep)))
        if keeper:
            keeper.drop() if version is not None else keeper.let_go()
        return version

    def _tell_faults(self, page: EditScreen, problem: api.Problem) -> None:
        if not problem.errors:
            self.say(problem.detail)
            return
        names = [node.name for node in page.document.spec.nodes]
        lines = [[("✖ ", "failed"), (fault_words(fault, names), "")] for fault in problem.errors]
        self.push_screen(Read("It can't be saved yet", lines))

    def on_draft(self, do: Callable[[EditScreen], Any]) -> None:
        """Do something with the draft that is edited, where one is."""
        page = self.page
        if isinstance(page, FillScreen):
            page.form.leave()
        if isinstance(page, EditScreen | FillScreen):
            do(page.draft)
