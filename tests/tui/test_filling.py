"""Forms filled in by keys, saved, refused, edited as text."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.events import Key, Paste
from textual.pilot import Pilot

from stoker_shared import api, routes
from stoker_shared.api.scheduling import PreviewTicks, TickView
from stoker_shared.model import Days, JobConfig, NodeSpec, QueueSpec, WorkflowSpec
from stoker_tui.app import StokerApp
from stoker_tui.client import Refused, Unreachable
from stoker_tui.editing.keeping import Drawer, KeptForm
from stoker_tui.forms.form import Form
from stoker_tui.forms.node import NodeForm
from stoker_tui.forms.queue import NamedQueue
from stoker_tui.forms.typed import Typed, TypedText
from stoker_tui.forms.workflow import ScheduleForm
from stoker_tui.screens.form import FormScreen
from tests.harness import PATIENCE
from tests.tui.fake import JOB, NOW, FakeLink, app_over, lines_of, press, settled, world

SALES = WorkflowSpec(workflow="sales", retries=2, nodes=(NodeSpec(name="ingest", job="etl/ingest.py"),))
JOB_PATH = routes.fill(routes.JOB, workspace="default", path=JOB.path)


class SavingLink(FakeLink):
    """A link that takes a job's draft, after it has refused so many times."""

    refusals: Sequence[Exception] = ()

    async def save_job(self, path: str, request: api.SaveJob, revision: int) -> api.JobView:
        if self.refusals:
            first, *self.refusals = self.refusals
            raise first
        self.posted.append((f"{path} on {revision}", request))
        return JOB


@asynccontextmanager
async def opened(
    *keys: str,
    link: FakeLink | None = None,
    form: Callable[[StokerApp], FormScreen] | None = None,
    home: Path | None = None,
) -> AsyncIterator[tuple[StokerApp, Pilot]]:
    app = app_over(link or SavingLink(world()), **({"unsaved": home} if home else {}))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, app)
        if form is not None:
            await app.push_screen(form(app))
            await pilot.pause()
            await settled(pilot, app)
        await typed(pilot, *keys)
        yield app, pilot


async def typed(pilot: Pilot, *keys: str) -> None:
    """Press keys; what is typed in a field goes there at once."""
    app = pilot.app
    assert isinstance(app, StokerApp)
    for key in keys:
        if len(key) == 1 and isinstance(app.screen, FormScreen) and app.screen.form.typing:
            app.screen.form.key(Key(key, key))
        else:
            await press(key)(pilot)
    await settled(pilot, app)


def shown(app: StokerApp) -> str:
    return "\n".join(lines_of(app))


def filled(app: StokerApp) -> Form[Any]:
    assert isinstance(app.screen, FormScreen)
    return app.screen.form.form


def filled_below(app: StokerApp) -> Form[Any]:
    assert isinstance(app.page, FormScreen)
    return app.page.form.form


async def until(app: StokerApp, text: str) -> None:
    deadline = asyncio.get_running_loop().time() + 60
    while text not in " ".join(part.strip(" │") for part in lines_of(app)):
        assert asyncio.get_running_loop().time() < deadline, shown(app)
        await asyncio.sleep(0.01)


def new_node(app: StokerApp) -> FormScreen:
    return FormScreen(NodeForm(SALES, None, app.known, ("ingest",)), ["edit"], topics=(app.jobs, app.queues))


async def test_a_node_is_filled_in_with_a_few_keys() -> None:
    async with opened(*"ing", "enter", "tab", "tab", "3", "enter", form=new_node) as (app, _):
        assert filled(app).value == NodeSpec(
            name="ingest_2", job="etl/ingest.py", upstream=("ingest",), retries=3
        )
        assert "(the workflow: 2)" in shown(app)


async def test_a_bad_value_stays_beneath_its_message_until_it_is_mended() -> None:
    async with opened(*"ing", "enter", "tab", "tab", "x", "escape", form=new_node) as (app, pilot):
        assert "✖ 'x' is not a whole number" in shown(app)
        await typed(pilot, "k", "j", "enter", "backspace", "1")
        assert filled(app).value is not None
        assert "✖" not in shown(app)


async def test_one_key_has_a_field_inherit_again() -> None:
    async with opened(*"ing", "enter", "tab", "tab", "3", "escape", "backspace", form=new_node) as (app, _):
        assert "2  (from the workflow)" in shown(app)
        assert filled(app).text("retries") == ""


async def test_what_is_pasted_is_one_line() -> None:
    async with opened(form=new_node) as (app, pilot):
        app.screen.query_one("#form").post_message(Paste("etl/ingest.py\n"))
        await pilot.pause()
        assert filled(app).text("job") == "etl/ingest.py"


async def test_leaving_what_is_not_saved_asks_and_drops_it_only_when_told_to(tmp_path: Path) -> None:
    async with opened("5", "e", "j", "enter", "x", "escape", "escape", home=tmp_path) as (app, pilot):
        await until(app, "queues ▸ root_queue is not saved")
        assert "save it, and leave  limit: '8x' is not a whole number" in shown(app)
        await typed(pilot, "escape", "5")
        await until(app, "queues ▸ root_queue is not saved")
        assert filled_below(app).text("limit") == "8x"
        assert list(tmp_path.glob("*.json"))

        await typed(pilot, "j", "enter")
        assert not isinstance(app.screen, FormScreen)
        assert not list(tmp_path.iterdir())


async def test_what_was_typed_in_any_form_is_offered_again_after_a_kill(tmp_path: Path) -> None:
    home, copy = tmp_path / "unsaved", tmp_path / "copy"
    forms = (
        *("4", "e", "j", "enter", "4", "enter", *"4x", "escape"),
        *("5", "n", *"night", "enter", "enter", "x", "escape"),
        *("6", "n", *"lake_key", "enter", "y", "enter", *"hunter2", "escape"),
    )
    async with opened(*forms, home=home) as (app, pilot):
        # What is on the disk now is what a kill leaves; nobody has the copies locked.
        shutil.copytree(home, copy)
        assert not [path for path in copy.iterdir() if b"hunter2" in path.read_bytes()]
        await typed(pilot, "q")
        await until(app, "stays kept here, and is offered again, but for what is secret (value).")

    async with opened(home=copy) as (app, pilot):
        assert "^o goes on with what was not saved and is kept here: jobs ▸ etl/inge" in shown(app)
        await typed(pilot, "4", "e")
        await until(app, "jobs ▸ etl/ingest.py ▸ configuration: what was typed was not saved")
        await typed(pilot, "enter")
        assert filled(app).text("driver_cores") == "4"
        assert "✖ '4x' is not a size" in shown(app)

        await typed(pilot, "5", "n", "enter", "escape", "6", "ctrl+o")
        assert "type again what is secret: value" in shown(app)
        await typed(pilot, "enter")
        assert filled(app).text("name") == "lake_key"
        assert filled(app).problems == {"value": "a secret is not empty"}
        await typed(pilot, "escape", "ctrl+o")
        assert "nothing was left unsaved here" in shown(app)


async def test_what_became_another_thing_meanwhile_is_told_when_typing_goes_on(tmp_path: Path) -> None:
    keep = Drawer(tmp_path).open()
    text = Typed({"limit": TypedText("9", over="4"), "master": TypedText("yarn")})
    keep.keep(KeptForm("log", "", ("queues", "root_queue"), False, NOW, text))
    keep.let_go()
    async with opened("5", "e", "enter", home=tmp_path) as (app, _):
        assert "changed meanwhile, and yours stands over it: limit" in shown(app)
        assert filled(app).value == NamedQueue(name="root_queue", limit=9, master="yarn")


async def test_text_that_does_not_fit_any_more_is_told_and_the_rest_gone_on_with(tmp_path: Path) -> None:
    keep = Drawer(tmp_path).open()
    where = ("jobs", JOB.path, "configuration")
    text = Typed({"driver_memory": TypedText("4g")})
    keep.keep(KeptForm("log", "default", where, False, NOW, text, '{"driver_cores": "no"}'))
    keep.let_go()
    async with opened("ctrl+o", "enter", home=tmp_path) as (app, _):
        assert "what was edited as text does not fit this version: Expected `int | null`" in shown(app)
        assert filled(app).text("driver_memory") == "4g"


async def test_what_was_typed_about_something_that_is_no_more_can_be_dropped(tmp_path: Path) -> None:
    keep = Drawer(tmp_path).open()
    keep.keep(KeptForm("log", "", ("queues", "gone"), False, NOW, Typed({"limit": TypedText("9")})))
    keep.let_go()
    async with opened("ctrl+o", "enter", home=tmp_path) as (app, pilot):
        await until(app, "queues ▸ gone: there is no /v1/queues/gone. Drop what was typed there?")
        await typed(pilot, "y")
        assert not list(tmp_path.iterdir())


async def test_the_next_ticks_of_a_schedule_are_asked_for_as_it_is_edited() -> None:
    link = FakeLink(world())
    link.answers[routes.TICKS_PREVIEW] = [
        TickView(
            local="2026-11-23T01:00:00+01:00",
            utc=NOW,
            cycle_time=NOW,
            cycle_local="2026-11-22T01:00:00+01:00",
        )
    ]

    class Asking(FakeLink):
        async def post(self, path: str, request: api.Request, kind: type[Any]) -> Any:
            self.posted.append((path, request))
            return self.answers[path]

    asking = Asking(link.answers)

    def form(app: StokerApp) -> FormScreen:
        return FormScreen(ScheduleForm(SALES, app.known), ["edit"])

    async with opened("d", "enter", *"01:00", link=asking, form=form) as (app, pilot):
        async with asyncio.timeout(PATIENCE):
            while "2026-11-23 01:00+01:00" not in shown(app):
                await pilot.pause(0.05)
        assert asking.posted == [(routes.TICKS_PREVIEW, PreviewTicks(schedule=Days(at="01:00"), limit=8))]


async def test_a_jobs_configuration_is_saved_on_the_draft_it_was_read_from() -> None:
    link = SavingLink(world())
    async with opened("4", "e", "j", "enter", "4", "escape", "s", link=link) as (app, _):
        assert link.posted == [
            ("etl/ingest.py on 3", api.SaveJob(digest="0" * 64, config=JobConfig(driver_cores=4)))
        ]
        assert "saved draft 3 of etl/ingest.py; p publishes it" in shown(app)


async def test_who_saved_first_is_told_with_what_and_mine_goes_over_it_when_i_say_so_again() -> None:
    link = SavingLink(world())
    theirs = msgspec.structs.replace(JOB.draft, revision=4, by="bob", config=JobConfig(driver_memory="2g"))
    link.refusals = [Refused(api.Problem("stale", "stale", 412, "it was saved"))]
    async with opened("4", "e", "j", "enter", "4", "escape", link=link) as (app, pilot):
        link.answers[JOB_PATH] = msgspec.structs.replace(JOB, draft=theirs)
        await typed(pilot, "s")
        assert "bob saved draft 4 meanwhile: driver_memory unset -> 2g" in shown(app)
        assert filled(app).text("driver_cores") == "4"
        await typed(pilot, "s")
        assert [path for path, _ in link.posted] == ["etl/ingest.py on 4"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Refused(api.Problem("forbidden", "forbidden", 403, "only editors may")), "only editors may"),
        (Unreachable(Path("/s"), "it has ended", sent=False), "all you typed is still here"),
    ],
)
async def test_what_was_typed_outlives_a_refusal(error: Exception, told: str) -> None:
    link = SavingLink(world())
    link.refusals = [error]
    async with opened("4", "e", "j", "enter", "4", "escape", "s", link=link) as (app, _):
        assert told in shown(app)
        assert filled(app).text("driver_cores") == "4"


async def test_what_is_typed_while_it_is_saved_is_not_lost_and_leaving_can_save_it(tmp_path: Path) -> None:
    begun, answered = asyncio.Event(), asyncio.Event()

    class Slow(SavingLink):
        async def put(self, path: str, request: msgspec.Struct, kind: type[Any]) -> Any:
            begun.set()
            await answered.wait()
            return await super().put(path, request, kind)

    link = Slow(world())
    async with opened("5", "e", "j", "enter", "9", "ctrl+s", link=link, home=tmp_path) as (app, pilot):
        await begun.wait()
        await typed(pilot, "0")
        answered.set()
        await until(app, "saved queue root_queue; what you typed meanwhile is not saved yet")
        assert link.put_there == [("/v1/queues/root_queue", QueueSpec(limit=89))]
        assert filled(app).text("limit") == "890"

        await typed(pilot, "escape", "escape")
        await until(app, "queues ▸ root_queue is not saved")
        await typed(pilot, "enter")
        await until(app, "saved queue root_queue")
        assert link.put_there[-1] == ("/v1/queues/root_queue", QueueSpec(limit=890))
        assert not isinstance(app.screen, FormScreen)
        assert not list(tmp_path.iterdir())


async def test_what_can_not_be_saved_says_where_it_is_wrong() -> None:
    async with opened("5", "n", *"night", "enter", "enter", "x", "escape", "s") as (app, _):
        assert "─ limit: 'x' is not a whole number" in shown(app)


async def test_a_queue_is_changed() -> None:
    link = SavingLink(world())
    async with opened("5", "e", "j", "enter", "backspace", "1", "2", "escape", "s", link=link):
        assert link.put_there == [("/v1/queues/root_queue", QueueSpec(limit=12))]


async def test_what_is_new_is_not_saved_over_what_is_there() -> None:
    link = SavingLink(world())
    async with opened(link=link) as (app, pilot):
        for mode, name in (("5", "root_queue"), ("6", "region"), ("7", "default")):
            await typed(pilot, mode, "n", *name, "ctrl+s")
            assert f"'{name}' already" in shown(app)
            await typed(pilot, "escape")
        assert link.put_there == []


async def test_a_secret_is_not_seen_while_it_is_typed() -> None:
    link = SavingLink(world())
    async with opened("6", "n", *"key", "enter", "y", "enter", *"hunter2", link=link) as (app, pilot):
        assert "hunter2" not in shown(app)
        assert "*******" in shown(app)
        await typed(pilot, "enter")
        assert link.put_there == [
            ("/v1/workspaces/default/variables/key", api.SetVariable(value="hunter2", secret=True))
        ]


async def test_a_workspace_is_made_and_one_deleted() -> None:
    link = SavingLink(world())
    async with opened("7", "n", *"ops", "enter", *"for us", "enter", "x", "y", link=link):
        assert link.put_there == [("/v1/workspaces/ops", api.SaveWorkspace(description="for us"))]
        assert link.deleted == ["/v1/workspaces/default"]


async def test_a_version_says_what_is_new_in_it() -> None:
    link = SavingLink(world())
    content = api.ContentDiff(
        api.StoredObject("0" * 64, 1), api.StoredObject("1" * 64, 1), "@@ -1 +1 @@\n-old\n+new\n"
    )
    link.answers[routes.fill(routes.JOB_DIFF, workspace="default", path=JOB.path)] = api.JobDiff(
        JOB.path, "1", "2", content, [api.ConfigChange("driver_memory", "2g", None)]
    )
    async with opened("4", "enter", "enter", link=link) as (app, _):
        assert "etl/ingest.py: v2 -> draft" in shown(app)
        assert all(line in shown(app) for line in ("-old", "+new", "-driver_memory=2g"))


async def test_a_configuration_is_edited_as_text_and_what_is_given_up_is_gone_on_with_after_a_kill(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = "env: {PASSWORD: hunter2}\n"
    edits = iter(
        [
            lambda text: f"{text}driver_memory: 4x\n{secret}",
            lambda text: text,
            lambda text: text.replace(secret, ""),
            lambda text: text,
        ]
    )
    monkeypatch.setattr(StokerApp, "run_editor", lambda self, text: next(edits)(text))
    async with opened("4", "e", "ctrl+e", home=tmp_path) as (app, pilot):
        assert "not taken over: line 8: /driver_memory" in shown(app)
        assert not list(tmp_path.iterdir()), "what tells of a secret is not written to the disk"
        await typed(pilot, "ctrl+e")
        assert len(list(tmp_path.glob("*.json"))) == 1

    monkeypatch.setattr(StokerApp, "run_editor", lambda self, text: text.replace("4x", "4g"))
    async with opened("ctrl+o", "enter", home=tmp_path) as (app, pilot):
        await until(app, "line 7: /driver_memory: '4x' is not a size")
        await typed(pilot, "escape", "n", "4", "e", "ctrl+e")
        assert filled(app).text("driver_memory") == "4g"
        assert "not saved" in shown(app)
        assert len(list(tmp_path.glob("*.json"))) == 1, "of the form, and of the text none"

    async with opened("ctrl+o", "enter", home=tmp_path) as (app, _):
        assert filled(app).text("driver_memory") == "4g"
