"""Which value a name has, and how values refer to one another."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stoker_daemon.preparing.variables import DATES, FACTS, VariableError
from tests.daemon.preparing.variables.making import (
    CYCLE,
    SCOPES,
    definitions,
    escaped,
    names,
    replaced,
    scope,
)

values = st.text(st.characters(exclude_characters="\0"), max_size=40).filter(lambda text: "${" not in text)


def test_the_later_scope_wins_and_says_so() -> None:
    variables = scope(
        workspace={"region": "us", "bucket": "s3://a"}, workflow={"region": "eu"}, node={}, run={"limit": "5"}
    )
    assert variables.replace("${region} ${bucket} ${limit}", "x") == "eu s3://a 5"
    assert [variables.origin(name) for name in ("region", "bucket", "limit", "ds", "yyyyMM", "attempt")] == [
        "workflow",
        "workspace",
        "run",
        "built in",
        "built in",
        "built in",
    ]
    with pytest.raises(KeyError):
        variables.origin("dss")


@given(definitions())
@example(
    {"workspace": {"a": ["x", "${b}"], "b": ["1"]}, "workflow": {"b": ["2"]}, "node": {}, "run": {"e": []}}
)
def test_of_several_scopes_the_last_wins_also_in_the_values_of_the_others(
    written: dict[str, dict[str, list[str]]],
) -> None:
    winner = {name: scope for scope in SCOPES for name in written[scope]}

    def value(name: str) -> str:
        return "".join(
            value(part[2:-1]) if part.startswith("${") else part for part in written[winner[name]][name]
        )

    custom = {
        scope: {name: "".join(parts) for name, parts in variables.items()}
        for scope, variables in written.items()
    }
    variables = scope(CYCLE, **custom)
    assert {name: variables.origin(name) for name in winner} == winner
    for name in winner:
        assert variables.values[name] == value(name)
        assert variables.replace(f"<${{{name}}}>", "x") == f"<{value(name)}>"
        assert variables.environment()[f"STOKER_{name.upper()}"] == value(name)
        assert variables.exported()[f"STOKER_{name.upper()}"] == name
    assert {variables.origin(name) for name in [*DATES, *FACTS]} == {"built in"}


@given(names, st.one_of(values, st.text(alphabet="${}ds x")), st.sampled_from(["a_", "z_"]))
def test_what_was_put_in_is_not_looked_at_again(name: str, value: str, prefix: str) -> None:
    nested = {name: escaped(value), prefix + name: f"<${{{name}}}>"}
    assert replaced(f"${{{name}}}${{{prefix}{name}}}", node=nested) == f"{value}<{value}>"


def test_custom_values_refer_to_others_wherever_they_are_defined() -> None:
    workflow = {"path": "${root}/${region}/${ds-1d}", "region": "us"}
    variables = scope(workspace={"root": "s3://lake"}, workflow=workflow, run={"region": "eu"})
    assert variables.replace("${path}", "x") == "s3://lake/eu/2026-11-20"


def test_a_long_chain_of_values_is_resolved() -> None:
    chain = {f"v{n}": f"${{v{n + 1}}}" for n in range(5000)} | {"v5000": "${ds}"}
    assert replaced("${v0}", node=chain) == "2026-11-21"


def test_a_circle_is_named() -> None:
    with pytest.raises(VariableError) as caught:
        scope(workflow={"x": "1", "a": "${x}/${b}", "b": "${c}"}, run={"c": "\n${a}"})
    circle = str(caught.value).rpartition("refers to itself: ")[2].split(" -> ")
    assert circle[0] == circle[-1]
    assert circle[:-1] in (["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"])
    where = {"a": ("workflow", 1, 6), "b": ("workflow", 1, 1), "c": ("run", 2, 1)}
    origin, line, column = where[circle[0]]
    expected = (f"{origin} variable {circle[0]}", line, column)
    assert (caught.value.source, caught.value.line, caught.value.column) == expected


def test_a_value_that_refers_to_itself_is_an_error() -> None:
    with pytest.raises(VariableError) as caught:
        scope(workspace={"path": "/bin"}, node={"path": "x ${path}"})
    assert str(caught.value) == "node variable path:1:3: 'path' refers to itself: path -> path"


def test_an_escaped_reference_makes_no_circle() -> None:
    assert replaced("${a}", node={"a": "$${a}"}) == "${a}"


def test_an_unknown_name_in_a_value_is_an_error() -> None:
    with pytest.raises(VariableError) as caught:
        scope(workflow={"path": "s3/${data_dat}"})
    expected = "workflow variable path:1:4: unknown variable 'data_dat'; did you mean 'data_date'?"
    assert str(caught.value) == expected


def test_a_value_has_no_nul_since_it_becomes_an_environment_variable() -> None:
    with pytest.raises(VariableError) as caught:
        scope(run={"region": "eu\n-\0"})
    assert str(caught.value) == (
        "run variable region:2:2: a value can't have a NUL character, which no environment variable can hold"
    )
