"""A form over part of a draft: what is filled in is in the draft, and kept, at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stoker_shared.model import NodeSpec, WorkflowSpec
from stoker_tui.actions import Action, Kind
from stoker_tui.documents import Document
from stoker_tui.editing.edits import Step
from stoker_tui.editing.keeping import FormName, OpenForm
from stoker_tui.forms.form import Form
from stoker_tui.forms.typed import typed_in
from stoker_tui.screens.dialogs import Confirm
from stoker_tui.screens.edit import EditScreen
from stoker_tui.screens.edited import draft_title
from stoker_tui.screens.form import FormScreen
from stoker_tui.widgets.frame import Line


class FillScreen(FormScreen):
    """A form, opened from the page of a draft. All that is done while it is open is undone as one step.

    ``put`` gives the definition with what is filled in.
    """

    def __init__(
        self,
        draft: EditScreen,
        name: FormName,
        form: Form[Any],
        document: Document[Any],
        put: Callable[[WorkflowSpec, Any], Step],
        *,
        node: str = "",
    ) -> None:
        since = draft.document.at

        def changed(value: Any) -> None:
            if isinstance(value, NodeSpec):
                self._node = value.name
            draft.revise(since, lambda spec: put(spec, value))

        where = [*draft.crumbs, node or name]
        super().__init__(form, where, changed=changed, document=document, topics=draft.topics)
        self.draft = draft
        self._which: FormName = name
        self._node = node

    @property
    def what(self) -> str:
        """Name the draft."""
        return self.draft.what

    @property
    def is_kept(self) -> bool:
        """Whether the draft is kept anywhere."""
        return self.draft.is_kept

    def keep(self) -> None:
        """Keep with the draft what is not in it, because it is not valid."""
        form = OpenForm(self._which, typed_in(self._form), self._node) if self.is_unsaved else None
        self.draft.keep_form(form)

    def give_up(self) -> None:
        """Keep nothing of what is not valid."""
        self.draft.keep_form(None)

    def holds_back(self) -> bool:
        """Ask before what is not valid is lost, and tell whether there is anything to ask."""
        if not self.is_unsaved:
            return False

        def answered(yes: bool | None) -> None:
            if yes:
                self.give_up()
                self.dismiss()

        self.app.push_screen(Confirm("Leave, and lose what is not valid?"), answered)
        return True

    def things(self) -> Mapping[Kind, Sequence[Any]]:
        """Give the draft, and what can be edited as text."""
        return {Kind.DRAFT: [self.draft.document], **super().things()}

    def why_not(self, action: Action) -> str:
        """Do nothing with the draft while what is typed is not valid, and so not in it."""
        return self.form.problem if action.kind is Kind.DRAFT else ""

    def draw(self) -> None:
        """Show how the draft stands."""
        super().draw()
        self.query_one("#title", Line).show(draft_title(self.draft.document, self.draft.row))
