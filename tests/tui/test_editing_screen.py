"""A workflow edited by keys: its graph, its history, what is kept, saved, merged, published."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from textual.pilot import Pilot
from textual.widgets import Input

from stoker_shared import api, routes
from stoker_shared.api import Fault
from stoker_shared.api.scheduling import TickView
from stoker_shared.difference import difference
from stoker_shared.model import Days, JobType, NodeSpec, WorkflowSpec
from stoker_shared.state import WorkflowVersion
from stoker_tui.app import StokerApp
from stoker_tui.client import Refused, Unreachable
from stoker_tui.editing.keeping import Drawer, KeptDraft, OpenForm
from stoker_tui.forms.typed import Typed, TypedText
from stoker_tui.screens.edit import EditScreen
from stoker_tui.screens.filling import FillScreen
from tests.harness import PATIENCE
from tests.tui.fake import JOB, NOW, SALES, SPEC, FakeLink, app_over, lines_of, press, settled, world

DRAFT = routes.fill(routes.WORKFLOW, workspace="default", name="daily_sales")
PUBLISH = routes.fill(routes.WORKFLOW_PUBLISH, workspace="default", name="daily_sales")


def job(path: str, version: int = 1) -> api.JobView:
    return msgspec.structs.replace(JOB, path=path, type=JobType.SHELL, version=version)


JOBS = [job("etl/load.sh"), job("etl/mail.sh"), job("etl/raw.sh", version=0)]


@asynccontextmanager
async def editing(
    link: FakeLink, home: Path, *keys: str, begin: str = "e", size: tuple[int, int] = (100, 30)
) -> AsyncIterator[tuple[StokerApp, Pilot]]:
    app = app_over(link, unsaved=home)
    async with app.run_test(size=size) as pilot:
        await settled(pilot, app)
        if begin == "e":
            await press("end", begin)(pilot)
            await until(pilot, lambda: isinstance(app.page, EditScreen))
        await press(*keys)(pilot)
        yield app, pilot


async def until(pilot: Pilot, condition: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await pilot.pause(0.01)
    await pilot.pause()


async def typed(pilot: Pilot, text: str, then: str = "enter") -> None:
    await until(pilot, lambda: isinstance(pilot.app.focused, Input))
    await pilot.press(*text)
    await press(then)(pilot)


def spec_of(app: StokerApp) -> WorkflowSpec:
    assert isinstance(app.page, EditScreen)
    return app.page.document.spec


def edges(app: StokerApp) -> set[str]:
    return {f"{above}>{node.name}" for node in spec_of(app).nodes for above in node.upstream}


def shows(app: StokerApp, *texts: str) -> bool:
    screen = "\n".join(lines_of(app))
    return all(text in screen for text in texts)


BEFORE = {f"{above}>{node.name}" for node in SPEC.nodes for above in node.upstream}
"""ingest > transform, audit > report; ingest is selected first."""


async def test_a_node_is_added_downstream_from_the_published_jobs_as_they_are_typed(tmp_path: Path) -> None:
    async with editing(FakeLink(world(JOBS=JOBS)), tmp_path, "a") as (app, pilot):
        await typed(pilot, "mai")

        assert edges(app) - BEFORE == {"ingest>mail"}
        assert shows(app, "+ mail", "added mail", "not saved")


async def test_a_job_that_is_not_published_can_not_be_a_node_and_says_why(tmp_path: Path) -> None:
    async with editing(FakeLink(world(JOBS=JOBS)), tmp_path, "a") as (app, pilot):
        await typed(pilot, "raw")

        assert shows(app, "it is not published yet")
        assert edges(app) == BEFORE


async def test_nodes_are_connected_by_going_there_or_by_name_and_a_cycle_is_refused(tmp_path: Path) -> None:
    async with editing(FakeLink(world()), tmp_path, "down", "right", "c") as (app, pilot):
        first = app.page and app.page.graph and app.page.graph.selected
        assert first == "audit"
        assert shows(app, "audit -> ?: go there")
        await press("/")(pilot)
        await press(*"transf", "enter", "enter")(pilot)
        assert edges(app) - BEFORE == {"audit>transform"}

        await press("c", "/", *"ingest", "enter", "enter")(pilot)
        assert edges(app) - BEFORE == {"audit>transform"}
        assert shows(app, "in a cycle: ingest ->", "transform -> ingest")


async def test_what_is_asked_for_another_node_is_given_up_by_esc_and_nothing_is_left(tmp_path: Path) -> None:
    async with editing(FakeLink(world()), tmp_path, "c", "escape") as (app, pilot):
        assert shows(app, "draft 9")
        await press("escape")(pilot)
        assert app.page and app.page.crumbs == ["workflows"]


async def test_a_deleted_node_is_bridged_over_and_comes_back_by_undo(tmp_path: Path) -> None:
    async with editing(FakeLink(world()), tmp_path, "down", "x") as (app, pilot):
        gone = app.page.graph.selected if app.page and app.page.graph else ""
        assert shows(app, f"Delete {gone}?", "report then waits for ingest")
        await press("enter")(pilot)
        assert edges(app) == {edge for edge in BEFORE if str(gone) not in edge} | {"ingest>report"}

        await press("u")(pilot)
        assert spec_of(app) == SPEC
        assert shows(app, f"undone: deleted {gone}")
        await press("u")(pilot)
        assert shows(app, "can't undo: there is nothing to undo")
        await press("ctrl+r")(pilot)
        assert "ingest>report" in edges(app)


async def test_a_node_is_renamed_duplicated_inserted_and_cut_off(tmp_path: Path) -> None:
    async with editing(FakeLink(world(JOBS=JOBS)), tmp_path, "r") as (app, pilot):
        await typed(pilot, "first")
        assert {"first>transform", "first>audit"} <= edges(app)

        await press("D")(pilot)
        assert "first_2" in [node.name for node in spec_of(app).nodes]
        await press("u", "i")(pilot)
        await typed(pilot, "audit")
        await typed(pilot, "load")
        assert {"first>load", "load>audit"} <= edges(app)

        await press("X")(pilot)
        await typed(pilot, "-> audit")
        assert "load>audit" not in edges(app)


async def test_a_name_that_is_taken_is_refused_and_what_was_typed_stays(tmp_path: Path) -> None:
    async with editing(FakeLink(world()), tmp_path, "r") as (app, pilot):
        await until(pilot, lambda: isinstance(app.focused, Input))
        await press("ctrl+u", *"audit", "enter")(pilot)

        assert shows(app, "there is a node audit already", "New name of ingest")


async def test_it_is_saved_on_the_revision_that_it_was_read_at(tmp_path: Path) -> None:
    link = FakeLink(world())
    async with editing(link, tmp_path, "D", "s") as (app, pilot):
        await until(pilot, lambda: shows(app, "saved as draft 10"))

        assert link.answers[DRAFT].spec == spec_of(app)
        await press("s")(pilot)
        assert shows(app, "nothing is changed; all is saved")
        assert not list(tmp_path.glob("*.json"))


async def test_a_key_saves_while_a_form_is_typed_in_and_not_what_is_not_valid(tmp_path: Path) -> None:
    link = FakeLink(world())
    async with editing(link, tmp_path, "enter", *"jjj", "enter", "x", "ctrl+s") as (app, pilot):
        assert isinstance(app.page, FillScreen)
        assert shows(app, "─ number of retries: 'x' is not a whole number")
        assert link.posted == []

        await press("backspace", "4", "ctrl+s")(pilot)
        await until(pilot, lambda: shows(app, "saved as draft"))
        assert app.page.draft.document.spec.nodes[0].retries == 4
        assert not app.page.form.typing


async def test_jobs_that_no_node_has_are_offered_first(tmp_path: Path) -> None:
    used = job(SPEC.nodes[0].job)
    async with editing(FakeLink(world(JOBS=[used, *JOBS])), tmp_path, "a") as (app, pilot):
        await typed(pilot, "")

        assert edges(app) - BEFORE == {"ingest>load"}


async def test_text_is_saved_as_it_was_written_though_it_is_shown_clean(tmp_path: Path) -> None:
    odd = msgspec.structs.replace(SPEC, description="two\nlines\x1b[31m")
    link = FakeLink(world(JOBS=JOBS))
    link.answers[DRAFT] = api.WorkflowView(SALES, odd)
    async with editing(link, tmp_path, "D", "s") as (app, pilot):
        await until(pilot, lambda: shows(app, "saved as draft 10"))

        assert link.answers[DRAFT].spec.description == "two\nlines\x1b[31m"


async def test_what_somebody_saved_meanwhile_is_put_together_with_it_field_by_field(tmp_path: Path) -> None:
    link = FakeLink(world())
    async with editing(link, tmp_path, "D") as (app, pilot):
        theirs = msgspec.structs.replace(SPEC, retries=5)
        row = msgspec.structs.replace(SALES, revision=10, saved_by="bob")
        link.answers[DRAFT] = api.WorkflowView(row, theirs)
        await press("s")(pilot)
        await until(pilot, lambda: shows(app, "bob saved draft 10 of daily_sales meanwhile"))
        assert shows(app, "nodes/ingest_2", "retries", "▸ 5")

        await press("enter")(pilot)
        await until(pilot, lambda: shows(app, "saved as draft 11"))
        assert link.answers[DRAFT].spec.retries == 5
        assert "ingest_2" in [node.name for node in link.answers[DRAFT].spec.nodes]
        await press("u")(pilot)
        assert spec_of(app).retries == 0


async def test_merging_can_be_put_off_and_all_of_one_side_taken(tmp_path: Path) -> None:
    link = FakeLink(world())
    async with editing(link, tmp_path, "D") as (app, pilot):
        theirs = msgspec.structs.replace(SPEC, nodes=SPEC.nodes[:1])
        row = msgspec.structs.replace(SALES, revision=10)
        link.answers[DRAFT] = api.WorkflowView(row, theirs)
        await press("s")(pilot)
        await until(pilot, lambda: shows(app, "meanwhile", "FIELD"))
        await press("escape")(pilot)
        assert shows(app, "it is not saved yet", "not saved")
        await press("s")(pilot)
        await until(pilot, lambda: shows(app, "FIELD"))
        await press("T", "enter")(pilot)
        await until(pilot, lambda: not shows(app, "FIELD"))

        assert spec_of(app) == theirs
        assert link.answers[DRAFT].row.revision == 10, "there is nothing to save"


async def test_a_lost_answer_is_no_conflict(tmp_path: Path) -> None:
    class Losing(FakeLink):
        async def save_draft(self, name: str, spec: WorkflowSpec, revision: int | None) -> api.WorkflowView:
            await super().save_draft(name, spec, revision)
            raise Unreachable(self.path, "connection reset", sent=True)

    link = Losing(world())
    async with editing(link, tmp_path, "D", "s") as (app, pilot):
        await until(pilot, lambda: shows(app, "no daemon answers: what you did is kept here"))
        assert len(list(tmp_path.glob("*.json"))) == 1
        await press("s")(pilot)
        await until(pilot, lambda: not shows(app, "not saved"))

        assert shows(app, "draft 10")
        assert not list(tmp_path.glob("*.json"))


async def test_what_is_wrong_is_told_by_the_nodes_name(tmp_path: Path) -> None:
    class Refusing(FakeLink):
        async def save_draft(self, name: str, spec: WorkflowSpec, revision: int | None) -> api.WorkflowView:
            faults = [Fault("/nodes/1/timeout", "must be from 1 to 9")]
            raise Refused(api.Problem("invalid", "Invalid", 422, "it can't be", faults))

    async with editing(Refusing(world()), tmp_path, "D", "s") as (app, pilot):
        await until(pilot, lambda: shows(app, "✖ node ingest_2 timeout: must be from 1 to 9"))


async def test_a_workflow_that_was_deleted_meanwhile_can_be_saved_as_a_new_one(tmp_path: Path) -> None:
    link = FakeLink(world())
    async with editing(link, tmp_path, "D") as (app, pilot):
        del link.answers[DRAFT]
        await press("s")(pilot)
        await until(pilot, lambda: shows(app, "daily_sales was deleted meanwhile"))
        await press("y")(pilot)
        await until(pilot, lambda: shows(app, "saved as draft 1"))

        assert link.answers[DRAFT].spec == spec_of(app)


async def test_a_workflow_that_was_renamed_meanwhile_is_saved_under_its_new_name(tmp_path: Path) -> None:
    link = FakeLink(world())
    async with editing(link, tmp_path, "D") as (app, pilot):
        row = msgspec.structs.replace(SALES, name="sales", revision=10)
        view = api.WorkflowView(row, msgspec.structs.replace(SPEC, workflow="sales"))
        del link.answers[DRAFT]
        link.answers[routes.fill(routes.WORKFLOWS, workspace="default")] = [row]
        there = routes.fill(routes.WORKFLOW, workspace="default", name="sales")
        link.answers[there] = view
        await press("s")(pilot)
        await until(pilot, lambda: shows(app, "saved as draft 11"))

        assert link.answers[there].spec == spec_of(app)
        assert "ingest_2" in [node.name for node in spec_of(app).nodes]


async def test_a_workflow_is_renamed_from_the_list_and_while_it_is_edited(tmp_path: Path) -> None:
    link = FakeLink(world())
    rename = routes.fill(routes.WORKFLOW_RENAME, workspace="default", name="daily_sales")
    link.answers[rename] = link.answers[DRAFT]
    async with editing(link, tmp_path, "end", "N", begin="") as (app, pilot):
        await typed(pilot, "sales")
        await until(pilot, lambda: shows(app, "renamed daily_sales to sales"))
        assert link.posted == [(rename, api.NewName(name="sales"))]

        await press("e")(pilot)
        await until(pilot, lambda: isinstance(app.page, EditScreen))
        await press("N")(pilot)
        await typed(pilot, "sales")
        assert spec_of(app).workflow == "sales"
        assert shows(app, "not saved", "default ▸ workflows ▸ sales ▸ edit")


async def test_leaving_asks_while_something_is_not_saved(tmp_path: Path) -> None:
    link = FakeLink(world())
    async with editing(link, tmp_path, "D", "escape") as (app, pilot):
        assert shows(app, "daily_sales is not saved")
        await press("escape")(pilot)
        assert isinstance(app.page, EditScreen)

        await press("1")(pilot)
        await until(pilot, lambda: shows(app, "daily_sales is not saved"))
        await press("enter")(pilot)
        await until(pilot, lambda: not isinstance(app.page, EditScreen))
        assert link.answers[DRAFT].row.revision == 10
        assert list(tmp_path.iterdir()) == []


async def test_what_can_not_be_kept_any_more_is_not_said_to_be_kept(tmp_path: Path) -> None:
    home = tmp_path / "unsaved"
    async with editing(FakeLink(world()), home, "D") as (app, pilot):
        shutil.rmtree(home)
        await press("D")(pilot)
        assert shows(app, "can't be kept here: No such file or directory; save it before you leave")
        await press("q")(pilot)
        assert shows(app, "daily_sales is not saved. Nothing can be kept here, and it is lost. Leave?")
        await press("n")(pilot)
        home.mkdir()
        await press("D", "q")(pilot)
        assert shows(app, "daily_sales is not saved. It stays kept here")


async def test_what_was_left_by_going_to_another_workspace_is_offered_and_gone_on_with(
    tmp_path: Path,
) -> None:
    link = FakeLink(world())
    link.answers[routes.WORKSPACES] = [api.WorkspaceView("default"), api.WorkspaceView("ops")]
    async with editing(link, tmp_path, "D", "W", "down", "enter") as (app, pilot):
        assert shows(app, "daily_sales is not saved. It stays kept here")
        await press("n")(pilot)
        assert link.workspace == "default"
        await press("W", "down", "enter", "y")(pilot)
        assert link.workspace == "ops"
        assert app.left() == []

    async with editing(FakeLink(world()), tmp_path, begin="") as (app, pilot):
        assert shows(app, "not saved and is kept here: daily_sales")
        await press("end", "e")(pilot)
        await until(pilot, lambda: shows(app, "Changes of daily_sales were not saved"))
        await press("enter")(pilot)
        await until(pilot, lambda: isinstance(app.page, EditScreen))
        assert "ingest_2" in [node.name for node in spec_of(app).nodes]
        await press("u")(pilot)
        assert spec_of(app) == SPEC

    assert list(tmp_path.iterdir()) == []


async def test_what_is_not_valid_yet_is_there_again_after_a_kill_in_the_form_it_was_typed_in(
    tmp_path: Path,
) -> None:
    home, copy = tmp_path / "unsaved", tmp_path / "copy"
    keys = ("enter", "down", "enter", *"_1", "enter", "enter", *"soon")
    async with editing(FakeLink(world()), home, *keys) as (app, pilot):
        assert shows(app, "'soon' is not a whole number")
        shutil.copytree(home, copy)
        await press("escape", "q")(pilot)
        assert shows(app, "daily_sales is not saved. It stays kept here, and is offered again. Leave?")
        await press("n", "1")(pilot)
        assert shows(app, "Leave, and lose what is not valid?")
        await press("y")(pilot)
        await until(pilot, lambda: isinstance(app.page, EditScreen))
        assert [b"soon" in path.read_bytes() for path in home.glob("*.json")] == [False]

    async with editing(FakeLink(world()), copy, begin="") as (app, pilot):
        await press("ctrl+o", "enter")(pilot)
        await until(pilot, lambda: isinstance(app.page, FillScreen))
        assert shows(app, "edit ▸ ingest_1", "✖ 'soon' is not a whole number")

        await press("enter", "ctrl+u", "7", "escape", "escape")(pilot)
        assert spec_of(app).nodes[0].retries == 7
        assert spec_of(app).nodes[0].name == "ingest_1"


async def test_a_draft_is_gone_on_with_though_the_node_that_was_filled_in_is_no_more(tmp_path: Path) -> None:
    keep = Drawer(tmp_path).open()
    form = OpenForm("node", Typed({"retries": TypedText("x")}), "gone")
    keep.keep(KeptDraft("log", "default", 0, SPEC, NOW, form=form))
    keep.let_go()
    async with editing(FakeLink(world()), tmp_path, "ctrl+o", "enter", begin="") as (app, _):
        assert spec_of(app) == SPEC


async def test_a_new_workflow_is_made_from_its_name_on(tmp_path: Path) -> None:
    link = FakeLink(world(JOBS=JOBS))
    async with editing(link, tmp_path, "n", begin="") as (app, pilot):
        await typed(pilot, "clickstream")
        assert shows(app, "there is a workflow 'clickstream' already")
        await typed(pilot, "s")
        await until(pilot, lambda: isinstance(app.page, EditScreen))
        for name in ("load", "mail"):
            await press("a")(pilot)
            await typed(pilot, name)
        assert edges(app) == {"load>mail"}
        await press("s")(pilot)
        await until(pilot, lambda: shows(app, "saved as draft 1"))

        view = link.answers[routes.fill(routes.WORKFLOW, workspace="default", name="clickstreams")]
        assert [node.job for node in view.spec.nodes] == ["etl/load.sh", "etl/mail.sh"]


class Publishing(FakeLink):
    """Publishes version 8."""

    async def post(self, path: str, request: api.Request, kind: type[Any]) -> Any:
        self.posted.append((path, request))
        return WorkflowVersion(8, "2" * 64, NOW, "alice", "")


async def test_publishing_saves_shows_what_changes_asks_for_remarks_and_offers_the_switch(
    tmp_path: Path,
) -> None:
    link = Publishing(world())
    changed = msgspec.structs.replace(SPEC, nodes=(*SPEC.nodes[1:], NodeSpec(name="new", job="n.sh")))
    link.answers[PUBLISH] = api.PublishingView(8, difference(SPEC, changed))
    ticks = routes.fill(routes.WORKFLOW_TICKS, workspace="default", name="daily_sales")
    link.answers[ticks] = (TickView(local="2026-11-23T01:00:00+01:00", utc=NOW),)
    async with editing(link, tmp_path, "D", "p") as (app, pilot):
        await until(pilot, lambda: shows(app, "Publish daily_sales as version 8"))
        assert shows(app, "- ingest", "+ new", "nodes/new/job: unset -> n.sh")
        off = msgspec.structs.replace(link.answers[DRAFT].row, scheduling=False)
        link.answers[DRAFT] = api.WorkflowView(off, SPEC)
        await typed(pilot, "no inge", then="escape")
        await press("p")(pilot)
        await until(pilot, lambda: shows(app, "Publish daily_sales as version 8", "no inge"))
        await typed(pilot, "st")
        await until(pilot, lambda: shows(app, "Switch the schedule of daily_sales on?"))
        assert shows(app, "days 01:00 Berlin,", "2026-11-23")
        await press("n")(pilot)

        assert link.posted == [(PUBLISH, api.PublishWorkflow(remarks="no ingest"))]
        assert link.answers[DRAFT].row.revision == 10
        assert shows(app, "published daily_sales version 8")
        assert not list(tmp_path.iterdir())


async def test_what_keeps_a_draft_from_being_published_is_told_and_nothing_is_asked(tmp_path: Path) -> None:
    link = Publishing(world())
    faults = [Fault("/nodes/1/job", "job 'etl/x.py' is not published")]
    link.answers[PUBLISH] = api.PublishingView(8, difference(SPEC, SPEC), faults)
    async with editing(link, tmp_path, "p", begin="e") as (app, pilot):
        await until(pilot, lambda: shows(app, "Can not publish daily_sales"))
        assert shows(app, "✖ node transform job: job 'etl/x.py' is not published")
        await press("enter", "escape")(pilot)

        assert link.posted == []


async def test_a_version_is_rolled_back_to_after_its_difference_was_seen(tmp_path: Path) -> None:
    link = Publishing(world())
    path = routes.fill(routes.WORKFLOW_DIFF, workspace="default", name="daily_sales")
    earlier = msgspec.structs.replace(SPEC, retries=3)
    link.answers[path] = api.WorkflowDifference("7", "1", difference(SPEC, earlier))
    async with editing(link, tmp_path, "end", "enter", begin="") as (app, pilot):
        await press("tab", "tab", "tab", "R")(pilot)
        assert shows(app, "can't roll back to version 7 of daily_sales: it is the latest version")
        await press("j", "R")(pilot)
        await until(pilot, lambda: shows(app, "Roll daily_sales back to version 1, as version 8"))
        assert shows(app, "retries: 0 -> 3")
        await press("enter")(pilot)
        await until(pilot, lambda: shows(app, "rolled daily_sales back to version 1"))

        assert link.posted[0][1] == api.RollBackWorkflow(version=1, remarks="")


async def test_debug_saves_first_and_opens_the_run_over_the_editor(tmp_path: Path) -> None:
    class Starting(FakeLink):
        async def post(self, path: str, request: api.Request, kind: type[Any]) -> Any:
            self.posted.append((path, request))
            return self.answers["/v1/runs/13"]

    link = Starting(world())
    async with editing(link, tmp_path, "D", "d") as (app, pilot):
        await until(pilot, lambda: shows(app, "Debug the draft of daily_sales"))
        await press("enter")(pilot)
        await until(pilot, lambda: app.page is not None and app.page.crumbs[0] == "runs")
        request = link.posted[0][1]
        assert isinstance(request, api.StartRun)
        assert request.debug
        assert link.answers[DRAFT].row.revision == 10

        await press("escape")(pilot)
        assert isinstance(app.page, EditScreen)


async def test_what_is_filled_in_is_in_the_draft_at_once_and_undone_as_one_step(tmp_path: Path) -> None:
    async with editing(FakeLink(world()), tmp_path, "enter") as (app, pilot):
        assert shows(app, "daily_sales ▸ edit ▸ ingest", "number of retries", "from the workflow")
        await press("down", "enter", "ctrl+u", *"first", "enter", "enter", "3")(pilot)
        page = app.page
        assert isinstance(page, FillScreen)
        assert page.draft.document.spec.nodes[0].name == "first"
        assert page.draft.document.spec.nodes[0].retries == 3
        assert page.draft.document.spec.nodes[1].upstream == ("first",)
        assert len(list(tmp_path.glob("*.json"))) == 1

        await press("escape", "escape")(pilot)
        assert shows(app, "+ first", "retries 3")
        await press("u")(pilot)
        assert spec_of(app) == SPEC


async def test_settings_and_schedule_are_filled_in_and_saved_from_there(tmp_path: Path) -> None:
    link = FakeLink(world())
    async with editing(link, tmp_path, "t") as (app, pilot):
        assert shows(app, "edit ▸ schedule", "scheduling time", "01:00")
        await press("down", "enter", "ctrl+u", *"02:30", "escape", "s")(pilot)
        await until(pilot, lambda: shows(app, "saved as draft 10"))
        assert link.answers[DRAFT].spec.schedule == Days(at="02:30", time_zone="Europe/Berlin")

        await press("escape", "w")(pilot)
        assert shows(app, "edit ▸ settings", "resource queue", "retries after failure")


async def test_the_draft_is_written_in_the_persons_own_editor(tmp_path: Path) -> None:
    link = FakeLink(world())
    async with editing(link, tmp_path) as (app, pilot):
        app.run_editor = lambda text: text.replace("name: report", "name: summary")  # type: ignore[method-assign]
        await press("ctrl+e")(pilot)

        assert [node.name for node in spec_of(app).nodes][-1] == "summary"
        await press("enter", "ctrl+e")(pilot)
        assert shows(app, "nothing is changed")
