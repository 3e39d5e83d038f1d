"""Commands on the variables of a workspace."""

from __future__ import annotations

from collections.abc import Callable

from stoker_daemon.commands.common import guess, known_workspace
from stoker_daemon.engine import Turn
from stoker_daemon.preparing.variables import variable_name_problem
from stoker_daemon.problems import conflict, invalid, not_found
from stoker_shared import events as ev
from stoker_shared.api import Fault, SetVariable
from stoker_shared.state import State, Variable
from stoker_shared.text import MAX_NAME, clean

MOST_VARIABLES = 100
"""Variables a workspace may have: every job gets them all in its environment."""


def check_variable(state: State, workspace: str, name: str, request: SetVariable) -> None:
    """Raise `Refused` where a variable can't be set so."""
    known_workspace(state, workspace)
    if problem := variable_name_problem(name):
        raise invalid(problem)
    if len(name) > MAX_NAME:
        raise invalid(f"the name has {len(name)} characters, and one has at most {MAX_NAME}")
    if "\0" in request.value:
        raise invalid(
            "the value can't be", [Fault("/value", "it has a NUL, which no environment variable can hold")]
        )
    if request.secret and not request.value:
        raise invalid("the value can't be", [Fault("/value", "a secret is not empty")])
    names = {variable.name for variable in variables_of(state, workspace)}
    if len(names | {name}) > MOST_VARIABLES:
        raise conflict(f"workspace {workspace!r} has {len(names)} variables, the most it may have")


def set_variable(
    workspace: str, name: str, request: SetVariable, kept: str, by: str
) -> Callable[[Turn], tuple[Variable, str]]:
    """Set a variable of a workspace; a secret's value is ``kept`` already.

    Gives the variable, and the id of the value that it had before, if that was secret.
    """

    def command(turn: Turn) -> tuple[Variable, str]:
        check_variable(turn.state, workspace, name, request)
        before = turn.state.variables.get((workspace, name))
        value = "" if request.secret else request.value
        turn.record(ev.VariableSet(workspace, name, value, request.secret, kept), by)
        return turn.state.variables[workspace, name], before.kept if before else ""

    return command


def unset_variable(workspace: str, name: str, by: str) -> Callable[[Turn], Variable]:
    """Remove a variable of a workspace."""

    def command(turn: Turn) -> Variable:
        known = known_variable(turn.state, workspace, name)
        turn.record(ev.VariableUnset(workspace, name), by)
        return known

    return command


def known_variable(state: State, workspace: str, name: str) -> Variable:
    """Give the variable of that name; raises `Refused`."""
    if found := state.variables.get((workspace, name)):
        return found
    known_workspace(state, workspace)
    names = [variable.name for variable in variables_of(state, workspace)]
    raise not_found(f"there is no variable {clean(name)!r} in {clean(workspace)!r}{guess(name, names)}")


def variables_of(state: State, workspace: str) -> list[Variable]:
    """Give the variables of a workspace, by name."""
    found = [variable for variable in state.variables.values() if variable.workspace == workspace]
    return sorted(found, key=lambda variable: variable.name)


def plain_variables(state: State, workspace: str) -> dict[str, str]:
    """Give the values that a run made now is given for good."""
    return {one.name: one.value for one in variables_of(state, workspace) if not one.secret}


def secret_names(state: State, workspace: str) -> list[str]:
    """Give the names of the workspace's secrets."""
    return [one.name for one in variables_of(state, workspace) if one.secret]
