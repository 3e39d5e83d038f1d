"""Keys that open forms and save what is filled in: jobs, queues, variables, workspaces; and $EDITOR."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any

from textual.app import SuspendNotSupported

from stoker_shared import api, routes
from stoker_shared.text import clean_line
from stoker_tui import topics
from stoker_tui.acting import ActingApp
from stoker_tui.actions import AsText, Filled, JobState
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.editor import NoEditor, edit, run_editor
from stoker_tui.forms.configuration import ConfigurationForm, configuration_document
from stoker_tui.forms.known import Known
from stoker_tui.forms.publishing import PublishForm, RemarksForm
from stoker_tui.forms.queue import QueueForm
from stoker_tui.forms.workspace import NamedVariable, NamedWorkspace, VariableForm, WorkspaceForm
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


class FillingApp(ActingApp):
    """An application in which forms are filled in."""

    jobs: topics.Listed
    queues: topics.Listed
    variables: topics.Listed
    workspaces: topics.Listed
    now: Callable[[], datetime]

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._texts: dict[str, str] = {}
        """Texts that were left in the editor to be mended, by what they are of."""

    @property
    def zone(self) -> str:
        """The daemon's time zone."""
        raise NotImplementedError

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
            with self.suspend():
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
        kept = self._texts.pop(text.document.what, "")
        try:
            edited = edit(text.document, text.value, kept, self.run_editor)
        except NoEditor as error:
            if kept:
                self._texts[text.document.what] = kept
            self.say(clean_line(str(error)))
            return
        if edited.text:
            self._texts[text.document.what] = edited.text
            self.say(f"{edited.told}; the text is kept, ^e goes on with it")
        elif edited.value is None:
            self.say(edited.told)
        else:
            text.take(edited.value)

    # Jobs.

    def do_job_new(self) -> None:
        """Publish a file as a job."""
        self._fill(FormScreen(PublishForm(self.known), ["jobs", "publish"], save=self._with(publish_file)))

    def do_job_publish(self, job: api.JobView) -> None:
        """Publish a file as a job's next version."""
        form = PublishForm(self.known, job.path)
        self._fill(FormScreen(form, ["jobs", job.path, "publish"], save=self._with(publish_file)))

    def do_job_publish_draft(self, job: api.JobView) -> None:
        """Publish a job's draft."""

        def opened(view: api.JobView) -> None:
            save = partial(publish_draft, self.link, view)
            self._fill(FormScreen(RemarksForm(), ["jobs", job.path, "publish the draft"], save=save))

        self._read(self.link.within(routes.JOB, path=job.path), api.JobView, opened)

    def do_job_configure(self, job: api.JobView) -> None:
        """Edit a job's default configuration."""

        def opened(view: api.JobView) -> None:
            screen = FormScreen(
                ConfigurationForm(view.draft.config, view.path),
                ["jobs", view.path, "configuration"],
                save=Configuring(self.link, view).save,
                document=configuration_document(view.path),
            )
            self._fill(screen)

        self._read(self.link.within(routes.JOB, path=job.path), api.JobView, opened)

    def do_job_state_changes(self, state: JobState) -> None:
        """Show what is new in a version, or in the draft."""
        latest = str(state.job.version) if state.job.version else "draft"
        before = str(max(state.number - 1, 1)) if state.number else latest
        self._compare(state.job.path, before, str(state.number) if state.number else "draft")

    def do_job_state_compare(self, state: JobState) -> None:
        """Show how a version differs from the draft."""
        self._compare(state.job.path, str(state.number), "draft")

    def _compare(self, path: str, before: str, after: str) -> None:
        def shown(diff: api.JobDiff) -> None:
            names = [name if name == "draft" else f"v{name}" for name in (before, after)]
            title = f"{clean_line(path)}: {' -> '.join(names)}"
            self.push_screen(Read(title, list(diff_lines(diff))))

        place = self.link.within(routes.JOB_DIFF, path=path)
        self._read(place, api.JobDiff, shown, {"from": before, "to": after})

    # Queues, variables, workspaces.

    def do_queue_new(self) -> None:
        """Make a queue."""
        self._fill(FormScreen(QueueForm("", None), ["queues", "new"], save=self._with(save_queue)))

    def do_queue_edit(self, queue: api.QueueView) -> None:
        """Change what a queue allows."""

        def opened(view: api.QueueView) -> None:
            form = QueueForm(view.name, view.spec)
            self._fill(FormScreen(form, ["queues", view.name], save=self._with(save_queue)))

        self._read(routes.fill(routes.QUEUE, name=queue.name), api.QueueView, opened)

    def do_variable_new(self) -> None:
        """Make a variable."""
        screen = FormScreen(VariableForm(None), ["variables", "new"], save=self._with(set_variable))
        self._fill(screen)

    def do_variable_edit(self, variable: api.VariableView) -> None:
        """Give a variable another value."""

        def opened(page: api.Page[api.VariableView]) -> None:
            known = next((each for each in page.items if each.name == variable.name), variable)
            value = NamedVariable(name=known.name, secret=known.secret, value=known.value)
            form = VariableForm(value)
            self._fill(FormScreen(form, ["variables", known.name], save=self._with(set_variable)))

        query = {"limit": str(api.MAX_PAGE)}
        self._read(self.link.within(routes.VARIABLES), api.Page[api.VariableView], opened, query)

    def do_workspace_new(self) -> None:
        """Make a workspace."""
        screen = FormScreen(WorkspaceForm(None), ["workspaces", "new"], save=self._with(save_workspace))
        self._fill(screen)

    def do_workspace_edit(self, workspace: api.WorkspaceView) -> None:
        """Describe a workspace otherwise."""

        def opened(page: api.Page[api.WorkspaceView]) -> None:
            known = next((each for each in page.items if each.name == workspace.name), workspace)
            form = WorkspaceForm(NamedWorkspace(name=known.name, description=known.description))
            self._fill(FormScreen(form, ["workspaces", known.name], save=self._with(save_workspace)))

        query = {"limit": str(api.MAX_PAGE)}
        self._read(routes.WORKSPACES, api.Page[api.WorkspaceView], opened, query)

    # Within.

    def _with(self, save: Callable[[Link, Any], Awaitable[str]]) -> Callable[[Any], Awaitable[str]]:
        return partial(save, self.link)

    def _fill(self, screen: FormScreen) -> None:
        self.push_screen(screen)

    def _read(
        self, path: str, kind: type[Any], then: Callable[[Any], None], query: dict[str, str] | None = None
    ) -> None:
        """Ask for something as it was written, and do something with it."""

        async def ask() -> None:
            try:
                found = await self.link.read(path, kind, query)
            except (Refused, Unreachable, NotStoker) as error:
                self.say(str(error))
            else:
                then(found)

        self.go(ask())
