"""Keys that open forms and save what is filled in: jobs, queues, variables, workspaces; and $EDITOR."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from textual.app import SuspendNotSupported

from stoker_shared import api, routes
from stoker_shared.secrecy import tells_of_secret
from stoker_shared.text import clean_line, quoted
from stoker_tui import topics
from stoker_tui.actions import AsText, Filled, JobState
from stoker_tui.client import Refused
from stoker_tui.editing.keeping import KeptForm, KeptText, Left
from stoker_tui.editor import NoEditor, edit, run_editor
from stoker_tui.forms.configuration import ConfigurationForm, configuration_document
from stoker_tui.forms.known import Known, Taken
from stoker_tui.forms.publishing import PublishForm, RemarksForm
from stoker_tui.forms.queue import QueueForm
from stoker_tui.forms.workspace import NamedVariable, NamedWorkspace, VariableForm, WorkspaceForm
from stoker_tui.keys.unsaved import UnsavedApp
from stoker_tui.link import Link
from stoker_tui.saving import (
    Configuring,
    publish_draft,
    publish_file,
    save_queue,
    save_workspace,
    set_variable,
)
from stoker_tui.screens.dialogs import Read
from stoker_tui.screens.form import FormScreen
from stoker_tui.screens.job import diff_lines
from stoker_tui.suspending import lent

_T = TypeVar("_T")

NEW, PUBLISH, PUBLISH_DRAFT, CONFIGURATION = "new", "publish", "publish the draft", "configuration"
"""What forms are called that are opened from lists and from jobs."""


class FillingApp(UnsavedApp):
    """An application in which forms are filled in."""

    jobs: topics.Listed
    queues: topics.Listed
    variables: topics.Listed
    workspaces: topics.Listed

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._texts: dict[tuple[str, str], str] = {}
        """Texts that were left in the editor to be mended, by workspace and what they are of."""

    @property
    def zone(self) -> str:
        """The daemon's time zone, which is shown where nothing else says which."""
        return self.mirror.status.time_zone if self.mirror.status else "UTC"

    @property
    def known(self) -> Known:
        """What forms suggest."""
        return Known(
            lambda: {job.path: job for job in self.jobs.value or ()},
            lambda: [queue.name for queue in self.queues.value or ()],
            self.zone,
        )

    def run_editor(self, text: str) -> str:
        """Have a text edited by the person, while the UI stands still; raises `NoEditor`."""
        try:
            with lent(self):
                return run_editor(text)
        except SuspendNotSupported as error:
            raise NoEditor("an editor can't be opened from here") from error

    def do_filled_save(self, filled: Filled) -> None:
        """Save what is filled in."""
        filled.save()

    def do_text_edit(self, text: AsText) -> None:
        """Edit a definition as text."""
        if text.value is None:
            return
        what = text.document.what
        kept = self._text_left(what)
        try:
            edited = edit(text.document, text.value, kept, self.run_editor)
        except NoEditor as error:
            self.say(str(error))
            return
        self._keep_text(what, edited.text)
        if edited.text:
            self.say(f"{edited.told}; the text is kept, ^e goes on with it")
        elif edited.value is None:
            self.say(edited.told)
        else:
            text.take(edited.value)

    def _texts_left(self, what: str) -> list[Left]:
        return [each for each in self.left() if isinstance(each.kept, KeptText) and each.kept.name == what]

    def _text_left(self, what: str) -> str:
        """Give a text that was left to be mended, here or in a UI that has ended; else nothing."""
        kept = (each.kept.text for each in self._texts_left(what) if isinstance(each.kept, KeptText))
        return self._texts.get((self.link.workspace, what)) or next(kept, "")

    def _keep_text(self, what: str, text: str) -> None:
        """Keep a text to be mended, in place of what was; nothing where it is right now."""
        for left in self._texts_left(what):
            self.drop(left)
        self._texts[self.link.workspace, what] = text
        status = self.mirror.status
        # What tells of a secret stays in the memory.
        if text and status and not tells_of_secret(text) and (keeper := self.keeper()):
            with suppress(OSError):
                keeper.keep(KeptText(status.log, self.link.workspace, what, text, self.now()))
            keeper.let_go()

    # Jobs.

    def do_job_new(self) -> None:
        """Publish a file as a job."""
        self._open("jobs", PUBLISH, new=True)

    def do_job_publish(self, job: api.JobView) -> None:
        """Publish a file as a job's next version."""
        self._open("jobs", job.path, PUBLISH, new=True)

    def do_job_publish_draft(self, job: api.JobView) -> None:
        """Publish a job's draft."""
        self._open("jobs", job.path, PUBLISH_DRAFT, new=True)

    def do_job_configure(self, job: api.JobView) -> None:
        """Edit a job's default configuration."""
        self._open("jobs", job.path, CONFIGURATION)

    def do_job_state_changes(self, state: JobState) -> None:
        """Show what is new in a version, or in the draft."""
        latest = str(state.job.version) if state.job.version else "draft"
        before = str(max(state.number - 1, 1)) if state.number else latest
        self._compare(state.job.path, before, str(state.number) if state.number else "draft")

    def do_job_state_compare(self, state: JobState) -> None:
        """Show how a version differs from the draft."""
        self._compare(state.job.path, str(state.number), "draft")

    def _compare(self, path: str, before: str, after: str) -> None:
        async def compare() -> None:
            place = self.link.within(routes.JOB_DIFF, path=path)
            diff = await self.link.read(place, api.JobDiff, {"from": before, "to": after})
            names = [name if name == "draft" else f"v{name}" for name in (before, after)]
            title = f"{clean_line(path)}: {' -> '.join(names)}"
            self.push_screen(Read(title, list(diff_lines(diff))))

        self.flow(compare())

    # Queues, variables, workspaces.

    def do_queue_new(self) -> None:
        """Make a queue."""
        self._open("queues", NEW, new=True)

    def do_queue_edit(self, queue: api.QueueView) -> None:
        """Change what a queue allows."""
        self._open("queues", queue.name)

    def do_variable_new(self) -> None:
        """Make a variable."""
        self._open("variables", NEW, new=True)

    def do_variable_edit(self, variable: api.VariableView) -> None:
        """Give a variable another value."""
        self._open("variables", variable.name)

    def do_workspace_new(self) -> None:
        """Make a workspace."""
        self._open("workspaces", NEW, new=True)

    def do_workspace_edit(self, workspace: api.WorkspaceView) -> None:
        """Describe a workspace otherwise."""
        self._open("workspaces", workspace.name)

    # Opening forms.

    def _open(self, *where: str, new: bool = False) -> None:
        self.flow(self._fill(where, new=new))

    async def _fill(self, where: tuple[str, ...], *, new: bool) -> None:
        """Open a form, or go on with what was typed in it and not saved."""
        screen = await self._form_at(where, new=new)
        left = [each for each, _ in self.left_forms(where, new=new)]
        title = f"{clean_line(' ▸ '.join(where))}: what was typed was not saved"
        chosen = await self.choose_left(title, left, "begin again")
        if isinstance(chosen, Left):
            await self._go_on_in(screen, chosen)
        elif chosen:
            screen.keep_in(self.keeper())
            await self.push_screen(screen)

    async def go_on_with(self, left: Left) -> None:
        """Open the form in which something was typed that was left, and go on."""
        if isinstance(left.kept, KeptForm):
            await self._go_on_in(await self._form_at(left.kept.where, new=left.kept.new), left)

    async def _go_on_in(self, screen: FormScreen, left: Left) -> None:
        if isinstance(left.kept, KeptForm):
            screen.go_on(left.kept)
            screen.keep_in(self.take(left))
            await self.push_screen(screen)

    async def _form_at(self, where: tuple[str, ...], *, new: bool) -> FormScreen:
        """Give the form that is opened at a place, over what is there by now."""
        match where:
            case ("jobs", *path):
                return await self._job_form(where, *path)
            case ("queues", name):
                spec = None if new else (await self._read(routes.QUEUE, api.QueueView, name=name)).spec
                form, save = QueueForm("" if new else name, spec, _names(self.queues)), save_queue
            case ("variables", name):
                value = None if new else await self._variable(name)
                form, save = VariableForm(value, _names(self.variables)), set_variable
            case ("workspaces", name):
                value = None if new else await self._workspace(name)
                form, save = WorkspaceForm(value, _names(self.workspaces)), save_workspace
            case _:
                raise _not_there(where[-1])
        return FormScreen(form, where, save=self._with(save), everywhere=where[0] != "variables")

    async def _job_form(self, where: tuple[str, ...], path: str, what: str = "") -> FormScreen:
        if not what:
            return FormScreen(PublishForm(self.known), where, save=self._with(publish_file))
        if what == PUBLISH:
            return FormScreen(PublishForm(self.known, path), where, save=self._with(publish_file))
        view = await self.link.read(self.link.within(routes.JOB, path=path), api.JobView)
        if what == PUBLISH_DRAFT:
            return FormScreen(RemarksForm(), where, save=partial(publish_draft, self.link, view))
        return FormScreen(
            ConfigurationForm(view.draft.config, view.path),
            where,
            save=Configuring(self.link, view).save,
            document=configuration_document(view.path),
        )

    async def _variable(self, name: str) -> NamedVariable:
        page = await self._read(routes.VARIABLES, api.Page[api.VariableView])
        for each in [*page.items, *(self.variables.value or ())]:
            if each.name == name:
                return NamedVariable(name=name, secret=each.secret, value=each.value)
        raise _not_there(name)

    async def _workspace(self, name: str) -> NamedWorkspace:
        page = await self._read(routes.WORKSPACES, api.Page[api.WorkspaceView])
        for each in [*page.items, *(self.workspaces.value or ())]:
            if each.name == name:
                return NamedWorkspace(name=name, description=each.description)
        raise _not_there(name)

    async def _read(self, route: str, kind: type[_T], **values: str) -> _T:
        """Ask for something as it was written."""
        query = None if values else {"limit": str(api.MAX_PAGE)}
        return await self.link.read(self.link.within(route, **values), kind, query)

    def _with(self, save: Callable[[Link, Any], Awaitable[str]]) -> Callable[[Any], Awaitable[str]]:
        return partial(save, self.link)


def _names(topic: topics.Listed) -> Taken:
    return lambda: [each.name for each in topic.value or ()]


def _not_there(name: str) -> Refused:
    return Refused(api.Problem("not-found", "Not found", 404, f"there is no {quoted(name)}"))
