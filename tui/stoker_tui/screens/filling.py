"""A form over part of a draft: what is filled in is in the draft, and kept, at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from textual.app import ComposeResult

from stoker_shared import routes
from stoker_shared.api.scheduling import PreviewTicks, TickView
from stoker_shared.model import Schedule, WorkflowSpec
from stoker_shared.text import clean_line
from stoker_tui.actions import Kind
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.documents import Document as TextDocument
from stoker_tui.editing.edits import Step
from stoker_tui.forms.form import Form
from stoker_tui.forms.schedule import LAST
from stoker_tui.mirror import Topic
from stoker_tui.screens.edit import EditScreen
from stoker_tui.screens.edited import draft_title, tick_lines
from stoker_tui.screens.page import Page, focus_first
from stoker_tui.widgets.form import FormView
from stoker_tui.widgets.frame import Line

_TICKS = 5
"""Next ticks that are shown of a schedule."""


class FillScreen(Page):
    """A form, opened from the page of a draft. All that is done while it is open is undone as one step.

    ``part`` gives the part of a definition that is filled in, ``text`` that as what is edited in $EDITOR,
    ``put`` the definition with another one in its place.
    """

    def __init__(
        self,
        draft: EditScreen,
        name: str,
        form: Form[Any],
        part: Callable[[WorkflowSpec], Any],
        text: TextDocument[Any],
        put: Callable[[WorkflowSpec, Any], Step],
    ) -> None:
        super().__init__()
        self.draft = draft
        self._crumb = name
        self._form = form
        self._part = part
        self._text = text
        self._put = put
        self._since = draft.document.at
        self._warned = False
        self._told_ticks: Schedule | None = None

    @property
    def topics(self) -> Sequence[Topic]:
        """What is suggested."""
        return self.draft.topics

    @property
    def crumbs(self) -> Sequence[str]:
        """Say where it is."""
        return [*self.draft.crumbs, clean_line(self._crumb)]

    @property
    def form(self) -> FormView:
        """The form."""
        return self.query_one(FormView)

    def body(self) -> ComposeResult:
        """Give the form."""
        ascii_only = self.stoker.ascii_only
        yield Line(self.styles_of, ascii_only=ascii_only, id="title")
        yield FormView(self._form, self.styles_of, ascii_only=ascii_only)

    def on_mount(self) -> None:
        """Begin where the cursor is."""
        super().on_mount()
        self._show_ticks()

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the draft."""
        return {Kind.DRAFT: [self.draft.document]}

    def draw(self) -> None:
        """Show how the draft stands."""
        self.query_one("#title", Line).show(draft_title(self.draft.document, self.draft.row))
        focus_first(self, self.form)

    def on_form_view_changed(self, event: FormView.Changed) -> None:
        """Take over what is filled in, as soon as nothing is wrong with it."""
        self._warned = False
        if (value := self.form.form.value) is not None:
            self.draft.revise(self._since, lambda spec: self._put(spec, value))
        self._show_ticks()
        self.redraw()

    def back(self) -> bool:
        """Leave; once what is wrong was told, without that."""
        if self.form.form.value is None and not self._warned:
            self._warned = True
            self.say(f"{self.form.reveal()}; esc again leaves it as it was right last")
            return True
        return False

    @property
    def text(self) -> tuple[TextDocument[Any], Any]:
        """What is edited in $EDITOR: as it is in the form, where something is wrong there as it was."""
        value = self.form.form.value
        before = self.draft.document.steps[self._since].spec
        return self._text, self._part(before) if value is None else value

    def take_text(self, value: Any) -> None:
        """Take over what was written in $EDITOR."""
        self.form.load(value)
        self.draft.revise(self._since, lambda spec: self._put(spec, value))
        self._show_ticks()
        self.redraw()

    def _show_ticks(self) -> None:
        """Show below a schedule when runs would be due by it."""
        value = self.form.form.value
        if isinstance(value, WorkflowSpec) and value.schedule != self._told_ticks:
            self._told_ticks = value.schedule
            if value.schedule is not None:
                self.stoker.spawn(self._ask_ticks(value.schedule))

    async def _ask_ticks(self, schedule: Schedule) -> None:
        request = PreviewTicks(schedule=schedule, limit=_TICKS)
        try:
            ticks = await self.stoker.link.post(routes.TICKS_PREVIEW, request, list[TickView])
        except Refused as error:
            lines = [[(error.problem.detail, "failed")]]
        except (Unreachable, NotStoker):
            lines = [[("no daemon tells the next ticks now", "dim")]]
        else:
            lines = list(tick_lines(ticks, self.stoker.now()))
        if schedule == self._told_ticks and self.is_mounted:
            self.form.note(LAST, lines)
