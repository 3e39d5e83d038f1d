"""What screens say of things, keys and reasons, without a screen."""

from __future__ import annotations

from stoker_tui.actions import Action, Kind
from stoker_tui.screens.cells import workflow_status
from stoker_tui.screens.help import help_lines
from stoker_tui.screens.page import fitting
from stoker_tui.screens.why import why_lines
from tests.tui.fake import CARD, FAILED_RUN, NOW, run_row, workflow_row


def test_keys_that_can_not_be_used_now_give_way_first() -> None:
    keys = [([("l log ", "")], True), ([("x stop ", "dim")], False), ([("w why ", "")], True)]

    assert [text for text, _ in fitting(keys, 19)] == ["l log ", "x stop ", "w why "]
    assert [text for text, _ in fitting(keys, 18)] == ["l log ", "w why "]
    assert fitting(keys, 5) == []


def test_keys_that_are_too_many_for_their_column_have_a_line_of_their_own() -> None:
    action = Action("list.down", ("j", "down", "enter", "pagedown"), "down", "Go down.", Kind.LIST)

    _, keys, what = ("".join(text for text, _ in line) for line in help_lines([action], 60))

    assert keys == "  j down enter PgDn"
    assert what.split() == ["Go", "down.", "list.down"]


def test_of_several_active_runs_the_oldest_is_shown_for_the_others_wait_for_it() -> None:
    row = workflow_row(1, "clicks", active_runs=[7, 8, 9])
    runs = [run_row(9, state="pending"), run_row(8, state="pending"), run_row(7, state="running")]

    assert workflow_status(row, runs, {7: (2, 3)}, NOW) == [("● #7 2/3", "running"), (" +2", "dim")]


def test_why_a_node_failed_is_told_with_what_it_raised() -> None:
    node = FAILED_RUN.nodes[1]

    told = ["".join(text for text, _ in line) for line in why_lines(FAILED_RUN, node, CARD, NOW)]

    assert told[:2] == ["exit status 3", "  ValueError: no such column: price"]
    assert "upstream" in told
