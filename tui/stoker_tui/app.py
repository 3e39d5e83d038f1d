"""The terminal UI: one application over a link and a mirror."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from textual.filter import LineFilter

from stoker_shared import api, routes
from stoker_tui import topics
from stoker_tui.actions import Action, Actions, Kind, NodeOf, VersionOf, key_name
from stoker_tui.client import NotStoker, Refused, Unreachable
from stoker_tui.editing.keeping import Drawer, unsaved_directory
from stoker_tui.keys.making import MakingApp
from stoker_tui.link import Link
from stoker_tui.looks import TERMINAL, THEMES
from stoker_tui.mirror import Connection, Mirror, Topic
from stoker_tui.screens.cells import LAST
from stoker_tui.screens.dialogs import DIALOG_CSS, Choice, Choose, Read, room_in_dialog
from stoker_tui.screens.diff import DiffScreen
from stoker_tui.screens.help import help_lines
from stoker_tui.screens.job import JobScreen
from stoker_tui.screens.lists import BackfillsPage, JobsPage, QueuesPage, RunsPage, WorkflowsPage
from stoker_tui.screens.output import OutputScreen
from stoker_tui.screens.page import Page
from stoker_tui.screens.queue import QueueScreen
from stoker_tui.screens.run import RunScreen
from stoker_tui.screens.settings import VariablesPage, WorkspacesPage
from stoker_tui.screens.unsaved import UnsavedPage
from stoker_tui.screens.why import WHY, why_lines
from stoker_tui.screens.workflow import DRAFT, WorkflowScreen
from stoker_tui.settings import Settings
from stoker_tui.starting import journal_path, last_line, start_daemon
from stoker_tui.widgets.pieces import InAscii

TICK_SECONDS = 1.0
"""How often times that pass are drawn anew; only lines that changed are sent."""

HURRY_SECONDS = 0.1

TWO = 2
"""Versions to compare."""


class StokerApp(MakingApp):
    """Lists under number keys, pages that open from them, dialogs before them."""

    CSS = DIALOG_CSS
    ENABLE_COMMAND_PALETTE = False
    MODES: ClassVar[dict[str, Any]] = {
        "workflows": WorkflowsPage,
        "runs": RunsPage,
        "backfills": BackfillsPage,
        "jobs": JobsPage,
        "queues": QueuesPage,
        "variables": VariablesPage,
        "workspaces": WorkspacesPage,
    }
    DEFAULT_MODE = "workflows"

    def __init__(
        self,
        link: Link,
        settings: Settings | None = None,
        *,
        ascii_only: bool = False,
        no_colour: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        unsaved: Path | None = None,
    ) -> None:
        super().__init__(ansi_color=True if no_colour else None)
        settings = settings or Settings()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = TERMINAL if no_colour or not settings.theme else settings.theme
        self.link = link
        self.now = clock
        self.ascii_only = ascii_only
        self.drawer = Drawer(unsaved or unsaved_directory())
        self.actions = Actions(settings.key_lists())
        self.mirror = Mirror(str(link.path), self._changed)
        self.workflows = topics.Workflows()
        self.latest = topics.Latest(self.workflows, LAST)
        self.runs = topics.Runs()
        self.backfills = topics.backfills()
        self.jobs = topics.jobs()
        self.queues = topics.queues()
        self.variables = topics.variables()
        self.workspaces = topics.workspaces()
        self.shared_topics: Sequence[Topic] = (
            self.workflows,
            self.latest,
            self.runs,
            self.backfills,
            self.jobs,
            self.queues,
            self.variables,
            self.workspaces,
        )
        self.editing: set[UnsavedPage] = set()
        self._was_live = False

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Give what is done to each line before it is written."""
        return [*super().get_line_filters(), InAscii()] if self.ascii_only else super().get_line_filters()

    # Its life.

    def on_mount(self) -> None:
        """Connect once something is on the screen."""
        self.call_after_refresh(self._begin)
        self.set_interval(TICK_SECONDS, self._tick)

    async def on_unmount(self) -> None:
        """Let go of the daemon."""
        await super().on_unmount()
        await self.link.close()

    def _begin(self) -> None:
        self.spawn(self.link.follow(self.mirror))
        self.spawn(self.mirror.keep(self.link))

    def _changed(self, changed: frozenset[Topic]) -> None:
        if not self._was_live and self.mirror.connection is Connection.LIVE:
            self._was_live = True
            self.call_later(self.tell_of_unsaved)
        for screen in self.screen_stack if self.is_running else ():
            if isinstance(screen, Page) and (not changed or changed & set(screen.topics)):
                screen.redraw()

    def _tick(self) -> None:
        if (page := self.page) is not None and self.mirror.connection is not Connection.CONNECTING:
            page.redraw()

    # Going about.

    def open_workflow(self, row: api.WorkflowRow) -> None:
        """Open a workflow."""
        self.push_screen(WorkflowScreen(row))

    def open_job(self, path: str) -> None:
        """Open a job."""
        self.push_screen(JobScreen(path))

    def open_queue(self, name: str) -> None:
        """Open a queue."""
        self.push_screen(QueueScreen(name))

    async def show_list(self, mode: str) -> None:
        """Show a list; the one that is shown already, from its beginning."""
        if self.current_mode == mode:
            while len(self.screen_stack) > 1 and not (self.page and self.page.holds_back()):
                await self.pop_screen()
        else:
            await self.switch_mode(mode)

    def ask_older(self, runs: topics.Runs) -> None:
        """Ask for runs that are older than those known."""
        if runs.older and self.mirror.connection is Connection.LIVE and not runs.asking:
            self.spawn(self._ask_older(runs))

    async def _ask_older(self, runs: topics.Runs) -> None:
        try:
            await runs.ask_older(self.link)
        except (Unreachable, NotStoker, Refused) as error:
            self.say(str(error))
        self._changed(frozenset({runs}))

    # What actions do that concern only the screen. Each is called by its id.

    def do_app_workflows(self) -> None:
        """Show the workflows."""
        self.go(self.show_list("workflows"))

    def do_app_runs(self) -> None:
        """Show the runs."""
        self.go(self.show_list("runs"))

    def do_app_backfills(self) -> None:
        """Show the backfills."""
        self.go(self.show_list("backfills"))

    def do_app_jobs(self) -> None:
        """Show the jobs."""
        self.go(self.show_list("jobs"))

    def do_app_queues(self) -> None:
        """Show the queues."""
        self.go(self.show_list("queues"))

    def do_app_variables(self) -> None:
        """Show the workspace's variables."""
        self.go(self.show_list("variables"))

    def do_app_workspaces(self) -> None:
        """Show the workspaces."""
        self.go(self.show_list("workspaces"))

    def do_app_workspace(self) -> None:
        """Choose another workspace."""
        self.go(self._ask_workspace())

    async def _ask_workspace(self) -> None:
        try:
            views = await self.link.pages(routes.WORKSPACES, api.WorkspaceView)
        except (Unreachable, NotStoker, Refused) as error:
            self.say(str(error))
            return

        def chosen(name: str | None) -> None:
            if name is not None and name != self.link.workspace:
                self.when_kept(lambda: self.go(self._enter_workspace(name)))

        choices = [Choice(view.name, view.name, _counted(view)) for view in views]
        self.push_screen(Choose("Workspace", choices, search=True), chosen)

    async def _enter_workspace(self, name: str) -> None:
        """Forget all that was shown of the workspace there was, and show the same list of another."""
        self.link.workspace = name
        for mode, first in self.MODES.items():
            if mode != self.current_mode:
                await self.remove_mode(mode)
                self.add_mode(mode, first)
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        self.mirror.empty(self.shared_topics)
        self._changed(frozenset())

    def do_app_back(self) -> None:
        """Drop marks, the filter, or the page."""
        if self.page and not self.page.back() and len(self.screen_stack) > 1:
            self.pop_screen()

    def do_app_quit(self) -> None:
        """Leave; what is not saved stays kept."""
        self.when_kept(self.exit)

    def do_app_help(self) -> None:
        """Show the keys of this screen."""
        if self.page:
            lines = help_lines(self.actions.offered(self.page.kinds()), room_in_dialog(self.size.width))
            self.push_screen(Read("Keys", list(lines)))

    def do_app_palette(self) -> None:
        """Find an action by its words."""
        if not self.page:
            return
        choices = []
        for action in self.actions.offered(self.page.kinds()):
            things, why = self._possible(action)
            choices.append(
                Choice(action.help, action, f"{key_name(action):6}", "" if things else why, action.id)
            )
        choices.sort(key=lambda choice: bool(choice.why_not))
        self.push_screen(Choose("Actions", choices, search=True), self._chosen)

    def _chosen(self, action: Action | None) -> None:
        if action is not None:
            self.act([action])

    def do_app_theme(self) -> None:
        """Choose the colours."""

        def chosen(name: str | None) -> None:
            if name:
                self.theme = name
                for widget in self.screen.query("*"):
                    widget.refresh()

        choices = [Choice(theme.name, theme.name) for theme in THEMES]
        self.push_screen(Choose("Colours (theme = in tui.toml keeps them)", choices), chosen)

    def do_daemon_start(self, live: bool = False) -> None:
        """Start a daemon for this user."""
        self.spawn(self._start_daemon())

    async def _start_daemon(self) -> None:
        journal = journal_path()
        self.say("starting stokerd ...")
        try:
            process = start_daemon(self.link.path, journal)
        except OSError as error:
            self.say(f"stokerd could not be started: {error}")
            return
        await self._await_daemon(process)
        live = self.mirror.connection is Connection.LIVE
        self.say(f"stokerd is up; its journal: {journal}" if live else f"stokerd ended: {last_line(journal)}")

    async def _await_daemon(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None and self.mirror.connection is not Connection.LIVE:
            self.link.hurry()
            await asyncio.sleep(HURRY_SECONDS)

    def do_versions_show(self, page: WorkflowScreen) -> None:
        """Choose which version graph and nodes show."""
        self.push_screen(Choose("Show in graph and nodes", page.places(), search=True), page.show_place)

    def do_version_diff(self, of: VersionOf) -> None:
        """Compare two versions, or ask what one is to be compared with."""
        page = self.page
        if not isinstance(page, WorkflowScreen):
            return
        chosen = sorted(each.version.version for each in page.things().get(Kind.VERSION, ()))
        if len(chosen) == TWO:
            self.open_diff(of.row.name, *map(str, chosen))
            return
        number = of.version.version

        def other(place: str | None) -> None:
            if place is not None:
                earlier = place != DRAFT and int(place) < number
                self.open_diff(of.row.name, *((place, str(number)) if earlier else (str(number), place)))

        places = [choice for choice in page.places() if choice.value != str(number)]
        self.push_screen(Choose(f"Compare version {number} with", places, search=True), other)

    def open_diff(self, name: str, before: str, after: str) -> None:
        """Open what leads from one definition of a workflow to another."""
        self.push_screen(DiffScreen(name, before, after))

    def do_run_tabs_gantt(self) -> None:
        """Show when each node ran."""
        if isinstance(self.page, RunScreen):
            self.page.toggle("gantt")

    def do_run_tabs_events(self) -> None:
        """Show what happened."""
        if isinstance(self.page, RunScreen):
            self.page.toggle("events")

    def do_node_log(self, of: NodeOf) -> None:
        """Read what a node wrote."""
        self.push_screen(OutputScreen(of.run.row.id, of.node.name, len(of.node.attempts)))

    def do_node_command(self, of: NodeOf) -> None:
        """Read what was launched of a node, and where each value in it comes from."""
        attempts = len(of.node.attempts)
        self.push_screen(OutputScreen(of.run.row.id, of.node.name, attempts, api.Stream.LAUNCH))

    def do_node_why(self, of: NodeOf) -> None:
        """Say at length why a node stands as it does."""
        lines = list(why_lines(of.run, of.node, of.card, self.now()))
        self.push_screen(Read(f"Why {of.node.name} {WHY[of.node.state]}", lines))


def _counted(view: api.WorkspaceView) -> str:
    parts = {"workflows": view.workflows, "jobs": view.jobs, "active runs": view.active_runs}
    return ", ".join(f"{count} {what}" for what, count in parts.items() if count) or "empty"
