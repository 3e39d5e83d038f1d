"""What the terminal UI does: what is possible is done, what is several things or can't be undone is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stoker_shared.roles import Role
from stoker_tui.actions import Action, Actions, Kind, names_of, possible
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.deeds import DEEDS
from stoker_tui.keys.drafting import DraftingApp
from stoker_tui.mirror import Connection
from stoker_tui.screens.dialogs import Choice, Choose, Confirm

FOR_SEVERAL = ("version.diff",)
"""Actions that open something, and do so for several things."""


class ActingApp(DraftingApp):
    """An application that does what `stoker_tui.actions` lists, each to what the screen offers."""

    actions: Actions

    def is_possible(self, action: Action) -> bool:
        """Tell whether something can be done here and now."""
        return bool(self._possible(action)[0])

    def act(self, actions: Sequence[Action]) -> None:
        """Do what is possible of these; where that is several things, ask which; where nothing, say why."""
        verdicts = [(action, *self._possible(action)) for action in actions]
        able = [(action, things) for action, things, _ in verdicts if things]
        if not able:
            self.say(verdicts[0][2])
        elif len(able) == 1:
            self._do(*able[0])
        else:
            self.push_screen(Choose("What is to be done?", list(_choices(verdicts))), self._chosen_by_name)

    def _chosen_by_name(self, action: Action | None) -> None:
        """Do what was chosen; what it hits was named, so that it is not asked again."""
        if action is not None and (things := self._possible(action)[0]):
            self._carry_out(action, things)

    def _possible(self, action: Action) -> tuple[list[Any], str]:
        if self.page and (why := self.page.why_not(action)):
            return [], why
        live = self.mirror.connection is Connection.LIVE
        things = self._things(action.kind, live=live)
        if len(things) > 1 and action.id not in DEEDS and action.id not in FOR_SEVERAL:
            return [], f"{action.word}: one at a time, and {len(things)} are marked"
        you = self.mirror.status.you if self.mirror.status else None
        role = you.role_in(self.link.workspace) if you else Role.ADMIN
        return possible(action, things, live=live, role=role)

    def _things(self, kind: Kind, *, live: bool) -> Sequence[Any]:
        if kind is Kind.DAEMON:
            return [live]
        if kind in (Kind.APP, Kind.LIST, Kind.FACTS, Kind.GRAPH, Kind.OUTPUT, Kind.FORM):
            return [None]
        return self.page.things().get(kind, ()) if self.page else ()

    def _do(self, action: Action, things: list[Any]) -> None:
        if action.question is None:
            self._carry_out(action, things)
        else:

            def answered(yes: bool | None) -> None:
                if yes:
                    self._carry_out(action, things)

            self.push_screen(Confirm(action.question(things)), answered)

    def _carry_out(self, action: Action, things: list[Any]) -> None:
        if deed := DEEDS.get(action.id):
            self.spawn(self._deeds(deed, things))
        else:
            getattr(self, f"do_{action.id.replace('.', '_')}")(
                *(thing for thing in things[:1] if thing is not None)
            )

    async def _deeds(self, deed: Any, things: list[Any]) -> None:
        done, failed = [], []
        for thing in things:
            try:
                done.append(await deed(self.link, thing))
            except Refused as error:
                failed.append(error.problem.detail)
            except (Unreachable, NotStoker) as error:
                failed.append(str(error))
        if failed:
            self.say(failed[0] + (f" ({len(failed)} refused, {len(done)} done)" if len(things) > 1 else ""))
        elif page := self.page:
            if page.table is not None:
                page.table.unmark()
            self.say(done[0] if len(done) == 1 else f"{done[0]}, and {len(done) - 1} more")


def _choices(verdicts: Sequence[tuple[Action, list[Any], str]]) -> Iterator[Choice]:
    """Give what can be done, with the names of what it hits where these are others than those before."""
    before = ""
    for action, things, why in verdicts:
        names = names_of(things) if things else before
        yield Choice(action.help, action, names if names != before else "", "" if things else why)
        before = names
