"""What is not saved: kept here, offered again, and asked about before it is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from stoker_shared.text import clean_line
from stoker_tui.editing.keeping import Drawer, Keeper, Kept, KeptDraft, KeptForm, KeptText, Left, OpenForm
from stoker_tui.keys.flowing import FlowingApp
from stoker_tui.link import Link
from stoker_tui.mirror import Mirror
from stoker_tui.screens.dialogs import Choice, Choose, Confirm
from stoker_tui.screens.unsaved import UnsavedPage
from stoker_tui.times import ago

_LOST = "Nothing can be kept here, and it is lost"


class UnsavedApp(FlowingApp):
    """An application that loses nothing that was typed in it."""

    link: Link
    mirror: Mirror
    drawer: Drawer
    now: Callable[[], datetime]
    editing: set[UnsavedPage]

    @property
    def unsaved(self) -> list[str]:
        """Name what is edited and not saved."""
        return sorted({clean_line(page.what) for page in self.editing if page.is_unsaved})

    def left(self) -> list[Left]:
        """Give what was left unsaved here, in this workspace or in none."""
        status = self.mirror.status
        try:
            return self.drawer.left(status.log, self.link.workspace) if status else []
        except OSError:
            return []  # The screen that edits says so when it can't keep anything there.

    def left_forms(self, where: tuple[str, ...], *, new: bool) -> list[tuple[Left, KeptForm]]:
        """Give what was left that was typed in the form at a place."""
        forms = [(each, each.kept) for each in self.left() if isinstance(each.kept, KeptForm)]
        return [(each, kept) for each, kept in forms if (kept.where, kept.new) == (where, new)]

    def keeper(self) -> Keeper | None:
        """Give where something is kept while it is edited, or say why it can't be."""
        try:
            return self.drawer.open()
        except OSError as error:
            self.call_later(self.say, f"what is not saved can't be kept here: {error}")
            return None

    def take(self, left: Left) -> Keeper | None:
        """Give where something that was left is kept on: elsewhere, if somebody else goes on with it, too."""
        return self.drawer.take(left.file) or self.keeper()

    def drop(self, left: Left) -> None:
        """Keep it no more, unless somebody else goes on with it."""
        if keeper := self.drawer.take(left.file):
            keeper.drop()

    async def choose_left(
        self, title: str, left: Sequence[Left], otherwise: str
    ) -> Left | Literal["otherwise"] | None:
        """Ask what of all that was left unsaved is gone on with; where nothing was, do what else there is."""
        if not left:
            return "otherwise"
        others = [Choice(otherwise, "otherwise"), Choice(f"{otherwise}, and drop what was not saved", "drop")]
        chosen = await self.asked(Choose(title, [*map(self.choice_of, left), *others]))
        if chosen != "drop":
            return chosen
        for each in left:
            self.drop(each)
        return "otherwise"

    def choice_of(self, left: Left) -> Choice:
        """Give what was left as one of several things to go on with."""
        secret = _left_out(left.kept)
        without = f"; type again what is secret: {', '.join(secret)}" if secret else ""
        note = f"as of {ago(left.kept.at, self.now())}{without}"
        name = clean_line(left.kept.name)
        if isinstance(left.kept, KeptText):
            return Choice(f"read what was left in $EDITOR: {name}", left, note)
        return Choice(f"go on with {name}", left, note)

    def ask_leaving(self, page: UnsavedPage) -> None:
        """Ask what becomes of what is not saved, and leave."""
        self.flow(self._leave(page))

    def when_kept(self, then: Callable[[], None]) -> None:
        """Do something for which all is left, once a person knows that what is not saved stays kept."""
        names, pages = self.unsaved, [page for page in self.editing if page.is_unsaved]
        if not names:
            then()
            return
        kept = "It stays kept here, and is offered again" if all(page.is_kept for page in pages) else _LOST
        secret = dict.fromkeys(name for page in pages for name in page.secret)
        without = f", but for what is secret ({', '.join(secret)})" if secret else ""

        def answered(yes: bool | None) -> None:
            if yes:
                then()

        are = "is" if len(names) == 1 else "are"
        self.push_screen(Confirm(f"{', '.join(names)} {are} not saved. {kept}{without}. Leave?"), answered)

    async def _leave(self, page: UnsavedPage) -> None:
        without = f"without what is secret: {', '.join(page.secret)}" if page.secret else ""
        choices = [
            Choice("save it, and leave", "save", why_not=clean_line(page.why_no_save)),
            Choice("leave; it stays kept here, and is offered again", "keep", without, _why_not_kept(page)),
            Choice("drop it", "drop", "back to what was saved last"),
        ]
        chosen = await self.asked(Choose(f"{clean_line(page.what)} is not saved", choices))
        if chosen == "drop":
            page.give_up()
        if chosen in ("keep", "drop") or (chosen == "save" and await page.save_all()):
            self.pop_screen()


def _why_not_kept(page: UnsavedPage) -> str:
    return "" if page.is_kept else "nothing can be kept here"


def _left_out(kept: Kept) -> Sequence[str]:
    match kept:
        case KeptForm(typed=typed) | KeptDraft(form=OpenForm(typed=typed)):
            return typed.left_out
        case _:
            return ()
