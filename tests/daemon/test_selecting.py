from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_daemon.http.selecting import cursor_at, part_of, selection_of
from stoker_daemon.projection.selection import NAME, WORKFLOW, Facet
from stoker_shared import events as ev
from stoker_shared.api import RunOrder, RunRow, RunsFilter, RunsQuery
from stoker_shared.model import RunState
from tests.strategies import T0, Story, moments


def facets(story: Story, name: str) -> tuple[Facet, ...]:
    query = RunsFilter(workflow=name)
    return selection_of(query, story.state, "default", ZoneInfo("UTC"), T0).facets


def test_a_name_means_the_workflow_that_has_it_whatever_its_runs_ran_under():
    story = Story(
        ev.WorkflowSaved("default", 1, "old", 1, "0" * 64), ev.WorkflowRenamed(1, "new", 2, "0" * 64)
    )

    assert facets(story, "new") == (Facet(WORKFLOW, "1"),)
    assert facets(story, "old") == (Facet(NAME, "old"),)


def test_a_workflow_made_again_does_not_inherit_the_runs_of_the_one_before():
    saved = ev.WorkflowSaved("default", 1, "sales", 1, "0" * 64)
    story = Story(saved, ev.WorkflowDeleted(1))
    assert facets(story, "sales") == (Facet(NAME, "sales"),)

    story.tell(ev.WorkflowSaved("default", 2, "sales", 1, "0" * 64))

    assert facets(story, "sales") == (Facet(WORKFLOW, "2"),)


@pytest.mark.parametrize(
    ("query", "order"),
    [
        (RunsQuery(), RunOrder.NEWEST),
        (RunsQuery(since="1h"), RunOrder.STARTED),
        (RunsQuery(cycle="2026-11-21"), RunOrder.CYCLE),
        (RunsQuery(cycle="2026-11-21", sort=RunOrder.DURATION), RunOrder.DURATION),
    ],
)
def test_a_list_is_sorted_by_what_a_range_is_asked_of_unless_told_otherwise(
    query: RunsQuery, order: RunOrder
):
    assert part_of(query).order is order


@given(number=st.integers(1, 10**15 - 1), at=moments, order=st.sampled_from(RunOrder))
def test_a_cursor_leads_back_to_its_place(number: int, at: datetime, order: RunOrder):
    row = RunRow(
        id=number,
        workspace="default",
        name="sales",
        version=1,
        trigger=ev.Trigger.MANUAL,
        state=RunState.RUNNING,
        cycle=at,
        time_zone="UTC",
        by="alice",
        created_at=T0,
        started_at=T0,
    )
    part = part_of(RunsQuery(sort=order))

    assert part_of(RunsQuery(sort=order, cursor=cursor_at(part, row))).after == part.place(row)
