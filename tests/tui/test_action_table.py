"""The table of actions: what is possible on what, why not, and under which key."""

from __future__ import annotations

from collections import Counter

import pytest

from stoker_shared.actions import RUN_ACTIONS, RunAction
from stoker_shared.model import RunState
from stoker_shared.roles import Role
from stoker_tui.actions import TABLE, Actions, Kind, NodeOf, key_faults, possible
from stoker_tui.app import StokerApp
from stoker_tui.deeds import DEEDS
from tests.tui.fake import FAILED_RUN, run_row, workflow_row

RUN = {
    "run.stop": RunAction.STOP,
    "run.pause": RunAction.PAUSE,
    "run.resume": RunAction.RESUME,
    "run.rerun_failed": RunAction.RERUN_FAILED,
    "run.rerun_all": RunAction.RERUN_ALL,
}


def test_every_action_does_something() -> None:
    methods = {action.id: f"do_{action.id.replace('.', '_')}" for action in TABLE}

    missing = [id for id, method in methods.items() if id not in DEEDS and not hasattr(StokerApp, method)]

    assert missing == []


def test_an_id_is_of_one_action() -> None:
    assert [id for id, count in Counter(action.id for action in TABLE).items() if count > 1] == []


@pytest.mark.parametrize("state", RunState)
@pytest.mark.parametrize("id", RUN)
def test_a_run_can_be_acted_on_in_the_states_of_the_table(id: str, state: RunState) -> None:
    row = run_row(3, state=state.value)

    able, why = possible(Actions()[id], [row], live=True)

    assert bool(able) == (state in RUN_ACTIONS[RUN[id]])
    assert bool(why) != bool(able)


def test_the_reason_names_what_it_is_about() -> None:
    _, why = possible(Actions()["run.stop"], [run_row(3)], live=True)

    assert why == "can't stop run #3 daily_sales: it has succeeded"


def test_of_several_things_only_the_possible_ones_are_acted_on() -> None:
    running, ended = run_row(3, state="running"), run_row(2)

    able, why = possible(Actions()["run.stop"], [ended, running], live=True)

    assert able == [running]
    assert "#2" in why


def test_without_a_daemon_nothing_can_be_asked_of_it() -> None:
    able, why = possible(Actions()["run.stop"], [run_row(3, state="running")], live=False)

    assert not able
    assert "no daemon" in why


@pytest.mark.parametrize(
    ("role", "told"),
    [
        (Role.ADMIN, ""),
        (Role.OPERATOR, ""),
        (Role.VIEWER, "to stop needs the role operator here; you are viewer"),
        (None, "to stop needs the role operator here; you have none"),
    ],
)
def test_who_lacks_the_role_is_told_which(role: Role | None, told: str) -> None:
    able, why = possible(Actions()["run.stop"], [run_row(3, state="running")], live=True, role=role)

    assert (bool(able), why) == (not told, told)


def test_every_change_takes_a_role() -> None:
    changes = [action for action in TABLE if action.id in DEEDS]

    assert [
        action.id for action in changes if not (action.needs and action.needs.covers(Role.OPERATOR))
    ] == []


def test_what_is_destructive_asks_naming_what_it_hits() -> None:
    node = NodeOf(FAILED_RUN, FAILED_RUN.nodes[1])
    things = {Kind.RUN: run_row(3, state="running"), Kind.NODE: node}
    asking = [action for action in TABLE if action.question and action.kind in things]

    for action in asking:
        assert action.question
        assert "daily_sales" in action.question([things[action.kind]])
    assert {"run.stop", "node.stop", "run.rerun_all"} <= {action.id for action in asking}


def test_many_things_are_counted_and_the_first_named() -> None:
    stop = Actions()["run.stop"].question
    assert stop

    question = stop([run_row(number, state="running") for number in range(1, 8)])

    assert "7: run #1" in question
    assert "run #5" not in question


def test_the_schedule_can_be_switched_on_where_there_is_one() -> None:
    _, why = possible(Actions()["workflow.on"], [workflow_row(1, "adhoc")], live=True)

    assert why == "can't switch adhoc on: it has no schedule; its runs are started by hand"


def test_a_key_can_be_another_by_the_id_of_its_action() -> None:
    actions = Actions({"run.stop": ["K"]})

    assert [action.id for action in actions.under("K", {Kind.RUN})] == ["run.stop"]
    assert actions.under("x", {Kind.RUN}) == []


def test_an_id_that_is_no_actions_is_told_with_the_nearest_one() -> None:
    assert list(key_faults({"run.stpo": ["K"]})) == ["there is no action 'run.stpo'; did you mean run.stop?"]
