"""The mirror: what is asked for when, and that what comes is clean."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from stoker_shared import api, routes
from stoker_tui import topics
from stoker_tui.cleaning import cleaned
from stoker_tui.client import Unreachable
from stoker_tui.mirror import Connection, Mirror, Topic
from tests.tui.fake import CARD, FAILED_RUN, SALES, STATUS, FakeLink, node, run_row, workflow_row, world

HOSTILE = "a\x1b]52;c;eA==\x07\x9b31m\u202eb\u200bc\x00"


def mirror_of(shown: Sequence[Topic]) -> tuple[Mirror, list[frozenset[Topic]]]:
    changes: list[frozenset[Topic]] = []
    mirror = Mirror("/run/s", changes.append)
    mirror.connected(STATUS)
    mirror.show(shown)
    changes.clear()
    return mirror, changes


def event(**fields: object) -> bytes:
    return msgspec.json.encode({"seq": 7, **fields})


async def test_what_is_shown_is_asked_for_and_nothing_else() -> None:
    link, runs, jobs = FakeLink(world()), topics.Runs(), topics.jobs()
    mirror, changes = mirror_of([runs])
    mirror.add(jobs)

    await mirror.catch_up(link)

    assert list(runs.value or ())[:2] == [13, 12]
    assert jobs.value is None
    assert changes == [frozenset({runs})]


async def test_events_that_touch_nothing_shown_ask_for_nothing() -> None:
    link, jobs = FakeLink(world()), topics.jobs()
    mirror, _ = mirror_of([jobs])
    await mirror.catch_up(link)
    asked = len(link.asked)

    mirror.happened(event(type="run.started", run=13))
    mirror.happened(b'{"type":"heartbeat"}')
    await mirror.catch_up(link)

    assert len(link.asked) == asked


async def test_of_one_run_that_changed_only_that_run_is_asked_for() -> None:
    link, runs = FakeLink(world()), topics.Runs()
    mirror, _ = mirror_of([runs])
    await mirror.catch_up(link)
    link.answers["/v1/runs/13"] = api.RunView(run_row(13, "clickstream", "failed"), [])
    link.asked.clear()

    for type in ("run.started", "attempt.starting", "node.finished", "run.finished"):
        mirror.happened(event(type=type, run=13))
    await mirror.catch_up(link)

    assert link.asked == ["/v1/runs/13"]
    assert runs.value and runs.value[13].state.value == "failed"
    assert list(runs.value)[:2] == [13, 12]


async def test_a_new_run_stands_first() -> None:
    link, runs = FakeLink(world()), topics.Runs()
    mirror, _ = mirror_of([runs])
    await mirror.catch_up(link)
    link.answers["/v1/runs/14"] = api.RunView(run_row(14), [])

    mirror.happened(event(type="run.created", run=14, workflow=1))
    await mirror.catch_up(link)

    assert list(runs.value or ())[:2] == [14, 13]


async def test_of_one_workflow_that_changed_only_that_one_is_asked_for() -> None:
    link, workflows = FakeLink(world()), topics.Workflows()
    mirror, _ = mirror_of([workflows])
    await mirror.catch_up(link)
    link.asked.clear()

    mirror.happened(event(type="workflow.scheduling", workflow=1, on=True))
    await mirror.catch_up(link)

    assert link.asked == ["/v1/workspaces/default/workflows/daily_sales"]


async def test_a_workflow_that_was_renamed_is_found_again() -> None:
    link, workflows = FakeLink(world()), topics.Workflows()
    mirror, _ = mirror_of([workflows])
    await mirror.catch_up(link)
    del link.answers["/v1/workspaces/default/workflows/daily_sales"]
    link.answers["/v1/workspaces/default/workflows"] = [workflow_row(1, "sales")]

    mirror.happened(event(type="workflow.renamed", workflow=1, name="sales"))
    await mirror.catch_up(link)

    assert [row.name for row in (workflows.value or {}).values()] == ["sales"]


async def test_the_last_runs_are_those_of_each_workflow_newest_first() -> None:
    link, workflows = FakeLink(world()), topics.Workflows()
    latest = topics.Latest(workflows, 3)
    mirror, _ = mirror_of([workflows, latest])

    while mirror.busy:
        await mirror.catch_up(link)

    assert latest.value
    assert [run.id for run in latest.value[1]] == [12, 11, 10]
    assert [run.id for run in latest.value[2]] == [13]
    assert latest.progress == {13: (0, 1)}


async def test_how_far_an_active_run_has_come_is_known_as_its_nodes_end() -> None:
    link, workflows = FakeLink(world()), topics.Workflows()
    latest = topics.Latest(workflows, 3)
    mirror, _ = mirror_of([workflows, latest])
    while mirror.busy:
        await mirror.catch_up(link)
    nodes = [node("load", "succeeded"), node("check", "running")]
    link.answers["/v1/runs/13"] = api.RunView(run_row(13, "clickstream", "running", workflow=2), nodes)

    mirror.happened(event(type="node.finished", run=13, node="load"))
    await mirror.catch_up(link)

    assert latest.progress == {13: (1, 2)}


async def test_a_failure_card_is_asked_for_once() -> None:
    link, run = FakeLink(world()), topics.Run(12)
    mirror, _ = mirror_of([run])
    await mirror.catch_up(link)

    mirror.happened(event(type="node.set_successful", run=12, node="audit"))
    await mirror.catch_up(link)

    assert run.value and run.value.cards == {"transform": CARD}
    assert link.asked.count("/v1/runs/12/nodes/transform/failure") == 1


async def test_what_gathers_while_nobody_looks_is_asked_for_when_somebody_does() -> None:
    link, runs = FakeLink(world()), topics.Runs()
    mirror, _ = mirror_of([runs])
    await mirror.catch_up(link)
    mirror.hide([runs])
    link.asked.clear()

    mirror.happened(event(type="run.finished", run=13))
    await mirror.catch_up(link)
    assert link.asked == []
    mirror.show([runs])
    await mirror.catch_up(link)

    assert link.asked == ["/v1/runs/13"]


async def test_when_the_daemon_is_back_everything_shown_is_asked_for() -> None:
    link, runs = FakeLink(world()), topics.Runs()
    mirror, _ = mirror_of([runs])
    await mirror.catch_up(link)
    mirror.disconnected("it has ended")
    assert mirror.connection is Connection.GONE
    link.asked.clear()

    mirror.connected(STATUS)
    await mirror.catch_up(link)

    assert link.asked == ["/v1/workspaces/default/runs"]


async def test_what_was_known_stays_while_the_daemon_is_gone() -> None:
    class Deaf(FakeLink):
        async def get(self, path: str, kind: object, query: object = None) -> object:
            raise Unreachable(self.path, "gone", sent=False)

    runs = topics.Runs()
    mirror, changes = mirror_of([runs])
    await mirror.catch_up(FakeLink(world()))
    known = runs.value
    changes.clear()

    mirror.renew(runs)
    await mirror.catch_up(Deaf({}))

    assert runs.value is known
    assert runs.stale
    assert changes == [frozenset()]


async def test_a_page_of_something_that_is_not_there_says_so() -> None:
    run = topics.Run(999)
    mirror, _ = mirror_of([run])

    await mirror.catch_up(FakeLink(world()))

    assert run.value is None
    assert "999" in run.problem


def test_an_event_of_a_kind_that_cannot_be_read_touches_everything() -> None:
    jobs = topics.jobs()
    mirror, _ = mirror_of([jobs])
    jobs.stale = False

    mirror.happened(b'{"seq":7,"type":"x","run":"not a number"}')

    assert jobs.stale


def test_what_the_daemon_answers_is_cleaned_everywhere_in_it() -> None:
    run = api.RunView(
        run_row(1, name=HOSTILE, tags={HOSTILE: HOSTILE}, remarks=HOSTILE),
        [msgspec.structs.replace(FAILED_RUN.nodes[0], name=HOSTILE, detail=HOSTILE, upstream=(HOSTILE,))],
        variables={HOSTILE: HOSTILE},
        deeds=[api.DeedView(run_row(1).created_at, HOSTILE, HOSTILE)],
    )
    card = msgspec.structs.replace(CARD, last_lines=[HOSTILE], outcome=HOSTILE)

    text = "".join(msgspec.json.encode(cleaned(thing)).decode() for thing in (run, card))

    for bad in ("\\u001b", "\\u0000", "\\u0007", "\x9b", "\u202e", "\u200b"):
        assert bad not in text


@pytest.mark.parametrize("thing", [FAILED_RUN, SALES, CARD])
def test_what_is_clean_stays_the_very_same(thing: msgspec.Struct) -> None:
    assert cleaned(thing) is thing


async def test_that_the_daemon_drains_is_known_as_soon_as_it_is_said() -> None:
    drained = api.DrainingView(STATUS.started_at, "alice")
    link = FakeLink(world() | {routes.STATUS: msgspec.structs.replace(STATUS, draining=drained)})
    mirror, changes = mirror_of([])

    mirror.happened(event(type="daemon.draining", on=True))
    await mirror.catch_up(link)

    assert mirror.status
    assert mirror.status.draining == drained
    assert changes == [frozenset()]
