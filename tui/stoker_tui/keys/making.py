"""Runs and backfills are made: what is asked before, and what is opened then."""

from __future__ import annotations

from functools import partial
from zoneinfo import ZoneInfo

from stoker_shared import api
from stoker_shared.api.backfills import CreateBackfill
from stoker_tui.actions.running import run_to_show
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.deeds import create_backfill, own_queues, plan_run, preview_backfill, rerun_run, start_run
from stoker_tui.editing.document import Document
from stoker_tui.keys.acting import ActingApp
from stoker_tui.screens.backfill import BackfillScreen
from stoker_tui.screens.backfilling import PreviewScreen, backfill_dialog
from stoker_tui.screens.plan import PlanScreen
from stoker_tui.screens.run import RunScreen
from stoker_tui.screens.start import plan_dialog, rerun_dialog, start_dialog


class MakingApp(ActingApp):
    """An application in which runs and backfills are made."""

    def open_run(self, number: int) -> None:
        """Open a run."""
        self.push_screen(RunScreen(number))

    def open_backfill(self, number: int) -> None:
        """Open a backfill."""
        self.push_screen(BackfillScreen(number))

    def do_workflow_last(self, row: api.WorkflowRow) -> None:
        """Open its active run, else its last one."""
        self.open_run(run_to_show(row))

    def do_workflow_run(self, row: api.WorkflowRow) -> None:
        """Ask how a run is to be started."""
        self.go(self._ask_start(row, debug=False))

    def do_workflow_debug(self, row: api.WorkflowRow) -> None:
        """Ask how the draft is to be run."""
        self.go(self._ask_start(row, debug=True))

    def do_draft_debug(self, document: Document) -> None:
        """Save, and ask how the draft is to be run."""

        async def ask(row: api.WorkflowRow) -> None:
            await self._ask_start(row, debug=True)

        self.after_saving(ask)

    def do_workflow_plan(self, row: api.WorkflowRow) -> None:
        """Ask what run is to be planned, then show its plan."""

        async def plan(request: api.StartRun) -> None:
            self.push_screen(PlanScreen(await plan_run(self.link, request)))

        self.push_screen(plan_dialog(row, queues=self._queues(), zone=self._zone_of(row), plan=plan))

    def do_run_rerun_with(self, row: api.RunRow) -> None:
        """Ask with which settings a run is to be run again."""

        def done(what: str | None) -> None:
            if what:
                self.say(what)

        self.push_screen(rerun_dialog(row, partial(rerun_run, self.link, row)), done)

    def do_workflow_backfill(self, row: api.WorkflowRow) -> None:
        """Ask what backfill is to be made, then show what it would do."""

        async def preview(request: CreateBackfill) -> None:
            self.push_screen(PreviewScreen(request, await preview_backfill(self.link, request)))

        zone = self._zone_of(row)
        today = self.now().astimezone(ZoneInfo(zone)).date()
        self.push_screen(backfill_dialog(row, queues=self._queues(), zone=zone, today=today, preview=preview))

    def do_preview_start(self, request: CreateBackfill) -> None:
        """Make the backfill that is previewed, and open it."""
        self.go(self._make_backfill(request))

    async def _ask_start(self, row: api.WorkflowRow, *, debug: bool) -> None:
        def started(number: int | None) -> None:
            if number is not None:
                self.open_run(number)

        note = "" if debug else await self._own_queues(row)
        dialog = start_dialog(
            row,
            debug=debug,
            note=note,
            queues=self._queues(),
            zone=self._zone_of(row),
            start=partial(start_run, self.link),
        )
        self.push_screen(dialog, started)

    async def _own_queues(self, row: api.WorkflowRow) -> str:
        """Say which nodes keep a queue of their own, whatever queue the run has."""
        try:
            own = await own_queues(self.link, row)
        except (Unreachable, NotStoker, Refused):
            return ""  # The dialog can do without.
        return f"keep a queue of their own: {', '.join(own)}" if own else ""

    async def _make_backfill(self, request: CreateBackfill) -> None:
        try:
            number = await create_backfill(self.link, request)
        except (Unreachable, NotStoker, Refused) as error:
            self.say(str(error))
            return
        # The preview, and the dialog that it was asked for in.
        await self.pop_screen()
        await self.pop_screen()
        self.open_backfill(number)

    def _queues(self) -> list[str]:
        return [view.name for view in self.queues.value or ()]

    def _zone_of(self, row: api.WorkflowRow) -> str:
        return (row.schedule.time_zone if row.schedule else None) or self.zone
