"""What keys do: to what, after which question, and what is said where nothing can be done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from textual.events import Key
from textual.pilot import Pilot

from stoker_shared import api, routes
from stoker_shared import events as ev
from stoker_shared.api.backfills import CreateBackfill
from stoker_shared.codec import encode_record
from stoker_shared.difference import difference
from stoker_shared.model import BackfillOrder, Intervals, NodeSpec, RunState
from stoker_tui.app import StokerApp
from stoker_tui.client import Refused
from stoker_tui.screens.asking import pairs_in
from tests.tui.fake import (
    BACKFILL,
    NOW,
    RUNS,
    SALES,
    SPEC,
    FakeLink,
    app_over,
    lines_of,
    press,
    run_row,
    settled,
    workflow_row,
    world,
)
from tests.tui.worlds import PLAN, PREVIEW


@asynccontextmanager
async def opened(link: FakeLink, *keys: str, **more: Any) -> AsyncIterator[tuple[StokerApp, Pilot]]:
    app = app_over(link, **more)
    async with app.run_test(size=(100, 24)) as pilot:
        await settled(pilot, app)
        await press(*keys)(pilot)
        await settled(pilot, app)
        yield app, pilot


def said(app: StokerApp) -> str:
    return lines_of(app)[-2]


async def test_a_run_is_stopped_only_after_a_yes() -> None:
    link = FakeLink(world())
    async with opened(link, "2", "x", "n") as (app, pilot):
        assert link.posted == []
        await press("x", "y")(pilot)
        await settled(pilot, app)

        assert [path for path, _ in link.posted] == ["/v1/runs/13/stop"]
        assert "stopping run #13" in said(app)


async def test_a_key_that_can_not_be_used_says_why() -> None:
    link = FakeLink(world())
    async with opened(link, "2", "j", "x") as (app, pilot):
        assert "can't stop run #12 daily_sales: it has failed" in said(app)
        assert link.posted == []

        await press("f12")(pilot)
        assert "can't stop" not in said(app)


async def test_without_a_daemon_a_key_says_so() -> None:
    link = FakeLink(world())
    async with opened(link, "2") as (app, pilot):
        assert link.listener
        link.listener.disconnected("it has ended")
        await press("x")(pilot)

        assert "there is no daemon" in said(app)
        assert "#13" in lines_of(app)[2]


async def test_what_is_marked_is_acted_on_together() -> None:
    rows = [run_row(number, state="running") for number in (3, 2, 1)]
    link = FakeLink(world(RUNS=rows))
    link.answers |= {f"/v1/runs/{row.id}/stop": api.RunView(row, []) for row in rows}
    async with opened(link, "2", "space", "space", "x") as (app, pilot):
        assert any("Stop 2: run #3 daily_sales, run #2 daily_sales" in line for line in lines_of(app))
        await press("y")(pilot)
        await settled(pilot, app)

        assert [path for path, _ in link.posted] == ["/v1/runs/3/stop", "/v1/runs/2/stop"]
        assert "and 1 more" in said(app)
        assert "marked" not in said(app)


async def test_a_key_of_several_actions_asks_which() -> None:
    link = FakeLink(world())
    link.answers["/v1/runs/12/nodes/transform/rerun"] = api.RunView(RUNS[1], [])
    async with opened(link, "2", "j", "enter", "R") as (app, pilot):
        assert any("Run the node and all that is downstream" in line for line in lines_of(app))
        await press("2")(pilot)
        await settled(pilot, app)

        assert link.posted == [("/v1/runs/12/nodes/transform/rerun", api.RerunNode(downstream=True))]


async def test_a_refusal_is_told_and_changes_nothing() -> None:
    class Refusing(FakeLink):
        async def post(self, path: str, request: api.Request, kind: type[Any]) -> Any:
            raise Refused(api.Problem("conflict", "Conflict", 409, "it has ended meanwhile"))

    async with opened(Refusing(world()), "2", "P") as (app, _):
        assert "it has ended meanwhile" in said(app)


async def test_a_run_is_started_from_the_form_and_opened() -> None:
    link = FakeLink(world())
    link.answers["/v1/workspaces/default/runs"] = RUNS
    link.answers["/v1/runs/14"] = api.RunView(run_row(14, state="running"), [])

    class Starting(FakeLink):
        async def post(self, path: str, request: api.Request, kind: type[Any]) -> Any:
            self.posted.append((path, request))
            return self.answers["/v1/runs/14"]

    starting = Starting(link.answers)
    keys = ("j", "j", "r", "typed:2026-11-21", "tab", "tab", "typed:a=b", "enter")
    async with opened(starting, *keys) as (app, _):
        request = api.StartRun(workflow="daily_sales", cycle="2026-11-21", variables={"a": "b"})
        assert starting.posted == [("/v1/workspaces/default/runs", request)]
        assert "▸ #14 daily_sales" in lines_of(app)[0]


async def test_what_was_typed_stays_where_it_was_wrong() -> None:
    link = FakeLink(world())
    async with opened(link, "j", "j", "r", "tab", "tab", "typed:oops", "enter") as (app, _):
        shown = "\n".join(lines_of(app))
        assert "'oops' is not NAME=VALUE" in shown
        assert "variables  oops" in shown
        assert link.posted == []


async def test_the_palette_finds_an_action_by_its_words() -> None:
    async with opened(FakeLink(world()), "ctrl+p", "typed:queues", "enter") as (app, _):
        assert "▸ queues" in lines_of(app)[0]


async def test_a_key_of_the_users_own_works_and_is_shown() -> None:
    link = FakeLink(world())
    async with opened(link, "2", "K", "y", keys={"run.stop": "K"}) as (app, _):
        assert [path for path, _ in link.posted] == ["/v1/runs/13/stop"]
        assert "K stop" in lines_of(app)[-1]


async def test_escape_drops_marks_then_the_filter_then_the_page() -> None:
    keys = ("2", "j", "enter", "tab", "slash", "typed:tra", "enter", "space")
    async with opened(FakeLink(world()), *keys) as (app, pilot):
        assert "/tra 1 of 4, 1 marked" in said(app)
        await press("escape")(pilot)
        assert "/tra 1 of 4" in said(app)
        assert "marked" not in said(app)
        await press("escape")(pilot)
        assert "/tra" not in said(app)
        await press("escape")(pilot)
        assert "▸ #12" not in lines_of(app)[0]


async def test_each_list_keeps_what_was_open_in_it() -> None:
    async with opened(FakeLink(world()), "2", "j", "enter", "5", "2") as (app, pilot):
        assert "▸ #12" in lines_of(app)[0]
        await press("2")(pilot)
        assert "▸ #12" not in lines_of(app)[0]


async def test_what_happened_behind_another_list_is_there_when_one_comes_back() -> None:
    link = FakeLink(world())
    async with opened(link, "2", "1") as (app, pilot):
        newer = msgspec.structs.replace(SALES, version=8)
        for keys in ((), ("2",)):
            await press(*keys)(pilot)
            link.answers["/v1/workspaces/default/workflows/daily_sales"] = api.WorkflowView(newer, SPEC)
            link.happen(type="workflow.published", workflow=1)
            await press("1")(pilot)
            await settled(pilot, app)

            assert f"v{newer.version}" in lines_of(app)[4]
            newer = msgspec.structs.replace(newer, version=9)


async def test_a_run_that_ends_is_seen_to_end() -> None:
    link = FakeLink(world())
    async with opened(link, "2") as (app, pilot):
        link.answers["/v1/runs/13"] = api.RunView(run_row(13, "clickstream", "succeeded"), [])
        link.happen(type="run.finished", run=13)
        await settled(pilot, app)

        assert "✔ succeeded" in lines_of(app)[2]
        assert app.runs.value and app.runs.value[13].state is RunState.SUCCEEDED


def test_variables_are_read_as_a_shell_would() -> None:
    assert pairs_in("variables", "region=eu name='two words' empty=") == {
        "region": "eu",
        "name": "two words",
        "empty": "",
    }


async def test_what_is_typed_right_behind_the_key_of_the_filter_is_typed_into_it() -> None:
    async with opened(FakeLink(world()), "2") as (app, pilot):
        for character in "/status:fai":
            app.post_message(Key(character, character))
        await settled(pilot, app)

        assert "/status:fai 1 of" in said(app)


async def test_what_is_typed_faster_than_dialogs_open_is_for_the_dialog() -> None:
    link = FakeLink(world())
    async with opened(link) as (app, pilot):
        for key in ("j", "j", "r", *"2026-11-21", "tab", "tab", "o", "k"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await settled(pilot, app)

        shown = "\n".join(lines_of(app))
        assert "Run daily_sales" in shown
        assert "cycle      2026-11-21" in shown
        assert "variables  ok" in shown


async def test_keys_behind_the_one_of_a_list_are_for_that_list() -> None:
    link = FakeLink(world())
    async with opened(link, "2", "1") as (app, pilot):
        for key in "2/fail":
            app.post_message(Key(key, key))
        await settled(pilot, app)

        assert "▸ runs" in lines_of(app)[0]
        assert "/fail 1 of 13" in said(app)


async def test_help_and_palette_stay_in_their_columns_where_it_is_narrow() -> None:
    app = app_over(FakeLink(world()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, app)
        for key in ("question_mark", "colon"):
            await press(*(["2", "j", "enter", key]))(pilot)
            rows = [line[2:-2] for line in lines_of(app) if line.endswith("│")]
            assert rows
            assert not [row for row in rows if row.startswith(("│ run.", "│ node."))], key
            await press("escape", "escape")(pilot)


def backfilling() -> FakeLink:
    link = FakeLink(world())
    link.answers |= {
        "/v1/workspaces/default/backfills/preview?limit=1000": PREVIEW,
        "/v1/workspaces/default/backfills": BACKFILL,
        "/v1/backfills/4": BACKFILL,
    }
    return link


async def test_a_backfill_is_previewed_made_and_opened() -> None:
    link = backfilling()
    keys = (
        "j",
        "j",
        "b",
        "typed:2026-11-19",
        "tab",
        "typed:2026-11-21",
        "tab",
        "space",
        "tab",
        "space",
        "tab",
        "2",
    )
    async with opened(link, *keys, "enter") as (app, pilot):
        request = CreateBackfill(
            workflow="daily_sales",
            first="2026-11-19",
            last="2026-11-21",
            intervals=Intervals.MISSING,
            order=BackfillOrder.NEWEST,
            parallel=2,
        )
        assert link.posted == [("/v1/workspaces/default/backfills/preview?limit=1000", request)]
        shown = "\n".join(lines_of(app))
        assert "2 of 3 intervals get a run" in shown
        assert "✔ #9 succeeded  nothing, it has a run" in shown
        assert "✖ #10 failed    another run" in shown
        assert "none            a run in 5h" in shown
        assert "ds=2026-11-21" in shown
        assert "keep a queue of their own: audit" in shown

        await press("escape")(pilot)
        assert any("from       2026-11-19" in line for line in lines_of(app))

        await press("enter", "enter")(pilot)
        await settled(pilot, app)

        assert link.posted[2:] == [("/v1/workspaces/default/backfills", request)]
        assert "▸ workflows ▸ B4 daily_sales" in lines_of(app)[0]
        await press("escape")(pilot)
        assert "▸ workflows" in lines_of(app)[0]


async def test_what_is_wrong_with_a_backfill_is_told_and_kept() -> None:
    link = backfilling()
    async with opened(link, "j", "j", "b") as (app, pilot):
        assert any("from       2026-11-21" in line for line in lines_of(app))
        await press("backspace", "enter")(pilot)
        assert any("from: write a date or a time" in line for line in lines_of(app))
        await press("typed:x", "tab", "typed:y", "tab", "tab", "tab", "typed:-1", "enter")(pilot)
        assert any("parallel: '-1' is not a whole number" in line for line in lines_of(app))
        assert any("parallel   -1" in line for line in lines_of(app))
        await press("backspace", "backspace", *["tab"] * 4, "typed:a", "enter")(pilot)
        assert any("variables: 'a' is not NAME=VALUE" in line for line in lines_of(app))
        assert link.posted == []


async def test_a_plan_is_shown_and_nothing_is_started() -> None:
    link = FakeLink(world())
    link.answers["/v1/workspaces/default/workflows/daily_sales/plan"] = PLAN
    async with opened(link, "j", "j", "i", "typed:2026-11-21", "enter") as (app, pilot):
        path = "/v1/workspaces/default/workflows/daily_sales/plan"
        assert link.posted == [(path, api.PlanRun(cycle="2026-11-21"))]
        shown = "\n".join(lines_of(app))
        assert "of 1 something is missing" in shown
        assert "spark-submit 'a b'" in shown
        await press("j")(pilot)
        assert "✖ the job is not published" in "\n".join(lines_of(app)[10:])


async def test_a_run_is_run_again_with_other_settings() -> None:
    link = FakeLink(world())
    link.answers["/v1/runs/12/rerun"] = api.RunView(RUNS[1], [])
    keys = ("2", "j", "R", "end", "enter", "tab", "typed:ingest.config.executor_memory=8g", "enter")
    async with opened(link, *keys) as (app, _):
        settings = {"ingest.config.executor_memory": "8g"}
        assert link.posted == [("/v1/runs/12/rerun", api.RerunRun(failed=True, settings=settings))]
        assert "rerunning run #12" in said(app)


async def test_why_a_node_was_skipped_is_told_with_what_it_waited_for() -> None:
    async with opened(FakeLink(world()), "2", "j", "enter", "j", "w") as (app, _):
        shown = "\n".join(lines_of(app))
        assert "Why report was skipped" in shown
        assert "an upstream node did not succeed" in shown
        assert "✖ transform  exit status 3" in shown


async def test_what_happened_in_a_run_is_told_and_goes_on() -> None:
    def part(seq: int, *events: ev.EventType | ev.Unknown, more: bool = False) -> api.RunEvents:
        records = [ev.Record(seq + nth, NOW, "alice", event) for nth, event in enumerate(events)]
        lines = [encode_record(record, 1)[:-1] for record in records]
        return api.RunEvents([msgspec.Raw(line) for line in lines], seq + len(events), more)

    link = FakeLink(world())
    link.answers["/v1/runs/12/events"] = part(
        1, ev.RunStarted(12), ev.AttemptFinished(12, "transform", 1, 3), ev.Unknown("x")
    )
    async with opened(link, "2", "j", "enter") as (app, pilot):
        assert "/v1/runs/12/events" not in link.asked
        await press("E")(pilot)
        await settled(pilot, app)
        shown = lines_of(app)
        assert "the run started" in shown[6]
        assert "transform  attempt 1 ended, exit status 3" in shown[5]

        link.answers["/v1/runs/12/events"] = part(9, ev.RunPaused(12))
        link.happen(type="run.paused", run=12)
        await settled(pilot, app)
        shown = lines_of(app)
        assert "the run was paused" in shown[4]
        assert "the run started" in shown[7]

        await press("E")(pilot)
        assert "[graph]" in lines_of(app)[2]


async def test_another_version_and_the_draft_are_shown_in_the_graph_and_compared() -> None:
    link = FakeLink(world())
    draft = msgspec.structs.replace(SPEC, nodes=(*SPEC.nodes, NodeSpec(name="mail", job="etl/mail.sh")))
    path = "/v1/workspaces/default/workflows/daily_sales"
    link.answers[f"{path}/diff"] = api.WorkflowDifference("1", "draft", difference(SPEC, draft))

    class Versions(FakeLink):
        async def get(self, path: str, kind: type[Any], query: Any = None) -> Any:
            answer = await super().get(path, kind, query)
            if kind is not api.WorkflowView:
                return answer
            return msgspec.structs.replace(answer, spec=SPEC if query else draft)

    link = Versions(link.answers)
    async with opened(link, "j", "j", "enter") as (app, pilot):
        assert not any("mail" in line for line in lines_of(app))
        await press("v", "enter")(pilot)
        assert any("mail" in line for line in lines_of(app))
        assert "showing the draft" in lines_of(app)[2]
        await press("v", "typed:first", "enter")(pilot)
        assert not any("mail" in line for line in lines_of(app))
        assert "showing version 1" in lines_of(app)[2]

        await press("tab", "tab", "tab", "j", "c", "enter")(pilot)
        await settled(pilot, app)
        assert "v1 to draft" in lines_of(app)[0]
        assert any("nodes/mail/job: unset ->" in line for line in lines_of(app))
        await press("tab")(pilot)
        assert any("+ mail" in line for line in lines_of(app))


async def test_in_another_workspace_everything_is_that_workspaces() -> None:
    link = FakeLink(world())
    marketing = {"workspace": "marketing"}
    link.answers |= {
        routes.WORKSPACES: [api.WorkspaceView("default", workflows=3), api.WorkspaceView("marketing")],
        routes.fill(routes.WORKFLOWS, **marketing): [workflow_row(9, "mailing")],
        routes.fill(routes.RUNS, **marketing): [],
    }
    async with opened(link, "2", "j", "enter", "1", "j", "W", "typed:mark", "enter") as (app, pilot):
        await settled(pilot, app)
        shown = lines_of(app)
        assert "marketing ▸ workflows" in shown[0]
        assert "mailing" in shown[2]
        assert not any("daily_sales" in line for line in shown)
        await press("2")(pilot)
        await settled(pilot, app)
        assert "marketing ▸ runs" in lines_of(app)[0]
        assert "no runs yet" in lines_of(app)[3]


async def test_what_a_workflow_stands_at_is_opened_by_one_key() -> None:
    link = FakeLink(world(WORKFLOWS=[workflow_row(1, "daily_sales", last_run=12), workflow_row(2, "new")]))
    async with opened(link, "l") as (app, pilot):
        assert "workflows ▸ #12 daily_sales" in lines_of(app)[0]

        await press("escape", "j", "l")(pilot)
        assert "can't open the last run of new: it has never run" in said(app)
