"""Parameters of elsewhere as variables: those of a workflow, and those of one node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stoker_shared.text import quoted
from stoker_tui.importing.naming import Names
from stoker_tui.importing.reading import Entry
from stoker_tui.importing.task import Batch
from stoker_tui.importing.texts import Scope


def properties(owner: Entry, *keys: str) -> list[Entry]:
    """Give the parameters in a list of the owner's, which older and newer exports call otherwise."""
    found = owner.entries(owner.first_of(*keys))
    for key in keys:
        owner.value(key)
    return [one for one in found if one.text("prop")]


def variable_names(entries: Iterable[Entry], taken: Names, batch: Batch) -> dict[str, str]:
    """Give each parameter a variable's name, the same wherever it stands."""
    names: dict[str, str] = {}
    for entry in entries:
        prop = entry.text("prop")
        if prop not in names:
            names[prop] = taken.variable(prop)
            if names[prop] != prop:
                is_name = prop.isascii() and prop.isidentifier()
                why = "that name is taken" if is_name else "a variable's has letters, digits and _"
                instead = f"called {names[prop]!r} here: {why}"
                batch.find(entry.at("prop"), f"the parameter {quoted(prop, 60)}", instead)
    return names


def workflow_variables(entries: Iterable[Entry], scope: Scope, batch: Batch) -> dict[str, str]:
    """Give the variables of global parameters."""
    values: dict[str, str] = {}
    for entry in entries:
        _find_output(entry, batch, "a variable with that value")
        values[scope.names[entry.text("prop")]] = _value(entry, scope, {}, batch)
    return values


def node_variables(
    entries: Iterable[Entry], scope: Scope, inherited: dict[str, str], batch: Batch
) -> dict[str, str]:
    """Give the variables of one node's parameters.

    What a node hands on to others becomes a variable of the workflow, added to ``inherited``.
    """
    values: dict[str, str] = {}
    for entry in entries:
        name = scope.names[entry.text("prop")]
        value = _value(entry, scope, inherited, batch)
        if _find_output(entry, batch, f"{name!r} is a variable of the workflow: give it at the start"):
            inherited.setdefault(name, value)
        elif inherited.get(name) != value:
            values[name] = value
    return values


def _value(entry: Entry, scope: Scope, inherited: Mapping[str, str], batch: Batch) -> str:
    before = len(scope.unknown)
    value = scope.text(entry.text("value"))
    for unknown in scope.unknown[before:]:
        batch.find(entry.at("value"), f"{quoted(unknown, 60)} means nothing here", "left as it is")
    del scope.unknown[before:]
    own = f"${{{scope.names[entry.text('prop')]}}}"
    # A parameter of a node may refer to the global one of its own name; a variable can't.
    return value.replace(own, inherited.get(own[2:-1], f"${own}"))


def _find_output(entry: Entry, batch: Batch, instead: str) -> bool:
    is_output = entry.text("direct", "IN").upper() == "OUT"
    if is_output:
        prop = quoted(entry.text("prop"), 60)
        batch.find(entry.place, f"the parameter {prop} is handed on to what follows", instead)
    return is_output
