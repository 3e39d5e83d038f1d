"""A form on a page of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from textual.app import ComposeResult

from stoker_shared.text import clean_line
from stoker_tui.actions import AsText, Filled, Kind
from stoker_tui.cli.common import with_faults
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.documents import Document
from stoker_tui.editing.keeping import Kept, KeptForm
from stoker_tui.forms.form import Form
from stoker_tui.forms.schedule import TYPE, schedule_fields
from stoker_tui.forms.typed import Typed, type_again, typed_in
from stoker_tui.forms.workflow import ScheduleForm, WorkflowForm
from stoker_tui.mirror import Topic
from stoker_tui.saving import SavedMeanwhile
from stoker_tui.screens.page import focus_first
from stoker_tui.screens.ticks import TickPreview
from stoker_tui.screens.unsaved import UnsavedPage
from stoker_tui.widgets.form import FormView
from stoker_tui.widgets.frame import Line

TICKS, FEW_TICKS = 8, 3
"""How many ticks are shown of a schedule by itself, and among a workflow's other fields."""

Save = Callable[[Any], Awaitable[str]]
"""Saves what a form makes, and says in words what it did."""


class FormScreen(UnsavedPage):
    """One form. With ``save`` it is saved by a key; ``changed`` is given each definition that is valid.

    ``document`` lets it be edited as text, too. What was typed stays until it is saved, or given up.
    What is not of the workspace is ``everywhere``.
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
        everywhere: bool = False,
    ) -> None:
        super().__init__()
        self._form = form
        self._where = tuple(where)
        self._save = save
        self._changed = changed
        self._document = document
        self._topics = topics
        self._everywhere = everywhere
        self._first = form.value
        self._given: str | None = None
        self._touched = False
        self._saving = False
        self._ticks: TickPreview | None = None
        self._told = ""
        """What is to be said once it is shown."""

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
        if self._touched:
            self._take(self._form.value)
            self.form.reveal()
            self.say(self._told)
        if self._form.is_new:
            if not self._form.problems or not self._touched:
                self._go_to_first_empty()
            self.form.edit()

    def _go_to_first_empty(self) -> None:
        places = [field.place for field in self._form.shown() if not field.section]
        self.form.go(next((place for place in places if not self._form.is_set(place)), places[0]))

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

    # What is not saved.

    @property
    def what(self) -> str:
        """Name what is filled in."""
        return " ▸ ".join(self._where)

    @property
    def is_unsaved(self) -> bool:
        """Whether something would be lost by leaving, if it were not kept."""
        lost = self._form.value != self._first if self._form.value is not None else self._touched
        return lost if self._save is not None else bool(self._form.problems) and self._touched

    @property
    def why_no_save(self) -> str:
        """Say what is wrong with it; nothing where all is well."""
        return self.form.problem

    @property
    def secret(self) -> Sequence[str]:
        """Name what of it is secret, and so not kept."""
        return typed_in(self._form).left_out

    def kept(self, log: str, workspace: str) -> Kept:
        """Give what was typed, as it was typed."""
        return KeptForm(
            log,
            "" if self._everywhere else workspace,
            self._where,
            self._form.is_new,
            self.stoker.now(),
            typed_in(self._form),
            self._given,
        )

    def go_on(self, kept: KeptForm) -> None:
        """Go on with what was kept."""
        told = ""
        if kept.given is not None:
            try:
                self._form.load(msgspec.json.decode(kept.given, type=self._form.kind))
                self._given = kept.given
            except msgspec.MsgspecError as error:
                told = f"what was edited as text does not fit this version: {error}"
        self.type_again(kept.typed)
        self._told = told or self._told

    def type_again(self, typed: Typed) -> None:
        """Type again what was typed; on a definition that is another one by now that is said."""
        self._touched = True
        if others := type_again(self._form, typed):
            self._told = f"changed meanwhile, and yours stands over it: {', '.join(others)}"

    def load(self, value: Any) -> None:
        """Go on with a definition that was edited as text."""
        self._touched = True
        self._given = msgspec.json.encode(value).decode()
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
        self.keep()
        self._ask_ticks()
        self.redraw()

    # Saving.

    def save(self) -> None:
        """Save it, or say what is wrong with it."""
        if problem := self.form.reveal():
            self.redraw()
            self.say(problem)
        elif self._save is not None and not self._saving:
            self.stoker.spawn(self._save_and_leave())

    async def save_all(self) -> bool:
        """Save it, or say why it can't be, and tell whether it is saved."""
        if self._save is None or self._saving:
            return False
        self._saving = True
        self.say("saving ...")
        value = self._form.value
        try:
            told = await self._save(value)
        except Refused as error:
            self.say(clean_line(with_faults(error.problem.detail, error.problem.errors)))
        except SavedMeanwhile as error:
            self.say(clean_line(str(error)))
        except (Unreachable, NotStoker, OSError) as error:
            self.say(f"not saved, and all you typed is still here: {clean_line(str(error))}")
        else:
            return self._is_all_saved(value, told)
        finally:
            self._saving = False
        return False

    def _is_all_saved(self, value: Any, told: str) -> bool:
        """Keep what was typed while something was saved, and tell whether nothing was."""
        if self._form.value == value:
            self.give_up()
            self.stoker.call_after_refresh(self.stoker.say, told)
            return True
        self._first = value
        self.keep()
        self.redraw()
        self.say(clean_line(f"{told}; what you typed meanwhile is not saved yet"))
        return False

    async def _save_and_leave(self) -> None:
        if await self.save_all():
            self.dismiss()

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
