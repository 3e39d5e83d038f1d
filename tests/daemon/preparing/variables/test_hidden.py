"""Secrets: what they get into, and what is never told of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stoker_daemon.preparing.variables import Facts, Scope, VariableError
from tests.daemon.preparing.variables.making import CYCLE, NAMES, definitions, hostile

HIDDEN = "\N{SECTION SIGN}"
"""A character that only the secrets of the tests have."""


def with_secrets(custom: dict[str, dict[str, str]], secrets: dict[str, str]) -> Scope:
    return Scope(Facts(CYCLE, "daily sales", "transform", 1234, 2), custom, secrets)


@given(definitions(), st.sets(st.sampled_from(NAMES)), st.lists(st.sampled_from(NAMES), max_size=4))
def test_what_a_secret_gets_into_by_any_number_of_steps_is_secret_and_nothing_else(
    defined: dict[str, dict[str, list[str]]], names: set[str], used: list[str]
) -> None:
    custom = {
        space: {name: "".join(value) for name, value in values.items()} for space, values in defined.items()
    }
    made = with_secrets(custom, {name: f"{HIDDEN}{name}${{ds}}$${{" for name in names})

    assert made.secret == {name for name, value in made.values.items() if HIDDEN in value}
    assert not any(HIDDEN in made.shown(name) for name in made.values)

    text = "x ${ds} " + " ".join(f"${{{name}}}" for name in used if name in made.values)
    if HIDDEN not in made.replace(text, "text"):
        assert made.replace_in_sight(text, "text", "all see it") == made.replace(text, "text")
        return
    with pytest.raises(VariableError) as caught:
        made.replace_in_sight(text, "text", "all see it")
    assert HIDDEN not in str(caught.value)
    assert caught.value.name in made.secret


@given(hostile.filter(lambda value: "\0" not in value))
def test_a_secret_is_taken_as_it_is(value: str) -> None:
    made = with_secrets({"workflow": {"url": "<${token}>"}}, {"token": value})

    assert made.values["token"] == made.environment()["STOKER_TOKEN"] == value
    assert made.replace("${url}", "text") == f"<{value}>"


@given(definitions(), st.dictionaries(st.sampled_from(NAMES), st.just("\0" + HIDDEN)), hostile)
def test_no_error_tells_a_secret(
    defined: dict[str, dict[str, list[str]]], secrets: dict[str, str], text: str
) -> None:
    custom = {
        space: {name: "".join(value) + text for name, value in values.items()}
        for space, values in defined.items()
    }
    try:
        with_secrets(custom, secrets).replace(text, "text")
    except VariableError as error:
        assert HIDDEN not in str(error)


def test_a_secret_is_of_the_widest_scope_and_wins_over_a_plain_variable_of_that_alone() -> None:
    custom = {"workspace": {"a": "plain", "b": "plain"}, "run": {"b": "of the run", "c": "of the run"}}
    made = with_secrets(custom, dict.fromkeys("abc", "hidden"))

    assert made.secret == {"a"}
    assert made.shown("a") == "*****   (workspace, secret)"
    assert made.shown("b") == "'of the run'   (run)"
    assert made.values["c"] == "of the run"


def test_a_secret_in_sight_is_refused_with_what_to_do() -> None:
    made = with_secrets({"workflow": {"url": "jdbc:x?password=${token}"}}, {"token": "hidden"})
    with pytest.raises(VariableError) as caught:
        made.replace_in_sight("--from=${url}", "args[0]", "`ps` shows arguments to everybody")
    assert str(caught.value) == (
        "args[0]:1:8: 'url' is secret, and `ps` shows arguments to everybody; "
        "the job can read it from its environment, as STOKER_URL"
    )
