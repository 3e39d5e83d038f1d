"""A form on a page of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from textual.app import ComposeResult

from stoker_shared.text import clean_line
from stoker_tui.actions import AsText, Filled, Kind
from stoker_tui.cli.common import with_faults
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.documents import Document
from stoker_tui.forms.form import Form
from stoker_tui.forms.schedule import TYPE, schedule_fields
from stoker_tui.forms.workflow import ScheduleForm, WorkflowForm
from stoker_tui.mirror import Topic
from stoker_tui.saving import SavedMeanwhile
from stoker_tui.screens.dialogs import Confirm
from stoker_tui.screens.page import Page, focus_first
from stoker_tui.screens.ticks import TickPreview
from stoker_tui.widgets.form import FormView
from stoker_tui.widgets.frame import Line

TICKS, FEW_TICKS = 8, 3
"""How many ticks are shown of a schedule by itself, and among a workflow's other fields."""

Save = Callable[[Any], Awaitable[str]]
"""Saves what a form makes, and says in words what it did."""


class FormScreen(Page):
    """One form. With ``save`` it is saved by a key; ``changed`` is given each definition that is valid.

    ``document`` lets it be edited as text, too. What was typed stays until it is saved, or given up.
    """

    def __init__(
        self,
        form: Form[Any],
        where: Sequence[str],
        *,
        save: Save | None = None,
        changed: Callable[[Any], None] | None = None,
        document: Document[Any] | None = None,
        topics: Sequence[Topic] = (),
    ) -> None:
        super().__init__()
        self._form = form
        self._where = where
        self._save = save
        self._changed = changed
        self._document = document
        self._topics = topics
        self._first = form.value
        self._touched = False
        self._saving = False
        self._ticks: TickPreview | None = None

    @property
    def topics(self) -> Sequence[Topic]:
        """What the form suggests."""
        return self._topics

    @property
    def crumbs(self) -> Sequence[str]:
        """Say where it is."""
        return [clean_line(each) for each in self._where]

    @property
    def form(self) -> FormView:
        """The form."""
        return self.query_one(FormView)

    def body(self) -> ComposeResult:
        """Give the form."""
        yield Line(self.styles_of, ascii_only=self.stoker.ascii_only, id="title")
        yield FormView(self._form, self.styles_of, ascii_only=self.stoker.ascii_only, id="form")

    def on_mount(self) -> None:
        """Begin to fill in what is new."""
        super().on_mount()
        if isinstance(self._form, WorkflowForm):
            most = TICKS if isinstance(self._form, ScheduleForm) else FEW_TICKS
            self._ticks = TickPreview(self.stoker.link, self.stoker.now, self._show_ticks, most)
            self._ask_ticks()
        self.form.focus()
        if self._form.is_new:
            empty = (field.place for field in self._form.shown() if not self._form.is_set(field.place))
            self.form.go(next(empty, self._form.fields[0].place))
            self.form.edit()

    def on_unmount(self) -> None:
        """Ask for nothing more."""
        super().on_unmount()
        if self._ticks:
            self._ticks.close()

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give what can be saved, and edited as text."""
        things: dict[Kind, Sequence[Any]] = {}
        if self._save is not None:
            things[Kind.FILLED] = [Filled(self.save, is_changed=self._form.is_new or self.is_unsaved)]
        if self._document is not None:
            things[Kind.TEXT] = [AsText(self._document, self._form.value, self.load)]
        return things

    def draw(self) -> None:
        """Show how it stands."""
        count = len(self._form.problems)
        title = [(" not valid yet" if self._first is None and count else " ", "dim")]
        if self.is_unsaved and self._save is not None:
            title = [(" not saved", "warning")]
        self.query_one("#title", Line).show(title)
        self.form.know_more()
        focus_first(self, self.form)

    @property
    def is_unsaved(self) -> bool:
        """Whether something would be lost by leaving."""
        lost = self._form.value != self._first if self._form.value is not None else self._touched
        return lost if self._save is not None else bool(self._form.problems) and self._touched

    def load(self, value: Any) -> None:
        """Go on with a definition that was edited as text."""
        self._touched = True
        self.form.load(value)
        self._take(value)

    def on_form_view_changed(self, event: FormView.Changed) -> None:
        """Pass on what is valid."""
        self._touched = True
        self._take(event.value)

    def on_form_view_ended(self, event: FormView.Ended) -> None:
        """Save it, where that is what is left to do."""
        self.save()

    def _take(self, value: Any) -> None:
        if value is not None and self._changed is not None:
            self._changed(value)
        self._ask_ticks()
        self.redraw()

    # Leaving.

    def back(self) -> bool:
        """Leave, unless something would be lost that is not to be."""
        if not self.is_unsaved:
            return False

        def answered(yes: bool | None) -> None:
            if yes:
                self.dismiss()

        lost = "what is not saved" if self._save is not None else "what is not valid"
        self.app.push_screen(Confirm(f"Leave, and lose {lost}?"), answered)
        return True

    def save(self) -> None:
        """Save it, or say what is wrong with it."""
        if self._save is None or self._saving:
            return
        if problem := self.form.reveal():
            self.redraw()
            self.say(problem)
        else:
            self._saving = True
            self.say("saving ...")
            self.stoker.spawn(self._saved(self._save, self._form.value))

    async def _saved(self, save: Save, value: Any) -> None:
        try:
            told = await save(value)
        except Refused as error:
            self.say(clean_line(with_faults(error.problem.detail, error.problem.errors)))
        except SavedMeanwhile as error:
            self.say(clean_line(str(error)))
        except (Unreachable, NotStoker, OSError) as error:
            self.say(f"not saved, and all you typed is still here: {clean_line(str(error))}")
        else:
            self.dismiss()
            self.stoker.call_after_refresh(self.stoker.say, told)
        finally:
            self._saving = False

    # Ticks.

    def _ask_ticks(self) -> None:
        # While something is wrong the ticks stay that were right last.
        if self._ticks is not None and self._form.value is not None:
            self._ticks.ask(self._form.value.schedule)

    def _show_ticks(self, lines: list[Any]) -> None:
        shown = {field.place for field in self._form.shown()}
        places = [field.place for field in schedule_fields("") if field.place in shown]
        for place in (TYPE, places[-1]):
            self.form.note(place, [])
        self.form.note(places[-1], lines)
