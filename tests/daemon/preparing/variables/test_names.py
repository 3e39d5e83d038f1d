"""What a variable may be called, in texts and in the environment."""

from __future__ import annotations

import pytest

from stoker_daemon.attempts.processes import TAG
from stoker_daemon.preparing.variables import DATES, VariableError
from stoker_shared.variables import TAKEN, is_builtin, variable_name_problem
from tests.daemon.preparing.variables.making import scope


@pytest.mark.parametrize("name", ["ds", "attempt", "MM", "yyyyMMdd", "yyyy_MM_dd", "yyyyMMddTHHmmss"])
def test_what_is_built_in_cannot_be_set(name: str) -> None:
    assert is_builtin(name)
    assert "is built in" in (variable_name_problem(name) or "")
    with pytest.raises(VariableError, match="is built in and cannot be set"):
        scope(run={name: "x"})


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a.b", "a b", "é", "a\n", "ds-1d", "\x1b"])
def test_names_that_are_none(name: str) -> None:
    assert not is_builtin(name)
    problem = variable_name_problem(name)
    assert problem is not None
    assert problem.isprintable()


def test_a_name_may_not_hide_a_built_in_one_in_the_environment() -> None:
    assert not is_builtin("DS")
    assert variable_name_problem("DS") == "'DS' differs from the built-in 'ds' only in case"
    assert variable_name_problem("region") is None


def test_a_name_may_not_hide_what_marks_an_attempts_processes() -> None:
    assert f"STOKER_{TAKEN.upper()}" == TAG
    for name in (TAKEN, "Attempt_Tag"):
        assert "marks the processes of an attempt" in (variable_name_problem(name) or "")
        with pytest.raises(VariableError, match="cannot be set"):
            scope(run={name: "x"})


def test_the_environment_names_every_variable() -> None:
    environment = scope(workspace={"Region": "us", "path": "${ds}/x"}, node={"region": "eu"}).environment()
    assert set(environment) == {
        "STOKER_REGION",
        "STOKER_PATH",
        "STOKER_WORKFLOW_NAME",
        "STOKER_NODE_NAME",
        "STOKER_RUN_ID",
        "STOKER_ATTEMPT",
        "STOKER_SCHEDULED_AT",
        *(f"STOKER_{name.upper()}" for name in DATES),
    }
    assert environment["STOKER_DS"] == "2026-11-21"
    assert environment["STOKER_RUN_ID"] == "1234"
    assert environment["STOKER_REGION"] == "eu"
    assert environment["STOKER_PATH"] == "2026-11-21/x"


def test_of_names_that_differ_only_in_case_the_environment_has_the_one_defined_last() -> None:
    variables = scope(workspace={"Region": "us"}, node={"region": "eu"}, run={"Region": "asia"})
    assert variables.environment()["STOKER_REGION"] == "asia"
    assert variables.exported()["STOKER_REGION"] == "Region"
